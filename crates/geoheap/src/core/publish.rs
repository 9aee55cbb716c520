//! What the next version shows of each block, and what it supersedes.

use std::sync::Arc;

use geoheap_chunk_heap::Lifetime;
use geoheap_frame_sync::Version;

use crate::core::Core;
use crate::core::event::{Answer, Change, Effect, PartsChange};
use crate::core::record::{Away, Record};
use crate::handle::Handle;
use crate::slot::{Slot, SlotState};

impl Core {
    /// Queues the slot that shows the block as it is now.
    pub(super) fn queue_slot(&mut self, handle: Handle) {
        self.queue(handle, false);
    }

    /// Queues the slot of a block whose parts lie in it as its last slot shows them: it only
    /// changed its place, or got contents of the same lengths.
    pub(super) fn queue_moved(&mut self, handle: Handle) {
        self.queue(handle, true);
    }

    fn queue(&mut self, handle: Handle, keeps_parts: bool) {
        let record = self
            .record(handle)
            .expect("only blocks that live are shown");
        let slot = self.shown_slot(record);
        let parts = if keeps_parts || record.place.is_none() {
            PartsChange::Keep
        } else {
            PartsChange::Set(Arc::clone(&record.layout))
        };
        let record = self.own(handle);
        record.shown = slot.state == SlotState::Resident;
        self.pending.changes.push(Change {
            index: handle.index(),
            slot,
            parts,
        });
    }

    /// The slot that shows a block as it is now.
    pub(super) fn shown_slot(&self, record: &Record) -> Slot {
        let long_lived = record.lifetime == Lifetime::LongLived;
        let Some(place) = record.place else {
            return placeless(record, long_lived);
        };
        let info = self.heap.range(place);
        let info = info.expect("a place is a range of the heap");
        let (chunk, start) = (info.chunk, info.range.start);
        let generation = record.handle.generation();
        Slot::resident(generation, long_lived, chunk, start, &record.layout)
    }

    pub(super) fn queue_vacant(&mut self, index: u32, slot: Slot) {
        self.pending.changes.push(Change {
            index,
            slot,
            parts: PartsChange::Clear,
        });
    }

    /// Asks to publish what was committed. Called only after a submit (R1).
    pub(super) fn publish(&mut self, out: &mut Vec<Effect>) {
        if !self.pending.is_empty() {
            self.pending.others = false;
            // The next version changes about as much.
            let next = Vec::with_capacity(self.pending.changes.len());
            let mut changes = core::mem::replace(&mut self.pending.changes, next);
            let retires = !self.pending.retired.is_empty();
            if is_planted!(RetiredBeforeUnnamed) && retires && changes.len() > 1 {
                self.pending.changes.extend(changes.pop());
            }
            out.push(Effect::Publish {
                changes,
                retired: core::mem::take(&mut self.pending.retired),
                forget: core::mem::take(&mut self.pending.forget),
            });
            return;
        }
        // Nothing new, so what callers wait for is published, unless it waits for a replica.
        if !self.stalled {
            self.answer_published(out);
        }
    }

    pub(super) fn published(&mut self, version: Version, out: &mut Vec<Effect>) {
        if is_planted!(ReplyLost) && self.stalled {
            self.pending.replies.clear();
        }
        self.stalled = false;
        self.version = version;
        self.report.version = version.get();
        self.report.publishes += 1;
        self.answer_published(out);
    }

    fn answer_published(&mut self, out: &mut Vec<Effect>) {
        let due = core::mem::take(&mut self.pending.replies);
        out.extend(
            due.into_iter()
                .map(|(reply, answer)| Effect::Reply { reply, answer }),
        );
        let oldest_job = self.jobs.first().unwrap_or(u64::MAX);
        let oldest_other = self.open.first().copied().unwrap_or(u64::MAX);
        let oldest_open = if is_planted!(FlushedEarly) {
            oldest_other
        } else {
            oldest_job.min(oldest_other)
        };
        let version = self.version;
        self.flushes.retain(|(reply, seq)| {
            let done = oldest_open > *seq;
            if done {
                let answer = Answer::Version(version);
                out.push(Effect::Reply {
                    reply: *reply,
                    answer,
                });
            }
            !done
        });
    }
}

/// The slot of a block that lies nowhere. If it was shown in a place, and neither evicted nor
/// lost, then readers lose sight of it, which R8 forbids: the slot says so, and lookups count it.
fn placeless(record: &Record, long_lived: bool) -> Slot {
    let state = match record.away {
        Away::Pending => SlotState::Pending,
        Away::Evicted => SlotState::Evicted,
        Away::Lost => SlotState::Lost,
        Away::Failed => SlotState::Failed,
    };
    let mut slot = Slot::placeless(record.handle.generation(), state, long_lived);
    slot.was_resident = record.shown && state == SlotState::Pending;
    slot
}
