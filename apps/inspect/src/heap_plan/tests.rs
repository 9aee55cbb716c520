use geoheap_heap_dump::{ChunkDump, ChunkStateDump, RangeDump, RangeStateDump};

use super::*;

const KIB: u64 = 1024;

/// A heap of chunks of 16 KiB; each number is a block's KiB, packed from the start.
fn heap(chunks: &[&[u64]]) -> HeapDump {
    let bytes = |kib: &[u64]| kib.iter().map(|kib| kib * KIB).collect::<Vec<_>>();
    let chunks: Vec<Vec<u64>> = chunks.iter().map(|kib| bytes(kib)).collect();
    let chunks: Vec<&[u64]> = chunks.iter().map(Vec::as_slice).collect();
    let dump = HeapDump::packed(16 * KIB, &chunks);
    dump.check().expect("a sound heap");
    dump
}

fn settings() -> Settings {
    Settings {
        caps: Caps::default(),
        triggers: Triggers::default(),
        is_asked_for: false,
        with_long_lived: false,
        until_done: false,
    }
}

fn planned(dump: &HeapDump, settings: Settings) -> Planned {
    plan(dump, &settings).expect("a layout without contradictions")
}

fn victims(planned: &Planned) -> Vec<Option<u32>> {
    planned.plans().map(|plan| plan.victim).collect()
}

#[test]
fn a_plan_reads_with_handles_and_labels() {
    let mut dump = heap(&[&[8, 4], &[10], &[2, 1]]);
    dump.blocks[3].label = Some("rock".to_owned());
    insta::assert_snapshot!("one", planned(&dump, settings()).to_string());
    let json: Value = serde_json::from_str(&planned(&dump, settings()).to_json()).expect("JSON");
    assert_eq!(json["schema"], "geoheap-plans/1");
    let plan = &json["pools"][0]["plans"][0];
    assert_eq!(plan["schema"], "geoheap-plan/1");
    assert_eq!(plan["moves"][1]["handle"], "4v1");
    assert_eq!(plan["moves"][1]["key"], (1_u64 << 32 | 4).to_string());
}

#[test]
fn what_must_stay_is_no_victim() {
    let check = |change: &dyn Fn(&mut HeapDump), expected: &[Option<u32>]| {
        let mut dump = heap(&[&[14], &[14], &[2, 1]]);
        change(&mut dump);
        dump.check().expect("a sound heap");
        let asked = Settings {
            is_asked_for: true,
            ..settings()
        };
        assert_eq!(victims(&planned(&dump, asked)), expected);
    };
    let reserve = |dump: &mut HeapDump, handle: Option<&str>, state| {
        let mut ranges = dump.chunks[0].ranges.clone();
        ranges.push(RangeDump {
            offset: 15 * KIB,
            size: KIB,
            state,
            handle: handle.map(str::to_owned),
        });
        dump.chunks[0] = ChunkDump::of_ranges(0, 16 * KIB, LifetimeDump::Dynamic, ranges);
    };
    check(&|_| {}, &[Some(2)]);
    check(&|dump| dump.blocks[3].pins = 1, &[None]);
    check(
        &|dump| reserve(dump, Some("4v1"), RangeStateDump::Reserved),
        &[None],
    );
    check(
        &|dump| reserve(dump, Some("4v1"), RangeStateDump::Retired),
        &[Some(2)],
    );
    check(
        &|dump| dump.chunks[2].lifetime = LifetimeDump::LongLived,
        &[None],
    );
    check(&|dump| dump.chunks[2].dedicated = true, &[None]);
    check(&|dump| dump.chunks[2].class = 1, &[None, None]);
    check(
        &|dump| dump.chunks[2].state = ChunkStateDump::Draining,
        &[Some(2)],
    );
}

#[test]
fn without_a_trigger_there_is_no_plan_unless_asked() {
    let dump = heap(&[&[15], &[14], &[13]]);
    assert_eq!(victims(&planned(&dump, settings())), []);
    let text = planned(&dump, settings()).to_string();
    assert!(text.contains("no trigger is set off"), "{text}");
    assert_eq!(heap(&[]).chunks.len(), 0);
    let none = planned(&heap(&[]), settings()).to_string();
    assert_eq!(none, "no chunks whose blocks could move");
}

#[test]
fn long_lived_chunks_are_planned_for_where_that_is_wanted() {
    let mut dump = heap(&[&[8, 4], &[10], &[2, 1]]);
    for chunk in &mut dump.chunks {
        chunk.lifetime = LifetimeDump::LongLived;
    }
    assert_eq!(victims(&planned(&dump, settings())), []);
    let with = Settings {
        with_long_lived: true,
        ..settings()
    };
    assert_eq!(victims(&planned(&dump, with)), [Some(2)]);
}

#[test]
fn plans_follow_one_another_to_the_end() {
    let dump = heap(&[&[4, 4], &[3, 3], &[2, 2], &[1, 1], &[1], &[6, 6]]);
    let all = Settings {
        is_asked_for: true,
        until_done: true,
        caps: Caps {
            moves: 1,
            ..Caps::default()
        },
        ..settings()
    };
    let planned = planned(&dump, all);
    insta::assert_snapshot!("all", planned.to_string());
    let moved: u64 = planned.plans().map(|plan| plan.moves.len() as u64).sum();
    assert!(planned.plans().all(|plan| plan.moves.len() <= 1), "the cap");
    assert!(moved > 4, "several passes");
}

#[test]
fn a_chunk_that_no_plan_can_look_at_is_an_error() {
    let mut dump = heap(&[&[1], &[1], &[1]]);
    dump.unit_bytes = 1;
    let ranges = dump.chunks[0].ranges.clone();
    dump.chunks[0] = ChunkDump::of_ranges(0, u64::MAX / 4, LifetimeDump::Dynamic, ranges);
    dump.check().expect("a sound heap, if a large one");
    let error = plan(&dump, &settings()).expect_err("over the longest chunk");
    assert!(error.to_string().contains("capacity"), "{error}");
}
