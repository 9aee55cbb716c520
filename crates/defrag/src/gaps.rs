//! Gaps inside blocks, closed by moving the block: its caller lays it out anew at the new place.

use geoheap_suballoc::ByteRange;

use crate::error::LayoutError;
use crate::layout::{RangeState, RangeView};
use crate::plan::{Move, Plan, Stopped};
use crate::planner::Search;
use crate::receivers::Among;
use crate::room::bounced;
use crate::trial::Rooms;

/// Moves the ranges of a chunk that have gaps, the smallest first. Those that find no place in
/// another chunk, nor through the bounce buffer in their own, stay.
pub(crate) fn plan(search: &mut Search<'_>, chunk: u32) -> Result<Plan, LayoutError> {
    let Some(at) = search.board.find(chunk) else {
        return Ok(search.without_moves(Stopped::NothingWorthIt));
    };
    let ranges = search.board.ranges(at)?;
    search.steps.take_read(ranges.len());
    let places: Vec<ByteRange> = ranges.iter().map(|view| view.range).collect();
    let mut own = Rooms::between(search.board.chunks[at].capacity, &places, None);
    let with_gaps = |view: &&RangeView| view.has_gaps && view.state == RangeState::Movable;
    let mut with_gaps: Vec<RangeView> = ranges.iter().filter(with_gaps).copied().collect();
    with_gaps.sort_unstable_by_key(|view| (view.range.len, view.range.start));
    let mut bounce = search.goal.bounce;
    let receives = search.board.chunks[at].receives;
    let among = Among {
        but: at,
        uphill_only: false,
    };
    let mut moves: Vec<Move> = Vec::new();
    for view in &with_gaps {
        if !moves.is_empty() && !search.steps.are_left() {
            break;
        }
        let to = match search.receivers.place(view, among, &mut search.steps)? {
            Some(placed) => Some((placed.chunk, placed.to())),
            None if receives => bounced(search, view, &mut own, &mut bounce).map(|to| (at, to)),
            None => None,
        };
        let Some(to) = to else { continue };
        moves.push(search.to_move(at, view, to));
    }
    let (found, wanted) = (moves.len(), with_gaps.len());
    let mut plan = search.with_moves(moves.into_iter());
    plan.stopped = if wanted == 0 {
        Stopped::NothingWorthIt
    } else if found == 0 && search.steps.are_left() {
        Stopped::NoRoom
    } else if plan.moves.len() == wanted {
        Stopped::Done
    } else {
        Stopped::Caps
    };
    Ok(plan)
}
