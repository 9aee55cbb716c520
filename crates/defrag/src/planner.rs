//! Evacuation: which chunk to empty, and where its ranges go.

use geoheap_suballoc::ByteLen;

use crate::layout::{Layout, LayoutError, RangeState, RangeView, Sums, fraction};
use crate::plan::{Forecast, Move, Plan, Stopped};
use crate::receivers::{Placed, Receivers, Search, Steps};
use crate::triggers::Reason;

/// How much one plan may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Bytes to move. Default 4 MiB.
    pub bytes: ByteLen,
    /// Ranges to move. Default 128.
    pub moves: u32,
    /// Planning steps: ranges looked at and places tried. Default 65 536.
    pub steps: u32,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            bytes: ByteLen::from_mib(4),
            moves: 128,
            steps: 65_536,
        }
    }
}

/// What a plan is for, and what it may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// Why a plan is wanted.
    pub reason: Reason,
    /// The highest price: bytes to move for a chunk, as a fraction of its capacity. Default 0.75.
    pub price_max_fraction: f64,
    /// The unit of the chunks' spaces: places start at multiples of it. Default 16 bytes.
    pub unit: ByteLen,
}

impl Goal {
    /// The default price and unit.
    pub const fn new(reason: Reason) -> Self {
        Self {
            reason,
            price_max_fraction: 0.75,
            unit: ByteLen::new(16),
        }
    }
}

/// A victim with the places found for its ranges.
struct Evacuation {
    /// Index of the victim in the layout.
    victim: usize,
    places: Vec<(RangeView, Placed)>,
    /// Whether every movable range has a place.
    is_proven: bool,
}

/// Plans how to empty one chunk.
///
/// The victim is `continue_victim` if that can still be emptied, else the evacuable chunk with the
/// fewest live bytes (then the smallest id) that has no fixed range, is within the price, and
/// whose ranges all fit elsewhere. Places are tried for the longest range first, by best fit in
/// the densest chunk that has room. The moves are then listed from the smallest on, up to the
/// caps; what is left is for the next plan, which is given this one's victim.
///
/// A range longer than [`Caps::bytes`] is moved only if nothing else is left to move: the plan has
/// that one move then and says so.
///
/// # Errors
/// [`LayoutError`] if the layout contradicts itself.
pub fn plan(
    layout: &Layout,
    caps: &Caps,
    goal: &Goal,
    continue_victim: Option<u32>,
) -> Result<Plan, LayoutError> {
    layout.check(goal.unit)?;
    let sums: Vec<Sums> = layout.chunks.iter().map(crate::ChunkView::sums).collect();
    let mut steps = Steps {
        taken: 0,
        max: caps.steps,
    };
    let mut receivers = Receivers::new(layout, &sums, goal.unit);
    let candidates = candidates(layout, &sums, goal, continue_victim);
    let mut stopped = Stopped::NothingWorthIt;
    for victim in candidates {
        match evacuate(layout, &sums, victim, &mut receivers, &mut steps) {
            Some(evacuation) => {
                return Ok(capped(layout, &sums, evacuation, caps, goal, steps.taken));
            }
            None => stopped = Stopped::NoRoom,
        }
    }
    let free_fraction = free_fraction(layout, &sums, None);
    Ok(Plan {
        reason: goal.reason,
        victim: None,
        moves: Vec::new(),
        is_oversized: false,
        forecast: Forecast {
            is_proven: true,
            free_fraction_before: free_fraction,
            free_fraction_after: free_fraction,
            ..Forecast::default()
        },
        steps: steps.taken,
        stopped,
    })
}

/// Indices of the chunks that may be emptied, in the order in which to try.
fn candidates(
    layout: &Layout,
    sums: &[Sums],
    goal: &Goal,
    continue_victim: Option<u32>,
) -> Vec<usize> {
    let is_continued = |at: usize| continue_victim == Some(layout.chunks[at].id);
    let mut candidates: Vec<usize> = (0..layout.chunks.len())
        .filter(|&at| layout.chunks[at].evacuable && sums[at].fixed_count == 0)
        .filter(|&at| {
            // What was spent on a victim is lost unless it is finished, so that its price is not
            // asked again; and it is still reported when nothing of it is left to move.
            let price = fraction(sums[at].live, layout.chunks[at].capacity);
            let is_worth_it = !sums[at].live.is_zero() && price <= goal.price_max_fraction;
            is_worth_it || is_continued(at)
        })
        .collect();
    candidates.sort_by_key(|&at| (!is_continued(at), sums[at].live, layout.chunks[at].id));
    candidates
}

/// Finds places for the movable ranges of a victim, the longest first; `None` if they do not fit.
fn evacuate(
    layout: &Layout,
    sums: &[Sums],
    victim: usize,
    receivers: &mut Receivers<'_>,
    steps: &mut Steps,
) -> Option<Evacuation> {
    if receivers.free_without(victim) < sums[victim].live {
        return None;
    }
    let ranges = layout.chunks[victim].ranges.iter();
    let mut ranges: Vec<RangeView> = ranges
        .filter(|range| range.state == RangeState::Movable)
        .copied()
        .collect();
    ranges.sort_by_key(|range| (core::cmp::Reverse(range.range.len), range.range.start));
    let mut places = Vec::with_capacity(ranges.len());
    for range in ranges {
        match receivers.place(range.range.len, range.align, victim, steps) {
            Search::Found(placed) => places.push((range, placed)),
            Search::NoRoom => {
                for (_, placed) in places {
                    receivers.give_back(placed);
                }
                return None;
            }
            Search::OutOfSteps => {
                return Some(Evacuation {
                    victim,
                    places,
                    is_proven: false,
                });
            }
        }
    }
    Some(Evacuation {
        victim,
        places,
        is_proven: true,
    })
}

/// Lists moves from the smallest on up to the caps, and forecasts.
fn capped(
    layout: &Layout,
    sums: &[Sums],
    evacuation: Evacuation,
    caps: &Caps,
    goal: &Goal,
    steps: u32,
) -> Plan {
    let Evacuation {
        victim,
        mut places,
        is_proven,
    } = evacuation;
    places.sort_by_key(|(range, _)| (range.range.len, range.range.start));
    let moves_max = usize::try_from(caps.moves).unwrap_or(usize::MAX);
    let mut moves: Vec<Move> = Vec::new();
    let mut bytes_moved = ByteLen::ZERO;
    let mut is_oversized = false;
    for (range, placed) in places.iter().take(moves_max) {
        let sum = bytes_moved.saturating_add(range.range.len);
        if sum > caps.bytes {
            is_oversized = moves.is_empty() && !caps.bytes.is_zero();
            if !is_oversized {
                break;
            }
        }
        bytes_moved = sum;
        moves.push(Move {
            key: range.key,
            from_chunk: layout.chunks[victim].id,
            from: range.range,
            to_chunk: layout.chunks[placed.chunk].id,
            to: placed.to,
        });
        if is_oversized {
            break;
        }
    }
    let bytes_left = sums[victim].live - bytes_moved;
    Plan {
        reason: goal.reason,
        victim: Some(layout.chunks[victim].id),
        moves,
        is_oversized,
        forecast: Forecast {
            chunks_returned: 1,
            is_proven,
            bytes_moved,
            bytes_left,
            free_fraction_before: free_fraction(layout, sums, None),
            free_fraction_after: free_fraction(layout, sums, Some(victim)),
        },
        steps,
        stopped: if bytes_left.is_zero() {
            Stopped::Done
        } else {
            Stopped::Caps
        },
    }
}

/// Bytes that are not live as a fraction of all capacity, without the chunk that is `returned`,
/// whose live bytes lie in the others then.
fn free_fraction(layout: &Layout, sums: &[Sums], returned: Option<usize>) -> f64 {
    let live = sums
        .iter()
        .fold(ByteLen::ZERO, |sum, one| sum.saturating_add(one.live));
    let kept = layout
        .chunks
        .iter()
        .enumerate()
        .filter(|(at, _)| Some(*at) != returned);
    let capacity = kept.fold(ByteLen::ZERO, |sum, (_, one)| {
        sum.saturating_add(one.capacity)
    });
    fraction(capacity.saturating_sub(live), capacity)
}
