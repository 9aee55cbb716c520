//! Each threshold just below and just above.

use geoheap_suballoc::{Align, ByteLen, ByteOffset, ByteRange};

use super::maps::layout;
use crate::{ChunkView, Layout, RangeView, Reason, Triggers};

/// Evacuable chunks of `capacity` bytes with one range each.
fn chunks(capacity: u64, lens: &[u64]) -> Layout {
    let chunk = |(id, &len): (u32, &u64)| ChunkView {
        id,
        capacity: ByteLen::new(capacity),
        receives: true,
        evacuable: true,
        ranges: vec![RangeView::movable(
            0,
            ByteRange::new(ByteOffset::ZERO, ByteLen::new(len)),
            Align::ONE,
        )],
    };
    Layout {
        chunks: (0..).zip(lens).map(chunk).collect(),
    }
}

#[track_caller]
fn check(layout: &Layout, expected: Option<&str>) {
    let reason = Triggers::default().check(layout);
    assert_eq!(
        reason.map(|reason| reason.to_string()).as_deref(),
        expected,
        "{layout:?}"
    );
}

#[test]
fn a_chunk_below_a_fifth_is_ill_used() {
    // A fifth of 10 000 is not below a fifth. One unit less is.
    check(&chunks(10_000, &[10_000, 10_000, 2_000]), None);
    check(
        &chunks(10_000, &[10_000, 10_000, 1_999]),
        Some("chunk 2 is used to 20.0 %"),
    );
    check(
        &chunks(10_000, &[1_000, 10_000, 900]),
        Some("chunk 2 is used to 9.0 %"),
    );
    check(
        &chunks(10_000, &[900, 10_000, 900]),
        Some("chunk 0 is used to 9.0 %"),
    );
}

#[test]
fn free_space_across_chunks_of_one_and_a_half_is_too_much() {
    check(&chunks(1_000, &[500, 500, 500]), None);
    check(
        &chunks(1_000, &[500, 499, 500]),
        Some("1501 bytes are free across chunks of 1000 (1.50 chunks)"),
    );
    check(&chunks(1_000, &[700, 700, 700, 700, 700]), None);
    check(
        &chunks(1_000, &[700, 700, 700, 700, 699]),
        Some("1501 bytes are free across chunks of 1000 (1.50 chunks)"),
    );
}

#[test]
fn a_heap_of_two_chunks_is_left_alone() {
    check(&chunks(1_000, &[10, 10]), None);
    check(
        &chunks(1_000, &[10, 10, 10]),
        Some("chunk 0 is used to 1.0 %"),
    );
}

#[test]
fn spare_and_long_lived_chunks_do_not_count() {
    // Free space: the spare of chunk 3 and the long-lived chunks 4 and 5 do not add to it.
    check(&layout(&["0: aa..", "1: bb..", "2: cc..", "3: ...."]), None);
    check(
        &layout(&[
            "0: aa..",
            "1: bb..",
            "2: cc..",
            "4!: d...",
            "5!: e.........",
        ]),
        None,
    );
    // Long-lived chunks do not make a heap large, nor are they ill-used.
    check(
        &layout(&["0: a.........", "1: bb", "4!: cc", "5!: dd"]),
        None,
    );
    check(
        &layout(&["0: aa", "1: bb", "2: cc", "4!: d........."]),
        None,
    );
    // What is retired is about to be free, but it is not yet.
    check(&layout(&["0: aa==", "1: bb==", "2: cc=.", "3: dd.."]), None);
}

#[test]
fn a_chunk_with_fixed_ranges_is_not_ill_used_but_its_free_space_counts() {
    check(&layout(&["0: #.........", "1: bb", "2: cc"]), None);
    check(
        &layout(&["0: #.........", "1: b#########", "2: c#......##"]),
        None,
    );
    check(
        &layout(&["0: #.........", "1: b#########", "2: c#.......#"]),
        Some("256 bytes are free across chunks of 160 (1.60 chunks)"),
    );
}

#[test]
fn gaps_of_more_than_three_tenths_are_closed() {
    #[track_caller]
    fn check(len: u64, gaps: u64, lacks_room: bool, expected: bool) {
        let triggers = Triggers::default();
        let got = triggers.has_gaps(ByteLen::new(len), ByteLen::new(gaps), lacks_room);
        assert_eq!(got, expected, "{gaps} of {len}, {lacks_room}");
    }
    check(1_000, 300, false, false);
    check(1_000, 301, false, true);
    // A block whose free room is one tail has no gaps.
    check(1_000, 0, false, false);
    check(1_000, 0, true, false);
    check(1_000, 4, true, true);
}

#[test]
fn a_block_with_gaps_is_a_reason_where_no_chunk_is() {
    let gaps = "gaps in key 122 of chunk 2";
    check(&layout(&["0: aaa.", "1: bbb.", "2: zzz."]), Some(gaps));
    check(
        &layout(&["0: aaa.", "2!: zzz.", "1: bbb.", "3: ccc."]),
        Some(gaps),
    );
    // Chunks come first, and a small heap is left alone.
    check(
        &layout(&["0: aaaaaaaaa.", "1: b.........", "2: zzzzzzzzz."]),
        Some("chunk 1 is used to 10.0 %"),
    );
    check(&layout(&["0: aaa.", "2: zzz."]), None);
}

#[test]
fn reasons_of_the_caller_read_well() {
    let failed = Reason::AllocFailed {
        requested: ByteLen::new(4096),
        align: Align::new(36).expect("a positive number"),
    };
    assert_eq!(
        failed.to_string(),
        "no room for 4096 bytes aligned to 36",
        "both numbers"
    );
    assert_eq!(Reason::Requested.to_string(), "requested", "somebody asked");
}
