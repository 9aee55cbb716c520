//! Evacuation: which chunk to empty, and where its ranges go.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use geoheap_suballoc::ByteLen;

use crate::error::LayoutError;
use crate::layout::{RangeState, RangeView, fraction};
use crate::plan::{Eviction, Plan, Stopped};
use crate::planner::Search;
use crate::receivers::{Among, Placed};

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

/// So many of the longest ranges are tried before the others. One would find a place also where the
/// receivers have a single long room between them; with a few they need several, and looking for
/// those costs little beside the tens or hundreds of ranges of a victim.
const PROBED: usize = 4;

/// What came of it.
pub(crate) enum Found {
    /// A victim and its moves.
    Plan(Plan),
    /// No victim.
    Nothing(Stopped),
}

/// A chunk that may be emptied.
struct Victim {
    /// Index on the board.
    at: usize,
    /// Ranges to move, the smallest first.
    movable: Vec<RangeView>,
    /// Cold ranges that leave the heap.
    evicted: Vec<RangeView>,
    /// Bytes to move.
    live: ByteLen,
    /// A plan before this one began with it.
    is_continued: bool,
}

impl Victim {
    fn evicted_bytes(&self) -> ByteLen {
        let bytes = self.evicted.iter().map(|range| range.range.len);
        bytes.fold(ByteLen::ZERO, ByteLen::saturating_add)
    }
}

/// Finds a victim and places for its ranges. See [`plan_from`](crate::plan_from).
pub(crate) fn plan(
    search: &mut Search<'_>,
    continue_victim: Option<u32>,
) -> Result<Found, LayoutError> {
    let continued = continue_victim.and_then(|id| search.board.find(id));
    let mut stopped = Stopped::NothingWorthIt;
    let mut candidates = candidates(search, continued);
    while let Some(Reverse((_, _, at))) = candidates.pop() {
        if !search.steps.are_left() {
            return Ok(Found::Nothing(Stopped::Caps));
        }
        let live = search.board.chunks[at].live;
        // Some of what lies in a chunk that is gone on with may be on its way elsewhere already.
        let is_continued = continued == Some(at);
        let need = live.saturating_sub(search.goal.evict);
        if !is_continued && lacks_room(search, at, need) {
            search.steps.take(1);
            stopped = no_room(stopped);
            continue;
        }
        let Some(victim) = read(search, at, is_continued)? else {
            continue;
        };
        match evacuate(search, &victim)? {
            Found::Plan(plan) => return Ok(Found::Plan(plan)),
            Found::Nothing(Stopped::NoRoom) => stopped = no_room(stopped),
            Found::Nothing(other) => stopped = other,
        }
    }
    Ok(Found::Nothing(stopped))
}

/// Whether a chunk cannot be emptied by `need` bytes, for all that is known without a look at its
/// ranges: one of them is at least as long as their mean.
fn lacks_room(search: &Search<'_>, at: usize, need: ByteLen) -> bool {
    let count = u64::from(search.board.chunks[at].range_count);
    let mean = need.get().checked_div(count).unwrap_or(0);
    search.receivers.free_without(at) < need || search.receivers.largest_without(at) < mean
}

/// That caps ended a search says more than that there was no room for another.
fn no_room(stopped: Stopped) -> Stopped {
    match stopped {
        Stopped::NothingWorthIt => Stopped::NoRoom,
        other => other,
    }
}

/// A chunk that may be emptied, in the order in which to try: whether a plan before did not begin
/// with it, its live bytes, its index.
type Candidate = Reverse<(bool, ByteLen, usize)>;

/// The chunks that may be emptied. As a rule one of the first is, so that they are not sorted.
fn candidates(search: &Search<'_>, continued: Option<usize>) -> BinaryHeap<Candidate> {
    let (board, goal) = (search.board, search.goal);
    let chunks = board.chunks.iter().enumerate();
    let evacuable = chunks.filter(|(_, chunk)| chunk.evacuable);
    let worth_it = evacuable.filter(|&(at, chunk)| {
        // What was spent on a victim is lost unless it is finished, so that its price is not
        // asked again; and it is still reported when nothing of it is left to move.
        let price = fraction(chunk.live.saturating_sub(goal.evict), chunk.capacity);
        let is_worth_it = !chunk.live.is_zero() && price <= goal.price_max_fraction;
        is_worth_it || continued == Some(at)
    });
    let candidates = worth_it.map(|(at, chunk)| Reverse((continued != Some(at), chunk.live, at)));
    let candidates: Vec<Candidate> = candidates.collect();
    candidates.into()
}

/// Reads a candidate; `None` if something in it must stay, or it is over the price after all.
fn read(
    search: &mut Search<'_>,
    at: usize,
    is_continued: bool,
) -> Result<Option<Victim>, LayoutError> {
    let ranges = search.board.ranges(at)?;
    search.steps.take_read(ranges.len());
    if ranges.iter().any(|range| range.state == RangeState::Fixed) {
        return Ok(None);
    }
    let movable = ranges.into_iter();
    let mut movable: Vec<RangeView> = movable
        .filter(|range| range.state == RangeState::Movable)
        .collect();
    movable.sort_unstable_by_key(|range| (range.range.len, range.range.start));
    let mut evicted = Vec::new();
    let mut wanted = search.goal.evict;
    if !wanted.is_zero() {
        for nth in (0..movable.len()).rev() {
            if movable[nth].cold && !wanted.is_zero() {
                wanted = wanted.saturating_sub(movable[nth].range.len);
                evicted.push(movable.remove(nth));
            }
        }
    }
    let live = movable.iter().map(|range| range.range.len).sum();
    let price = fraction(live, search.board.chunks[at].capacity);
    let is_worth_it = price <= search.goal.price_max_fraction || is_continued;
    Ok(is_worth_it.then_some(Victim {
        at,
        movable,
        evicted,
        live,
        is_continued,
    }))
}

/// Tries the ways to search in turn.
fn evacuate(search: &mut Search<'_>, victim: &Victim) -> Result<Found, LayoutError> {
    let longest = victim.movable.last().map_or(0, |one| one.range.len.get());
    let has_room = search.receivers.free_without(victim.at) >= victim.live
        && search.receivers.largest_without(victim.at) >= longest;
    if !has_room {
        search.steps.take(1);
        return Ok(Found::Nothing(Stopped::NoRoom));
    }
    let fits_caps = victim.live <= search.caps.bytes
        && u32::try_from(victim.movable.len()).is_ok_and(|moves| moves <= search.caps.moves);
    let mut stopped = Stopped::NoRoom;
    for attempt in ATTEMPTS {
        // One that was begun has places for the rest, but not in every order.
        let is_probed = !attempt.longest_first && !victim.is_continued;
        if is_probed && !takes_longest(search, victim, attempt)? {
            continue;
        }
        // A plan that leads downhill would have to finish.
        let is_one_move = victim.movable.len() == 1;
        if !attempt.uphill_only && !fits_caps && !is_one_move {
            return Ok(Found::Nothing(Stopped::Caps));
        }
        // What was read of a victim is not read in vain.
        if attempt != ATTEMPTS[0] && !search.steps.are_left() {
            return Ok(Found::Nothing(Stopped::Caps));
        }
        let Some((places, is_proven)) = place_all(search, victim, attempt)? else {
            continue;
        };
        let plan = follow(search, victim, &places, is_proven);
        if attempt.uphill_only || plan.stopped == Stopped::Done {
            return Ok(Found::Plan(plan));
        }
        give_back(search, places);
        stopped = Stopped::Caps;
    }
    Ok(Found::Nothing(stopped))
}

/// Whether the longest ranges find places: where they do not, the others need not be tried.
fn takes_longest(
    search: &mut Search<'_>,
    victim: &Victim,
    attempt: Attempt,
) -> Result<bool, LayoutError> {
    let among = Among {
        but: victim.at,
        uphill_only: attempt.uphill_only,
    };
    let mut places = Places::new();
    let mut takes_all = true;
    for range in victim.movable.iter().rev().take(PROBED) {
        let placed = search.receivers.place(range, among, &mut search.steps)?;
        takes_all = placed.is_some();
        let Some(placed) = placed else { break };
        places.push((*range, placed));
    }
    give_back(search, places);
    Ok(takes_all)
}

type Places = Vec<(RangeView, Placed)>;

/// Finds places for the ranges of a victim, and whether that are all; `None` if they do not fit.
fn place_all(
    search: &mut Search<'_>,
    victim: &Victim,
    attempt: Attempt,
) -> Result<Option<(Places, bool)>, LayoutError> {
    let among = Among {
        but: victim.at,
        uphill_only: attempt.uphill_only,
    };
    let count = victim.movable.len();
    let mut places = Places::with_capacity(count);
    for nth in 0..count {
        let nth = if attempt.longest_first {
            count - 1 - nth
        } else {
            nth
        };
        let range = &victim.movable[nth];
        if !places.is_empty() && !search.steps.are_left() {
            return Ok(Some((places, false)));
        }
        let placed = search.receivers.place(range, among, &mut search.steps)?;
        let Some(placed) = placed else {
            give_back(search, places);
            return Ok(None);
        };
        places.push((*range, placed));
    }
    Ok(Some((places, true)))
}

fn give_back(search: &mut Search<'_>, places: Places) {
    for (_, placed) in places.into_iter().rev() {
        search.receivers.give_back(placed, &mut search.steps);
    }
}

/// Lists moves up to the caps, and forecasts.
fn follow(search: &Search<'_>, victim: &Victim, places: &Places, is_proven: bool) -> Plan {
    let moves = places.iter().map(|(range, placed)| {
        let to = (placed.chunk, placed.to());
        search.to_move(victim.at, range, to)
    });
    let mut plan = search.with_moves(moves);
    let chunk = search.board.chunks[victim.at].id;
    plan.victim = Some(chunk);
    plan.evictions = victim
        .evicted
        .iter()
        .map(|range| Eviction {
            key: range.key,
            chunk,
            range: range.range,
        })
        .collect();
    let forecast = &mut plan.forecast;
    let evicted = victim.evicted_bytes();
    forecast.chunks_returned = 1;
    forecast.is_proven = is_proven;
    forecast.bytes_evicted = evicted;
    forecast.bytes_left = victim.live - forecast.bytes_moved;
    forecast.free_fraction_after = search.board.free_fraction(Some(victim.at), evicted);
    plan.stopped = if forecast.bytes_left.is_zero() {
        Stopped::Done
    } else {
        Stopped::Caps
    };
    plan
}
