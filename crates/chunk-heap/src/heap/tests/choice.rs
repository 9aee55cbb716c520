//! Which chunk a range goes to.

use super::*;

#[test]
fn the_densest_chunk_that_fits_comes_first() {
    let mut heap = heap();
    let chunks: Vec<ChunkId> = (0..4).map(|_| open(&mut heap)).collect();
    let at = |heap: &mut ChunkHeap, chunk: ChunkId, start: u64, len: ByteLen| {
        let key = heap.reserve_at(chunk, ByteOffset::new(start), &request(len));
        heap.commit(key.expect("there is room"))
            .expect("the chunk is ready");
    };
    at(&mut heap, chunks[1], 0, kib(20));
    at(&mut heap, chunks[2], 0, kib(50));
    at(&mut heap, chunks[3], 20 * KIB, kib(30));
    let check = |heap: &mut ChunkHeap, len: u64, exclude: Option<usize>, expected: usize| {
        let exclude = exclude.map(|n| chunks[n]);
        let key = heap
            .reserve(&request(kib(len)), exclude)
            .expect("there is room");
        assert_eq!(chunk_of(heap, key), chunks[expected], "{len} KiB");
        heap.cancel(key).expect("the range is reserved");
        heap.validate();
    };
    check(&mut heap, 14, None, 2);
    check(&mut heap, 14, Some(2), 3);
    check(&mut heap, 20, None, 3);
    check(&mut heap, 21, None, 1);
    check(&mut heap, 32, None, 1);
    at(&mut heap, chunks[1], 40 * KIB, kib(20));
    check(&mut heap, 21, None, 0);
    check(&mut heap, 16, None, 1);
    heap.set_draining(chunks[1], true)
        .expect("the chunk is ready");
    check(&mut heap, 16, None, 3);
    heap.set_draining(chunks[1], false)
        .expect("the chunk is draining");
    check(&mut heap, 16, None, 1);
    assert_snapshot!(heap.map(32), @"
      0 |................................| 65536 of 65536 free, dynamic Ready
      1 |##########..........##########..| 24576 of 65536 free, dynamic Ready
      2 |#########################.......| 14336 of 65536 free, dynamic Ready
      3 |..........###############.......| 34816 of 65536 free, dynamic Ready
    ");
}

#[test]
fn what_has_no_room_names_the_chunk_it_needs() {
    let check = |lifetime, len: u64, expected: (u64, bool)| {
        let mut heap = heap();
        let request = Request {
            lifetime,
            ..request(kib(len))
        };
        let (capacity, dedicated) = (kib(expected.0), expected.1);
        let needs = ReserveError::NeedsChunk {
            capacity,
            lifetime,
            dedicated,
        };
        assert_eq!(heap.reserve(&request, None), Err(needs), "{len} KiB");
        heap.open_chunk(capacity, lifetime, dedicated, 0)
            .expect("ids are left");
        heap.reserve(&request, None)
            .expect("H8: the chunk was opened");
        heap.validate();
    };
    check(Lifetime::Dynamic, 1, (64, false));
    check(Lifetime::Dynamic, 32, (64, false));
    check(Lifetime::Dynamic, 33, (48, true));
    check(Lifetime::Dynamic, 48, (48, true));
    check(Lifetime::Dynamic, 49, (64, true));
    check(Lifetime::Dynamic, 1024, (1024, true));
    check(Lifetime::LongLived, 8, (16, false));
    check(Lifetime::LongLived, 9, (16, true));

    let mut heap = heap();
    let mut refuse = |request: Request, expected| {
        assert_eq!(heap.reserve(&request, None), Err(expected));
    };
    refuse(request(ByteLen::ZERO), ReserveError::ZeroSize);
    let (requested, max) = (kib(1024) + ByteLen::new(16), kib(1024));
    refuse(
        request(kib(1024) + ByteLen::new(1)),
        ReserveError::TooLarge { requested, max },
    );
    let (large, max) = (align(1 << 32), u64::from(u32::MAX));
    let aligned = Request {
        align: large,
        ..request(kib(1))
    };
    refuse(
        aligned,
        ReserveError::AlignmentTooLarge { align: large, max },
    );
}

/// Opens a chunk that is full but for one hole.
fn open_with_hole(heap: &mut ChunkHeap, start: u64, end: u64) -> ChunkId {
    let id = open(heap);
    for (from, to) in [(0, start), (end, 64)] {
        if from < to {
            let there = ByteOffset::new(from * KIB);
            heap.reserve_at(id, there, &request(kib(to - from)))
                .expect("the chunk is empty");
        }
    }
    id
}

#[test]
fn a_hole_that_is_sure_to_fit_comes_before_those_that_may_lie_badly() {
    let mut heap = heap();
    let page = Request {
        align: align(4 * KIB),
        ..request(kib(2))
    };
    let placed = |heap: &mut ChunkHeap| {
        let key = heap.reserve(&page, None).ok()?;
        let id = chunk_of(heap, key);
        heap.cancel(key).expect("the range is reserved");
        Some(id)
    };
    open_with_hole(&mut heap, 1, 5);
    assert_eq!(
        placed(&mut heap),
        None,
        "1 KiB is left behind the multiple of 4 KiB"
    );
    let lucky = open_with_hole(&mut heap, 4, 8);
    assert_eq!(placed(&mut heap), Some(lucky), "the second try");

    let mut heap = self::heap();
    open_with_hole(&mut heap, 1, 5);
    open_with_hole(&mut heap, 1, 5);
    open_with_hole(&mut heap, 4, 8);
    assert_eq!(placed(&mut heap), None, "there is no third try");
    let sure = open_with_hole(&mut heap, 1, 9);
    assert_eq!(placed(&mut heap), Some(sure), "though less dense");
    heap.validate();
}

#[test]
fn lifetimes_and_classes_have_chunks_of_their_own() {
    let mut heap = ChunkHeap::new(HeapConfig {
        split_by_kind: true,
        ..config()
    });
    let heap = heap.as_mut().expect("the configuration is good");
    let first = open(heap);
    let mine = live(heap, kib(4));
    assert_eq!(chunk_of(heap, mine), first);
    let other = Request {
        class: 1,
        ..request(kib(4))
    };
    let long = Request {
        lifetime: Lifetime::LongLived,
        ..request(kib(4))
    };
    for refused in [other, long] {
        let needs = heap.reserve(&refused, None);
        assert!(
            matches!(needs, Err(ReserveError::NeedsChunk { .. })),
            "H5: {needs:?}"
        );
        let there = heap.reserve_at(first, ByteOffset::new(8 * KIB), &refused);
        assert!(
            matches!(there, Err(PlaceError::WrongChunk { .. })),
            "H5: {there:?}"
        );
    }
    free(heap, mine);
    let adopted = heap
        .reserve(&other, None)
        .expect("an empty chunk takes any class");
    assert_eq!(chunk_of(heap, adopted), first);
    assert_eq!(heap.chunk(first).map(|chunk| chunk.class), Some(1));

    let opening = heap
        .open_chunk(kib(64), Lifetime::Dynamic, false, 5)
        .expect("ids are left");
    let key = heap
        .reserve(&request(kib(4)), None)
        .expect("an opening chunk takes ranges");
    assert_eq!(chunk_of(heap, key), opening);
    let third = Request {
        class: 3,
        ..request(kib(4))
    };
    let needs = heap.reserve(&third, None);
    assert!(
        matches!(needs, Err(ReserveError::NeedsChunk { .. })),
        "H5: {needs:?}"
    );
    heap.validate();
}

/// Opening chunks are tried all, or the chunk that was asked for would not be found (H8).
#[test]
fn a_chunk_that_was_asked_for_is_used_however_many_others_open() {
    let mut heap = heap();
    let small = request(ByteLen::new(16));
    let aligned = Request {
        align: align(64 * KIB),
        ..request(kib(16))
    };
    let open = |heap: &mut ChunkHeap| {
        let opened = heap.open_chunk(kib(64), Lifetime::Dynamic, false, 0);
        opened.expect("ids are left")
    };
    for _ in 0..3 {
        // What lies at the start leaves no aligned place.
        let id = open(&mut heap);
        let placed = heap.reserve_at(id, ByteOffset::ZERO, &small);
        placed.expect("the chunk is empty");
    }
    let refused = heap
        .reserve(&aligned, None)
        .expect_err("no place is aligned");
    assert!(
        matches!(refused, ReserveError::NeedsChunk { .. }),
        "{refused:?}"
    );
    open(&mut heap);
    heap.reserve(&aligned, None).expect("H8: it was asked for");
}
