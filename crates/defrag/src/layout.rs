//! What the planner looks at: chunks, the ranges in them, and what may be done with each.

use geoheap_suballoc::{Align, ByteLen, ByteRange, Space};

use crate::error::LayoutError;
use crate::plan::Plan;
use crate::source::{ChunkSummary, Source};

/// Chunks between which ranges may move.
///
/// A caller that keeps kinds or lifetimes in chunks of their own makes one layout for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The chunks, each id once. Their order decides nothing.
    pub chunks: Vec<ChunkView>,
}

/// One chunk as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkView {
    /// The caller's name for it.
    pub id: u32,
    /// Its length in bytes, a multiple of [`Goal::unit`](crate::Goal::unit).
    pub capacity: ByteLen,
    /// Whether ranges may move into it.
    pub receives: bool,
    /// Whether it may be emptied: not so for long-lived, dedicated and pending chunks.
    pub evacuable: bool,
    /// What is not free, in address order.
    pub ranges: Vec<RangeView>,
}

/// One range of a chunk that is not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeView {
    /// The caller's name for it; the planner only repeats it.
    pub key: u64,
    /// Where it lies. Start and length are multiples of [`Goal::unit`](crate::Goal::unit).
    pub range: ByteRange,
    /// What its start must be a multiple of, wherever it lies.
    pub align: Align,
    /// What may be done with it.
    pub state: RangeState,
    /// Nobody has used it for so long that it may rather leave than move, where bytes must leave
    /// ([`Goal::evict`](crate::Goal::evict)).
    pub cold: bool,
    /// It has gaps that are worth closing: [`Triggers::has_gaps`](crate::Triggers::has_gaps).
    pub has_gaps: bool,
}

impl RangeView {
    /// A range that may move, in use, without gaps.
    pub const fn movable(key: u64, range: ByteRange, align: Align) -> Self {
        Self {
            key,
            range,
            align,
            state: RangeState::Movable,
            cold: false,
            has_gaps: false,
        }
    }
}

/// What may be done with a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RangeState {
    /// Live, and may move.
    Movable,
    /// Live or reserved, and must stay: pinned, or being written. Its chunk cannot be emptied now.
    Fixed,
    /// Goes away by itself: retired, or already being moved elsewhere. Until then nothing may be
    /// written over it, but its chunk can be emptied.
    Retired,
}

impl ChunkView {
    /// What is known of it without a look at single ranges. O(ranges).
    pub fn summary(&self) -> ChunkSummary {
        let mut of_state = [ByteLen::ZERO; 2];
        let (mut largest, mut free_from) = (0, 0);
        for range in &self.ranges {
            let is_retired = range.state == RangeState::Retired;
            let sum = &mut of_state[usize::from(is_retired)];
            *sum = sum.saturating_add(range.range.len);
            let start = range.range.start.get();
            largest = largest.max(start.saturating_sub(free_from));
            free_from = start.saturating_add(range.range.len.get());
        }
        largest = largest.max(self.capacity.get().saturating_sub(free_from));
        let [live, retired] = of_state;
        ChunkSummary {
            id: self.id,
            capacity: self.capacity,
            live,
            free: self.capacity.saturating_sub(live).saturating_sub(retired),
            largest_free: ByteLen::new(largest),
            range_count: u32::try_from(self.ranges.len()).unwrap_or(u32::MAX),
            receives: self.receives,
            evacuable: self.evacuable,
        }
    }

    /// Whether something in it must stay.
    pub(crate) fn has_fixed(&self) -> bool {
        let mut ranges = self.ranges.iter();
        ranges.any(|range| range.state == RangeState::Fixed)
    }
}

impl Layout {
    /// Checks what a plan relies on: ids are unique, capacities and ranges are whole units, and
    /// ranges are in address order, without overlap, and within their chunk. O(ranges).
    ///
    /// # Errors
    /// [`LayoutError`] for the first thing that is wrong.
    pub fn check(&self, unit: ByteLen) -> Result<(), LayoutError> {
        let mut ids: Vec<u32> = self.chunks.iter().map(|chunk| chunk.id).collect();
        ids.sort_unstable();
        if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(LayoutError::DuplicateChunk { chunk: pair[0] });
        }
        self.chunks.iter().try_for_each(|chunk| {
            check_capacity(chunk.id, chunk.capacity, unit)?;
            let ranges = chunk.ranges.iter().map(|view| view.range);
            check_ranges(chunk.id, chunk.capacity, unit, ranges)
        })
    }

    /// Carries a plan for this layout out, in thought: what moved is at its new place, and where it
    /// was is free, as if nothing older read it any more. Whether the victim is empty then, but for
    /// what is retired in it; it is gone in that case, and else receives nothing from now on.
    ///
    /// # Panics
    /// If the plan is one for another layout.
    pub fn follow(&mut self, plan: &Plan) -> bool {
        for one in &plan.evictions {
            self.take(one.chunk, one.range);
        }
        for one in &plan.moves {
            let mut range = self.take(one.from_chunk, one.from);
            range.range.start = one.to;
            range.has_gaps = false;
            let to = self.own(one.to_chunk);
            let at = to.ranges.partition_point(|view| view.range.start < one.to);
            to.ranges.insert(at, range);
        }
        let Some(victim) = plan.victim else {
            return false;
        };
        let chunk = self.own(victim);
        chunk.receives = false;
        let mut ranges = chunk.ranges.iter();
        let is_empty = ranges.all(|view| view.state == RangeState::Retired);
        if is_empty {
            self.chunks.retain(|chunk| chunk.id != victim);
        }
        is_empty
    }

    fn take(&mut self, chunk: u32, range: ByteRange) -> RangeView {
        let chunk = self.own(chunk);
        let at = chunk.ranges.iter().position(|view| view.range == range);
        chunk
            .ranges
            .remove(at.expect("D4: the plan is for this layout"))
    }

    fn own(&mut self, id: u32) -> &mut ChunkView {
        let chunk = self.chunks.iter_mut().find(|chunk| chunk.id == id);
        chunk.expect("D2: the plan is for this layout")
    }

    fn chunk(&self, id: u32) -> Option<&ChunkView> {
        self.chunks.iter().find(|chunk| chunk.id == id)
    }
}

impl Source for Layout {
    fn chunks(&self, out: &mut Vec<ChunkSummary>) {
        out.extend(self.chunks.iter().map(ChunkView::summary));
    }

    fn ranges(&self, chunk: u32, out: &mut Vec<RangeView>) {
        out.extend(self.chunk(chunk).iter().flat_map(|chunk| &chunk.ranges));
    }
}

pub(crate) fn check_capacity(
    chunk: u32,
    capacity: ByteLen,
    unit: ByteLen,
) -> Result<(), LayoutError> {
    let is_whole = capacity.get().checked_rem(unit.get()) == Some(0);
    if capacity.is_zero() || capacity > Space::CAPACITY_MAX || !is_whole {
        return Err(LayoutError::BadCapacity {
            chunk,
            capacity,
            unit,
        });
    }
    Ok(())
}

/// `unit` is above zero.
pub(crate) fn check_ranges(
    chunk: u32,
    capacity: ByteLen,
    unit: ByteLen,
    ranges: impl Iterator<Item = ByteRange>,
) -> Result<(), LayoutError> {
    // Units are powers of two as a rule, and a remainder for each range would show in a plan.
    let mask = unit.get().is_power_of_two().then(|| unit.get() - 1);
    let is_whole = |bytes: u64| match mask {
        Some(mask) => bytes & mask == 0,
        None => bytes.is_multiple_of(unit.get()),
    };
    let mut free_from = 0;
    for range in ranges {
        if range.len.is_zero() || !is_whole(range.start.get()) || !is_whole(range.len.get()) {
            return Err(LayoutError::Misaligned { chunk, range, unit });
        }
        if range.start.get() < free_from {
            return Err(LayoutError::Overlap { chunk, range });
        }
        match range.start.checked_add(range.len) {
            Some(end) if end.get() <= capacity.get() => free_from = end.get(),
            _ => {
                return Err(LayoutError::OutOfBounds {
                    chunk,
                    range,
                    capacity,
                });
            }
        }
    }
    Ok(())
}

/// `part` of `whole`, 0 where there is no whole.
pub(crate) fn fraction(part: ByteLen, whole: ByteLen) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a fraction for a threshold or a report: 52 bits are more than it needs"
    )]
    let (part, whole) = (part.get() as f64, whole.get() as f64);
    if whole > 0.0 { part / whole } else { 0.0 }
}
