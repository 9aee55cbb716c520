use geoheap_heap_dump::BlockState;

use super::*;
use crate::heap::tests::{block, chunk, dump, part, range};

fn value<'a>(details: &'a Details, name: &str) -> &'a str {
    let line = details.lines.iter().find(|(one, _)| *one == name);
    line.map_or("(no such line)", |(_, value)| value)
}

#[test]
fn a_block_is_described() {
    let mut block = block("12v3", 4, 4096);
    block.parts.push(part("1.1", 80, 2048, "index"));
    block.pins = 2;
    block.largest_hole = 16;
    let details = of_block(&block, 100);
    assert_eq!(details.title, "block 12v3");
    for (name, expected) in [
        ("handle", "12v3"),
        ("state", "resident"),
        ("place", "100 B at 4096 in chunk 4"),
        ("parts", "vertex 100 B, index 2.00 KiB"),
        ("largest hole", "16 B"),
        ("lifetime", "dynamic"),
        ("priority", "128"),
        ("owners, pins", "1, 2"),
        ("source", "retained"),
        ("revision", "1, in version 7"),
        ("last used", "frame 90, 10 ago"),
    ] {
        assert_eq!(value(&details, name), expected, "{name}");
    }
}

#[test]
fn what_is_not_there_is_not_said() {
    let mut block = block("12v3", 4, 4096);
    block.label = None;
    (block.chunk, block.offset) = (None, None);
    block.state = BlockState::Evicted;
    block.frame_last_used = None;
    block.version_written = 0;
    block.parts = (0..8).map(|_| part("0.1", 0, 1, "uniform")).collect();
    let details = of_block(&block, 100);
    assert_eq!(details.title, "12v3", "the handle where there is no label");
    for (name, expected) in [
        ("place", "(no such line)"),
        ("size", "100 B"),
        ("largest hole", "(no such line)"),
        ("revision", "1"),
        ("last used", "never"),
    ] {
        assert_eq!(value(&details, name), expected, "{name}");
    }
    assert!(value(&details, "parts").ends_with("uniform 1 B, 2 more"));
}

#[test]
fn every_place_of_a_chunk_is_described() {
    let ranges = vec![
        range(0, 100, RangeStateDump::Live, Some("1v1")),
        range(100, 50, RangeStateDump::Retired, Some("1v1")),
        range(150, 50, RangeStateDump::Retired, None),
        range(200, 50, RangeStateDump::Reserved, None),
    ];
    let heap = Heap::new(dump(vec![chunk(3, ranges)], vec![block("1v1", 3, 0)]));
    let at = |nth: Option<usize>| {
        let segment = nth.map(|nth| heap.segments(0)[nth]);
        of_segment(&heap, &heap.chunks()[0], segment, 600)
    };
    assert_eq!(value(&at(Some(0)), "this range"), "(no such line)");
    assert_eq!(
        at(Some(1)).title,
        "block 1v1",
        "what is left of a living block"
    );
    assert_eq!(
        value(&at(Some(1)), "this range"),
        "retired: 50 B at 100 in chunk 3"
    );
    assert_eq!(at(Some(2)).title, "retired");
    assert_eq!(at(Some(3)).title, "being filled");
    let free = at(None);
    assert_eq!(free.title, "free, chunk 3");
    assert_eq!(value(&free, "at"), "600 B of 1000 B");
    assert_eq!(value(&free, "free"), "750 B, longest 750 B");
}
