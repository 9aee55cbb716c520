//! Random sequences of operations against the naive twin.

mod oracle;

use geoheap_suballoc::{self as suballoc, Align, AllocError, ByteLen, ByteOffset, RangeId, Space};
use oracle::Pair;
use proptest::prelude::*;
use proptest::sample::Index;

#[derive(Clone, Debug)]
enum Op {
    Alloc { len: u64, align: u64, lowest: bool },
    AllocAt { start: u64, len: u64 },
    Free(Index),
    Resize(Index, u64),
}

/// Operations on a space of `capacity` bytes, with lengths from tiny to a third of it.
fn op(capacity: u64) -> impl Strategy<Value = Op> {
    let len = || prop_oneof![4 => 1..64_u64, 3 => 1..capacity / 20, 1 => 0..capacity / 3];
    let align = prop_oneof![
        4 => Just(1_u64),
        2 => prop::sample::select(vec![4, 16, 64, 256, 4096]),
        3 => prop::sample::select(vec![3, 12, 20, 36, 60, 1000]),
        1 => 1..capacity * 2,
    ];
    prop_oneof![
        6 => (len(), align, any::<bool>())
            .prop_map(|(len, align, lowest)| Op::Alloc { len, align, lowest: lowest && len > 40 }),
        1 => (0..capacity, len()).prop_map(|(start, len)| Op::AllocAt { start, len }),
        4 => any::<Index>().prop_map(Op::Free),
        2 => (any::<Index>(), len()).prop_map(|(nth, len)| Op::Resize(nth, len)),
    ]
}

fn run(units: u64, unit: u64, ops: &[Op]) {
    let mut pair = Pair::new(units, unit);
    for op in ops {
        match *op {
            Op::Alloc { len, align, lowest } => {
                let strategy = if lowest {
                    suballoc::Strategy::LowestAddress
                } else {
                    suballoc::Strategy::BestFit
                };
                pair.alloc(len, align, strategy);
            }
            Op::AllocAt { start, len } => pair.alloc_at(start, len),
            Op::Free(nth) if !pair.live.is_empty() => pair.free(nth.index(pair.live.len())),
            Op::Resize(nth, len) if !pair.live.is_empty() => {
                pair.resize(nth.index(pair.live.len()), len);
            }
            Op::Free(_) | Op::Resize(..) => {}
        }
    }
    while !pair.live.is_empty() {
        pair.free(pair.live.len() / 2);
    }
    pair.alloc(units * unit, 1, suballoc::Strategy::BestFit);
    assert_eq!(
        pair.live.len(),
        1,
        "S8: an empty space serves its whole capacity"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn agrees_with_the_naive_twin_in_bytes(ops in prop::collection::vec(op(2_000), 1..120)) {
        run(2_000, 1, &ops);
    }

    #[test]
    fn agrees_where_ranges_are_long(ops in prop::collection::vec(op(100_000), 1..80)) {
        run(100_000, 1, &ops);
    }

    #[test]
    fn agrees_in_units_of_any_size(
        unit in prop::sample::select(vec![2, 4, 6, 16, 36, 256]),
        ops in prop::collection::vec(op(4_000), 1..80),
    ) {
        run(300, unit, &ops);
    }
}

/// S8: a request is found among many holes that are long enough and lie badly, behind the bound
/// on the search, and also where only one of them all suits.
#[test]
fn a_request_that_fits_somewhere_is_served() {
    fn check(holes: u64, suits: impl Fn(u64) -> bool, longer: bool) {
        let mut space = Space::new(ByteLen::from_mib(1), ByteLen::new(1)).unwrap();
        let end = 200 + holes * 200;
        space
            .alloc_at(
                ByteOffset::new(end),
                ByteLen::from_mib(1) - ByteLen::new(end),
            )
            .unwrap();
        let wall = |space: &mut Space, from: u64, to: u64| {
            space
                .alloc_at(ByteOffset::new(from), ByteLen::new(to - from))
                .unwrap();
        };
        // Each hole has 70 bytes, from 10 bytes behind a multiple of 100, or at one.
        let mut from = 0;
        for hole in 1..=holes {
            let start = hole * 200 + if suits(hole) { 0 } else { 10 };
            wall(&mut space, from, start);
            from = start + if longer && hole == 1 { 170 } else { 70 };
        }
        wall(&mut space, from, end);
        space.validate();
        let hundred = Align::new(100).unwrap();
        let served = space.alloc(ByteLen::new(70), hundred);
        if longer || (1..=holes).any(suits) {
            let range = served.unwrap().range;
            assert!(hundred.divides(range.start), "S6");
        } else {
            assert!(
                matches!(served, Err(AllocError::NoSpace { .. })),
                "{served:?}"
            );
        }
        space.validate();
    }
    for holes in [1, 3, 4, 5, 100] {
        check(holes, |_| false, false);
        check(holes, |hole| hole == 1, false);
        check(holes, |hole| hole == holes, false);
        check(holes, |hole| hole == holes.div_ceil(2), false);
        check(holes, |_| false, true);
    }
}

/// Restores the layout of a churned space in address order, from both ends and from the middle.
#[test]
fn a_layout_is_restored_range_by_range() {
    let mut space = Space::new(ByteLen::from_kib(64), ByteLen::new(4)).unwrap();
    let ids: Vec<RangeId> = (0..200)
        .map(|n| {
            space
                .alloc(ByteLen::new(4 + n * 37 % 300), Align::ONE)
                .unwrap()
                .id
        })
        .collect();
    for id in ids.iter().step_by(3) {
        space.free(*id).unwrap();
    }
    let live: Vec<_> = space
        .iter()
        .filter(|span| span.id.is_some())
        .map(|s| s.range)
        .collect();
    let middle_out = live
        .iter()
        .skip(60)
        .chain(live.iter().take(60).rev())
        .copied()
        .collect();
    for order in [
        live.clone(),
        live.iter().rev().copied().collect(),
        middle_out,
    ] {
        let mut copy = Space::new(space.capacity(), space.unit()).unwrap();
        for range in order {
            assert_eq!(copy.alloc_at(range.start, range.len).unwrap().range, range);
        }
        copy.validate();
        assert_eq!(copy.report(), space.report());
        let ranges = |space: &Space| space.iter().map(|span| span.range).collect::<Vec<_>>();
        assert_eq!(ranges(&copy), ranges(&space));
    }
}

/// The search for an aligned place is bounded: past four holes that lie badly, it takes one that
/// suits wherever it starts, though a shorter one would suit as well.
#[test]
fn the_search_among_badly_lying_holes_is_bounded() {
    fn check(bad_holes: u64, hole_taken: u64) {
        let mut space = Space::new(ByteLen::new(4_000), ByteLen::new(1)).unwrap();
        let bad = (1..=bad_holes).map(|nth| (nth * 100 + 10, 70));
        let mut from = 0;
        for (start, hole) in bad.chain([(2_000, 75), (2_110, 200)]) {
            let wall = ByteLen::new(start - from);
            space.alloc_at(ByteOffset::new(from), wall).unwrap();
            from = start + hole;
        }
        space
            .alloc_at(ByteOffset::new(from), ByteLen::new(4_000 - from))
            .unwrap();
        let taken = space
            .alloc(ByteLen::new(70), Align::new(100).unwrap())
            .unwrap();
        assert_eq!(
            taken.range.start.get(),
            hole_taken,
            "with {bad_holes} holes that lie badly"
        );
    }
    check(0, 2_000);
    check(3, 2_000);
    check(4, 2_200);
    check(15, 2_200);
}
