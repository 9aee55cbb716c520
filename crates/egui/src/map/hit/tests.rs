use geoheap_heap_dump::RangeStateDump;

use super::*;

fn segments(ranges: &[(u64, u64)]) -> Vec<Segment> {
    let segment = |&(start, end): &(u64, u64)| Segment {
        start,
        end,
        state: RangeStateDump::Live,
        block: None,
    };
    ranges.iter().map(segment).collect()
}

/// The start of what is hit at a share of 1000 bytes, and how many are there, with a pixel of so
/// many bytes.
fn check(share: f32, pixel_bytes: f32, expected: Option<u64>, count: usize) {
    let segments = segments(&[(100, 200), (200, 203), (203, 206), (206, 300), (990, 1000)]);
    let hit = hit(&segments, 1000, share, pixel_bytes / 1000.0);
    let start = hit.segment.map(|segment| segment.start);
    assert_eq!(
        (start, hit.count),
        (expected, count),
        "at {share} with {pixel_bytes}"
    );
}

#[test]
fn the_segment_with_the_most_bytes_of_a_pixel_is_hit() {
    check(0.05, 1.0, None, 0);
    check(0.1, 1.0, Some(100), 1);
    check(0.1999, 1.0, Some(100), 1);
    check(0.2015, 1.0, Some(200), 1);
    check(0.1985, 10.0, Some(200), 4);
    check(0.25, 10.0, Some(206), 1);
    check(0.5, 10.0, None, 0);
    check(0.999, 1.0, Some(990), 1);
    check(0.0, 1000.0, Some(100), 5);
}

#[test]
fn nothing_is_hit_in_nothing() {
    let hit = hit(&[], 0, 0.5, 0.01);
    assert_eq!((hit.segment, hit.count, hit.offset), (None, 0, 0));
}
