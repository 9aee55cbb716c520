//! A model that executes plans range by range, and what must hold of any plan on any layout.

use geoheap_suballoc::{Align, ByteLen, ByteOffset, ByteRange};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{
    Caps, ChunkView, Goal, Layout, Move, Plan, RangeState, RangeView, Reason, Stopped, plan,
};

/// Bytes of the unit that random layouts are made of.
const UNIT: u64 = 16;

/// Executes the plan: each move occupies its new place, and the old one is retired, as is what is
/// evicted. Asserts that no move touches what it must not.
pub(super) fn execute(layout: &Layout, plan: &Plan) -> Layout {
    let mut after = layout.clone();
    for one in &plan.evictions {
        assert_eq!(Some(one.chunk), plan.victim, "D9: only the victim's leave");
        let chunk = chunk_mut(&mut after, one.chunk);
        let range = chunk.ranges.iter_mut().find(|view| view.range == one.range);
        let range = range.expect("D9: an eviction is where a range lies");
        assert!(
            range.key == one.key && range.cold && range.state == RangeState::Movable,
            "D9: a cold range that may move is evicted: {range:?}"
        );
        range.state = RangeState::Retired;
    }
    for one in &plan.moves {
        carry_out(&mut after, plan, one);
    }
    // What is for later is as sound, but not carried out.
    let mut later = after.clone();
    for one in &plan.later {
        carry_out(&mut later, plan, one);
    }
    after
}

fn carry_out(after: &mut Layout, plan: &Plan, one: &Move) {
    let from = chunk_mut(after, one.from_chunk);
    let source = from.ranges.iter_mut().find(|range| range.range == one.from);
    let source = source.expect("D4: a move starts where a range lies");
    assert_eq!(source.key, one.key, "D4: the key is that of the range");
    assert_eq!(
        source.state,
        RangeState::Movable,
        "D4: only movable ranges move, and once"
    );
    check_why(plan, one, source);
    source.state = RangeState::Retired;
    let moved = RangeView {
        range: ByteRange::new(one.to, one.from.len),
        state: RangeState::Movable,
        has_gaps: false,
        ..*source
    };
    assert_eq!(
        one.closes_gaps, source.has_gaps,
        "D4: gaps are closed on the way"
    );
    enter(chunk_mut(after, one.to_chunk), one, moved);
}

/// A move leaves the victim, lies in the way of the room, or closes gaps.
fn check_why(plan: &Plan, one: &Move, source: &RangeView) {
    match (plan.victim, plan.room) {
        (Some(victim), None) => {
            assert_eq!(one.from_chunk, victim, "D2: moves leave the victim");
            assert_ne!(one.from_chunk, one.to_chunk, "D2: a move changes the chunk");
        }
        (None, Some(room)) => {
            assert_eq!(one.from_chunk, room.chunk, "D2: moves make the room");
            assert!(one.from.overlaps(&room.range), "D2: {one} is in the way");
            let to = ByteRange::new(one.to, one.from.len);
            let is_clear = one.to_chunk != room.chunk || !to.overlaps(&room.range);
            assert!(is_clear, "D2: {one} is not in the way again");
        }
        (None, None) => assert!(source.has_gaps, "D2: {one} closes gaps"),
        both @ (Some(_), Some(_)) => panic!("D2: one aim a plan, not {both:?}"),
    }
}

fn enter(to: &mut ChunkView, one: &Move, moved: RangeView) {
    assert!(
        moved.align.divides(one.to),
        "D3: {one} keeps the alignment of {}",
        moved.align
    );
    assert!(to.receives, "D2: {one} goes to a chunk that receives");
    let mut live = to.ranges.iter().map(|range| range.state);
    let has_live = live.any(|state| state != RangeState::Retired);
    assert!(
        has_live || one.is_bounced(),
        "D2: {one} goes to a chunk with something live"
    );
    assert!(
        moved.range.end().get() <= to.capacity.get(),
        "D3: {one} stays in its chunk"
    );
    let mut ranges = to.ranges.iter();
    let over = ranges.find(|range| range.range.overlaps(&moved.range));
    assert_eq!(over, None, "D3: {one} overlaps nothing");
    to.ranges.push(moved);
    to.ranges.sort_by_key(|range| range.range.start);
}

fn chunk_mut(layout: &mut Layout, id: u32) -> &mut ChunkView {
    let found = layout.chunks.iter_mut().find(|chunk| chunk.id == id);
    found.expect("D2: moves are between chunks of the layout")
}

/// What every version lets go of in the end.
fn drop_retired(layout: &mut Layout) {
    for chunk in &mut layout.chunks {
        chunk
            .ranges
            .retain(|range| range.state != RangeState::Retired);
    }
}

fn live_bytes(chunk: &ChunkView) -> u64 {
    let live = chunk
        .ranges
        .iter()
        .filter(|range| range.state != RangeState::Retired);
    live.map(|range| range.range.len.get()).sum()
}

/// Bytes that are not live as a fraction of all capacity, counted anew.
fn free_fraction(layout: &Layout) -> f64 {
    let capacity: u64 = layout.chunks.iter().map(|chunk| chunk.capacity.get()).sum();
    let live: u64 = layout.chunks.iter().map(live_bytes).sum();
    let number = |bytes: u64| f64::from(u32::try_from(bytes).expect("small layouts"));
    if capacity == 0 {
        0.0
    } else {
        number(capacity - live) / number(capacity)
    }
}

fn state() -> impl Strategy<Value = RangeState> {
    prop_oneof![
        16 => Just(RangeState::Movable),
        1 => Just(RangeState::Fixed),
        2 => Just(RangeState::Retired),
    ]
}

/// A chunk of up to 12 ranges with gaps between them; `sparse` chunks have wider gaps.
fn chunk() -> impl Strategy<Value = ChunkView> {
    let align = prop_oneof![Just(1_u64), Just(16), Just(48), Just(36), Just(256)];
    let marks = (prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    let spec = (0_u64..8, 1_u64..8, align, state(), marks);
    let flags = (
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.9),
        0_u64..4,
        0_u64..24,
    );
    (vec(spec, 0..12), flags).prop_map(|(specs, (receives, evacuable, spread, tail))| {
        let mut ranges = Vec::new();
        let mut at = 0;
        for (gap, len, align, state, (cold, has_gaps)) in specs {
            at += gap * spread / 2;
            let align = Align::new(align).expect("a positive number");
            let start = ByteOffset::new(at * UNIT);
            at += len;
            ranges.push(RangeView {
                key: 0,
                range: ByteRange::new(start, ByteLen::new(len * UNIT)),
                align,
                state,
                cold,
                has_gaps,
            });
        }
        let capacity = ByteLen::new((at + tail + 1) * UNIT);
        ChunkView {
            id: 0,
            capacity,
            receives,
            evacuable,
            ranges,
        }
    })
}

/// Chunks with their ids, and keys that are unique.
fn layout() -> impl Strategy<Value = Layout> {
    vec(chunk(), 0..7).prop_map(|mut chunks| {
        let mut key = 100;
        for (id, chunk) in (10..).zip(&mut chunks) {
            chunk.id = id;
            for range in &mut chunk.ranges {
                key += 1;
                range.key = key;
            }
        }
        Layout { chunks }
    })
}

fn caps() -> impl Strategy<Value = Caps> {
    let few = (0_u64..24, 0_u32..12, 0_u32..60);
    prop_oneof![
        1 => Just(Caps::default()),
        2 => few.prop_map(|(bytes, moves, steps)| Caps {
            bytes: ByteLen::new(bytes * UNIT),
            moves,
            steps: if steps > 40 { 65_536 } else { steps },
        }),
    ]
}

/// What must hold of a plan alone.
fn check_caps(plan: &Plan, caps: &Caps) {
    let bytes: ByteLen = plan.moves.iter().map(|one| one.from.len).sum();
    assert_eq!(
        bytes, plan.forecast.bytes_moved,
        "D6: the bytes are those of the moves"
    );
    let evicted: ByteLen = plan.evictions.iter().map(|one| one.range.len).sum();
    assert_eq!(
        evicted, plan.forecast.bytes_evicted,
        "D6: these are those of the evictions"
    );
    let twice = plan.moves.iter().filter(|one| one.is_bounced());
    let bytes = bytes + twice.map(|one| one.from.len).sum();
    assert!(
        plan.moves.len() <= caps.moves as usize,
        "D5: the cap on moves holds"
    );
    if plan.is_oversized {
        assert_eq!(plan.moves.len(), 1, "D5: an oversized move is alone");
        assert!(bytes > caps.bytes, "D5: it is oversized");
    } else {
        assert!(bytes <= caps.bytes, "D5: the cap on bytes holds");
    }
    let lens = plan.moves.iter().map(|one| one.from.len);
    let smallest_first = lens.clone().is_sorted();
    assert!(
        smallest_first || lens.rev().is_sorted(),
        "moves are listed in order of length"
    );
}

/// What must hold of a plan and what its execution leaves.
fn check_forecast(before: &Layout, plan: &Plan) {
    assert_same(
        plan.forecast.free_fraction_before,
        free_fraction(before),
        "D6: the layout before is as measured",
    );
    let mut after = execute(before, plan);
    drop_retired(&mut after);
    if let Some(room) = plan.room {
        let chunk = chunk_mut(&mut after, room.chunk);
        let mut left = chunk.ranges.iter();
        let is_clear = left.all(|view| !view.range.overlaps(&room.range));
        assert_eq!(
            is_clear,
            plan.stopped == Stopped::Done,
            "D6: done if it is clear"
        );
    }
    let Some(victim) = plan.victim else {
        assert_eq!(
            plan.forecast.chunks_returned, 0,
            "without a victim nothing comes back"
        );
        return;
    };
    let left = live_bytes(chunk_mut(&mut after, victim));
    assert_eq!(
        left,
        plan.forecast.bytes_left.get(),
        "D6: bytes left in the victim"
    );
    assert_eq!(
        left == 0,
        plan.stopped == Stopped::Done,
        "D6: done if nothing is left"
    );
    if plan.stopped == Stopped::Done {
        assert!(plan.forecast.is_proven, "D6: what is done is proven");
        assert_eq!(
            plan.forecast.chunks_returned, 1,
            "D6: the victim comes back"
        );
        after.chunks.retain(|chunk| chunk.id != victim);
        assert_same(
            plan.forecast.free_fraction_after,
            free_fraction(&after),
            "D6: the layout after is as forecast",
        );
    }
}

/// Bounces and evictions only as far as the goal has them.
fn check_marks(goal: &Goal, plan: &Plan) {
    let bounced = plan.moves.iter().filter(|one| one.is_bounced());
    let bounced: ByteLen = bounced.map(|one| one.from.len).sum();
    assert!(
        bounced <= goal.bounce,
        "D9: {bounced} bytes at a time bounce"
    );
    let mut sizes = plan.evictions.iter().map(|one| one.range.len);
    let (all, last) = (
        sizes.clone().sum::<ByteLen>(),
        sizes.next_back().unwrap_or_default(),
    );
    assert!(
        last.is_zero() || all - last < goal.evict,
        "D9: no eviction that is not wanted"
    );
}

/// Whether some chunk would surely have room for all that the candidate has: in one gap.
fn surely_fits(layout: &Layout, candidate: &ChunkView) -> bool {
    let movable = candidate
        .ranges
        .iter()
        .filter(|range| range.state == RangeState::Movable);
    let need: u64 = movable
        .map(|range| {
            let align = range
                .align
                .lcm(Align::new(UNIT).expect("positive"))
                .expect("small");
            range.range.len.get() + align.get()
        })
        .sum();
    let others = layout
        .chunks
        .iter()
        .filter(|chunk| chunk.id != candidate.id && chunk.receives);
    others.filter(|chunk| live_bytes(chunk) > 0).any(|chunk| {
        let ends = chunk.ranges.iter().map(|range| range.range.end().get());
        let starts = chunk.ranges.iter().map(|range| range.range.start.get());
        let gaps = std::iter::once(0)
            .chain(ends)
            .zip(starts.chain([chunk.capacity.get()]));
        gaps.into_iter().any(|(end, start)| start - end >= need)
    })
}

/// Without a cap that matters, a victim is the cheapest that may be emptied, as far as a simple
/// look can tell.
fn check_choice(layout: &Layout, goal: &Goal, plan: &Plan) {
    let may_go = |chunk: &&ChunkView| {
        let live = live_bytes(chunk);
        let number = |bytes: u64| f64::from(u32::try_from(bytes).expect("small"));
        chunk.evacuable
            && live > 0
            && chunk
                .ranges
                .iter()
                .all(|range| range.state != RangeState::Fixed)
            && number(live) / number(chunk.capacity.get()) <= goal.price_max_fraction
    };
    let candidates: Vec<_> = layout.chunks.iter().filter(may_go).collect();
    match plan.victim {
        None if candidates.is_empty() => {
            // What must stay is not looked for where there is no room anyway.
            let is_said = matches!(plan.stopped, Stopped::NothingWorthIt | Stopped::NoRoom);
            assert!(is_said, "no candidate at this price");
        }
        None => {
            assert_eq!(plan.stopped, Stopped::NoRoom, "candidates, but no room");
            let fits = candidates.iter().find(|chunk| surely_fits(layout, chunk));
            assert_eq!(fits, None, "a candidate that fits is found");
        }
        Some(victim) => {
            let chosen = candidates.iter().find(|chunk| chunk.id == victim);
            let chosen = chosen.expect("a victim is a candidate");
            let rank = |chunk: &ChunkView| (live_bytes(chunk), chunk.id);
            let cheaper = candidates.iter().filter(|chunk| rank(chunk) < rank(chosen));
            for chunk in cheaper {
                assert!(
                    !surely_fits(layout, chunk),
                    "chunk {} is cheaper than {victim}",
                    chunk.id
                );
            }
        }
    }
}

/// Fractions of the same numbers, counted in two ways.
#[track_caller]
fn assert_same(got: f64, expected: f64, what: &str) {
    assert!(
        (got - expected).abs() < 1.0e-9,
        "{what}: {got}, not {expected}"
    );
}

fn reason() -> impl Strategy<Value = Reason> {
    let align = prop_oneof![Just(1_u64), Just(16), Just(48), Just(256)];
    prop_oneof![
        3 => Just(Reason::Requested),
        2 => (1_u64..60, align).prop_map(|(units, align)| Reason::AllocFailed {
            requested: ByteLen::new(units * UNIT),
            align: Align::new(align).expect("a positive number"),
        }),
        1 => (10_u32..17).prop_map(|chunk| Reason::BlockGaps { key: 0, chunk }),
    ]
}

fn goal(price: u32) -> Goal {
    Goal {
        price_max_fraction: f64::from(price) / 8.0,
        ..Goal::new(Reason::Requested)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_keeps_its_word(
        layout in layout(),
        caps in caps(),
        price in 0_u32..9,
        continued in prop::option::weighted(0.3, 10_u32..18),
        reason in reason(),
        evict in prop_oneof![2 => Just(0_u64), 1 => 1_u64..30],
        bounce in prop_oneof![2 => Just(0_u64), 1 => 1_u64..30],
    ) {
        let goal = Goal {
            reason,
            evict: ByteLen::new(evict * UNIT),
            bounce: ByteLen::new(bounce * UNIT),
            ..goal(price)
        };
        let plan = plan(&layout, &caps, &goal, continued).expect("D1: a sound layout");
        check_caps(&plan, &caps);
        check_forecast(&layout, &plan);
        check_marks(&goal, &plan);
        let is_choice = continued.is_none() || plan.victim.is_some_and(|id| Some(id) != continued);
        let is_choice = is_choice && reason == Reason::Requested && evict == 0;
        if is_choice && caps == Caps::default() {
            check_choice(&layout, &goal, &plan);
        }
        let mut turned = layout.clone();
        turned.chunks.reverse();
        let again = crate::plan(&turned, &caps, &goal, continued).expect("D1: a sound layout");
        prop_assert_eq!(again, plan, "D8: the order of the chunks decides nothing");
    }

    #[test]
    fn capped_plans_end_with_the_victim_returned(
        mut layout in layout(),
        bytes in 1_u64..8,
        moves in 1_u32..4,
    ) {
        for range in layout.chunks.iter_mut().flat_map(|chunk| &mut chunk.ranges) {
            range.align = Align::ONE;
        }
        let caps = Caps { bytes: ByteLen::new(bytes * UNIT), moves, ..Caps::default() };
        let goal = goal(8);
        let first = plan(&layout, &caps, &goal, None).expect("D1: a sound layout");
        let Some(victim) = first.victim else { return Ok(()) };
        let mut after = execute(&layout, &first);
        let mut bytes_moved = first.forecast.bytes_moved;
        let mut last = first.clone();
        let mut moves = first.moves.clone();
        while last.stopped == Stopped::Caps {
            last = plan(&after, &caps, &goal, Some(victim)).expect("D1: a sound layout");
            prop_assert!(!last.moves.is_empty(), "each plan gets on: {}", last);
            prop_assert_eq!(last.victim, Some(victim), "the victim is finished");
            bytes_moved += last.forecast.bytes_moved;
            moves.extend_from_slice(&last.moves);
            after = execute(&after, &last);
        }
        // In another order, a plan that continues may find one that suits it better.
        let whole = plan(&layout, &Caps::default(), &goal, Some(victim)).expect("D1: sound");
        if whole.moves.is_sorted_by_key(|one| one.from.len) {
            let ways = |moves: &[Move]| -> Vec<_> {
                moves.iter().map(|one| (one.key, one.to_chunk)).collect()
            };
            prop_assert_eq!(ways(&moves), ways(&whole.moves), "D6: caps only cut a plan in pieces");
        }
        prop_assert_eq!(
            bytes_moved,
            first.forecast.bytes_moved + first.forecast.bytes_left,
            "D6: together they move what was forecast"
        );
        drop_retired(&mut after);
        prop_assert_eq!(live_bytes(chunk_mut(&mut after, victim)), 0, "D6: the victim is empty");
    }

    #[test]
    fn passes_come_to_an_end(layout in layout(), bytes in 1_u64..8, steps in 1_u32..40) {
        let caps = Caps { bytes: ByteLen::new(bytes * UNIT), moves: 3, steps };
        let goal = goal(6);
        let (mut victim, mut after, mut idle) = (None, layout, 0);
        // Each chunk is emptied at most once, in at most as many plans as it has ranges.
        for _ in 0..1_000 {
            let plan = plan(&after, &caps, &goal, victim).expect("D1: a sound layout");
            idle = if plan.moves.is_empty() { idle + 1 } else { 0 };
            prop_assert!(idle < 2, "D7: a victim is named only with moves: {}", plan);
            after = execute(&after, &plan);
            drop_retired(&mut after);
            victim = plan.victim;
            if plan.stopped == Stopped::Done {
                after.chunks.retain(|chunk| Some(chunk.id) != victim);
            }
            if victim.is_none() {
                return Ok(());
            }
        }
        prop_assert!(false, "D7: passes end");
    }

    #[test]
    fn room_that_is_cleared_is_room(
        mut layout in layout(),
        units in 1_u64..40,
        moves in 1_u32..4,
        bounce in 0_u64..20,
    ) {
        let requested = ByteLen::new(units * UNIT);
        let goal = Goal {
            reason: Reason::AllocFailed { requested, align: Align::ONE },
            bounce: ByteLen::new(bounce * UNIT),
            price_max_fraction: 1.0,
            ..Goal::new(Reason::Requested)
        };
        let caps = Caps { moves, ..Caps::default() };
        for _ in 0..40 {
            let found = plan(&layout, &caps, &goal, None).expect("D1: a sound layout");
            let Some(room) = found.room else { return Ok(()) };
            prop_assert!(room.range.len >= requested, "D6: it is long enough: {}", found);
            let is_done = found.stopped == Stopped::Done;
            prop_assert!(is_done || !found.moves.is_empty(), "each plan gets on: {}", found);
            layout = execute(&layout, &found);
            drop_retired(&mut layout);
            if is_done {
                let chunk = chunk_mut(&mut layout, room.chunk);
                let largest = chunk.summary().largest_free;
                prop_assert!(largest >= requested, "D6: {} in {}", largest, found);
                return Ok(());
            }
        }
        prop_assert!(false, "D7: passes end");
    }

    #[test]
    fn gaps_that_are_closed_stay_closed(mut layout in layout(), moves in 1_u32..4) {
        let caps = Caps { moves, ..Caps::default() };
        let goal = |chunk| Goal {
            bounce: ByteLen::new(64 * UNIT),
            ..Goal::new(Reason::BlockGaps { key: 0, chunk })
        };
        let count = |layout: &Layout| {
            let ranges = layout.chunks.iter().flat_map(|chunk| &chunk.ranges);
            ranges.filter(|view| view.has_gaps).count()
        };
        for chunk in 10..17 {
            loop {
                let before = count(&layout);
                let found = plan(&layout, &caps, &goal(chunk), None).expect("D1: sound");
                layout = execute(&layout, &found);
                drop_retired(&mut layout);
                let closed = found.moves.len();
                prop_assert!(count(&layout) <= before - closed, "D7: {}", found);
                if found.stopped != Stopped::Caps || closed == 0 {
                    break;
                }
            }
        }
    }
}
