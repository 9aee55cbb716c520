//! Layouts that many blocks have in common: blocks that are made alike are laid out alike, since
//! parts are counted from the block's start. They share one layout, which then costs no memory for
//! each and stays in the caches of whoever reads it.

use std::sync::Arc;

use geoheap_chunk_heap::BlockLayout;

/// Layouts that are remembered at most; a power of two, as a seat is the highest bits of a mix.
const SEATS: usize = 512;
const _: () = assert!(SEATS.is_power_of_two(), "a seat is a mix's highest bits");

/// Layouts that came lately. Each has one seat, by what tells layouts apart the most; who comes
/// later takes the seat of who was there. So memory is bounded and nothing need be taken out.
#[derive(Debug)]
pub(super) struct Layouts {
    seats: Vec<Option<Arc<BlockLayout>>>,
}

impl Default for Layouts {
    fn default() -> Self {
        Self {
            seats: vec![None; SEATS],
        }
    }
}

impl Layouts {
    /// That layout, as the one that others have if it is remembered.
    pub(super) fn shared(&mut self, layout: BlockLayout) -> Arc<BlockLayout> {
        let seat = &mut self.seats[seat_of(&layout)];
        if let Some(known) = seat
            && **known == layout
        {
            return Arc::clone(known);
        }
        let layout = Arc::new(layout);
        *seat = Some(Arc::clone(&layout));
        layout
    }
}

/// A mix of the lengths of the block and of its first part, by Fibonacci hashing (Knuth, The Art of
/// Computer Programming 3, 6.4).
fn seat_of(layout: &BlockLayout) -> usize {
    let first = layout.parts().next();
    let first = first.map_or(0, |part| part.used_len.get() << 8 | u64::from(part.stride));
    let key = layout.len().get() ^ first.rotate_left(24);
    let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let shift = u64::BITS - SEATS.ilog2();
    usize::try_from(mixed >> shift).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use geoheap_chunk_heap::{KindId, KindTable, PartSpec};
    use geoheap_suballoc::{Align, ByteLen};

    use super::*;

    #[test]
    fn equal_layouts_are_one() {
        let align = Align::new(256).expect("not 0");
        let kinds = KindTable::standard(align, align);
        let layout = |len: u64| {
            let spec = PartSpec {
                kind: KindId::VERTEX,
                len: ByteLen::new(len),
                stride: 4,
            };
            BlockLayout::pack(&[spec], &kinds, ByteLen::ZERO, align).expect("a valid layout")
        };
        let mut layouts = Layouts::default();
        let first = layouts.shared(layout(16));
        let twin = layouts.shared(layout(16));
        let other = layouts.shared(layout(20));
        assert!(Arc::ptr_eq(&first, &twin), "one for both");
        assert_eq!(*other, layout(20));
        // Whatever seats they have, each gets the layout that it came with.
        for len in 1..4 * SEATS as u64 {
            assert_eq!(*layouts.shared(layout(4 * len)), layout(4 * len));
        }
        let known = layouts.seats.iter().flatten().count();
        assert!(
            (SEATS / 4..=SEATS).contains(&known),
            "{known} of {SEATS} seats"
        );
    }
}
