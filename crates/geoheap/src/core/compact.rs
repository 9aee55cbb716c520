//! Compaction: when a pass is due, what it may cost, and what becomes of its plan.
//!
//! The planner chooses a victim chunk and where its blocks go; or a stretch that a placement needs,
//! and where what lies there goes; or blocks with gaps. The victim takes no new blocks until it is
//! empty and closed, or the plan turns out to lead nowhere. The places of all moves are held at
//! once, so that what is begun can be finished although others want room; and nothing leaves a
//! victim before all that lies in it has a place.
//!
//! Where a lowered budget wants blocks to leave, up to a chunk's bytes of them are left to the
//! plan of one tick: what lies in the victim, is cold and of the priority that leaves next anyway
//! goes rather than moves. Whoever else makes room in that tick counts these bytes as gone.
//!
//! | room | what it does |
//! |---|---|
//! | `pools` | which chunks exchange blocks, and what the planner reads of them |
//! | `moves` | moves from the place that is held for them to the commit |
//! | `gaps` | blocks with gaps, and the jobs that lay them out anew |

mod gaps;
mod moves;
mod pools;

use std::collections::{BTreeSet, VecDeque};

use geoheap_chunk_heap::{ChunkId, ChunkState, RangeKey};
use geoheap_defrag::{Caps, Goal, Plan, Reason, Stopped};
use geoheap_suballoc::{Align, ByteLen};

use self::moves::Held;
pub(super) use self::moves::Moved;
use self::pools::Pool;
use crate::core::event::Effect;
use crate::core::leaving::Cause;
use crate::core::transfer::Allowance;
use crate::core::{Core, sure};
use crate::handle::Handle;

/// Caps of a tick are raised by this factor when no frame is being prepared and the GPU has
/// caught up, when somebody asked for a compaction, and where room is short.
const IDLE_FACTOR: u32 = 4;
/// One part in so many of a tick is for moves where room is short, whatever else waits.
const SHORT_SHARE: u64 = 8;

/// State between ticks.
#[derive(Debug, Default)]
pub(super) struct Compaction {
    requested: bool,
    failed: Option<(ByteLen, Align)>,
    wanted: Option<(ByteLen, Align)>,
    /// Empty chunks go at once in this tick.
    pub(super) trim: bool,
    /// Bytes that have to leave, and are left to this tick's plan: it knows whose leaving spares a
    /// move. 0 after its turn, none where nothing has to leave.
    evict: Option<ByteLen>,
    /// The chunk being emptied.
    victim: Option<ChunkId>,
    /// All blocks of the victim have places: before that, none of them moves.
    is_proven: bool,
    /// Moves in order, with their places reserved; the first may be under way.
    held: VecDeque<Held>,
    /// Where their blocks lie.
    held_from: BTreeSet<RangeKey>,
    /// Moves that are copied but not yet committed.
    pub(super) moves: Vec<Moved>,
    /// Blocks that may have gaps worth closing.
    gappy: BTreeSet<Handle>,
}

impl Compaction {
    /// Whether no pass is asked for or under way.
    pub(super) fn is_at_rest(&self) -> bool {
        !self.requested
            && self.failed.is_none()
            && !self.trim
            && self.victim.is_none()
            && self.held.is_empty()
    }

    /// Somebody wants a pass now.
    pub(super) fn request(&mut self) {
        self.requested = true;
    }

    /// Of bytes that have to leave so that chunks can go, takes as many for this tick's plan as a
    /// chunk may have, and returns how many. Once, so that what it does not send away leaves in the
    /// next tick by the policy's choice; anew when nothing had to leave in between.
    pub(super) fn take_share(&mut self, over: ByteLen, chunk: ByteLen) -> ByteLen {
        let share = match self.evict {
            Some(_) => ByteLen::ZERO,
            None => over.min(chunk),
        };
        self.evict = (!over.is_zero()).then_some(share);
        share
    }

    /// Bytes that are left to this tick's plan.
    pub(super) fn share(&self) -> ByteLen {
        self.evict.unwrap_or_default()
    }

    /// The first block of this tick that found no room.
    pub(super) fn want_room(&mut self, wanted: Option<(ByteLen, Align)>) {
        self.wanted = wanted;
    }

    /// Blocks found no room though there is enough in pieces for all these bytes.
    pub(super) fn placement_failed(&mut self, bytes: ByteLen) {
        self.failed = Some(self.wanted.unwrap_or((bytes, Align::ONE)));
    }
}

impl Core {
    /// Records this tick's moves, if a pass is due or under way, with what others have `left` of
    /// the tick.
    pub(super) fn compact(&mut self, left: &Allowance, out: &mut Vec<Effect>) {
        let requested = core::mem::take(&mut self.compaction.requested);
        let failed = self.compaction.failed.take();
        let evict = self.compaction.evict.as_mut().map(core::mem::take);
        if !self.config.defrag.enabled || self.waits_for_planted_move() {
            return;
        }
        self.forget_closed_victim();
        let due = self.tick.is_multiple_of(self.config.defrag.every_ticks);
        let asked = requested || failed.is_some();
        let is_under_way = self.compaction.victim.is_some() || !self.compaction.held.is_empty();
        if !(due || asked || is_under_way) {
            return;
        }
        if !self.is_compactable(requested, asked) {
            self.spare_victim();
            return;
        }
        let mut caps = self.caps(requested, failed.is_some(), left);
        self.carry_on(&mut caps, out);
        let is_proven = self.compaction.victim.is_none() || self.compaction.is_proven;
        if is_proven && !self.compaction.held.is_empty() {
            return;
        }
        for pool in self.pools() {
            let Some(reason) = self.reason(pool, requested, failed) else {
                continue;
            };
            let mut goal = Goal::new(reason);
            goal.unit = self.heap.config().unit_bytes;
            goal.evict = evict.unwrap_or_default();
            if requested {
                // Whoever asks wants the chunk back at any price.
                goal.price_max_fraction = 1.0;
            }
            if self.run_pass(pool, &goal, &caps, out) {
                self.carry_on(&mut caps, out);
                return;
            }
        }
    }

    /// Why a pass over a pool is due, if it is.
    fn reason(
        &self,
        pool: Pool,
        requested: bool,
        failed: Option<(ByteLen, Align)>,
    ) -> Option<Reason> {
        if let Some((requested, align)) = failed {
            return Some(Reason::AllocFailed { requested, align });
        }
        if requested || self.compaction.victim.is_some() {
            return Some(Reason::Requested);
        }
        self.trigger(pool).or_else(|| self.gaps_in(pool))
    }

    /// A small heap is left alone, unless somebody wants a pass or chunks have to go.
    fn is_compactable(&self, requested: bool, asked: bool) -> bool {
        let dynamic = self.heap.figures().dynamic.chunks;
        dynamic > self.config.small_heap_chunks
            || (self.config.move_long_lived
                && self.heap.figures().long_lived.chunks > self.config.small_heap_chunks)
            || (requested && dynamic > 1)
            || (asked && dynamic > 1 && self.budget.overshoot() > ByteLen::ZERO)
    }

    /// Plans and follows. Returns whether there was anything to do.
    fn run_pass(&mut self, pool: Pool, goal: &Goal, caps: &Caps, out: &mut Vec<Effect>) -> bool {
        let victim = self.compaction.victim.map(ChunkId::get);
        // What leaves by a plan leaves in the policy's order of priorities, too.
        let evicts = !goal.evict.is_zero();
        let leaves = evicts.then(|| self.priority_to_leave(goal.evict));
        let seen = pool.seen_by(self, leaves.flatten());
        let plan = geoheap_defrag::plan_from(&seen, caps, goal, victim);
        let plan = plan.expect("R6: the heap's own layout is one that can be");
        let (moves, bytes) = (plan.moves.len(), plan.forecast.bytes_moved.get());
        let reason = goal.reason;
        let _span =
            tracing::trace_span!("move", %reason, victim = plan.victim, moves, bytes).entered();
        self.follow(&plan, out);
        plan.victim.is_some() || !plan.moves.is_empty()
    }

    /// Cold blocks of the victim leave, once all others in it have a place.
    fn send_cold_away(&mut self, plan: &Plan) {
        if plan.evictions.is_empty() || !plan.forecast.is_proven {
            return;
        }
        self.returning.stop();
        for one in &plan.evictions {
            self.send_away(Handle::from_bits(one.key), Cause::Age);
            self.report.defrag_evictions += 1;
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
        self.compaction.is_proven = plan.forecast.is_proven;
        self.report.defrag_passes += u64::from(!plan.moves.is_empty());
        self.send_cold_away(plan);
        let mut held = 0;
        for planned in plan.moves.iter().chain(&plan.later) {
            held += u32::from(self.hold(planned, out));
        }
        let stuck = held == 0 && !plan.moves.is_empty();
        if stuck || matches!(plan.stopped, Stopped::NothingWorthIt | Stopped::NoRoom) {
            self.spare_victim();
        }
    }

    /// What a pass may ask for: its own caps, and no more than others left of the tick. Where
    /// nobody draws, or somebody asks, it has a tick of its own; where room is short it has at
    /// least a small part of one, so that uploads cannot keep it from making room for uploads.
    fn caps(&self, requested: bool, failed: bool, left: &Allowance) -> Caps {
        let (defrag, share) = (&self.config.defrag, self.facts.share);
        let is_free = requested || self.facts.idle;
        let factor = if is_free || self.is_near_high_water() {
            IDLE_FACTOR
        } else {
            1
        };
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

    /// The victim lets new blocks in again, and the places that were held are free.
    fn spare_victim(&mut self) {
        self.let_go();
        if let Some(chunk) = self.compaction.victim.take()
            && self.clearing != Some(chunk)
        {
            sure(self.heap.set_draining(chunk, false));
        }
    }

    /// Gives up a plan whose blocks have not all found a place, with the places that it holds.
    /// Whether no other plan is under way.
    pub(super) fn abandon_unproven(&mut self) -> bool {
        if !self.compaction.is_proven {
            self.spare_victim();
        }
        self.compaction.held.is_empty()
    }

    /// Whether moves empty the chunk.
    pub(super) fn is_victim(&self, chunk: ChunkId) -> bool {
        self.compaction.victim == Some(chunk)
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
            self.let_go();
            self.compaction.victim = None;
        }
    }

    /// Whether the dynamic blocks have nearly as much as they may before some are evicted.
    fn is_near_high_water(&self) -> bool {
        let (live, capacity) = (self.dynamic_live().get(), self.dynamic_capacity().get());
        self.residency
            .evaluate(live.saturating_add(live / 32), capacity)
            .is_over()
    }
}
