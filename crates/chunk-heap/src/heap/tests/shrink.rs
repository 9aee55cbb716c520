//! When chunks are given back, and when one is made ahead of need.

use super::*;

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

/// Buffers made and dropped while the heap swings around the edge of a chunk: behind `full` full
/// chunks a block comes and goes twenty times, and stays and is away for `ticks` each time.
fn swing(full: u32, ticks: u64) -> (u32, u32) {
    let mut heap = heap();
    for _ in 0..full {
        open(&mut heap);
        live(&mut heap, kib(32));
        live(&mut heap, kib(32));
    }
    let (mut made, mut dropped, mut now) = (0, 0, 0);
    let mut pass = |heap: &mut ChunkHeap, made: &mut u32| {
        for _ in 0..ticks {
            now += 1;
            for id in closed(heap, now, false) {
                heap.chunk_gone(ChunkId::new(id)).expect("it is closing");
                dropped += 1;
            }
            if heap.wants_spare().is_some() {
                open(heap);
                *made += 1;
            }
        }
    };
    for _ in 0..20 {
        let key = heap.reserve(&request(kib(32)), None).or_else(|_| {
            open(&mut heap);
            made += 1;
            heap.reserve(&request(kib(32)), None)
        });
        let key = key.expect("H8: the chunk was opened");
        heap.commit(key).expect("the chunk is ready");
        pass(&mut heap, &mut made);
        free(&mut heap, key);
        pass(&mut heap, &mut made);
    }
    (made, dropped)
}

#[test]
fn a_heap_that_swings_around_the_edge_of_a_chunk_keeps_its_buffers() {
    let check = |full, ticks, expected| {
        let found = swing(full, ticks);
        assert_eq!(found, expected, "{full} full chunks, {ticks} ticks");
    };
    check(1, 9, (1, 0));
    check(1, 10, (20, 20));
    check(2, 9, (1, 0));
    check(2, 100, (1, 0));
    check(3, 9, (1, 0));
    check(3, 100, (1, 0));
}

/// One step to either side of each bound from which on a spare is wanted.
#[test]
fn a_spare_is_wanted_from_its_bounds_on() {
    let check = |full: u32, free: u64, spare_chunks, spares: u32, expected: bool| {
        let config = HeapConfig {
            spare_chunks,
            // More than the spares have, so that only their count decides.
            spare_below_bytes: kib(64) * u64::from(spares) + kib(32),
            ..config()
        };
        let mut heap = ChunkHeap::new(config).expect("the configuration is good");
        for n in 0..full {
            open(&mut heap);
            let left = if n == 0 {
                ByteLen::new(free)
            } else {
                ByteLen::ZERO
            };
            live(&mut heap, kib(32));
            if left < kib(32) {
                live(&mut heap, kib(32) - left);
            }
        }
        for _ in 0..spares {
            open(&mut heap);
        }
        let wanted = heap.wants_spare().is_some();
        let case = (full, free, spare_chunks, spares);
        assert_eq!(
            wanted, expected,
            "full, free, spares to keep, spares: {case:?}"
        );
    };
    let (short, enough) = (32 * KIB - 16, 32 * KIB);
    // How many chunks make a small heap: two.
    check(2, 16, 1, 0, false);
    check(3, 16, 1, 0, true);
    // How many spares there are to be.
    check(3, 16, 0, 0, false);
    check(3, 16, 1, 1, false);
    check(3, 16, 2, 1, true);
    check(3, 16, 2, 2, false);
    // How much room is enough.
    check(3, short, 1, 0, true);
    check(3, enough, 1, 0, false);
}

/// One unit to either side of the room in the others from which on an empty chunk goes.
#[test]
fn a_spare_stays_while_the_others_have_little_room() {
    let check = |more: u64, expected: &[u32]| {
        let mut heap = heap();
        for len in [kib(32), kib(32) + ByteLen::new(more), kib(64)] {
            let id = open(&mut heap);
            let placed = heap.reserve_at(id, ByteOffset::ZERO, &request(len));
            placed.expect("the chunk is empty");
        }
        open(&mut heap);
        assert_eq!(closed(&mut heap, 9, false), [], "{more}: it has its ticks");
        assert_eq!(closed(&mut heap, 10, false), expected, "{more}");
        assert_eq!(heap.wants_spare(), None, "{more}: it is not made again");
    };
    check(16, &[]);
    check(0, &[3]);
}
