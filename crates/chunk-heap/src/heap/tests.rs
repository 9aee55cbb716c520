mod atomic;
mod choice;
mod dedicated;
mod foretell;
mod lifetime;
mod model;
mod picture;
mod refused;
mod shrink;
mod states;

use geoheap_suballoc::{Align, ByteOffset};
use insta::assert_snapshot;

use super::*;
use crate::error::{LifetimeError, PlaceError, ReserveError};

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
