//! Layouts from heap dumps, as a program's own tests use them.

use geoheap_heap_dump::{HeapDump, PartDump, SourceDump};

use crate::dump::{Pool, Reading, pools};
use crate::{Caps, Goal, Plan, RangeState, Reason, plan};

/// Chunks of 4 KiB at frame 100, with blocks that were used ten frames before.
fn heap(chunks: &[&[u64]]) -> HeapDump {
    let mut dump = HeapDump::packed(4096, chunks);
    dump.frame = 100;
    for block in &mut dump.blocks {
        block.frame_last_used = Some(90);
    }
    dump
}

fn only_pool(dump: &HeapDump, reading: &Reading) -> Pool {
    dump.check().expect("a sound heap");
    let mut pools = pools(dump, reading);
    assert_eq!(pools.len(), 1, "one lifetime and one class");
    pools.remove(0)
}

fn planned(pool: &Pool, reason: Reason) -> Plan {
    let goal = Goal::new(reason);
    plan(&pool.layout, &Caps::default(), &goal, pool.victim).expect("D1: a dump is sound")
}

#[test]
fn a_dump_is_planned_for_and_followed_to_the_end() {
    let dump = heap(&[&[2048, 1024], &[1024, 1024], &[512, 256]]);
    // As a program reads it from a file.
    let dump = HeapDump::from_json(&dump.to_json()).expect("what was written is read");
    let mut pool = only_pool(&dump, &Reading::default());
    let first = planned(&pool, Reason::Requested);
    insta::assert_snapshot!(first, @r"
    reason: requested
    victim: chunk 2
    moves: 2
      key 4294967302: 256 bytes, chunk 2 @512 -> chunk 0 @3072
      key 4294967301: 512 bytes, chunk 2 @0 -> chunk 0 @3328
    forecast: 1 chunk returned, 768 bytes moved, 0 left, free 52.1 % -> 28.1 %
    stopped: done after 14 steps
    ");
    assert!(pool.layout.follow(&first), "chunk 2 is empty");
    assert_eq!(pool.layout.chunks.len(), 2, "and gone");
    let rest = planned(&pool, Reason::Requested);
    assert_eq!(rest.victim, None, "{rest}");
}

#[test]
fn marks_of_ranges_come_from_their_blocks() {
    let mut dump = heap(&[&[1024, 1024, 512, 256], &[128]]);
    dump.blocks[0].pins = 1;
    dump.blocks[1].frame_last_used = Some(10);
    // A quarter at the start, a quarter free, a quarter: a third of its length is a gap.
    let part = dump.blocks[2].parts[0].clone();
    dump.blocks[2].parts[0].size = 128;
    dump.blocks[2].parts.push(PartDump {
        id: "1.1".to_owned(),
        offset: 352,
        size: 160,
        ..part
    });
    dump.blocks[2].largest_hole = 224;
    dump.blocks[3].frame_last_used = None;
    dump.blocks[3].source = SourceDump::None;
    let reading = Reading {
        cold_after_frames: Some(60),
        ..Reading::default()
    };
    let pool = only_pool(&dump, &reading);
    let ranges = &pool.layout.chunks[0].ranges;
    let marks = ranges
        .iter()
        .map(|view| (view.state, view.cold, view.has_gaps));
    assert_eq!(
        marks.collect::<Vec<_>>(),
        [
            (RangeState::Fixed, false, false),
            (RangeState::Movable, true, false),
            (RangeState::Movable, false, true),
            (RangeState::Movable, false, false),
        ],
        "pinned; long unused; with a gap; without a source"
    );
    let key = ranges[2].key;
    let closed = planned(&pool, Reason::BlockGaps { key, chunk: 0 });
    assert_eq!(
        (closed.moves.len(), closed.moves[0].key),
        (1, key),
        "{closed}"
    );
}
