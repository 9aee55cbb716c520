//! Room for a placement that failed: the stretch of a chunk from which the fewest bytes have to
//! move.

use geoheap_suballoc::{Align, ByteLen, ByteOffset, ByteRange};

use crate::error::LayoutError;
use crate::layout::{RangeState, RangeView, fraction};
use crate::plan::{Move, Plan, Room, Stopped};
use crate::planner::Search;
use crate::receivers::{Among, Placed};
use crate::trial::Rooms;

/// Chunks in which a stretch is looked for, the emptiest first: those with less to move are among
/// them, as the rest of a chunk has to hold less.
const CHUNKS_MAX: usize = 8;

/// A stretch that could be cleared.
struct Stretch {
    /// Index of the chunk on the board.
    at: usize,
    range: ByteRange,
    /// Bytes that would move.
    cost: ByteLen,
    /// All ranges of the chunk.
    ranges: Vec<RangeView>,
}

/// Clears room of `requested` bytes; `None` where there is room already, or no stretch at the
/// price whose ranges fit elsewhere.
pub(crate) fn plan(
    search: &mut Search<'_>,
    requested: ByteLen,
    align: Align,
) -> Result<Option<Plan>, LayoutError> {
    let Some(align) = search.board.align(align) else {
        return Ok(None);
    };
    let unit = search.board.unit.get();
    let Some(len) = requested.get().checked_next_multiple_of(unit) else {
        return Ok(None);
    };
    let surely = len.saturating_add(align.get() - unit);
    let mut chunks = search.board.chunks.iter().filter(|chunk| chunk.receives);
    let has_room = chunks.any(|chunk| {
        chunk.largest_free.get() >= surely || chunk.live.is_zero() && chunk.capacity.get() >= len
    });
    if len == 0 || has_room {
        return Ok(None);
    }
    for stretch in stretches(search, ByteLen::new(len), align)? {
        if let Some(plan) = clear(search, &stretch)? {
            return Ok(Some(plan));
        }
        if !search.steps.are_left() {
            break;
        }
    }
    Ok(None)
}

/// The cheapest stretch of each chunk that is looked at and within the price, the cheapest first.
fn stretches(
    search: &mut Search<'_>,
    len: ByteLen,
    align: Align,
) -> Result<Vec<Stretch>, LayoutError> {
    let emptiest_first: Vec<usize> = search.receivers.densest_first().rev().collect();
    let long_enough = emptiest_first
        .into_iter()
        .filter(|&at| search.board.chunks[at].capacity >= len);
    let mut found = Vec::new();
    for at in long_enough.take(CHUNKS_MAX) {
        if !search.steps.are_left() {
            break;
        }
        let ranges = search.board.ranges(at)?;
        search.steps.take_read(ranges.len());
        let capacity = search.board.chunks[at].capacity;
        if let Some((start, cost)) = cheapest(&ranges, capacity, len, align)
            && fraction(cost, len) <= search.goal.price_max_fraction
        {
            let range = ByteRange::new(start, len);
            found.push(Stretch {
                at,
                range,
                cost,
                ranges,
            });
        }
    }
    found.sort_by_key(|stretch| (stretch.cost, stretch.at));
    Ok(found)
}

/// The start of the stretch of `len` bytes with the fewest movable bytes and nothing fixed in it,
/// and these bytes. A cheapest one begins behind a range or ends before one. O(ranges log ranges).
fn cheapest(
    ranges: &[RangeView],
    capacity: ByteLen,
    len: ByteLen,
    align: Align,
) -> Option<(ByteOffset, ByteLen)> {
    let mut sums = vec![(0_u64, 0_u32)];
    for view in ranges {
        let (bytes, fixed) = sums[sums.len() - 1];
        sums.push(match view.state {
            RangeState::Movable => (bytes + view.range.len.get(), fixed),
            RangeState::Fixed => (bytes, fixed + 1),
            RangeState::Retired => (bytes, fixed),
        });
    }
    let last = capacity.get().checked_sub(len.get())?;
    let behind = ranges.iter().map(|view| view.range.end());
    let behind = std::iter::once(ByteOffset::ZERO).chain(behind);
    let behind = behind.filter_map(|start| start.align_up(align));
    let before = ranges.iter().map(|view| view.range.start.get());
    let before = before.chain([capacity.get()]).filter_map(|end| {
        let start = end.checked_sub(len.get())?;
        Some(ByteOffset::new(start - start % align.get()))
    });
    let costs = behind.chain(before).filter(|start| start.get() <= last);
    let costs = costs.filter_map(|start| {
        let stretch = ByteRange::new(start, len);
        let from = ranges.partition_point(|view| view.range.end() <= stretch.start);
        let to = ranges.partition_point(|view| view.range.start < stretch.end());
        let (low, high) = (sums[from], sums[to.max(from)]);
        (low.1 == high.1).then(|| (high.0 - low.0, start))
    });
    let (cost, start) = costs.min()?;
    Some((start, ByteLen::new(cost)))
}

/// Moves what lies in the stretch into other chunks, or, through the bounce buffer, elsewhere in
/// its own.
fn clear(search: &mut Search<'_>, stretch: &Stretch) -> Result<Option<Plan>, LayoutError> {
    let in_the_way = stretch
        .ranges
        .iter()
        .filter(|view| view.state == RangeState::Movable && view.range.overlaps(&stretch.range));
    let mut in_the_way: Vec<RangeView> = in_the_way.copied().collect();
    in_the_way.sort_unstable_by_key(|view| (view.range.len, view.range.start));
    let places: Vec<ByteRange> = stretch.ranges.iter().map(|view| view.range).collect();
    let capacity = search.board.chunks[stretch.at].capacity;
    let mut own = Rooms::between(capacity, &places, Some(stretch.range));
    let mut bounce = search.goal.bounce;
    let mut moves: Vec<Move> = Vec::new();
    let mut taken: Vec<Placed> = Vec::new();
    let among = Among {
        but: stretch.at,
        uphill_only: false,
    };
    for view in in_the_way.iter().rev() {
        let placed = search.receivers.place(view, among, &mut search.steps)?;
        let to = match placed {
            Some(placed) => {
                taken.push(placed);
                Some((placed.chunk, placed.to()))
            }
            None => bounced(search, view, &mut own, &mut bounce).map(|to| (stretch.at, to)),
        };
        let Some(to) = to else {
            for placed in taken.into_iter().rev() {
                search.receivers.give_back(placed, &mut search.steps);
            }
            return Ok(None);
        };
        moves.push(search.to_move(stretch.at, view, to));
    }
    // The smallest first; places do not depend on one another.
    let mut plan = search.with_moves(moves.into_iter().rev());
    plan.room = Some(Room {
        chunk: search.board.chunks[stretch.at].id,
        range: stretch.range,
    });
    if !plan.forecast.bytes_left.is_zero() {
        plan.stopped = Stopped::Caps;
    }
    Ok(Some(plan))
}

/// A place in the range's own chunk, as far as the bounce buffer is long enough.
pub(crate) fn bounced(
    search: &mut Search<'_>,
    view: &RangeView,
    own: &mut Rooms,
    bounce: &mut ByteLen,
) -> Option<ByteOffset> {
    let left = bounce.checked_sub(view.range.len)?;
    let align = search.board.align(view.align)?;
    let (taken, looked) = own.take(view.range.len, align);
    search.steps.take(looked.max(1));
    let taken = taken?;
    *bounce = left;
    Some(taken.to)
}
