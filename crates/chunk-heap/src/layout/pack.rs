//! Lays the parts of a block out from nothing.

use geoheap_suballoc::{Align, ByteLen};

use super::BlockLayout;
use super::part::{LayoutError, PartId, PartSpec};
use super::rooms::{Room, Rooms, WORDS_MAX, bytes, too_large};
use super::tally::Tally;
use crate::kind::{AlignRule, KindTable, WORD_BYTES, word_align};

/// Lays parts out one behind the other.
pub(super) struct Packer {
    rooms: Rooms,
    /// Words laid out so far.
    pub(super) words: u32,
    align: Align,
    max_align: Align,
}

impl Packer {
    /// Alignments up to `max_align`, and up to what a layout's word count can hold.
    pub(super) fn new(max_align: Align) -> Self {
        let counted = Align::new(bytes(u32::MAX)).unwrap_or(Align::ONE);
        let max_align = max_align.min(counted);
        Self {
            rooms: Rooms::new(),
            words: 0,
            align: word_align(),
            max_align,
        }
    }

    pub(super) fn add(
        &mut self,
        spec: &PartSpec,
        kinds: &KindTable,
    ) -> Result<PartId, LayoutError> {
        let align = kinds.align_of(spec)?;
        let id = self.rooms.next_id()?;
        let mut room = Room::new(id, spec, align)?;
        room.stride = kinds.element_bytes(spec);
        self.place(room)?;
        Ok(id)
    }

    pub(super) fn place(&mut self, mut room: Room) -> Result<(), LayoutError> {
        self.rooms.room_for(1)?;
        self.align = self.joined(room.align())?;
        let start = self.words.checked_next_multiple_of(room.align_words);
        let end = start.and_then(|start| start.checked_add(room.words));
        let needed = u64::from(self.words) + u64::from(room.align_words) + u64::from(room.words);
        let (Some(start), Some(end)) = (start, end.filter(|&end| end <= WORDS_MAX)) else {
            return Err(too_large(ByteLen::new(needed * WORD_BYTES)));
        };
        room.start = start;
        self.rooms.insert(room);
        self.words = end;
        Ok(())
    }

    fn joined(&self, align: Align) -> Result<Align, LayoutError> {
        let joined = self.align.lcm(align);
        joined
            .filter(|&joined| joined <= self.max_align)
            .ok_or(LayoutError::AlignmentTooLarge {
                align: joined.unwrap_or(align).get(),
                max: self.max_align.get(),
            })
    }

    /// Takes the fixed alignments in, one by one, as far as the limit allows.
    pub(super) fn align_for_later(&mut self, kinds: &KindTable) {
        for (_, row) in kinds.iter() {
            if let AlignRule::Fixed(align) = row.rule
                && let Ok(joined) = self.joined(align)
            {
                self.align = joined;
            }
        }
    }

    /// Keeps the generations of the indices that have no live part any more.
    pub(super) fn keep_slots(&mut self, old: &Rooms) {
        for room in old.placed().iter().chain(old.vacant()) {
            let known = self.rooms.placed().iter().chain(self.rooms.vacant());
            if known.into_iter().all(|other| other.index != room.index) {
                self.rooms.vacate(room.index, room.generation);
            }
        }
    }

    pub(super) fn finish(mut self, words: u32) -> Result<BlockLayout, LayoutError> {
        if self.align > self.max_align {
            // Also a block of bare spare room starts at a word.
            return Err(LayoutError::AlignmentTooLarge {
                align: self.align.get(),
                max: self.max_align.get(),
            });
        }
        let align_words = u32::try_from(self.align.get() / WORD_BYTES);
        let align_words = align_words.expect("L3: `new` bounds the alignment by what this holds");
        self.rooms.words = words;
        let layout = BlockLayout {
            tally: Tally::of(&self.rooms),
            rooms: self.rooms,
            align_words,
        };
        #[cfg(debug_assertions)]
        layout.validate();
        Ok(layout)
    }
}
