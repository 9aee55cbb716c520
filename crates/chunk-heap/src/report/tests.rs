use geoheap_suballoc::{Align, ByteLen, ByteOffset};
use insta::assert_snapshot;

use crate::{
    ChunkHeap, ChunkId, ChunkReport, HeapConfig, Held, Lifetime, Owner, RangeKey, Request,
};

/// Chunks of 64 KiB, long-lived ones of 16 KiB; empty ones stay for 10 ticks.
fn heap() -> ChunkHeap {
    let kib = ByteLen::from_kib;
    let config = HeapConfig {
        chunk_bytes: kib(64),
        long_lived_chunk_bytes: kib(16),
        dedicated_above_bytes: kib(32),
        keep_empty_ticks: 10,
        ..HeapConfig::default()
    };
    ChunkHeap::new(config).expect("the configuration is good")
}

fn open(heap: &mut ChunkHeap, kib: u64, lifetime: Lifetime, dedicated: bool) -> ChunkId {
    let id = heap.open_chunk(ByteLen::from_kib(kib), lifetime, dedicated, 0);
    let id = id.expect("ids are left");
    heap.chunk_ready(id).expect("the chunk is opening");
    id
}

fn request(kib: u64, lifetime: Lifetime) -> Request {
    Request {
        len: ByteLen::from_kib(kib),
        align: Align::ONE,
        lifetime,
        owner: Owner::default(),
        class: 0,
    }
}

/// Places KiB at the start of a chunk, dynamic.
fn live_in(heap: &mut ChunkHeap, chunk: ChunkId, kib: u64) -> RangeKey {
    let request = request(kib, Lifetime::Dynamic);
    let key = heap.reserve_at(chunk, ByteOffset::ZERO, &request);
    let key = key.expect("the chunk is empty");
    heap.commit(key).expect("the chunk is ready");
    key
}

#[test]
fn each_chunk_says_why_it_is_held() {
    let mut heap = heap();
    let dynamic = Lifetime::Dynamic;
    let ids: Vec<ChunkId> = (0..7)
        .map(|_| open(&mut heap, 64, dynamic, false))
        .collect();
    live_in(&mut heap, ids[0], 30);
    let waits = live_in(&mut heap, ids[1], 15);
    heap.retire(waits).expect("the range is live");
    live_in(&mut heap, ids[2], 32);
    heap.set_draining(ids[2], true).expect("the chunk is ready");
    live_in(&mut heap, ids[3], 5);
    let gone = live_in(&mut heap, ids[6], 1);
    // The densest chunk but the one that drains.
    heap.reserve(&request(20, dynamic), None)
        .expect("there is room");

    let opening = heap.open_chunk(ByteLen::from_kib(16), Lifetime::LongLived, false, 0);
    opening.expect("ids are left");
    let long = request(4, Lifetime::LongLived);
    heap.reserve(&long, None).expect("there is room");
    open(&mut heap, 48, dynamic, true);
    heap.reserve(&request(47, dynamic), None).expect("H8");
    let long = open(&mut heap, 16, Lifetime::LongLived, false);
    let mut closed = Vec::new();
    heap.close_empty(0, true, &mut closed);
    assert_eq!(closed, [long, ids[5], ids[4]], "all that is empty");
    for chunk in [long, ids[5]] {
        heap.chunk_gone(chunk).expect("the chunk is closing");
    }
    for _ in 0..2 {
        open(&mut heap, 64, dynamic, false);
    }
    heap.close_empty(4, false, &mut closed);
    heap.retire(gone).expect("the range is live");
    heap.release(gone).expect("the range is retired");

    let report = heap.report();
    assert_snapshot!(report, @"
    chunks 10 of 589824 bytes, at least 4 needed for what is in use
    bytes  68608 live, 72704 reserved, 15360 retired, 433152 free, fragmentation 0.000
    thin   1 chunks used for less than 20 %, with 5120 bytes in use
       0 dynamic 65536: in use, 78.1 % in 2 ranges
       1 dynamic 65536: waits for older versions, 15360 in 1 ranges
       2 dynamic 65536: draining, 50.0 % in 1 ranges
       3 dynamic 65536: in use, 7.8 % in 1 ranges
       4 dynamic 65536: closing
       5 dynamic 65536: empty, closed in 6 ticks
       6 dynamic 65536: empty, kept as a spare
       7 long-lived 16384: being made, 4096 reserved in 1 ranges
       8 dynamic dedicated 49152: in use, 97.9 % in 1 ranges
       9 dynamic 65536: empty, closed in 6 ticks
    ");
    assert_eq!(report.figures, heap.figures(), "H7");
    assert_eq!(heap.report(), report, "it changes nothing");

    // What it foretells comes true.
    let empty = |chunk: &&ChunkReport| matches!(chunk.held, Held::Empty { .. });
    let foretold: Vec<(ChunkId, Held)> = report
        .chunks
        .iter()
        .filter(empty)
        .map(|chunk| (chunk.info.id, chunk.held))
        .collect();
    assert_eq!(foretold.len(), 2, "{report}");
    for (id, held) in foretold {
        let Held::Empty { ticks } = held else {
            continue;
        };
        let mut twin = heap.clone();
        let mut closed = Vec::new();
        twin.close_empty(4 + ticks - 1, false, &mut closed);
        assert!(!closed.contains(&id), "chunk {id} stays for {ticks} ticks");
        twin.close_empty(4 + ticks, false, &mut closed);
        assert!(closed.contains(&id), "chunk {id} stays for {ticks} ticks");
    }
    heap.close_empty(10, false, &mut closed);
    heap.close_empty(1_000, false, &mut closed);
    let spares = heap.report().chunks.into_iter();
    let spares: Vec<ChunkReport> = spares.filter(|chunk| chunk.held == Held::Spare).collect();
    let before = report
        .chunks
        .iter()
        .filter(|chunk| chunk.held == Held::Spare);
    assert!(
        spares
            .iter()
            .map(|chunk| chunk.info.id)
            .eq(before.map(|chunk| chunk.info.id)),
        "the spare stays"
    );
}

#[test]
fn of_chunks_that_are_empty_since_one_tick_the_lowest_is_the_spare() {
    let mut heap = heap();
    let dynamic = Lifetime::Dynamic;
    for _ in 0..2 {
        let used = open(&mut heap, 64, dynamic, false);
        live_in(&mut heap, used, 32);
    }
    let (low, high) = (
        open(&mut heap, 64, dynamic, false),
        open(&mut heap, 64, dynamic, false),
    );
    let large = open(&mut heap, 80, dynamic, true);
    let held = |heap: &ChunkHeap, id| {
        let chunks = heap.report().chunks;
        chunks
            .iter()
            .find(|chunk| chunk.info.id == id)
            .map(|chunk| chunk.held)
    };
    let empty = Some(Held::Empty { ticks: 10 });
    assert_eq!(held(&heap, low), Some(Held::Spare));
    assert_eq!(held(&heap, high), empty);
    assert_eq!(held(&heap, large), empty, "a dedicated one is no spare");
    let mut closed = Vec::new();
    heap.close_empty(10, false, &mut closed);
    assert_eq!(closed, [large, high], "as foretold");

    heap.set_draining(ChunkId::new(0), true)
        .expect("the chunk is ready");
    assert_eq!(
        held(&heap, low),
        Some(Held::Spare),
        "while the heap is not small"
    );
    let key = heap.ranges(ChunkId::new(0)).next().expect("it is used").key;
    heap.retire(key).expect("the range is live");
    heap.release(key).expect("the range is retired");
    let due = Some(Held::Empty { ticks: 0 });
    assert_eq!(held(&heap, low), due, "a small heap keeps no spare");
    heap.close_empty(10, false, &mut closed);
    assert_eq!(closed[2..], [low, ChunkId::new(0)], "as foretold");
}

#[test]
fn the_last_spare_of_a_heap_that_gets_small_goes_too() {
    let mut heap = heap();
    let ids: Vec<ChunkId> = (0..3)
        .map(|_| open(&mut heap, 64, Lifetime::Dynamic, false))
        .collect();
    live_in(&mut heap, ids[0], 32);
    for chunk in heap.report().chunks.into_iter().skip(1) {
        assert_eq!(chunk.held, Held::Empty { ticks: 10 });
    }
    let mut closed = Vec::new();
    heap.close_empty(10, false, &mut closed);
    assert_eq!(closed, [ids[2], ids[1]], "as foretold");
}

#[test]
fn the_least_number_of_chunks_counts_what_cannot_share() {
    let mut heap = heap();
    let report = heap.report();
    assert_eq!(
        (report.needed_chunks, report.thin_chunks),
        (0, 0),
        "an empty heap"
    );
    let dynamic = Lifetime::Dynamic;
    let a = open(&mut heap, 64, dynamic, false);
    let b = open(&mut heap, 64, dynamic, false);
    let mut check = |kib: u64, chunk, needed, thin| {
        let key = live_in(&mut heap, chunk, kib);
        let report = heap.report();
        assert_eq!(
            (report.needed_chunks, report.thin_chunks),
            (needed, thin),
            "{report}"
        );
        key
    };
    check(32, a, 1, 0);
    let key = check(12, b, 1, 1);
    heap.retire(key).expect("the range is live");
    let report = heap.report();
    assert_eq!(report.thin_chunks, 0, "what is retired goes by itself");
    assert_eq!(report.needed_chunks, 1, "{report}");
    heap.release(key).expect("the range is retired");
    let mut check = |kib: u64, needed, thin| {
        let key = live_in(&mut heap, b, kib);
        let report = heap.report();
        assert_eq!(
            (report.needed_chunks, report.thin_chunks),
            (needed, thin),
            "{report}"
        );
        heap.retire(key).expect("the range is live");
        heap.release(key).expect("the range is retired");
    };
    check(13, 1, 0);
    check(32, 1, 0);
    live_in(&mut heap, b, 32);
    let big = open(&mut heap, 48, dynamic, true);
    live_in(&mut heap, big, 1);
    let long = open(&mut heap, 16, Lifetime::LongLived, false);
    heap.reserve(&request(1, Lifetime::LongLived), None)
        .expect("there is room");
    let report = heap.report();
    assert_eq!(report.needed_chunks, 3, "one of each sort: {report}");
    assert_eq!(report.thin_chunks, 1, "not the dedicated one: {report}");
    assert_eq!(report.thin_bytes, ByteLen::from_kib(1));
    assert!(report.chunks[long.index()].is_thin(), "{report}");
}

#[test]
fn a_split_heap_needs_chunks_for_each_class() {
    for (split_by_kind, needed) in [(false, 1), (true, 3)] {
        let config = HeapConfig {
            split_by_kind,
            ..heap().config().clone()
        };
        let mut heap = ChunkHeap::new(config).expect("the configuration is good");
        for class in [0, 1, 2, 1] {
            let chunk = open(&mut heap, 64, Lifetime::Dynamic, false);
            let own = Request {
                class,
                ..request(10, Lifetime::Dynamic)
            };
            let key = heap.reserve_at(chunk, ByteOffset::ZERO, &own);
            key.expect("the chunk is empty");
        }
        let report = heap.report();
        assert_eq!(report.needed_chunks, needed, "{split_by_kind}: {report}");
    }
}

#[test]
fn a_chunk_is_thin_below_a_fifth_and_not_at_it() {
    let unit = ByteLen::new(16);
    let fifth = ByteLen::from_kib(16);
    for (used, thin) in [(fifth - unit, true), (fifth, false), (fifth + unit, false)] {
        let mut heap = heap();
        let chunk = open(&mut heap, 80, Lifetime::Dynamic, false);
        let own = Request {
            len: used,
            ..request(1, Lifetime::Dynamic)
        };
        let key = heap.reserve_at(chunk, ByteOffset::ZERO, &own);
        key.expect("the chunk is empty");
        let report = heap.report();
        assert_eq!(report.chunks[0].is_thin(), thin, "{used}: {report}");
        assert_eq!(report.thin_chunks, u32::from(thin), "{used}: {report}");
    }
}
