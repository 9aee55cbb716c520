//! Promotion to long-lived chunks, and release from them.

use super::*;

const OTHER: Lifetime = Lifetime::LongLived;

fn refused(error: impl Into<LifetimeError>) -> Result<LifetimeChange, LifetimeError> {
    Err(error.into())
}

#[test]
fn a_shared_block_moves_and_reads_on_until_its_old_range_retires() {
    let mut heap = heap();
    open(&mut heap);
    let aligned = Request {
        align: align(48),
        ..request(kib(3))
    };
    let from = heap.reserve(&aligned, None).expect("there is room");
    heap.commit(from).expect("the chunk is ready");
    let before = heap.range(from);
    let (capacity, lifetime, dedicated) = (kib(16), OTHER, false);
    let needs = ReserveError::NeedsChunk {
        capacity,
        lifetime,
        dedicated,
    };
    assert_eq!(heap.change_lifetime(from, OTHER), refused(needs));
    let opened = heap.open_chunk(capacity, lifetime, dedicated, 0);
    let home = opened.expect("ids are left");
    let Ok(LifetimeChange::Moves { to }) = heap.change_lifetime(from, OTHER) else {
        panic!("H8: the chunk was opened")
    };
    let new = heap.range(to).expect("it is reserved");
    let was = before.expect("it is live");
    assert_eq!((new.chunk, new.state), (home, RangeState::Reserved));
    assert_eq!(
        (new.range.len, new.align, new.owner),
        (was.range.len, was.align, was.owner)
    );
    assert_eq!(heap.range(from), before, "older versions read on");

    heap.chunk_ready(home).expect("the chunk is opening");
    heap.commit(to).expect("the chunk is ready");
    heap.retire(from).expect("the range is live");
    assert_eq!(
        heap.change_lifetime(to, OTHER),
        Ok(LifetimeChange::Same),
        "it is there"
    );
    let (state, needed) = (RangeState::Retired, RangeState::Live);
    let wrong = RangeError::WrongState { state, needed };
    assert_eq!(heap.change_lifetime(from, OTHER), refused(wrong));
    heap.release(from).expect("the range is retired");
    let gone = heap.change_lifetime(from, OTHER);
    assert_eq!(gone, refused(RangeError::Stale { key: from }), "H2");

    // And back: the dynamic chunk is empty by now, and takes it.
    let Ok(LifetimeChange::Moves { to }) = heap.change_lifetime(to, Lifetime::Dynamic) else {
        panic!("there is room")
    };
    heap.cancel(to).expect("the range is reserved");
    assert_snapshot!(heap.report(), @"
    chunks 2 of 81920 bytes, at least 1 needed for what is in use
    bytes  3072 live, 0 reserved, 0 retired, 78848 free, fragmentation 0.000
    thin   1 chunks used for less than 20 %, with 3072 bytes in use
       0 dynamic 65536: empty, closed in 10 ticks
       1 long-lived 16384: in use, 18.7 % in 1 ranges
    ");
    heap.validate();
}

#[test]
fn a_block_with_a_chunk_of_its_own_stays_where_it_is() {
    let mut heap = heap();
    let opened = heap.open_chunk(kib(112), Lifetime::Dynamic, true, 0);
    let id = opened.expect("ids are left");
    let key = heap.reserve(&request(kib(100)), None).expect("H8");
    let chunks = heap.figures().chunks();
    let mut check = |lifetime, expected| {
        let before = heap.range(key);
        assert_eq!(heap.change_lifetime(key, lifetime), Ok(expected));
        assert_eq!(heap.range(key), before, "its place and its key stay");
        assert_eq!(heap.figures().chunks(), chunks, "no second buffer");
        assert_eq!(heap.chunk(id).map(|info| info.lifetime), Some(lifetime));
        heap.validate();
    };
    check(Lifetime::Dynamic, LifetimeChange::Same);
    check(OTHER, LifetimeChange::InPlace);
    check(OTHER, LifetimeChange::Same);
    heap.chunk_ready(id).expect("the chunk is opening");
    heap.commit(key).expect("the chunk is ready");
    assert_eq!(
        heap.change_lifetime(key, Lifetime::Dynamic),
        Ok(LifetimeChange::InPlace)
    );
    heap.change_lifetime(key, OTHER).expect("in place");
    free(&mut heap, key);
    let dynamic = heap.reserve(&request(kib(100)), None);
    dynamic.expect_err("H5: the empty chunk is for long-lived blocks now");
    let long = Request {
        lifetime: OTHER,
        ..request(kib(100))
    };
    let key = heap
        .reserve(&long, None)
        .expect("for these it is used again");
    assert_eq!(chunk_of(&heap, key), id);
}

#[test]
fn a_block_keeps_its_class_when_its_lifetime_changes() {
    let mut heap = ChunkHeap::new(HeapConfig {
        split_by_kind: true,
        ..config()
    });
    let heap = heap.as_mut().expect("the configuration is good");
    open(heap);
    let own = Request {
        class: 3,
        ..request(kib(1))
    };
    let key = heap.reserve(&own, None).expect("there is room");
    for class in [1, 3] {
        let opened = heap.open_chunk(kib(16), OTHER, false, class);
        let id = opened.expect("ids are left");
        let there = Request {
            class,
            lifetime: OTHER,
            ..request(kib(1))
        };
        heap.reserve_at(id, ByteOffset::ZERO, &there)
            .expect("the chunk is empty");
    }
    let Ok(LifetimeChange::Moves { to }) = heap.change_lifetime(key, OTHER) else {
        panic!("there is room")
    };
    let class = heap.chunk(chunk_of(heap, to)).map(|info| info.class);
    assert_eq!(class, Some(3), "H5");
    heap.validate();
}

#[test]
fn a_block_stays_in_its_own_chunk_only_if_it_would_get_one_again() {
    // Long-lived blocks are dedicated above 8 KiB, dynamic ones above 32 KiB.
    let check = |len: ByteLen, in_place: bool| {
        let mut heap = heap();
        let shared = open(&mut heap);
        let own = heap.open_chunk(kib(48), OTHER, true, 0);
        let own = own.expect("ids are left");
        heap.chunk_ready(own).expect("the chunk is opening");
        let long = Request {
            lifetime: OTHER,
            ..request(len)
        };
        let key = heap.reserve_at(own, ByteOffset::ZERO, &long);
        let key = key.expect("the chunk is empty");
        heap.commit(key).expect("the chunk is ready");
        let change = heap.change_lifetime(key, Lifetime::Dynamic);
        let expected = if in_place {
            Ok(LifetimeChange::InPlace)
        } else {
            let to = heap.ranges(shared).next().map(|range| range.key);
            to.map(|to| LifetimeChange::Moves { to })
                .ok_or_else(|| RangeError::Stale { key }.into())
        };
        assert_eq!(change, expected, "{len} bytes");
        assert_eq!(chunk_of(&heap, key), own, "R8: the old range stays");
        heap.validate();
    };
    check(kib(32) + ByteLen::new(1), true);
    check(kib(32), false);
    check(kib(20), false);
    check(kib(4), false);
}

/// A limit that is no multiple of the unit is met alike by a length and by the range of it.
#[test]
fn a_length_at_the_limit_is_judged_as_its_range_is() {
    let check = |len: u64, dedicated: bool| {
        let own = HeapConfig {
            dedicated_above_bytes: ByteLen::new(1_000),
            ..config()
        };
        let mut heap = ChunkHeap::new(own).expect("the configuration is good");
        let asked = |heap: &mut ChunkHeap, lifetime| {
            let request = Request {
                lifetime,
                ..request(ByteLen::new(len))
            };
            match heap.reserve(&request, None) {
                Err(ReserveError::NeedsChunk { dedicated, .. }) => dedicated,
                other => panic!("no chunk is open: {other:?}"),
            }
        };
        assert_eq!(asked(&mut heap, OTHER), dedicated, "{len} bytes");
        assert_eq!(asked(&mut heap, Lifetime::Dynamic), dedicated);
        let shared = open(&mut heap);
        let key = heap.reserve_at(shared, ByteOffset::ZERO, &request(ByteLen::new(len)));
        let change = heap.change_lifetime(key.expect("the chunk is empty"), OTHER);
        let Err(LifetimeError::Reserve(ReserveError::NeedsChunk { dedicated: now, .. })) = change
        else {
            panic!("there is no long-lived chunk: {change:?}")
        };
        assert_eq!(now, dedicated, "the range of {len} bytes");
    };
    check(999, false);
    check(1_000, false);
    check(1_008, false);
    check(1_009, true);
}

#[test]
fn the_old_range_of_a_reserved_block_is_cancelled_and_each_call_reserves_one_more() {
    let mut heap = heap();
    open(&mut heap);
    let from = heap.reserve(&request(kib(1)), None).expect("there is room");
    heap.open_chunk(kib(16), OTHER, false, 0)
        .expect("ids are left");
    let mut moved = || match heap.change_lifetime(from, OTHER) {
        Ok(LifetimeChange::Moves { to }) => to,
        other => panic!("there is room: {other:?}"),
    };
    let (first, second) = (moved(), moved());
    assert_ne!(first, second);
    heap.cancel(first).expect("it is reserved");
    let (state, needed) = (RangeState::Reserved, RangeState::Live);
    let wrong = Err(RangeError::WrongState { state, needed });
    assert_eq!(heap.retire(from), wrong, "no version ever named it");
    heap.cancel(from).expect("it is reserved");
    assert_eq!(heap.figures().reserved(), kib(1), "the second one");
    heap.validate();
}
