//! Evacuation: which chunk to empty, and where its ranges go.

use geoheap_suballoc::ByteLen;

use crate::layout::{Layout, LayoutError, RangeState, RangeView, Sums, fraction};
use crate::plan::{Forecast, Move, Plan, Stopped};
use crate::receivers::{Placed, Receivers, Steps};
use crate::triggers::Reason;

/// How much one plan may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Bytes to move. Default 4 MiB.
    pub bytes: ByteLen,
    /// Ranges to move. Default 128.
    pub moves: u32,
    /// Planning steps: ranges restored in trial spaces, places tried, searches in vain, and each
    /// 64 chunks that a search passes over. A search for a place that has begun is finished, so
    /// that the last one may exceed this. Reading and sorting the layout is not counted. Default
    /// 65 536.
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

/// One way to search places for a victim's ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Attempt {
    /// The longest range first, else the smallest. Moves are listed in the same order: only so
    /// does a plan that continues find the places that this one would have gone on with.
    longest_first: bool,
    /// Only into chunks at least as dense as the victim. Downhill moves could go back and forth
    /// for ever, unless the plan that has them also finishes its victim.
    uphill_only: bool,
}

/// The ways to search, in this order. Small ranges first get the most done under a cap, but long
/// ones first fill gaps better.
const ATTEMPTS: [Attempt; 4] = [
    Attempt {
        longest_first: false,
        uphill_only: true,
    },
    Attempt {
        longest_first: true,
        uphill_only: true,
    },
    Attempt {
        longest_first: false,
        uphill_only: false,
    },
    Attempt {
        longest_first: true,
        uphill_only: false,
    },
];

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
/// whose ranges all fit elsewhere. Places are tried by best fit in the densest chunk that has room,
/// for the smallest range first, and if so they do not all fit for the longest first. The moves
/// are listed in that order, up to the caps; what is left is for the next plan, which is given
/// this one's victim. Moves lead into chunks that are at least as dense as the victim; into others
/// only if this plan finishes its victim.
///
/// If [`Caps::steps`] are used up while places are searched, the plan moves what has one by then.
/// If none was found, it has no victim.
///
/// A range longer than [`Caps::bytes`] is moved when its turn has come: alone in a plan, which
/// says so.
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
    'search: for victim in candidates {
        for attempt in ATTEMPTS {
            if !steps.are_left() {
                stopped = Stopped::Caps;
                break 'search;
            }
            let found = evacuate(layout, &sums, victim, attempt, &mut receivers, &mut steps);
            let Some(evacuation) = found else { continue };
            let plan = capped(layout, &sums, &evacuation, caps, goal, steps.taken);
            if attempt.uphill_only || plan.stopped == Stopped::Done {
                return Ok(plan);
            }
            evacuation
                .places
                .into_iter()
                .for_each(|(_, placed)| receivers.give_back(placed));
            stopped = Stopped::Caps;
        }
        if stopped == Stopped::NothingWorthIt {
            stopped = Stopped::NoRoom;
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

/// Finds places for the movable ranges of a victim; `None` if they do not fit.
fn evacuate(
    layout: &Layout,
    sums: &[Sums],
    victim: usize,
    attempt: Attempt,
    receivers: &mut Receivers<'_>,
    steps: &mut Steps,
) -> Option<Evacuation> {
    if receivers.free_without(victim) < sums[victim].live {
        steps.take(1);
        return None;
    }
    let ranges = layout.chunks[victim].ranges.iter();
    let mut ranges: Vec<RangeView> = ranges
        .filter(|range| range.state == RangeState::Movable)
        .copied()
        .collect();
    ranges.sort_by_key(|range| (range.range.len, range.range.start));
    if attempt.longest_first {
        ranges.reverse();
    }
    let mut places = Vec::with_capacity(ranges.len());
    for range in ranges {
        if !steps.are_left() {
            return Some(Evacuation {
                victim,
                places,
                is_proven: false,
            });
        }
        let Some(placed) = receivers.place(&range, victim, attempt.uphill_only, steps) else {
            for (_, placed) in places {
                receivers.give_back(placed);
            }
            return None;
        };
        places.push((range, placed));
    }
    Some(Evacuation {
        victim,
        places,
        is_proven: true,
    })
}

/// Lists moves up to the caps, and forecasts.
fn capped(
    layout: &Layout,
    sums: &[Sums],
    evacuation: &Evacuation,
    caps: &Caps,
    goal: &Goal,
    steps: u32,
) -> Plan {
    let &Evacuation {
        victim,
        ref places,
        is_proven,
    } = evacuation;
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
