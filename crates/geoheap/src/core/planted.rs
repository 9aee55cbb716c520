//! What only planted bugs do to the core; the others leave out, or bring forward, what it does.

use geoheap_chunk_heap::Lifetime;

use crate::core::Core;
use crate::core::event::{Change, PartsChange};
use crate::slot::{Slot, SlotState};

impl Core {
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
