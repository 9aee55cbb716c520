//! All sequences of up to seven operations in a space of 16 units: every length, every alignment
//! that can matter, every free.
//!
//! Sequences that lead to the same state have the same futures, so that each state is gone on
//! from once: what tiles the space, and the order of equal free ranges in their bin. Each
//! operation's outcome is held against what the tiling alone says must come of it.

extern crate std;

use alloc::vec::Vec;
use core::hash::BuildHasher;
use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::string::String;
use std::{format, println, thread};

use crate::{Align, AllocError, ByteLen, Space};

const UNITS: u64 = 16;

/// Without debug assertions a minute is enough for all of them.
const OPS_MAX: usize = if cfg!(debug_assertions) { 4 } else { 7 };

/// Below this many free ranges that are long enough, the fit is the best there is.
const EXACT_BELOW: usize = 4;

/// An operation in a byte or two: a length and an alignment, or the `nth` live range to free.
#[derive(Clone, Copy, Debug)]
enum Op {
    Alloc(u8, u8),
    Free(u8),
}

type History = ([Op; OPS_MAX], usize);

fn all_ops(space: &Space) -> impl Iterator<Item = Op> + use<> {
    let live = u8::try_from(space.live_count()).expect("at most 16 ranges are live");
    let units = u8::try_from(UNITS).expect("16 units");
    // An alignment beyond the capacity leaves the start only, as that of the capacity does.
    let allocs = (1..=units).flat_map(move |len| (1..=units).map(move |at| Op::Alloc(len, at)));
    allocs.chain((0..live).map(Op::Free))
}

/// Free and live ranges: start, length, and whether it is live.
fn tiling(space: &Space) -> Vec<(u64, u64, bool)> {
    let spans = space.iter();
    let span = |span: crate::Span| {
        let (start, len) = (span.range.start.get(), span.range.len.get());
        (start, len, span.id.is_some())
    };
    spans.map(span).collect()
}

/// What decides all futures.
fn state(space: &Space) -> Vec<u8> {
    let byte = |value: u64| u8::try_from(value).expect("at most 16 units");
    let mut state = Vec::new();
    for (_, len, live) in tiling(space) {
        state.push(byte(len << 1) | u8::from(live));
    }
    for bin in 0..space.bins.count() {
        let mut at = space.bins.first_in(&space.nodes, bin, 0);
        while let Some(node) = at {
            state.push(byte(space.nodes.at(node).start()));
            at = space.bins.next_in(&space.nodes, bin, node);
        }
    }
    state
}

/// Where an aligned place of `len` in a free range starts.
fn place(start: u64, hole: u64, len: u64, align: u64) -> Option<u64> {
    let at = start.next_multiple_of(align);
    (at + len <= start + hole).then_some(at)
}

/// Carries the operation out and says what is wrong with what came of it.
fn apply(space: &mut Space, op: Op) -> Result<(), String> {
    let before = tiling(space);
    match op {
        Op::Alloc(len, align) => {
            let (len, align) = (u64::from(len), u64::from(align));
            let holes = || {
                before
                    .iter()
                    .filter(|(_, hole, live)| !live && *hole >= len)
            };
            let fits = || {
                holes()
                    .filter_map(|&(start, hole, _)| Some((hole, place(start, hole, len, align)?)))
            };
            let by = Align::new(align).expect("not zero");
            match space.alloc(ByteLen::new(len), by) {
                Ok(new) => {
                    let start = new.range.start.get();
                    let Some((hole, _)) = fits().find(|&(_, at)| at == start) else {
                        return Err(format!("S8: {len} at {align} lies at {start}"));
                    };
                    let best = fits().map(|(hole, _)| hole).min();
                    if holes().count() < EXACT_BELOW && Some(hole) != best {
                        return Err(format!("{len} at {align} took {hole}, not {best:?}"));
                    }
                }
                Err(AllocError::NoSpace { .. }) if fits().next().is_none() => {
                    if tiling(space) != before {
                        return Err(String::from("S9: a refusal changed the space"));
                    }
                }
                Err(error) => return Err(format!("S8: {len} at {align}: {error}")),
            }
        }
        Op::Free(nth) => {
            let live = space.iter().filter_map(|span| span.id).nth(nth.into());
            let id = live.expect("there are so many live ranges");
            let freed = space.free(id).map_err(|error| format!("S7: {error}"))?;
            if space.free(id).is_ok() || space.get(id).is_some() {
                return Err(format!("S7: {id} is live after its free"));
            }
            let range = (freed.start.get(), freed.len.get(), true);
            if !before.contains(&range) {
                return Err(format!("{range:?} was freed, which was not live"));
            }
        }
    }
    Ok(())
}

fn replayed((ops, len): &History) -> Space {
    let space = Space::new(ByteLen::new(UNITS), ByteLen::new(1));
    let mut space = space.expect("a valid space");
    for op in &ops[..*len] {
        apply(&mut space, *op).expect("it was right before");
    }
    space
}

/// All states one operation further on, by a hash of them, and how many operations were tried.
fn go_on(histories: &[History], hasher: &RandomState, keep: bool) -> (Vec<(u64, History)>, u64) {
    let (mut found, mut tried) = (Vec::new(), 0);
    let mut seen = HashSet::new();
    for history in histories {
        let space = replayed(history);
        for op in all_ops(&space) {
            let mut next = space.clone();
            tried += 1;
            if let Err(why) = apply(&mut next, op) {
                panic!("{why}, after {:?} and {op:?}", &history.0[..history.1]);
            }
            next.validate();
            if keep && next.live_count() != space.live_count() {
                let state = hasher.hash_one(state(&next));
                if seen.insert(state) {
                    let mut longer = *history;
                    longer.0[longer.1] = op;
                    longer.1 += 1;
                    found.push((state, longer));
                }
            }
        }
    }
    (found, tried)
}

#[test]
fn all_sequences_in_sixteen_units() {
    let hasher = RandomState::new();
    let mut seen = HashSet::new();
    let mut histories: Vec<History> = Vec::from([([Op::Free(0); OPS_MAX], 0)]);
    let mut tried = 0;
    for depth in 1..=OPS_MAX {
        let halves = histories.split_at(histories.len() / 2);
        let (one, two) = thread::scope(|scope| {
            let other = scope.spawn(|| go_on(halves.1, &hasher, depth < OPS_MAX));
            let one = go_on(halves.0, &hasher, depth < OPS_MAX);
            (one, other.join().expect("it has told what is wrong"))
        });
        tried += one.1 + two.1;
        let found = one.0.into_iter().chain(two.0);
        histories = found
            .filter(|(state, _)| seen.insert(*state))
            .map(|(_, history)| history)
            .collect();
        println!(
            "{depth} operations: {} new states, {tried} tried",
            histories.len()
        );
    }
    assert!(tried > 1_000_000, "only {tried} operations were tried");
}
