//! Where each block's parts lie in the GPU's table of parts.
//!
//! Blocks have few parts, and most of them the same number, so a room that is given up is kept for
//! the next block with as many parts. A table that has become mostly rooms of numbers that nobody
//! asks for any more is written anew by its owner, who finds that it is full.

use core::ops::Range;
use std::collections::BTreeMap;
use std::sync::Arc;

use geoheap_chunk_heap::BlockLayout;

/// Rooms by slot.
#[derive(Debug, Default)]
pub(super) struct PartRooms {
    by_slot: Vec<Option<Room>>,
    /// Starts of free rooms, by the number of parts.
    free: BTreeMap<u32, Vec<u32>>,
    /// First entry that was never given out.
    end: u32,
}

#[derive(Debug)]
struct Room {
    /// What is in it, so that a block which only moves writes no parts.
    layout: Arc<BlockLayout>,
    entries: Range<u32>,
}

impl PartRooms {
    /// The room of a slot's parts, and whether they have to be written.
    pub(super) fn place(
        &mut self,
        slot: u32,
        layout: Option<&Arc<BlockLayout>>,
    ) -> (Range<u32>, bool) {
        let at = slot as usize;
        if self.by_slot.len() <= at {
            self.by_slot.resize_with(at + 1, || None);
        }
        let before = self.by_slot[at].take();
        let Some(layout) = layout else {
            if let Some(room) = before {
                self.give_back(room.entries);
            }
            return (0..0, false);
        };
        let count = layout.part_count();
        let entries = match before {
            Some(room) if is_same(&room.layout, layout) => {
                let entries = room.entries.clone();
                self.by_slot[at] = Some(room);
                return (entries, false);
            }
            Some(room) if room.entries.len() == count => room.entries,
            other => {
                if let Some(room) = other {
                    self.give_back(room.entries);
                }
                self.take(u32::try_from(count).expect("blocks have few parts"))
            }
        };
        self.by_slot[at] = Some(Room {
            layout: Arc::clone(layout),
            entries: entries.clone(),
        });
        (entries, true)
    }

    fn take(&mut self, count: u32) -> Range<u32> {
        let free = self.free.get_mut(&count).and_then(Vec::pop);
        let start = free.unwrap_or_else(|| {
            let start = self.end;
            self.end += count;
            start
        });
        start..start + count
    }

    fn give_back(&mut self, entries: Range<u32>) {
        let count = entries.end - entries.start;
        self.free.entry(count).or_default().push(entries.start);
    }
}

/// Whether both have the same parts at the same places.
fn is_same(one: &Arc<BlockLayout>, other: &Arc<BlockLayout>) -> bool {
    Arc::ptr_eq(one, other) || one.parts_by_id() == other.parts_by_id()
}

#[cfg(test)]
mod tests {
    use geoheap_chunk_heap::{KindId, KindTable, PartSpec};
    use geoheap_suballoc::{Align, ByteLen};

    use super::*;

    fn layout(parts: usize, len: u64) -> Arc<BlockLayout> {
        let spec = PartSpec {
            kind: KindId::VERTEX,
            len: ByteLen::new(len),
            stride: 4,
        };
        let align = Align::new(256).expect("a power of two");
        let kinds = KindTable::standard(align, align);
        let packed = BlockLayout::pack(&vec![spec; parts], &kinds, ByteLen::ZERO, align);
        Arc::new(packed.expect("parts of whole vertices"))
    }

    #[test]
    fn rooms_are_kept_reused_and_never_shared() {
        let mut rooms = PartRooms::default();
        let two = layout(2, 8);
        assert_eq!(rooms.place(5, Some(&two)), (0..2, true));
        assert_eq!(rooms.place(5, Some(&two)), (0..2, false), "it only moved");
        let equal = layout(2, 8);
        assert_eq!(
            rooms.place(5, Some(&equal)),
            (0..2, false),
            "the same parts"
        );
        let longer = layout(2, 12);
        assert_eq!(rooms.place(5, Some(&longer)), (0..2, true), "in their room");
        assert_eq!(rooms.place(1, Some(&layout(3, 8))), (2..5, true));
        assert_eq!(rooms.place(5, Some(&layout(1, 8))), (5..6, true), "others");
        assert_eq!(
            rooms.place(9, Some(&two)),
            (0..2, true),
            "the room given up"
        );
        assert_eq!(rooms.place(9, None), (0..0, false), "gone");
        assert_eq!(rooms.place(2, Some(&two)), (0..2, true));
        assert_eq!(rooms.place(3, Some(&two)), (6..8, true), "none is free");
    }
}
