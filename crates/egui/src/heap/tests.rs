use geoheap_heap_dump::{LifetimeDump, PartDump, RangeDump, SCHEMA};
use proptest::prelude::*;

use super::sorting::Bin;
use super::*;

/// A resident block of 100 bytes with one vertex part, used at frame 90.
pub(crate) fn block(handle: &str, chunk: u32, offset: u64) -> BlockDump {
    BlockDump {
        revision: 1,
        version_written: 7,
        frame_last_used: Some(90),
        label: Some(format!("block {handle}")),
        ..BlockDump::resident(handle.to_owned(), chunk, offset, 100)
    }
}

pub(crate) fn part(id: &str, offset: u64, size: u64, kind: &str) -> PartDump {
    PartDump {
        id: id.to_owned(),
        offset,
        size,
        kind: kind.to_owned(),
        alignment: 4,
    }
}

/// An open chunk of 1000 bytes with these ranges.
pub(crate) fn chunk(id: u32, ranges: Vec<RangeDump>) -> ChunkDump {
    ChunkDump::of_ranges(id, 1000, LifetimeDump::Dynamic, ranges)
}

pub(crate) fn range(
    offset: u64,
    size: u64,
    state: RangeStateDump,
    handle: Option<&str>,
) -> RangeDump {
    RangeDump {
        offset,
        size,
        state,
        handle: handle.map(str::to_owned),
    }
}

/// A dump at frame 100.
pub(crate) fn dump(chunks: Vec<ChunkDump>, blocks: Vec<BlockDump>) -> HeapDump {
    HeapDump {
        schema: SCHEMA.to_owned(),
        frame: 100,
        chunks,
        blocks,
        ..HeapDump::default()
    }
}

/// Many chunks with as many blocks in each, all resident.
pub(crate) fn large(chunks: u32, blocks_each: u32) -> HeapDump {
    let size = 1000 / u64::from(blocks_each).max(1);
    let mut all = Vec::new();
    let chunks = (0..chunks).map(|id| {
        let ranges = (0..blocks_each).map(|nth| {
            let (handle, offset) = (format!("{}v1", all.len() + 1), u64::from(nth) * size);
            let mut one = block(&handle, id, offset);
            one.size = size;
            one.parts[0].size = size;
            one.frame_last_used = Some(u64::from((id * 7 + nth * 13) % 100));
            all.push(one);
            range(offset, size, RangeStateDump::Live, Some(&handle))
        });
        chunk(id, ranges.collect())
    });
    let chunks = chunks.collect();
    dump(chunks, all)
}

const LIVE: RangeStateDump = RangeStateDump::Live;

/// The starts and ends of the segments that are made of ranges given by offset and size.
fn check(ranges: &[(u64, u64)], expected: &[(u64, u64)]) {
    let made = ranges
        .iter()
        .map(|&(offset, size)| range(offset, size, LIVE, None));
    let heap = Heap::new(dump(vec![chunk(0, made.collect())], Vec::new()));
    let seen: Vec<_> = heap
        .segments(0)
        .iter()
        .map(|one| (one.start, one.end))
        .collect();
    assert_eq!(seen, expected, "E1: of {ranges:?}");
}

#[test]
fn segments_are_sorted_and_lie_within_their_chunk() {
    check(&[], &[]);
    check(&[(500, 100), (0, 100)], &[(0, 100), (500, 600)]);
    check(&[(0, 100), (50, 100), (100, 10)], &[(0, 100), (100, 110)]);
    check(&[(900, 500)], &[(900, 1000)]);
    check(&[(2000, 500), (7, 0)], &[]);
    check(&[(u64::MAX, u64::MAX), (10, u64::MAX)], &[(10, 1000)]);
}

#[test]
fn ranges_that_a_block_left_or_goes_to_know_it() {
    let ranges = vec![
        range(0, 100, RangeStateDump::Retired, Some("2v1")),
        range(100, 100, LIVE, Some("1v1")),
        range(300, 100, RangeStateDump::Reserved, Some("1v1")),
        range(500, 100, RangeStateDump::Retired, Some("3v1")),
    ];
    let blocks = vec![block("1v1", 0, 100), block("2v1", 7, 0)];
    let heap = Heap::new(dump(vec![chunk(0, ranges)], blocks));
    let blocks: Vec<_> = heap
        .segments(0)
        .iter()
        .map(|segment| segment.block)
        .collect();
    assert_eq!(blocks, [Some(1), Some(0), Some(0), None]);
}

#[test]
fn work_is_done_in_bounded_pieces() {
    let dump = large(40, 25);
    let whole = Heap::new(dump.clone());
    let mut sorting = Sorting::new(dump);
    let mut steps = 1;
    while !sorting.advance(100) {
        steps += 1;
    }
    // 1 000 blocks are given by hundreds, and two chunks of 25 ranges and blocks are sorted at a
    // time; the last step may find that nothing is left.
    assert!((30..=31).contains(&steps), "E6: {steps} steps");
    let heap = sorting.into_heap();
    for nth in 0..40 {
        assert_eq!(
            heap.segments(nth),
            whole.segments(nth),
            "the same, chunk {nth}"
        );
    }
    let mut bin = Bin::default();
    bin.put(heap.into_dump());
    let mut steps = 0;
    while !bin.is_empty() {
        bin.empty(100);
        steps += 1;
    }
    assert!((20..=21).contains(&steps), "E6: {steps} steps");
    bin.put(HeapDump::default());
    bin.empty(1);
    assert!(bin.is_empty(), "an empty dump is let go of too");
}

#[test]
fn ranges_know_their_blocks() {
    let ranges = vec![
        range(0, 100, LIVE, Some("1v1")),
        range(100, 100, RangeStateDump::Retired, Some("9v9")),
        range(200, 100, LIVE, Some("2v1")),
    ];
    let blocks = vec![block("1v1", 4, 0), block("2v1", 4, 200)];
    let heap = Heap::new(dump(vec![chunk(4, ranges)], blocks));
    let handles: Vec<_> = heap
        .segments(0)
        .iter()
        .map(|segment| heap.block_of(segment).map(|block| block.handle.as_str()))
        .collect();
    assert_eq!(handles, [Some("1v1"), None, Some("2v1")]);
    let second = &heap.dump().blocks[1];
    let place = heap
        .place_of(second)
        .map(|(nth, segment)| (nth, segment.start));
    assert_eq!(place, Some((0, 200)), "found where it lies");
    let mut moved = second.clone();
    moved.offset = Some(150);
    assert_eq!(heap.place_of(&moved), None, "nothing begins there");
    moved.chunk = Some(5);
    assert_eq!(heap.place_of(&moved), None, "no such chunk");
    assert_eq!(heap.position("2v1"), Some(1));
    assert_eq!(
        heap.position("2v2"),
        None,
        "another generation is another block"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn segments_never_overlap(ranges in prop::collection::vec((0_u64..1200, 0_u64..300), 0..20)) {
        let made = ranges.iter().map(|&(offset, size)| range(offset, size, LIVE, None));
        let heap = Heap::new(dump(vec![chunk(0, made.collect())], Vec::new()));
        let mut end = 0;
        for segment in heap.segments(0) {
            prop_assert!(segment.start >= end && segment.end > segment.start, "E1");
            prop_assert!(segment.end <= 1000, "E1");
            end = segment.end;
        }
    }
}
