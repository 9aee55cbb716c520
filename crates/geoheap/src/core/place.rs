//! Where waiting blocks go: into chunks that are there, into new ones under the budget, or into
//! room that others leave.

use geoheap_chunk_heap::{
    ChunkId, ChunkState, KindId, Lifetime, Owner, Request as RangeRequest, ReserveError,
};
use geoheap_suballoc::ByteLen;

use crate::config::STAGING_SHARE;
use crate::core::event::{Answer, Effect};
use crate::core::fill::{Purpose, Target};
use crate::core::record::Away;
use crate::core::{Core, sure};
use crate::error::{FailReason, RequestError};
use crate::handle::Handle;
use crate::report::HeapEvent;

/// Jobs that may fail to find room in one tick before the rest is left for the next.
const MISSES_PER_TICK: u32 = 64;
/// Buffer creations that may fail for one block: the first is retried after making room.
const CREATE_FAILURES_MAX: u32 = 2;
/// Ticks after which a budget that the device cut short grows back by a chunk.
const REGROW_TICKS: u64 = 256;
/// Ticks without room after which a block with a source is set aside.
const SET_ASIDE_TICKS: u32 = 16;
/// Ticks without room after which a block fails.
const FAIL_TICKS: u32 = 512;
/// Every so many ticks without room, bytes on their way out no longer count as room to come.
const MISS_PATIENCE_TICKS: u64 = 4;

/// The bytes that may be held and those that are (R10).
#[derive(Debug)]
pub(super) struct Budget {
    /// What the caller set.
    pub(super) total: ByteLen,
    /// What the device was seen to give; at most `total`.
    pub(super) effective: ByteLen,
    /// Reserved for staging, used or not.
    pub(super) staging: ByteLen,
    /// Buffers that exist, dropped ones that are not yet returned among them.
    pub(super) held: ByteLen,
    pub(super) held_peak: ByteLen,
    /// Tick of the last cut of `effective`, or of its last step back.
    cut_tick: u64,
}

impl Budget {
    pub(super) fn new(total: ByteLen, staging: ByteLen) -> Self {
        Self {
            total,
            effective: total,
            staging,
            held: ByteLen::ZERO,
            held_peak: ByteLen::ZERO,
            cut_tick: 0,
        }
    }

    /// Bytes that chunks may take in all.
    pub(super) fn for_chunks(&self) -> ByteLen {
        self.effective.saturating_sub(self.staging)
    }

    /// Whether a buffer of `bytes` more stays within the budget.
    fn allows(&self, bytes: ByteLen) -> bool {
        self.held + bytes <= self.for_chunks()
    }

    /// Whether buffers must go: the budget was lowered.
    pub(super) fn overshoot(&self) -> ByteLen {
        self.held.saturating_sub(self.for_chunks())
    }

    fn take(&mut self, bytes: ByteLen) {
        self.held += bytes;
        self.held_peak = self.held_peak.max(self.held);
    }

    /// The device has a buffer's memory back.
    pub(super) fn returned(&mut self, bytes: ByteLen) {
        assert!(
            bytes <= self.held,
            "R10: only what was held is returned: {bytes}"
        );
        self.held -= bytes;
    }
}

impl Core {
    /// Most bytes of one block: the largest buffer that the device makes and the budget allows.
    pub(super) fn block_bytes_max(&self) -> ByteLen {
        self.budget
            .total
            .saturating_sub(self.budget.staging)
            .min(self.heap.config().buffer_bytes_max)
    }

    pub(super) fn check_size(&self, requested: ByteLen) -> Result<(), RequestError> {
        let max = self.block_bytes_max();
        if requested > max {
            return Err(RequestError::TooLarge { requested, max });
        }
        Ok(())
    }

    /// Finds places for the jobs that have none, in order; what finds none waits, and says how
    /// much room it needs.
    pub(super) fn place_waiting(&mut self, out: &mut Vec<Effect>) {
        let waiting: Vec<Handle> = self
            .jobs
            .values()
            .copied()
            .filter(|handle| {
                let fill = self.record(*handle).and_then(|record| record.fill.as_ref());
                fill.is_some_and(|fill| fill.target == Target::Unplaced)
            })
            .collect();
        let mut demand = ByteLen::ZERO;
        let mut misses = 0;
        for handle in waiting {
            if misses == MISSES_PER_TICK {
                break;
            }
            if let Some(missing) = self.place(handle, out) {
                demand += missing;
                misses += 1;
                self.lose_patience(handle, out);
            }
        }
        if demand == ByteLen::ZERO {
            self.budget_hunger = 0;
        } else {
            self.make_room(demand, out);
        }
    }

    /// Finds a place for one job. Returns the bytes it lacks.
    fn place(&mut self, handle: Handle, out: &mut Vec<Effect>) -> Option<ByteLen> {
        let record = self.record(handle).expect("jobs name blocks that live");
        let fill = record.fill.as_ref().expect("a waiting block has a job");
        // wgpu refuses copies within one buffer, so what is copied from the present place goes
        // to another chunk.
        let exclude = match record.place {
            Some(place) if fill.reads_present() => self.heap.range(place).map(|info| info.chunk),
            _ => None,
        };
        let request = RangeRequest {
            len: fill.layout.len(),
            align: fill.layout.align(),
            lifetime: record.lifetime,
            owner: Owner(handle.to_bits()),
            class: self.class_of(handle),
        };
        let reserved = match self.heap.reserve(&request, exclude) {
            Err(ReserveError::NeedsChunk {
                capacity,
                lifetime,
                dedicated,
            }) => {
                if !self.budget.allows(capacity) {
                    return Some(request.len);
                }
                self.open_chunk(capacity, lifetime, dedicated, request.class, out);
                self.heap.reserve(&request, exclude)
            }
            other => other,
        };
        match reserved {
            Ok(range) => {
                let fill = self
                    .own(handle)
                    .fill
                    .as_mut()
                    .expect("a waiting block has a job");
                fill.target = Target::Fresh(range);
                None
            }
            Err(ReserveError::NeedsChunk { .. }) => Some(request.len),
            Err(error) => {
                let message = error.to_string();
                self.fail(handle, FailReason::Refused { message }, out);
                None
            }
        }
    }

    /// A job without room does not wait for ever. A block with a source is set aside as evicted,
    /// with its newest contents, and comes back when somebody uses it; others fail, with numbers.
    fn lose_patience(&mut self, handle: Handle, out: &mut Vec<Effect>) {
        let budget = self.budget.total;
        let record = self.own(handle);
        let fill = record.fill.as_mut().expect("a waiting block has a job");
        fill.misses += 1;
        let (misses, requested) = (fill.misses, fill.layout.len());
        let can_leave = !record.is_exempt() && record.pins == 0;
        if can_leave && misses >= SET_ASIDE_TICKS && fill_is_replaceable(record) {
            self.set_aside(handle, out);
        } else if misses >= FAIL_TICKS {
            self.fail(handle, FailReason::NoRoom { requested, budget }, out);
        }
    }

    fn set_aside(&mut self, handle: Handle, out: &mut Vec<Effect>) {
        let fill = self.cancel_job(handle).expect("a waiting block has a job");
        let was_placed = self.own(handle).place.is_some();
        self.retire_place(handle);
        let record = self.own(handle);
        let before = record.layout.len();
        record.away = Away::Evicted;
        record.revision += u64::from(fill.raises_revision);
        record.layout = fill.layout;
        record.retain_all(fill.retain.into_iter());
        let (after, wanted) = (record.layout.len(), !record.waiters.is_empty());
        self.count_world(before, after);
        self.report.evictions += u64::from(was_placed);
        self.pending.replies.extend(fill.replies);
        self.queue_slot(handle);
        if wanted {
            self.wish_for(handle);
        }
        self.run_deferred(handle, out);
    }

    /// Chunks are split by the kind of a block's first part, where that is configured.
    pub(super) fn class_of(&self, handle: Handle) -> u8 {
        if !self.config.split_by_kind {
            return 0;
        }
        let record = self.record(handle).expect("the caller looked it up");
        record
            .layout
            .parts()
            .next()
            .map_or(KindId::VERTEX, |part| part.kind)
            .get()
    }

    pub(super) fn open_chunk(
        &mut self,
        capacity: ByteLen,
        lifetime: Lifetime,
        dedicated: bool,
        class: u8,
        out: &mut Vec<Effect>,
    ) {
        let chunk = sure(self.heap.open_chunk(capacity, lifetime, dedicated, class));
        self.budget.take(capacity);
        let index = chunk.get() as usize;
        if self.ready.len() <= index {
            self.ready.resize(index + 1, false);
        }
        self.ready[index] = false;
        out.push(Effect::CreateChunk {
            chunk,
            len: capacity,
            lifetime,
        });
    }

    pub(super) fn chunk_ready(&mut self, chunk: ChunkId) {
        sure(self.heap.chunk_ready(chunk));
        self.ready[chunk.get() as usize] = true;
        self.report.chunks_created += 1;
        self.note_chunks();
    }

    /// The device has no memory for a chunk: what was placed in it waits again, the effective
    /// budget shrinks to what is there, and room is made. A block that had no luck twice fails.
    pub(super) fn chunk_failed(
        &mut self,
        chunk: ChunkId,
        reason: &FailReason,
        out: &mut Vec<Effect>,
    ) {
        let capacity = self
            .heap
            .chunk(chunk)
            .map_or(ByteLen::ZERO, |info| info.capacity);
        self.budget.returned(capacity);
        let floor = self.budget.staging + self.config.chunk_bytes;
        let left = (self.budget.held + self.budget.staging).max(floor);
        self.budget.effective = self.budget.effective.min(left);
        self.budget.cut_tick = self.tick;
        self.report.out_of_memory += 1;
        out.push(Effect::Notify(HeapEvent::OutOfMemory {
            requested: capacity,
            effective_budget: self.budget.effective,
        }));
        for (_, owner) in sure(self.heap.chunk_failed(chunk)) {
            let handle = Handle::from_bits(owner.0);
            let fill = self
                .own(handle)
                .fill
                .as_mut()
                .expect("an opening chunk has only jobs");
            let sendable = fill.restart();
            fill.create_failures += 1;
            if !sendable || fill.create_failures >= CREATE_FAILURES_MAX {
                self.fail(handle, reason.clone(), out);
            }
        }
        self.compaction.trim = true;
        self.make_room(capacity, out);
    }

    /// Ends a job that cannot succeed. A block that is resident stays as it was.
    pub(super) fn fail(&mut self, handle: Handle, reason: FailReason, out: &mut Vec<Effect>) {
        let fill = self.cancel_job(handle);
        let error = RequestError::Failed {
            handle,
            reason: reason.clone(),
        };
        let record = self.own(handle);
        let mut waiting: Vec<_> = record.waiters.drain(..).collect();
        waiting.extend(
            fill.into_iter()
                .flat_map(|fill| fill.replies)
                .map(|(reply, _)| reply),
        );
        if record.place.is_none() {
            record.away = Away::Failed(reason.clone());
            record.reloading = None;
            self.queue_slot(handle);
        }
        for reply in waiting {
            out.push(Effect::Reply {
                reply,
                answer: Answer::Refused(error.clone()),
            });
        }
        self.report.failed += 1;
        out.push(Effect::Notify(HeapEvent::Failed { handle, reason }));
        self.run_deferred(handle, out);
    }

    /// Evicts for blocks that found no place, and asks for a compaction where the room is there
    /// but in pieces. Growth never waits for a move: this only helps the next ticks.
    fn make_room(&mut self, demand: ByteLen, out: &mut Vec<Effect>) {
        let figures = self.heap.figures();
        self.budget_hunger += 1;
        // What is on its way out serves the demand too; evicting for it again each tick until
        // it arrives would empty the heap.
        let coming = if self.budget_hunger.is_multiple_of(MISS_PATIENCE_TICKS) {
            ByteLen::ZERO
        } else {
            figures.retired()
        };
        let need = demand.saturating_sub(coming);
        if figures.free() >= demand {
            self.compaction.placement_failed(demand);
        }
        if need > ByteLen::ZERO {
            self.evict(need, out);
        }
    }

    /// Spare ahead of need, empty chunks past their time, chunks over the budget.
    pub(super) fn tend_chunks(&mut self, out: &mut Vec<Effect>) {
        self.regrow_budget();
        let over = self.budget.overshoot() > ByteLen::ZERO;
        let pressed = over || self.compaction.trim || self.budget_hunger > 0;
        let mut closing = Vec::new();
        self.heap.close_empty(self.tick, pressed, &mut closing);
        self.compaction.trim = false;
        for chunk in closing {
            self.pending.forget.push(chunk);
            self.pending
                .retired
                .push(crate::core::event::Retired::Chunk(chunk));
        }
        if over {
            self.shed_chunk(out);
        } else if !pressed
            && let Some((capacity, lifetime)) = self.heap.wants_spare()
            && self.budget.allows(capacity)
        {
            self.open_chunk(capacity, lifetime, false, 0, out);
        }
    }

    fn regrow_budget(&mut self) {
        let cut = self.budget.effective < self.budget.total;
        if cut && self.tick >= self.budget.cut_tick + REGROW_TICKS {
            self.budget.cut_tick = self.tick;
            self.budget.effective =
                (self.budget.effective + self.config.chunk_bytes).min(self.budget.total);
        }
    }

    /// The budget was lowered: makes what is live fit into one chunk fewer, so that the emptiest
    /// can be evacuated and returned.
    fn shed_chunk(&mut self, out: &mut Vec<Effect>) {
        let capacity: ByteLen = self.open_dynamic().map(|info| info.capacity).sum();
        let live: ByteLen = self
            .open_dynamic()
            .map(|info| info.live + info.reserved)
            .sum();
        let target = capacity.saturating_sub(self.budget.overshoot().max(self.config.chunk_bytes));
        let room = ByteLen::new(target.get() / STAGING_SHARE * (STAGING_SHARE - 1));
        self.evict(live.saturating_sub(room), out);
        self.compaction.request();
    }

    fn open_dynamic(&self) -> impl Iterator<Item = geoheap_chunk_heap::ChunkInfo> + '_ {
        self.heap
            .chunks()
            .filter(|info| info.lifetime == Lifetime::Dynamic && info.state != ChunkState::Closing)
    }

    /// A new budget. It was checked by the shell, so it can hold a chunk.
    pub(super) fn set_budget(&mut self, total: ByteLen, staging: ByteLen, out: &mut Vec<Effect>) {
        self.budget.total = total;
        self.budget.effective = total;
        self.budget.staging = staging;
        out.push(Effect::SetStaging { limit: staging });
    }
}

/// Whether the job's contents are kept by the source: not so for a change of parts, whose other
/// bytes lie in the present place.
fn fill_is_replaceable(record: &crate::core::record::Record) -> bool {
    let reshapes = |fill: &crate::core::fill::Fill| fill.purpose == Purpose::Reshape;
    !record.fill.as_deref().is_some_and(reshapes)
}
