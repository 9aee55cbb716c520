//! What is refused, and with which numbers.

use super::*;

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
fn chunks_of_another_size_need_no_other_field() {
    for chunk_bytes in [
        kib(64),
        kib(4 << 10),
        kib(12 << 10),
        kib(16 << 10),
        kib(64 << 10),
    ] {
        let config = HeapConfig::with_chunk_bytes(chunk_bytes);
        config.check().expect("the fields go together");
        let half = ByteLen::new(chunk_bytes.get() / 2);
        assert!(
            !config.is_dedicated(half, Lifetime::Dynamic),
            "half of {chunk_bytes} shares"
        );
        let above = half + ByteLen::new(1);
        assert!(
            config.is_dedicated(above, Lifetime::Dynamic),
            "above half of {chunk_bytes}"
        );
    }
}
