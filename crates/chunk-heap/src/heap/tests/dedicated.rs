//! Buffers of a single block.

use super::*;

#[test]
fn a_dedicated_chunk_is_not_rounded_over_the_limit() {
    let config = HeapConfig {
        buffer_bytes_max: kib(1000),
        ..config()
    };
    let mut heap = ChunkHeap::new(config).expect("the configuration is good");
    let request = request(kib(999));
    let (capacity, lifetime, dedicated) = (kib(1000), Lifetime::Dynamic, true);
    let needs = ReserveError::NeedsChunk {
        capacity,
        lifetime,
        dedicated,
    };
    assert_eq!(heap.reserve(&request, None), Err(needs));
    heap.open_chunk(capacity, lifetime, dedicated, 0)
        .expect("it is within the limit");
    heap.reserve(&request, None)
        .expect("H8: the chunk was opened");
}

#[test]
fn a_dedicated_chunk_has_one_block_and_is_used_again_for_one_of_its_length() {
    let mut heap = heap();
    let big = request(kib(100));
    let id = heap
        .open_chunk(kib(112), Lifetime::Dynamic, true, 0)
        .expect("ids are left");
    heap.chunk_ready(id).expect("the chunk is opening");
    let key = heap.reserve(&big, None).expect("H8");
    assert_eq!(chunk_of(&heap, key), id);
    let small = heap.reserve(&request(kib(1)), None);
    assert!(
        matches!(
            small,
            Err(ReserveError::NeedsChunk {
                dedicated: false,
                ..
            })
        ),
        "H5"
    );
    let there = heap.reserve_at(id, ByteOffset::new(104 * KIB), &request(kib(1)));
    assert!(
        matches!(
            there,
            Err(PlaceError::WrongChunk {
                dedicated: true,
                ..
            })
        ),
        "H5: {there:?}"
    );
    heap.cancel(key).expect("the range is reserved");

    let mut fits = |len: u64, expected: bool| {
        let reserved = heap.reserve(&request(kib(len)), None);
        assert_eq!(reserved.is_ok(), expected, "{len} KiB");
        if let Ok(key) = reserved {
            heap.cancel(key).expect("the range is reserved");
        }
    };
    fits(112, true);
    fits(113, false);
    fits(81, true);
    fits(80, false);
}

#[test]
fn a_dedicated_chunk_that_is_excluded_is_not_used() {
    let mut heap = heap();
    let large = request(kib(100));
    let refused = heap.reserve(&large, None).expect_err("there is no chunk");
    let ReserveError::NeedsChunk { capacity, .. } = refused else {
        panic!("{refused:?}");
    };
    let opened = heap.open_chunk(capacity, Lifetime::Dynamic, true, 0);
    let id = opened.expect("ids are left");
    let refused = heap.reserve(&large, Some(id));
    refused.expect_err("a block is not moved to where it lies");
    heap.reserve(&large, None).expect("it is as asked for");
}

#[test]
fn a_long_block_lies_among_others_where_that_is_asked_for() {
    let mut heap = heap();
    open(&mut heap);
    live(&mut heap, kib(16));
    let check = |heap: &mut ChunkHeap, len, expected: bool| {
        let long = request(kib(len));
        let refused = heap.reserve(&long, None).expect_err("it is long");
        let shared = heap.reserve_shared(&long, None);
        assert_eq!(shared.is_ok(), expected, "{len} KiB: {shared:?}");
        heap.validate();
        match shared {
            Ok(key) => _ = heap.cancel(key).expect("the range is reserved"),
            Err(error) => assert_eq!(error, refused, "the same chunk is needed"),
        }
    };
    check(&mut heap, 48, true);
    check(&mut heap, 49, false);
    check(&mut heap, 100, false);
    let empty = heap.reserve_shared(&request(ByteLen::ZERO), None);
    assert_eq!(empty, Err(ReserveError::ZeroSize));
}
