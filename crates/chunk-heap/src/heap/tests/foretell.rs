//! What the report says of empty chunks comes true, however the ticks are told.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::report::Held;

/// What the report says is closed when `ticks` have passed and nothing else has happened.
fn foretold(heap: &ChunkHeap, ticks: u64) -> BTreeSet<ChunkId> {
    let chunks = heap.report().chunks.into_iter();
    let closed = chunks.filter(|chunk| match chunk.held {
        Held::Empty { ticks: left } => left <= ticks,
        Held::Draining => chunk.info.range_count == 0,
        _ => false,
    });
    closed.map(|chunk| chunk.info.id).collect()
}

/// Tells the ticks in a jump, and one by one, and compares with the report.
fn assert_foretold(heap: &ChunkHeap) {
    let now = heap.tick;
    let mut steps = heap.clone();
    let mut closed_by_steps = Vec::new();
    for ticks in 0..=32 {
        let expected = foretold(heap, ticks);
        let (mut jump, mut closed) = (heap.clone(), Vec::new());
        jump.close_empty(now + ticks, false, &mut closed);
        let report = heap.report();
        let closed: BTreeSet<ChunkId> = closed.into_iter().collect();
        assert_eq!(closed, expected, "{ticks} ticks at once: {report}");
        steps.close_empty(now + ticks, false, &mut closed_by_steps);
        let closed: BTreeSet<ChunkId> = closed_by_steps.iter().copied().collect();
        assert_eq!(closed, expected, "{ticks} ticks one by one: {report}");
    }
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Open {
        dedicated: bool,
        lifetime: Lifetime,
        ready: bool,
    },
    Ready(u32),
    Use(u32),
    Empty(u32),
    Drain(u32, bool),
    Tick(u64),
}

fn ops() -> impl Strategy<Value = Op> {
    let id = 0_u32..10;
    let lifetime = prop_oneof![6 => Just(Lifetime::Dynamic), 1 => Just(Lifetime::LongLived)];
    let often = prop::bool::weighted;
    prop_oneof![
        4 => (often(0.1), lifetime, often(0.9))
            .prop_map(|(dedicated, lifetime, ready)| Op::Open { dedicated, lifetime, ready }),
        1 => id.clone().prop_map(Op::Ready),
        4 => id.clone().prop_map(Op::Use),
        3 => id.clone().prop_map(Op::Empty),
        2 => (id, often(0.8)).prop_map(|(id, on)| Op::Drain(id, on)),
        1 => (0_u64..12).prop_map(Op::Tick),
    ]
}

fn apply(heap: &mut ChunkHeap, op: Op) {
    // What is refused changes nothing, and is no matter here.
    match op {
        Op::Open {
            dedicated,
            lifetime,
            ready,
        } => {
            let id = heap.open_chunk(kib(64), lifetime, dedicated, 0);
            if ready {
                heap.chunk_ready(id.expect("ids are left"))
                    .expect("it is opening");
            }
        }
        Op::Ready(id) => _ = heap.chunk_ready(ChunkId::new(id)),
        Op::Use(id) => {
            let lifetime = heap.chunk(ChunkId::new(id)).map(|info| info.lifetime);
            let lifetime = lifetime.unwrap_or_default();
            let request = Request {
                lifetime,
                ..request(kib(1))
            };
            _ = heap.reserve_at(ChunkId::new(id), ByteOffset::ZERO, &request);
        }
        Op::Empty(id) => {
            let keys: Vec<RangeKey> = heap
                .ranges(ChunkId::new(id))
                .map(|range| range.key)
                .collect();
            for key in keys {
                heap.cancel(key).expect("it is reserved");
            }
        }
        Op::Drain(id, on) => _ = heap.set_draining(ChunkId::new(id), on),
        Op::Tick(ticks) => heap.close_empty(heap.tick + ticks, false, &mut Vec::new()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_the_report_foretells_comes_true(
        keep_empty_ticks in prop::sample::select(vec![0_u64, 1, 30]),
        spare_chunks in 0_u32..3,
        small_heap_chunks in 0_u32..4,
        ops in prop::collection::vec(ops(), 1..40),
    ) {
        let own = HeapConfig { spare_chunks, keep_empty_ticks, small_heap_chunks, ..config() };
        let mut heap = ChunkHeap::new(own).expect("the configuration is good");
        for op in ops {
            apply(&mut heap, op);
        }
        heap.validate();
        assert_foretold(&heap);
    }
}

fn held(heap: &ChunkHeap, id: ChunkId) -> Option<Held> {
    let chunks = heap.report().chunks.into_iter();
    chunks
        .filter(|chunk| chunk.info.id == id)
        .map(|chunk| chunk.held)
        .next()
}

#[test]
fn a_draining_chunk_that_is_empty_makes_the_heap_small() {
    let mut heap = heap();
    let ids = [(); 3].map(|()| open(&mut heap));
    let used = heap.reserve_at(ids[0], ByteOffset::ZERO, &request(kib(32)));
    used.expect("the chunk is empty");
    heap.set_draining(ids[2], true).expect("the chunk is ready");
    assert_eq!(held(&heap, ids[1]), Some(Held::Empty { ticks: 10 }));
    assert_foretold(&heap);
}

#[test]
fn of_spares_that_are_due_at_once_the_one_that_is_empty_for_longer_goes() {
    for keep_empty_ticks in [0, 1, 30] {
        let own = HeapConfig {
            keep_empty_ticks,
            ..config()
        };
        let mut heap = ChunkHeap::new(own).expect("the configuration is good");
        let ids = [(); 4].map(|()| open(&mut heap));
        let keys = [0, 1, 3].map(|nth| {
            let key = heap.reserve_at(ids[nth], ByteOffset::ZERO, &request(kib(48)));
            key.expect("the chunk is empty")
        });
        heap.close_empty(5, false, &mut Vec::new());
        heap.cancel(keys[2]).expect("the range is reserved");
        assert_eq!(held(&heap, ids[3]), Some(Held::Spare));
        assert_foretold(&heap);
        let mut closed = Vec::new();
        heap.close_empty(50, false, &mut closed);
        assert_eq!(closed, [ids[2]], "{keep_empty_ticks} ticks");
    }
}
