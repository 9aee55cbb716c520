//! What becomes of a range, and of a chunk whose buffer fails.

use super::*;

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

#[test]
fn bookkeeping_of_a_range_is_small() {
    assert!(size_of::<Entry>() <= 32, "{} bytes", size_of::<Entry>());
}
