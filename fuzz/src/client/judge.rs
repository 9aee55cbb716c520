//! What must be true of the heap's own figures at any time.

use std::collections::BTreeSet;

use geoheap::{ByteLen, ChunkState, Handle, HeapMap, RangeState, Report};

/// Judges a map: ranges lie in order inside their chunk, and the four sums are those of the ranges.
///
/// # Panics
/// When they do not (R6).
pub(super) fn map(map: &HeapMap) {
    let mut ids = BTreeSet::new();
    for chunk in &map.chunks {
        let id = chunk.id;
        assert!(ids.insert(id), "R6: {id:?} is there twice");
        let [mut live, mut reserved, mut retired] = [0; 3];
        let mut free_from = 0;
        for range in &chunk.ranges {
            let (start, len) = (range.offset.get(), range.len.get());
            assert!(
                start >= free_from,
                "R6: {id:?}: the range at {start} begins before {free_from}"
            );
            free_from = start + len;
            match range.state {
                RangeState::Live => live += len,
                RangeState::Reserved => reserved += len,
                RangeState::Retired => retired += len,
            }
            assert!(
                range.state != RangeState::Live || range.handle.is_some(),
                "R6: {id:?}: nobody owns the live range at {start}"
            );
        }
        let capacity = chunk.capacity.get();
        assert!(free_from <= capacity, "R6: {id:?} ends before {free_from}");
        let free = capacity - live - reserved - retired;
        let told = [chunk.live, chunk.reserved, chunk.retired, chunk.free].map(ByteLen::get);
        assert_eq!(told, [live, reserved, retired, free], "R6: {id:?} adds up");
        assert!(
            chunk.state != ChunkState::Opening || live == 0,
            "R1: {id:?} has no buffer yet"
        );
        assert!(
            chunk.state != ChunkState::Closing || chunk.ranges.is_empty(),
            "R3: {id:?} goes with ranges in it"
        );
    }
}

/// Judges that every live block has at most one live range, and no other has one, where nothing is
/// on its way.
///
/// # Panics
/// When it is not so (R6).
pub(super) fn owners(map: &HeapMap, live: &BTreeSet<Handle>) {
    let mut seen = BTreeSet::new();
    for range in map.chunks.iter().flat_map(|chunk| &chunk.ranges) {
        let Some(handle) = range.handle else {
            panic!("R6: {range:?} has no block, though nothing is on its way");
        };
        assert!(
            live.contains(&handle),
            "R6: {handle} was removed: {range:?}"
        );
        assert!(
            seen.insert(handle),
            "R6: {handle} has two ranges: {range:?}"
        );
    }
}

/// Judges figures against the budget in force and what the device says is held.
///
/// # Panics
/// When more is held than may be (R10), or the lists of R8 and R9 are not empty.
pub(super) fn report(report: &Report, budget_bytes: u64, move_long_lived: bool) {
    let held = report.held_bytes;
    assert!(
        held <= budget_bytes,
        "R10: {held} bytes are held under a budget of {budget_bytes}: {report:?}"
    );
    assert_eq!(report.hidden_uses, 0, "R8: no block is hidden: {report:?}");
    assert_eq!(report.long_lived_evictions, 0, "R9: {report:?}");
    assert!(
        move_long_lived || report.long_lived_moves == 0,
        "R9: {report:?}"
    );
}
