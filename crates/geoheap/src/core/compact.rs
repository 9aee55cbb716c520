//! Compaction: when a pass is due, what the planner sees, and moves from their copy to the commit.
//!
//! The planner chooses a victim chunk and where its blocks go. The victim takes no new blocks
//! until it is empty and closed, or the plan turns out to lead nowhere. A move is one GPU copy in
//! the tick's submit and one entry of the next version: the old place stays named until then, so
//! no frame ever misses the block (R8).

use geoheap_chunk_heap::{
    ChunkId, ChunkInfo, ChunkState, Lifetime, Owner, RangeInfo, RangeKey, RangeState,
    Request as RangeRequest,
};
use geoheap_defrag::{
    Caps, ChunkUse, ChunkView, Goal, Layout, Move, Plan, RangeState as PlanState, RangeView,
    Reason, Stopped,
};
use geoheap_suballoc::{Align, ByteLen};

use crate::config::WORD_BYTES;
use crate::core::event::{Effect, Retired};
use crate::core::transfer::{Allowance, without_retired_rooms};
use crate::core::{Core, sure};
use crate::handle::Handle;

/// Caps of a tick are raised by this factor when no frame is being prepared and the GPU has
/// caught up, or when somebody asked for a compaction.
const IDLE_FACTOR: u32 = 4;
/// One part in so many of a tick is for moves where room is short, whatever else waits.
const SHORT_SHARE: u64 = 8;

/// A move that is copied but not yet committed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    pub(super) handle: Handle,
    from: RangeKey,
    pub(super) to: RangeKey,
    /// Contents that were copied.
    revision: u64,
}

/// State between ticks.
#[derive(Debug, Default)]
pub(super) struct Compaction {
    requested: bool,
    failed: Option<ByteLen>,
    /// Empty chunks go at once in this tick.
    pub(super) trim: bool,
    /// The chunk being emptied.
    victim: Option<ChunkId>,
    pub(super) moves: Vec<Moved>,
}

impl Compaction {
    /// Whether no pass is asked for or under way.
    pub(super) fn is_at_rest(&self) -> bool {
        !self.requested && self.failed.is_none() && !self.trim && self.victim.is_none()
    }

    /// Somebody wants a pass now.
    pub(super) fn request(&mut self) {
        self.requested = true;
    }

    /// A block found no room though there is enough in pieces.
    pub(super) fn placement_failed(&mut self, bytes: ByteLen) {
        self.failed = Some(bytes);
    }
}

impl Core {
    /// Records this tick's moves, if a pass is due or under way, with what others have `left` of
    /// the tick.
    pub(super) fn compact(&mut self, left: &Allowance, out: &mut Vec<Effect>) {
        let requested = core::mem::take(&mut self.compaction.requested);
        let failed = self.compaction.failed.take();
        if !self.config.defrag.enabled || self.waits_for_planted_move() {
            return;
        }
        self.forget_closed_victim();
        let due = self.tick.is_multiple_of(self.config.defrag.every_ticks);
        let asked = requested || failed.is_some();
        if !(due || asked || self.compaction.victim.is_some()) {
            return;
        }
        if !self.is_compactable(asked) {
            self.spare_victim();
            return;
        }
        for class in self.classes() {
            let is_sure = asked || self.compaction.victim.is_some();
            if !is_sure && !self.may_be_worth_it(class) {
                continue;
            }
            let layout = self.layout(class);
            let victim = self.compaction.victim.map(ChunkId::get);
            let reason = match (failed, requested || victim.is_some()) {
                (Some(requested), _) => Some(Reason::AllocFailed {
                    requested,
                    align: Align::ONE,
                }),
                (None, true) => Some(Reason::Requested),
                (None, false) => self.config.defrag.triggers.check(&layout),
            };
            let Some(reason) = reason else { continue };
            let caps = self.caps(requested, failed.is_some(), left);
            if self.run_pass(&layout, reason, requested, &caps, out) {
                return;
            }
        }
    }

    /// Whether a trigger may fire, from what is known without a walk over the ranges.
    fn may_be_worth_it(&self, class: u8) -> bool {
        let chunks = self
            .heap
            .chunks()
            .filter(|info| self.is_planned(info, class, Lifetime::Dynamic) && is_evacuable(info));
        let uses = chunks.map(|info| ChunkUse {
            id: info.id.get(),
            capacity: info.capacity,
            live: info.live + info.reserved,
            free: info.free,
            has_fixed: false,
        });
        self.config.defrag.triggers.check_uses(uses).is_some()
    }

    /// A small heap is left alone, unless chunks have to go.
    fn is_compactable(&self, asked: bool) -> bool {
        let dynamic = self.heap.figures().dynamic.chunks;
        dynamic > self.config.small_heap_chunks
            || (asked && dynamic > 1 && self.budget.overshoot() > ByteLen::ZERO)
    }

    /// Plans and records. Returns whether there was anything to do.
    fn run_pass(
        &mut self,
        layout: &Layout,
        reason: Reason,
        requested: bool,
        caps: &Caps,
        out: &mut Vec<Effect>,
    ) -> bool {
        let mut goal = Goal::new(reason);
        goal.unit = self.heap.config().unit_bytes;
        if requested {
            // Whoever asks wants the chunk back at any price.
            goal.price_max_fraction = 1.0;
        }
        let victim = self.compaction.victim.map(ChunkId::get);
        let plan = geoheap_defrag::plan(layout, caps, &goal, victim);
        let plan = plan.expect("R6: the heap's own layout is one that can be");
        let (moves, bytes) = (plan.moves.len(), plan.forecast.bytes_moved.get());
        let _span =
            tracing::trace_span!("move", %reason, victim = plan.victim, moves, bytes).entered();
        self.follow(&plan, out);
        plan.victim.is_some()
    }

    /// What a pass may ask for: its own caps, and no more than others left of the tick. Where
    /// nobody draws, or somebody asks, it has a tick of its own; where room is short it has at
    /// least a small part of one, so that uploads cannot keep it from making room for uploads.
    fn caps(&self, requested: bool, failed: bool, left: &Allowance) -> Caps {
        let (defrag, share) = (&self.config.defrag, self.facts.share);
        let is_free = requested || self.facts.idle;
        let factor = if is_free { IDLE_FACTOR } else { 1 };
        let own_bytes = defrag.move_bytes.get().saturating_mul(u64::from(factor));
        let own_moves = u64::from(defrag.moves.saturating_mul(factor));
        let is_short = failed || self.budget.overshoot() > ByteLen::ZERO;
        let least = |cap: u64| if is_short { cap / SHORT_SHARE } else { 0 };
        let rest = |left: u64, cap: u64| {
            let shared = left.max(least(share.of(cap)));
            if is_free { u64::MAX } else { shared }
        };
        let rest_bytes = rest(left.bytes, self.config.tick_upload_bytes.get());
        let rest_moves = rest(left.copies.into(), self.config.tick_copies.into());
        let narrow = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        Caps {
            bytes: ByteLen::new(share.of(own_bytes).min(rest_bytes)),
            moves: narrow(share.of(own_moves).min(rest_moves)),
            steps: narrow(share.of(defrag.steps.into())),
        }
    }

    fn follow(&mut self, plan: &Plan, out: &mut Vec<Effect>) {
        let victim = plan.victim.map(ChunkId::new);
        if self.compaction.victim != victim {
            self.spare_victim();
            if let Some(chunk) = victim {
                sure(self.heap.set_draining(chunk, true));
            }
            self.compaction.victim = victim;
        }
        self.report.defrag_passes += u64::from(!plan.moves.is_empty());
        let mut recorded = 0;
        for planned in &plan.moves {
            recorded += u32::from(self.record_move(planned, out));
        }
        let stuck = recorded == 0 && !plan.moves.is_empty();
        if stuck || matches!(plan.stopped, Stopped::NothingWorthIt | Stopped::NoRoom) {
            self.spare_victim();
        }
    }

    /// Whether the move could be recorded.
    fn record_move(&mut self, planned: &Move, out: &mut Vec<Effect>) -> bool {
        let handle = Handle::from_bits(planned.key);
        let record = self
            .record(handle)
            .expect("the plan moves blocks that live");
        let from = record
            .place
            .expect("the plan moves blocks that have a place");
        let revision = record.revision;
        let len = record.layout.len();
        let info = sure(
            self.heap
                .range(from)
                .ok_or("a place is a range of the heap"),
        );
        // Not the block's own lifetime and class: one that waits to leave for a chunk of another
        // lifetime is moved among those like the chunk that it lies in.
        let home = sure(self.heap.chunk(info.chunk).ok_or("a range is in a chunk"));
        let request = RangeRequest {
            len: info.range.len,
            align: info.align,
            lifetime: home.lifetime,
            owner: Owner(handle.to_bits()),
            class: home.class,
        };
        let to_chunk = ChunkId::new(planned.to_chunk);
        let Ok(to) = self.heap.reserve_at(to_chunk, planned.to, &request) else {
            // A placement of this tick took the room; the next plan sees it.
            return false;
        };
        out.push(Effect::Copy {
            from: info.chunk,
            from_offset: info.range.start,
            to: to_chunk,
            to_offset: planned.to,
            len: if is_planted!(MoveCutShort) {
                len.saturating_sub(ByteLen::new(WORD_BYTES))
            } else {
                len
            },
        });
        self.compaction.moves.push(Moved {
            handle,
            from,
            to,
            revision,
        });
        true
    }

    /// Moves that a planted bug commits late are no more than those of one tick.
    fn waits_for_planted_move(&self) -> bool {
        let waits = !self.compaction.moves.is_empty();
        if is_planted!(HiddenWhileMoving) {
            return waits;
        }
        waits && is_planted!(MoveUnchecked)
    }

    /// Moves whose copies are submitted.
    pub(super) fn moves_to_commit(&mut self) -> Vec<Moved> {
        let is_early = !self.tick.is_multiple_of(4);
        if is_early && is_planted!(MoveUnchecked) {
            return Vec::new();
        }
        #[cfg(any(geoheap_shuttle, feature = "planted-bugs"))]
        if is_early && is_planted!(HiddenWhileMoving) {
            self.hide_moving();
            return Vec::new();
        }
        core::mem::take(&mut self.compaction.moves)
    }

    /// The copy is submitted: the block's next version names the new place, if the block and its
    /// contents are still those that were copied (R8).
    pub(super) fn commit_move(&mut self, moved: Moved) {
        let still = self.record(moved.handle).is_some_and(|record| {
            record.place == Some(moved.from)
                && (record.revision == moved.revision || is_planted!(MoveUnchecked))
        });
        if !still {
            sure(self.heap.cancel(moved.to));
            return;
        }
        sure(self.heap.commit(moved.to));
        sure(self.heap.retire(moved.from));
        self.pending.retired.push(Retired::Range(moved.from));
        let record = self.own(moved.handle);
        record.place = Some(moved.to);
        without_retired_rooms(&mut record.layout);
        let bytes = record.layout.len().get();
        let info = self.heap.range(moved.to);
        let chunk = info.and_then(|info| self.heap.chunk(info.chunk));
        let long_lived = chunk.is_some_and(|chunk| chunk.lifetime == Lifetime::LongLived);
        self.report.moves += 1;
        self.report.moved_bytes += bytes;
        self.report.long_lived_moves += u64::from(long_lived);
        self.queue_moved(moved.handle);
    }

    /// The victim lets new blocks in again.
    fn spare_victim(&mut self) {
        if let Some(chunk) = self.compaction.victim.take() {
            sure(self.heap.set_draining(chunk, false));
        }
    }

    fn forget_closed_victim(&mut self) {
        let draining = |core: &Self, chunk| {
            core.heap
                .chunk(chunk)
                .is_some_and(|info| info.state == ChunkState::Draining)
        };
        if let Some(chunk) = self.compaction.victim
            && !draining(self, chunk)
        {
            self.compaction.victim = None;
        }
    }

    /// Chunks of one class exchange blocks; without a split there is one.
    fn classes(&self) -> Vec<u8> {
        let mut classes: Vec<u8> = self.heap.chunks().map(|info| info.class).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    /// What the planner sees: open chunks of one class, long-lived ones only where they may move.
    fn layout(&self, class: u8) -> Layout {
        // Long-lived and dynamic blocks never share a chunk, so one layout serves one lifetime.
        let lifetime = match self
            .compaction
            .victim
            .and_then(|chunk| self.heap.chunk(chunk))
        {
            Some(info) => info.lifetime,
            None => Lifetime::Dynamic,
        };
        let chunks = self
            .heap
            .chunks()
            .filter(|info| self.is_planned(info, class, lifetime));
        Layout {
            chunks: chunks.map(|info| self.view(&info)).collect(),
        }
    }

    /// Whether the planner sees a chunk when it plans for chunks of one class and lifetime.
    fn is_planned(&self, info: &ChunkInfo, class: u8, lifetime: Lifetime) -> bool {
        info.class == class
            && info.lifetime == lifetime
            && !info.dedicated
            && (lifetime == Lifetime::Dynamic || self.config.move_long_lived)
            && info.state != ChunkState::Closing
    }

    fn view(&self, info: &ChunkInfo) -> ChunkView {
        ChunkView {
            id: info.id.get(),
            capacity: info.capacity,
            receives: info.state == ChunkState::Ready,
            evacuable: is_evacuable(info),
            ranges: self
                .heap
                .ranges(info.id)
                .map(|range| self.view_range(&range))
                .collect(),
        }
    }

    fn view_range(&self, range: &RangeInfo) -> RangeView {
        let handle = Handle::from_bits(range.owner.0);
        let state = match range.state {
            RangeState::Retired => PlanState::Retired,
            RangeState::Reserved => PlanState::Fixed,
            RangeState::Live => match self.record(handle) {
                Some(record) if record.place == Some(range.key) && record.is_movable() => {
                    PlanState::Movable
                }
                _ => PlanState::Fixed,
            },
        };
        RangeView {
            key: range.owner.0,
            range: range.range,
            align: range.align,
            state,
            cold: false,
            has_gaps: false,
        }
    }
}

/// Whether blocks may leave a chunk.
fn is_evacuable(info: &ChunkInfo) -> bool {
    matches!(info.state, ChunkState::Ready | ChunkState::Draining)
}
