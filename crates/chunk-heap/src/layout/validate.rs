//! Walks a layout: its invariants, and its picture as text.

use core::fmt;

use super::BlockLayout;
use super::rooms::bytes;
use super::tally::Tally;
use crate::kind::WORD_BYTES;

impl BlockLayout {
    /// Walks the layout and checks L1 to L5 and L7.
    ///
    /// # Panics
    /// When one does not hold.
    pub fn validate(&self) {
        let mut end = 0;
        let mut ids = Vec::new();
        for room in self.rooms.placed() {
            assert!(room.start >= end, "L1: rooms do not overlap: {room:?}");
            assert!(
                room.words > 0 && u64::from(room.pad) < WORD_BYTES,
                "L2: {room:?}"
            );
            end = room.end();
            if room.is_live() {
                assert!(room.start.is_multiple_of(room.align_words), "L3: {room:?}");
                assert!(
                    self.align_words.is_multiple_of(room.align_words),
                    "L3: {room:?}"
                );
            }
            ids.push((room.index, room.generation, room.retired));
        }
        assert!(end <= self.rooms.words, "L1: rooms lie within the block");
        ids.sort_unstable();
        for pair in ids.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            let same = a.0 == b.0;
            assert!(
                !same || a.1 == b.1,
                "L5: one generation of an index at a time: {pair:?}"
            );
            assert!(
                !same || a.2 + 1 == b.2,
                "L4: retired rooms are numbered: {pair:?}"
            );
            assert!(same || b.2 <= 1, "L4: numbers start at 0 or 1: {pair:?}");
        }
        ids.dedup_by_key(|id| id.0);
        let vacant = self.rooms.vacant();
        for slot in vacant {
            assert!(
                ids.iter().all(|id| id.0 != slot.index),
                "L5: a vacant slot has no room"
            );
        }
        let slots = usize::from(self.rooms.slots());
        assert_eq!(
            ids.len() + vacant.len(),
            slots,
            "L5: each index has a room or is vacant"
        );
        let recount = Tally::of(&self.rooms);
        assert_eq!(
            self.tally, recount,
            "L7: the figures are those of a recount"
        );
    }
}

/// Lists all rooms: start, length in bytes, kind, part id, state; free room in between.
impl fmt::Display for BlockLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "block of {} bytes, align {}",
            self.len(),
            self.align().get()
        )?;
        let mut at = 0;
        for room in self.rooms.placed() {
            write_free(f, at, room.start)?;
            let state = if room.is_live() { "live" } else { "retired" };
            let (start, len) = (bytes(room.start), bytes(room.words));
            writeln!(
                f,
                "{start:>10} +{len:<10} kind {} part {} {state}",
                room.kind,
                room.id()
            )?;
            at = room.end();
        }
        write_free(f, at, self.rooms.words)
    }
}

fn write_free(f: &mut fmt::Formatter<'_>, start: u32, end: u32) -> fmt::Result {
    if start == end {
        return Ok(());
    }
    writeln!(f, "{:>10} +{:<10} free", bytes(start), bytes(end - start))
}
