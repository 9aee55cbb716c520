//! Each threshold just below and just above.

use geoheap_suballoc::{Align, ByteLen, ByteOffset, ByteRange};

use super::maps::layout;
use crate::{ChunkView, Layout, RangeState, RangeView, Reason, Triggers};

/// Evacuable chunks of `capacity` bytes with one range each.
fn chunks(capacity: u64, lens: &[u64]) -> Layout {
    let chunk = |(id, &len): (u32, &u64)| ChunkView {
        id,
        capacity: ByteLen::new(capacity),
        receives: true,
        evacuable: true,
        ranges: vec![RangeView {
            key: 0,
            range: ByteRange::new(ByteOffset::ZERO, ByteLen::new(len)),
            align: Align::ONE,
            state: RangeState::Movable,
        }],
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
