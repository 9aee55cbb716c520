mod model;

use geoheap_suballoc::{Align, ByteOffset};
use insta::assert_snapshot;

use super::*;
use crate::error::{PlaceError, ReserveError};

const KIB: u64 = 1024;

fn align(bytes: u64) -> Align {
    Align::new(bytes).expect("tests give positive alignments")
}

fn kib(kib: u64) -> ByteLen {
    ByteLen::from_kib(kib)
}

/// Chunks of 64 KiB, long-lived ones of 16 KiB; a block above 32 (8) KiB is dedicated, in steps
/// of 16 KiB, up to 1 MiB.
fn config() -> HeapConfig {
    HeapConfig {
        chunk_bytes: kib(64),
        long_lived_chunk_bytes: kib(16),
        dedicated_above_bytes: kib(32),
        dedicated_granule_bytes: kib(16),
        buffer_bytes_max: kib(1024),
        keep_empty_ticks: 10,
        spare_below_bytes: kib(32),
        ..HeapConfig::default()
    }
}

fn heap() -> ChunkHeap {
    ChunkHeap::new(config()).expect("the configuration is good")
}

fn request(len: ByteLen) -> Request {
    let owner = Owner(len.get());
    Request {
        len,
        align: align(16),
        lifetime: Lifetime::Dynamic,
        owner,
        class: 0,
    }
}

fn open(heap: &mut ChunkHeap) -> ChunkId {
    let id = heap
        .open_chunk(kib(64), Lifetime::Dynamic, false, 0)
        .expect("ids are left");
    heap.chunk_ready(id).expect("the chunk is opening");
    id
}

fn live(heap: &mut ChunkHeap, len: ByteLen) -> RangeKey {
    let key = heap.reserve(&request(len), None).expect("there is room");
    heap.commit(key).expect("the chunk is ready");
    key
}

fn free(heap: &mut ChunkHeap, key: RangeKey) {
    heap.retire(key).expect("the range is live");
    heap.release(key).expect("the range is retired");
}

fn chunk_of(heap: &ChunkHeap, key: RangeKey) -> ChunkId {
    heap.range(key).expect("the range is there").chunk
}

#[test]
fn a_range_goes_through_its_states_and_no_other_way() {
    let mut heap = heap();
    let chunk = heap
        .open_chunk(kib(64), Lifetime::Dynamic, false, 0)
        .expect("ids are left");
    let key = heap
        .reserve(&request(kib(4)), None)
        .expect("an opening chunk takes ranges");
    let wrong = |state, needed| Err(RangeError::WrongState { state, needed });

    assert_eq!(
        heap.commit(key),
        Err(RangeError::ChunkOpening { chunk }),
        "no buffer, no bytes"
    );
    heap.chunk_ready(chunk).expect("the chunk is opening");
    assert_eq!(
        heap.retire(key),
        wrong(RangeState::Reserved, RangeState::Live)
    );
    assert_eq!(
        heap.release(key).map(|_| ()),
        wrong(RangeState::Reserved, RangeState::Retired)
    );
    heap.commit(key).expect("the chunk is ready");
    assert_eq!(
        heap.commit(key),
        wrong(RangeState::Live, RangeState::Reserved)
    );
    assert_eq!(
        heap.cancel(key).map(|_| ()),
        wrong(RangeState::Live, RangeState::Reserved)
    );
    assert_eq!(
        heap.release(key).map(|_| ()),
        wrong(RangeState::Live, RangeState::Retired),
        "R2: it retires first"
    );
    heap.retire(key).expect("the range is live");
    let info = heap.range(key).expect("a retired range is there");
    assert_eq!(
        (info.chunk, info.state, info.owner, info.align),
        (chunk, RangeState::Retired, Owner(4096), align(16))
    );
    let freed = heap.release(key).expect("the range is retired");
    assert_eq!(freed, info.range);
    let stale = Err(RangeError::Stale { key });
    assert_eq!(
        heap.release(key).map(|_| ()),
        stale,
        "H2: its key leads nowhere"
    );
    assert_eq!(heap.set_owner(key, Owner(1)), stale);
    assert_eq!(heap.range(key), None);
    heap.validate();
}

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
fn a_place_is_refused_with_what_is_in_the_way() {
    let mut heap = heap();
    let id = open(&mut heap);
    let taken = live(&mut heap, kib(4));
    let taken = heap.range(taken).expect("the range is live").range;
    let mut check = |chunk, start, request: Request, expected| {
        let placed = heap.reserve_at(chunk, ByteOffset::new(start), &request);
        assert_eq!(placed, Err(expected));
    };
    let start = ByteOffset::new;
    check(
        ChunkId::new(9),
        0,
        request(kib(1)),
        PlaceError::NoChunk {
            chunk: ChunkId::new(9),
        },
    );
    check(id, 8192, request(ByteLen::ZERO), PlaceError::ZeroSize);
    let bad = PlaceError::Misaligned {
        start: start(8200),
        align: align(16),
    };
    check(id, 8200, request(kib(1)), bad);
    let unit = Request {
        align: align(4),
        ..request(kib(1))
    };
    check(
        id,
        8196,
        unit,
        PlaceError::Misaligned {
            start: start(8196),
            align: align(4),
        },
    );
    let (len, capacity) = (kib(1), kib(64));
    let out = PlaceError::OutOfBounds {
        start: start(64 * KIB),
        len,
        capacity,
    };
    check(id, 64 * KIB, request(len), out);
    let requested = ByteRange::new(start(2048), kib(1));
    check(
        id,
        2048,
        request(kib(1)),
        PlaceError::Occupied { requested, taken },
    );

    heap.set_draining(id, true).expect("the chunk is ready");
    let placed = heap.reserve_at(id, start(8192), &request(kib(1)));
    let state = ChunkState::Draining;
    assert_eq!(placed, Err(PlaceError::NotOpen { chunk: id, state }));
    heap.validate();
}

#[test]
fn a_chunk_whose_buffer_fails_gives_its_ranges_back() {
    let mut heap = heap();
    let id = heap
        .open_chunk(kib(64), Lifetime::Dynamic, false, 0)
        .expect("ids are left");
    let keys: Vec<RangeKey> = (1..4)
        .map(|n| heap.reserve(&request(kib(n)), None).expect("there is room"))
        .collect();
    heap.cancel(keys[1]).expect("the range is reserved");
    let dropped = heap.chunk_failed(id).expect("the chunk is opening");
    assert_eq!(dropped, [(keys[0], Owner(1024)), (keys[2], Owner(3072))]);
    assert_eq!(heap.range(keys[0]), None, "H2");
    assert_eq!(heap.figures(), HeapFigures::default(), "H7");
    heap.validate();
    let gone = ChunkError::NoChunk { chunk: id };
    assert_eq!(heap.chunk_failed(id), Err(gone));
    assert_eq!(heap.chunk_ready(id), Err(gone));
    let again = open(&mut heap);
    assert_eq!(again, id, "no buffer had the id");
    let state = ChunkState::Ready;
    assert_eq!(
        heap.chunk_failed(id),
        Err(ChunkError::WrongState { chunk: id, state })
    );
}

fn closed(heap: &mut ChunkHeap, tick: u64, pressure: bool) -> Vec<u32> {
    let mut out = Vec::new();
    heap.close_empty(tick, pressure, &mut out);
    heap.validate();
    out.into_iter().map(ChunkId::get).collect()
}

#[test]
fn an_empty_chunk_stays_for_its_ticks_and_not_longer() {
    let mut heap = heap();
    closed(&mut heap, 100, false);
    let id = open(&mut heap);
    assert_eq!(closed(&mut heap, 109, false), []);
    let key = live(&mut heap, kib(1));
    assert_eq!(closed(&mut heap, 120, true), [], "H6: it is not empty");
    heap.retire(key).expect("the range is live");
    assert_eq!(
        closed(&mut heap, 200, true),
        [],
        "H6: older versions may read it"
    );
    heap.release(key).expect("the range is retired");
    assert_eq!(
        heap.chunk(id).and_then(|chunk| chunk.empty_since),
        Some(200)
    );
    assert_eq!(closed(&mut heap, 209, false), []);
    assert_eq!(closed(&mut heap, 210, false), [0]);
    assert_eq!(
        heap.figures().closing.capacity,
        kib(64),
        "held until it is gone"
    );

    let next = open(&mut heap);
    assert_eq!(
        next.get(),
        1,
        "H6: the id is not used before its chunk is gone"
    );
    heap.chunk_gone(id).expect("the chunk is closing");
    assert_eq!(heap.chunk_gone(id), Err(ChunkError::NoChunk { chunk: id }));
    let state = ChunkState::Ready;
    assert_eq!(
        heap.chunk_gone(next),
        Err(ChunkError::WrongState { chunk: next, state })
    );
    assert_eq!(open(&mut heap), id);
    assert_eq!(
        closed(&mut heap, 5, false),
        [],
        "a tick that goes back is none"
    );
}

#[test]
fn a_spare_stays_in_a_heap_that_is_not_small_unless_there_is_pressure() {
    let mut heap = heap();
    for _ in 0..2 {
        open(&mut heap);
        live(&mut heap, kib(32));
        live(&mut heap, kib(32));
    }
    open(&mut heap);
    open(&mut heap);
    assert_eq!(closed(&mut heap, 50, false), [3], "one spare stays");
    assert_eq!(closed(&mut heap, 500, false), [], "however long");
    assert_eq!(closed(&mut heap, 501, true), [2], "until there is pressure");

    open(&mut heap);
    heap.set_draining(ChunkId::new(0), true)
        .expect("the chunk is ready");
    let keys: Vec<RangeKey> = heap
        .ranges(ChunkId::new(0))
        .map(|range| range.key)
        .collect();
    for key in keys {
        free(&mut heap, key);
    }
    assert_eq!(
        closed(&mut heap, 502, false),
        [0],
        "an evacuated chunk closes at once"
    );
    assert_eq!(closed(&mut heap, 510, false), [], "it has its ticks");
    assert_eq!(
        closed(&mut heap, 511, false),
        [4],
        "a small heap keeps no spare"
    );
}

#[test]
fn only_a_shared_dynamic_chunk_is_a_spare() {
    let mut heap = heap();
    for _ in 0..3 {
        open(&mut heap);
        live(&mut heap, kib(32));
        live(&mut heap, kib(32));
    }
    let mut ready = |lifetime, dedicated| {
        let id = heap
            .open_chunk(kib(64), lifetime, dedicated, 0)
            .expect("ids are left");
        heap.chunk_ready(id).expect("the chunk is opening");
    };
    ready(Lifetime::Dynamic, true);
    ready(Lifetime::LongLived, false);
    ready(Lifetime::Dynamic, false);
    assert_eq!(heap.figures().spare_chunks, 1);
    assert_eq!(
        closed(&mut heap, 10, false),
        [4, 3],
        "the others go after their ticks"
    );
}

#[test]
fn a_spare_is_wanted_before_it_is_needed() {
    let mut heap = heap();
    let spare = Some((kib(64), Lifetime::Dynamic));
    for n in 1..=3 {
        open(&mut heap);
        live(&mut heap, kib(32));
        assert_eq!(
            heap.wants_spare(),
            None,
            "{n} chunks, the last one with room"
        );
        live(&mut heap, ByteLen::new(16));
        let expected = if n == 3 { spare } else { None };
        assert_eq!(heap.wants_spare(), expected, "{n} chunks, little room");
        if n < 3 {
            live(&mut heap, kib(32) - ByteLen::new(16));
        }
    }
    heap.set_draining(ChunkId::new(0), true)
        .expect("the chunk is ready");
    assert_eq!(
        heap.wants_spare(),
        spare,
        "a draining chunk's room does not count"
    );
    let id = heap
        .open_chunk(kib(64), Lifetime::Dynamic, false, 0)
        .expect("ids are left");
    assert_eq!(heap.wants_spare(), None, "it is on its way");
    assert_eq!(heap.figures().spare_bytes, kib(64));
    heap.chunk_failed(id).expect("the chunk is opening");
    assert_eq!(heap.wants_spare(), spare);
    heap.validate();
}

#[test]
fn a_configuration_is_refused_with_field_value_and_limit() {
    let check = |config: HeapConfig, expected| {
        assert_eq!(ChunkHeap::new(config).map(|_| ()), Err(expected));
    };
    let bytes = ByteLen::new;
    let unit = |unit_bytes| HeapConfig {
        unit_bytes,
        ..config()
    };
    check(
        unit(ByteLen::ZERO),
        ConfigError::BadUnit {
            unit_bytes: bytes(0),
        },
    );
    check(
        unit(bytes(6)),
        ConfigError::BadUnit {
            unit_bytes: bytes(6),
        },
    );
    let (field, value, min) = ("chunk_bytes", bytes(8), bytes(16));
    let small = ConfigError::TooSmall { field, value, min };
    check(
        HeapConfig {
            chunk_bytes: value,
            ..config()
        },
        small,
    );
    let (value, max) = (kib(2048), kib(1024));
    let large = ConfigError::TooLarge { field, value, max };
    check(
        HeapConfig {
            chunk_bytes: value,
            ..config()
        },
        large,
    );
    let (field, value, max) = ("dedicated_above_bytes", kib(65), kib(64));
    let large = ConfigError::TooLarge { field, value, max };
    check(
        HeapConfig {
            dedicated_above_bytes: value,
            ..config()
        },
        large,
    );
}

#[test]
fn a_chunk_is_refused_for_its_length() {
    let mut heap = heap();
    let mut check = |capacity: u64, expected| {
        let capacity = ByteLen::new(capacity);
        assert_eq!(
            heap.open_chunk(capacity, Lifetime::Dynamic, false, 0),
            Err(expected)
        );
    };
    let bytes = ByteLen::new;
    check(
        15,
        OpenError::TooSmall {
            capacity: bytes(15),
            min: bytes(16),
        },
    );
    let (capacity, max) = (bytes((1 << 20) + 1), kib(1024));
    check(capacity.get(), OpenError::TooLarge { capacity, max });
    let odd = heap
        .open_chunk(bytes(47), Lifetime::Dynamic, false, 0)
        .expect("two units");
    assert_eq!(heap.chunk(odd).map(|chunk| chunk.capacity), Some(bytes(32)));
}

#[test]
fn the_map_shows_each_state() {
    let mut heap = heap();
    open(&mut heap);
    let keys: Vec<RangeKey> = (0..4).map(|_| live(&mut heap, kib(8))).collect();
    heap.retire(keys[1]).expect("the range is live");
    free(&mut heap, keys[2]);
    heap.reserve(&request(kib(2)), None).expect("there is room");
    heap.open_chunk(kib(48), Lifetime::LongLived, true, 0)
        .expect("ids are left");
    assert_snapshot!(heap.map(32), @"
      0 |####xxxxr...####................| 38912 of 65536 free, dynamic Ready
      1 |................................| 49152 of 49152 free, long-lived dedicated Opening
    ");
}

#[test]
fn bookkeeping_of_a_range_is_small() {
    assert!(size_of::<Entry>() <= 32, "{} bytes", size_of::<Entry>());
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
