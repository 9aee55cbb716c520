//! Chunks made and given back: growth under the budget, running out of memory, spares, and a
//! budget that was lowered.

use geoheap_chunk_heap::{ChunkId, ChunkInfo, ChunkState, Lifetime, RangeState};
use geoheap_suballoc::ByteLen;

use crate::budget_origin::BudgetOrigin;
use crate::core::event::{Effect, Retired};
use crate::core::leaving::Cause;
use crate::core::streaming::Spare;
use crate::core::{Core, sure};
use crate::error::FailReason;
use crate::handle::Handle;
use crate::report::HeapEvent;

/// Buffer creations that may fail for one block: the first is retried after making room.
const CREATE_FAILURES_MAX: u32 = 2;
/// Ticks after which a budget that the device cut short grows back by a chunk.
const REGROW_TICKS: u64 = 256;
/// Ticks in which moves may bring back a chunk that a lowered budget wants, before blocks leave.
const SHED_PATIENCE_TICKS: u64 = 64;
/// One part in so many of the chunks that stay counts for nothing, as blocks never fill them.
const SLACK_SHARE: u64 = 8;

impl Core {
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
        self.budget.cut(self.config.chunk_bytes, self.tick);
        self.report.out_of_memory += 1;
        out.push(Effect::Notify(HeapEvent::OutOfMemory {
            requested: capacity,
            effective_budget: self.budget.effective,
        }));
        for (_, owner) in sure(self.heap.chunk_failed(chunk)) {
            let handle = Handle::from_bits(owner.0);
            let fill = self.own(handle).fill_mut();
            let fill = fill.expect("an opening chunk has only jobs");
            let sendable = fill.restart();
            fill.create_failures += 1;
            let (seq, failures) = (fill.seq, fill.create_failures);
            self.jobs.set_target(seq, None);
            if (!sendable || failures >= CREATE_FAILURES_MAX) && !self.stays_away(handle, out) {
                self.fail(handle, reason.clone(), out);
            }
        }
        self.compaction.trim = true;
        self.budget_hunger += 1;
        self.make_room(capacity, ByteLen::ZERO, out);
    }

    /// Spare ahead of need, empty chunks past their time, chunks over the budget.
    pub(super) fn tend_chunks(&mut self, out: &mut Vec<Effect>) {
        self.regrow_budget(out);
        let over = self.budget.overshoot() > ByteLen::ZERO;
        let pressed = over || self.compaction.trim || self.budget_hunger > 0;
        let mut closing = Vec::new();
        self.heap.close_empty(self.tick, pressed, &mut closing);
        self.compaction.trim = false;
        for chunk in closing {
            let len = self.heap.chunk(chunk).map(|info| info.capacity);
            self.budget.leaves(len.unwrap_or_default());
            self.pending.forget.push(chunk);
            self.pending.retired.push(Retired::Chunk(chunk));
        }
        if over {
            self.shed_chunk(out);
            return;
        }
        self.stop_clearing();
        if !pressed
            && self.tick >= self.spare_from_tick
            && let Some((capacity, lifetime)) = self.heap.wants_spare()
            && (self.budget.allows(capacity) || is_planted!(SpareOverBudget))
        {
            self.open_chunk(capacity, lifetime, false, 0, out);
        }
    }

    fn regrow_budget(&mut self, out: &mut Vec<Effect>) {
        let is_due = self.tick >= self.budget.cut_tick + REGROW_TICKS;
        if self.budget.is_cut() && is_due {
            let step = self.config.chunk_bytes;
            let is_whole = self.budget.regrow(step, self.tick);
            self.tell_regrown(is_whole, out);
        }
    }

    /// Tells that the device's cut of the budget is over, if it is by now.
    pub(super) fn tell_regrown(&self, is_whole: bool, out: &mut Vec<Effect>) {
        if is_whole {
            let budget = self.budget.total;
            out.push(Effect::Notify(HeapEvent::BudgetRegrown { budget }));
        }
    }

    /// The budget was lowered: makes what is live fit into one chunk fewer, so that the emptiest
    /// can be evacuated and returned.
    fn shed_chunk(&mut self, out: &mut Vec<Effect>) {
        let over = self.budget.overshoot_to_shed();
        if over == ByteLen::ZERO {
            self.shed_ticks = 0;
            self.stop_clearing();
            return;
        }
        // What is evicted would only wait for an old version, and a wish can wait, too.
        if self.facts.is_held_back && self.budget.is_over_by_wishes() {
            return;
        }
        // What was left to this tick's plan is on its way already.
        let over_by = self.live_over(over).unwrap_or_default();
        let need = over_by.saturating_sub(self.compaction.share());
        self.evict(need, Spare::Nothing, out);
        self.compaction.request();
        self.shed_ticks += 1;
        let patience = if self.config.defrag.enabled {
            SHED_PATIENCE_TICKS
        } else {
            1
        };
        if self.shed_ticks.is_multiple_of(patience) && !is_planted!(ChunkNeverCleared) {
            self.clear_chunk();
        }
    }

    /// Whether chunks have to go and what is live does not fit into those that may stay yet: then
    /// what nobody looks at does not come in, though there is room for it.
    pub(super) fn sheds_blocks(&self) -> bool {
        let over = self.budget.overshoot_to_shed();
        over > ByteLen::ZERO && self.live_over(over).is_some()
    }

    /// Bytes of dynamic blocks beyond what the chunks hold that stay once `over` bytes of them
    /// are gone; none if they fit.
    fn live_over(&self, over: ByteLen) -> Option<ByteLen> {
        let (mut capacity, mut live) = (ByteLen::ZERO, ByteLen::ZERO);
        for info in self.open_dynamic() {
            capacity += info.capacity;
            live += info.live + info.reserved;
        }
        let target = capacity.saturating_sub(over.max(self.config.chunk_bytes));
        let room = ByteLen::new(target.get() / SLACK_SHARE * (SLACK_SHARE - 1));
        (live > room).then(|| live.saturating_sub(room))
    }

    /// Moves do not bring a chunk back: they are switched off, or the others of its class have no
    /// room. So the blocks of the emptiest chunk that holds nothing but what can leave do leave,
    /// and what frames miss by that finds its room elsewhere or not at all.
    fn clear_chunk(&mut self) {
        if !self.abandon_unproven() {
            return;
        }
        let open = self
            .open_dynamic()
            .filter(|info| info.reserved == ByteLen::ZERO && info.state != ChunkState::Opening);
        let clearable = open.filter_map(|info| {
            let ranges = self.heap.ranges(info.id);
            let live = ranges.filter(|range| range.state == RangeState::Live);
            let handles: Option<Vec<Handle>> = live
                .map(|range| {
                    let handle = Handle::from_bits(range.owner.0);
                    let record = self.record(handle)?;
                    let stays = record.is_busy() || record.is_exempt();
                    (!stays && record.place.is_some()).then_some(handle)
                })
                .collect();
            Some((info.live, info.id, handles?))
        });
        let emptiest = clearable.min_by_key(|(live, id, _)| (*live, *id));
        let Some((_, chunk, handles)) = emptiest else {
            return;
        };
        self.stop_clearing();
        sure(self.heap.set_draining(chunk, true));
        self.clearing = Some(chunk);
        for handle in handles {
            self.send_away(handle, Cause::Order);
        }
    }

    /// The chunk that was being cleared may stay, if it is still there.
    fn stop_clearing(&mut self) {
        let Some(chunk) = self.clearing.take() else {
            return;
        };
        let info = self.heap.chunk(chunk);
        let is_open = info.is_some_and(|info| info.state == ChunkState::Draining);
        if is_open && !self.is_victim(chunk) {
            sure(self.heap.set_draining(chunk, false));
        }
    }

    fn open_dynamic(&self) -> impl Iterator<Item = ChunkInfo> + '_ {
        self.heap
            .chunks()
            .filter(|info| info.lifetime == Lifetime::Dynamic && info.state != ChunkState::Closing)
    }

    /// Takes room in the budget for a buffer beside the chunks (R10). Where there is none, room is
    /// made over the next ticks; the shell asks again.
    pub(crate) fn reserve_side(&mut self, bytes: ByteLen) -> bool {
        self.budget.take_side(bytes)
    }

    /// Nobody waits for such room any more, or asks again.
    pub(crate) fn forget_side_wishes(&mut self) {
        self.budget.forget_side_wishes();
    }

    /// The device has such a buffer back.
    pub(crate) fn side_returned(&mut self, bytes: ByteLen) {
        if !self.lost {
            self.budget.side_returned(bytes);
        }
    }

    /// A new budget. It was checked by the shell, so it can hold a chunk.
    pub(super) fn set_budget(
        &mut self,
        total: ByteLen,
        origin: BudgetOrigin,
        staging: ByteLen,
        out: &mut Vec<Effect>,
    ) {
        let more = total.saturating_sub(self.budget.total).get();
        self.room_bytes = self.room_bytes.saturating_add(more);
        let was_cut = self.budget.set(total, origin, staging);
        self.tell_regrown(was_cut, out);
        if more > 0 {
            self.returning.try_again();
        }
        out.push(Effect::SetBudget {
            budget: total,
            staging,
        });
    }
}
