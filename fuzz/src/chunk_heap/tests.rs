//! The oracle objects to answers that are wrong in one point each.

use geoheap_chunk_heap::{
    ChunkHeap, ChunkId, HeapConfig, Lifetime, Owner, RangeError, RangeInfo, RangeKey, RangeState,
    Request, ReserveError,
};
use geoheap_suballoc::{Align, ByteLen, ByteOffset, ByteRange};

use super::shadow::Shadow;
use crate::verdict::objection;

fn request(len: u64, align: u64) -> Request {
    Request {
        len: ByteLen::new(len),
        align: Align::new(align).expect("positive"),
        lifetime: Lifetime::Dynamic,
        owner: Owner(1),
        class: 0,
    }
}

/// A heap of one ready chunk of 1024 bytes with 0..64 reserved, and its oracle.
fn pair() -> (ChunkHeap, Shadow, RangeKey) {
    let config = HeapConfig {
        chunk_bytes: ByteLen::new(1024),
        long_lived_chunk_bytes: ByteLen::new(256),
        dedicated_above_bytes: ByteLen::new(512),
        buffer_bytes_max: ByteLen::new(4096),
        ..HeapConfig::default()
    };
    let mut heap = ChunkHeap::new(config.clone()).expect("it is good");
    let mut shadow = Shadow::new(config);
    let asked = (ByteLen::new(1024), Lifetime::Dynamic, false, 0);
    shadow.judge_open(asked, heap.open_chunk(asked.0, asked.1, asked.2, asked.3));
    let id = ChunkId::new(0);
    shadow.judge_ready(id, heap.chunk_ready(id));
    let request = request(64, 16);
    let key = heap.reserve(&request, None);
    let info = key.ok().and_then(|key| heap.range(key));
    shadow.judge_reserve(&request, None, key, info);
    shadow.compare(&heap);
    (heap, shadow, key.expect("a chunk is open"))
}

#[test]
fn a_wrong_place_is_objected_to() {
    fn check(lie: impl Fn(RangeInfo) -> RangeInfo, says: &str) {
        let (mut heap, mut shadow, _) = pair();
        let request = request(64, 48);
        let key = heap.reserve(&request, None).expect("there is room");
        let info = heap.range(key).map(lie);
        if says.is_empty() {
            shadow.judge_reserve(&request, None, Ok(key), info);
            return shadow.compare(&heap);
        }
        let said = objection(|| shadow.judge_reserve(&request, None, Ok(key), info));
        assert!(said.contains(says), "{said}");
    }
    let at = |start, len| ByteRange::new(ByteOffset::new(start), ByteLen::new(len));
    let range = |range| move |info| RangeInfo { range, ..info };
    check(|info| info, "");
    check(range(at(0, 64)), "R6");
    check(range(at(48, 64)), "R6");
    check(range(at(1008, 64)), "R6");
    check(range(at(80, 64)), "H3");
    check(range(at(96, 80)), "H3");
    let chunk = ChunkId::new(1);
    check(move |info| RangeInfo { chunk, ..info }, "H5");
    let owner = Owner(2);
    check(move |info| RangeInfo { owner, ..info }, "H2");
}

#[test]
fn a_refusal_without_a_reason_is_objected_to() {
    let (_, mut shadow, key) = pair();
    let request = request(512, 16);
    let needs = |capacity| ReserveError::NeedsChunk {
        capacity: ByteLen::new(capacity),
        lifetime: Lifetime::Dynamic,
        dedicated: false,
    };
    let said = objection(|| shadow.judge_reserve(&request, None, Err(needs(1024)), None));
    assert!(said.contains("has room"), "{said}");
    let exclude = Some(ChunkId::new(0));
    shadow.judge_reserve(&request, exclude, Err(needs(1024)), None);
    let said = objection(|| shadow.judge_reserve(&request, exclude, Err(needs(512)), None));
    assert!(said.starts_with("H8"), "{said}");
    let twice = (exclude, true);
    let said = objection(|| shadow.judge_second_reserve(&request, twice, Err(needs(1024)), None));
    assert!(said.starts_with("H8"), "{said}");

    objection(|| shadow.judge_commit(key, Err(RangeError::Stale { key })));
    objection(|| shadow.judge_retire(key, Ok(())));
    let range = ByteRange::new(ByteOffset::ZERO, ByteLen::new(64));
    objection(|| _ = shadow.judge_freed(key, RangeState::Retired, Ok(range)));
    assert!(
        shadow.judge_freed(key, RangeState::Reserved, Ok(range)),
        "it is reserved"
    );
    let said = objection(|| shadow.judge_commit(key, Ok(())));
    assert!(said.contains("Stale"), "{said}");
}

#[test]
fn another_state_is_objected_to() {
    let (mut heap, mut shadow, key) = pair();
    heap.commit(key).expect("it is reserved");
    let said = objection(|| shadow.compare(&heap));
    assert!(said.contains("H7: dynamic"), "{said}");
    shadow.judge_commit(key, Ok(()));
    shadow.compare(&heap);
    heap.set_owner(key, Owner(9)).expect("it is live");
    let said = objection(|| shadow.compare(&heap));
    assert!(said.contains("H2"), "{said}");
    let said = objection(|| shadow.judge_close(0, true, &[ChunkId::new(0)]));
    assert!(said.contains("H6"), "{said}");
}

#[test]
fn another_chunk_than_the_best_is_objected_to() {
    let (mut heap, mut shadow, _) = pair();
    let asked = (ByteLen::new(1024), Lifetime::Dynamic, false, 0);
    let id = heap.open_chunk(asked.0, asked.1, asked.2, asked.3);
    shadow.judge_open(asked, id);
    let id = id.expect("ids are left");
    shadow.judge_ready(id, heap.chunk_ready(id));
    let dense = request(448, 16);
    let place = heap.reserve_at(id, ByteOffset::ZERO, &dense);
    let info = place.ok().and_then(|key| heap.range(key));
    shadow.judge_reserve_at(id, ByteOffset::ZERO, &dense, place, info);
    shadow.compare(&heap);

    // Chunk 0 is used for 64 bytes, chunk 1 for 448.
    let request = request(64, 16);
    let start = ByteOffset::new(64);
    let key = heap.reserve_at(ChunkId::new(0), start, &request);
    let info = key.ok().and_then(|key| heap.range(key));
    let outcome = key.map_err(|error| panic!("there is room: {error}"));
    let said = objection(|| shadow.judge_reserve(&request, None, outcome, info));
    assert!(said.contains("than the best one"), "{said}");
}

#[test]
fn another_reason_why_a_chunk_is_held_is_objected_to() {
    let (mut heap, mut shadow, _) = pair();
    let asked = (ByteLen::new(1024), Lifetime::Dynamic, false, 0);
    let id = heap.open_chunk(asked.0, asked.1, asked.2, asked.3);
    shadow.judge_open(asked, id);
    let id = id.expect("ids are left");
    shadow.judge_ready(id, heap.chunk_ready(id));
    shadow.compare(&heap);
    shadow.config.keep_empty_ticks += 1;
    let said = objection(|| shadow.compare(&heap));
    assert!(said.contains("why chunks are held"), "{said}");
}
