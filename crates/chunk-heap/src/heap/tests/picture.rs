//! The heap as a picture.

use super::*;

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
