use std::collections::BTreeMap;

use clap::ValueEnum as _;
use geoheap_trace::{Event, Reader, Writer};

use super::*;
use crate::summary::Summary;

fn shape(seed: u64) -> Shape {
    Shape {
        seed,
        blocks: 200,
        per_frame: 16,
        size_min: ByteLen::new(100),
        size_max: ByteLen::new(5000),
    }
}

fn made(kind: Kind, shape: &Shape, limit: Limit) -> (Vec<u8>, Summary) {
    let mut writer = Writer::new(Vec::new()).expect("a vector takes all");
    let mut write = |event: &Event<'_>| writer.write(event);
    let mut sink = Sink::new(&mut write, limit);
    generate(kind, shape, &mut sink).expect("a vector takes all");
    let summary = *sink.summary();
    (writer.into_inner().expect("a vector takes all"), summary)
}

/// How often each block is used in the second half of a trace's frames, and the most and fewest
/// blocks that live there.
fn habits(text: &[u8], summary: &Summary) -> (BTreeMap<u64, u64>, usize, usize) {
    let mut reader = Reader::new(text, "made").expect("the first line is right");
    let mut uses = BTreeMap::new();
    let (mut frames, mut most, mut fewest) = (0, 0, usize::MAX);
    while let Some(event) = reader.next_event().expect("what is made can be read") {
        let ended = matches!(event, Event::Frame { .. });
        if let Event::Use(id) = event
            && frames >= summary.frames / 2
        {
            *uses.entry(id.0).or_default() += 1;
        }
        if ended {
            frames += 1;
            let live = reader.state().live_blocks();
            if frames >= summary.frames / 2 {
                most = most.max(live);
                fewest = fewest.min(live);
            }
        }
    }
    (uses, most, fewest)
}

#[test]
fn a_seed_gives_the_same_bytes_and_another_others() {
    for &kind in Kind::value_variants() {
        let [first, second, other] =
            [1, 1, 2].map(|seed| made(kind, &shape(seed), Limit::Frames(60)).0);
        assert!(first == second, "{kind:?}: the same seed");
        assert!(first != other, "{kind:?}: another seed");
    }
}

#[test]
fn traces_are_as_long_as_they_are_to_be() {
    for &kind in Kind::value_variants() {
        for events in [1, 2, 3, 100, 5000] {
            let (text, summary) = made(kind, &shape(1), Limit::Events(events));
            let text = String::from_utf8(text).expect("a trace is UTF-8");
            assert_eq!(summary.events, events, "{kind:?}");
            assert_eq!(text.lines().count() as u64, events + 1, "{kind:?}");
            assert!(text.ends_with("\nframe\n"), "{kind:?}");
        }
        let (text, summary) = made(kind, &shape(1), Limit::Frames(17));
        let frames = text.split(|&byte| byte == b'\n');
        let frames = frames.filter(|line| line == b"frame").count();
        assert_eq!((frames, summary.frames), (17, 17), "{kind:?}");
    }
}

#[test]
fn sizes_keep_to_their_bounds() {
    for (min, max) in [(1, 1), (1, 37), (38, 38), (4096, 4097), (1 << 40, 1 << 40)] {
        let shape = Shape {
            size_min: ByteLen::new(min),
            size_max: ByteLen::new(max),
            blocks: 20,
            ..shape(3)
        };
        for &kind in Kind::value_variants() {
            let (text, summary) = made(kind, &shape, Limit::Frames(40));
            let mut reader = Reader::new(&text[..], "made").expect("the first line is right");
            while let Some(event) = reader.next_event().expect("what is made can be read") {
                if let Event::Add(add) = event {
                    // A mesh has an even number of bytes.
                    let bytes = add.bytes();
                    assert!((min & !1..=max).contains(&bytes), "{kind:?}: {bytes}");
                }
            }
            assert!(summary.blocks >= 20, "{kind:?}: {summary}");
        }
    }
}

#[test]
fn each_kind_uses_a_heap_in_its_way() {
    let half = |kind| {
        let (text, summary) = made(kind, &shape(5), Limit::Frames(600));
        (habits(&text, &summary), summary)
    };
    let ((_, most, fewest), churned) = half(Kind::Churn);
    assert_eq!(
        (most, fewest),
        (200, 200),
        "churn keeps the number of blocks"
    );
    assert!(churned.blocks > 2000, "churn replaces blocks: {churned}");

    let ((uses, ..), _) = half(Kind::Zipf);
    let mut counts: Vec<u64> = uses.into_values().collect();
    counts.sort_unstable();
    let (first, tenth) = (counts[counts.len() - 1], counts[counts.len() - 10]);
    assert!(
        (6..16).contains(&(first / tenth)),
        "{first} is ten times {tenth}, about"
    );

    let ((uses, ..), _) = half(Kind::Loop);
    let (most, fewest) = (uses.values().max(), uses.values().min());
    assert!(
        uses.len() == 200 && most <= fewest.map(|&uses| uses + 1).as_ref(),
        "{uses:?}"
    );

    let ((uses, ..), _) = half(Kind::Scan);
    let often = uses.values().filter(|&&uses| uses > 60).count();
    assert_eq!(
        (often, uses.len()),
        (20, 200),
        "a tenth is used often, all are used"
    );

    let ((_, most, fewest), _) = half(Kind::GrowShrink);
    assert_eq!((most, fewest), (200, 20), "it fills up and empties");

    let ((uses, most, fewest), flown) = half(Kind::Flight);
    assert!(
        fewest > 80 && most <= 260,
        "{fewest} to {most} cells around the camera"
    );
    assert!(flown.blocks > 400, "cells come: {flown}");
    assert!(
        (uses.len() as u64) < flown.blocks,
        "and some are never seen: {flown}"
    );
}
