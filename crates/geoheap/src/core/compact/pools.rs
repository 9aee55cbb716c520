//! Which chunks exchange blocks, and what the planner reads of them.

use geoheap_chunk_heap::{ChunkId, ChunkInfo, ChunkState, Lifetime, RangeInfo, RangeState};
use geoheap_defrag::{
    ChunkSummary, ChunkUse, RangeState as PlanState, RangeView, Reason, Source as Heap,
};
use geoheap_residency::Frame;
use geoheap_suballoc::ByteRange;

use crate::core::record::Record;
use crate::core::{Core, entry};
use crate::handle::Handle;

/// Chunks whose blocks may share a chunk: those of one lifetime and class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pool {
    pub(super) lifetime: Lifetime,
    pub(super) class: u8,
}

impl Pool {
    pub(super) fn seen_by(self, core: &Core) -> Seen<'_> {
        Seen { core, pool: self }
    }

    /// Whether the planner sees a chunk when it plans for this pool.
    fn has(self, info: &ChunkInfo) -> bool {
        let is_alike = info.lifetime == self.lifetime || is_planted!(LifetimesMixed);
        info.class == self.class && is_alike && !info.dedicated && info.state != ChunkState::Closing
    }
}

/// Whether blocks may leave a chunk.
fn is_evacuable(info: &ChunkInfo) -> bool {
    matches!(info.state, ChunkState::Ready | ChunkState::Draining)
}

impl Core {
    /// The pools that a pass may be for: only that of the victim, if there is one. Long-lived
    /// blocks have pools only where they may move (R9).
    pub(super) fn pools(&self) -> Vec<Pool> {
        let of = |info: &ChunkInfo| Pool {
            lifetime: info.lifetime,
            class: info.class,
        };
        let victim = self
            .compaction
            .victim
            .and_then(|chunk| self.heap.chunk(chunk));
        if let Some(info) = victim {
            return vec![of(&info)];
        }
        let may_move =
            |pool: &Pool| pool.lifetime == Lifetime::Dynamic || self.config.move_long_lived;
        let mut pools: Vec<Pool> = self.heap.chunks().map(|info| of(&info)).collect();
        pools.retain(may_move);
        pools.sort_unstable_by_key(|pool| (pool.lifetime != Lifetime::Dynamic, pool.class));
        pools.dedup();
        pools
    }

    /// What sets off a pass, from what is known without a walk over the ranges.
    pub(super) fn trigger(&self, pool: Pool) -> Option<Reason> {
        let chunks = self.heap.chunks();
        let chunks = chunks.filter(|info| pool.has(info) && is_evacuable(info));
        let uses = chunks.map(|info| ChunkUse {
            id: info.id.get(),
            capacity: info.capacity,
            live: info.live + info.reserved,
            free: info.free,
            has_fixed: false,
        });
        self.config.defrag.triggers.check_uses(uses)
    }

    fn view_range(&self, range: &RangeInfo) -> RangeView {
        let handle = Handle::from_bits(range.owner.0);
        let record = self.record(handle);
        let record = record.filter(|record| record.place == Some(range.key));
        let state = match (range.state, record) {
            (RangeState::Retired, _) => PlanState::Retired,
            (RangeState::Live, Some(record)) if self.is_held(range.key) && !is_stuck(record) => {
                PlanState::Retired
            }
            (RangeState::Live, Some(record)) if record.is_movable() => PlanState::Movable,
            _ => PlanState::Fixed,
        };
        let record = record.filter(|_| state == PlanState::Movable);
        let tight = record.and_then(|record| self.tight_layout(record));
        let needed = tight.as_ref().map(|tight| tight.align());
        RangeView {
            key: range.owner.0,
            range: range.range,
            // Laid out anew, a block may start at multiples of another number.
            align: needed.unwrap_or(range.align),
            state,
            cold: record.is_some_and(|record| self.is_cold(record)),
            has_gaps: tight.is_some(),
        }
    }

    /// Whether a block may leave rather than move: at once, unused for as long as the policy calls
    /// recent, and not just come.
    fn is_cold(&self, record: &Record) -> bool {
        let stays = record.is_busy() || record.is_exempt() || record.has_waiters();
        if stays || !record.is_covered() || record.leaving().is_some() {
            return false;
        }
        let config = self.residency.config();
        self.residency
            .get(entry(record.handle))
            .is_some_and(|known| {
                let used = known.last_used.map_or(0, Frame::get);
                let is_recent = used > 0 && used.saturating_add(config.recent_frames) > self.frame;
                let age_ticks = self.tick.saturating_sub(known.since.get());
                !is_recent && age_ticks >= config.min_resident_ticks
            })
    }
}

/// A block whose place is held for nothing: something came between, so that it will not move.
fn is_stuck(record: &Record) -> bool {
    !record.is_movable()
}

/// A pool as the planner reads it.
pub(super) struct Seen<'a> {
    core: &'a Core,
    pool: Pool,
}

impl Heap for Seen<'_> {
    fn chunks(&self, out: &mut Vec<ChunkSummary>) {
        let chunks = self.core.heap.chunks().filter(|info| self.pool.has(info));
        out.extend(chunks.map(|info| ChunkSummary {
            id: info.id.get(),
            capacity: info.capacity,
            live: info.live + info.reserved,
            free: info.free,
            largest_free: info.largest_free,
            range_count: info.range_count,
            receives: info.state == ChunkState::Ready,
            evacuable: is_evacuable(&info),
        }));
    }

    fn ranges(&self, chunk: u32, out: &mut Vec<RangeView>) {
        let ranges = self.core.heap.ranges(ChunkId::new(chunk));
        out.extend(ranges.map(|range| self.core.view_range(&range)));
    }

    fn places(&self, chunk: u32, out: &mut Vec<ByteRange>) {
        out.extend(self.core.heap.places(ChunkId::new(chunk)));
    }
}
