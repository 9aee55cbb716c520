//! What only planted bugs do to the core; the others leave out, or bring forward, what it does.

use geoheap_chunk_heap::{ChunkId, Lifetime, RangeInfo, RangeState};

use crate::core::Core;
use crate::core::event::{Change, Effect, PartsChange};
use crate::slot::{Slot, SlotState};

impl Core {
    /// Copies what is to move to a chunk over something that is retired there as well (R3).
    pub(super) fn copy_over_retired(&self, to: ChunkId, what: &RangeInfo, out: &mut Vec<Effect>) {
        let mut ranges = self.heap.ranges(to);
        let retired = ranges.find(|range| range.state == RangeState::Retired);
        if let Some(over) = retired.filter(|_| what.chunk != to) {
            out.push(Effect::Copy {
                from: what.chunk,
                from_offset: what.range.start,
                to,
                to_offset: over.range.start,
                len: what.range.len.min(over.range.len),
            });
        }
    }

    /// Shows the blocks that are being moved as ones whose bytes are on their way (R8).
    pub(super) fn hide_moving(&mut self) {
        for moved in self.compaction.moves.clone() {
            let handle = moved.handle;
            let Some(record) = self.record(handle) else {
                continue;
            };
            let long_lived = record.lifetime == Lifetime::LongLived;
            let slot = Slot::placeless(handle.generation(), SlotState::Pending, long_lived);
            self.pending.changes.push(Change {
                index: handle.index(),
                slot,
                parts: PartsChange::Keep,
            });
        }
    }
}
