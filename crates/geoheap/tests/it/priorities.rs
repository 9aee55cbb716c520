//! Frames that need more than there is: what is drawn is what fits by priority, and it stays so.

use geoheap::{Handle, HeapEvent, Report};

use crate::harness::{World, is_resident, mesh, small};

/// Vertices of most blocks: 10 000 bytes, of which six fit a chunk.
const VERTICES: usize = 500;

/// Blocks of these priorities, added one after the other, each looked at from then on.
fn fill(world: &mut World, looked_at: &mut Vec<Handle>, priorities: &[u8]) -> Vec<Handle> {
    let first = u32::try_from(looked_at.len()).expect("few");
    let blocks = (first..).zip(priorities).map(|(nth, priority)| {
        let block = mesh(nth, VERTICES).priority(*priority);
        let handle = world.client.add(block).expect("a valid block");
        looked_at.push(handle);
        world.frame(looked_at);
        world.frame(looked_at);
        handle
    });
    blocks.collect()
}

fn frames(world: &mut World, handles: &[Handle], count: usize) {
    for _ in 0..count {
        world.frame(handles);
    }
}

fn resident(world: &World, handles: &[Handle]) -> usize {
    let there = handles.iter().filter(|handle| is_resident(world, **handle));
    there.count()
}

/// What must not change any more once frames that ask for the same got what there is.
fn traffic(report: &Report) -> [u64; 4] {
    [
        report.evictions,
        report.displaced,
        report.stream_ins,
        report.upload_bytes,
    ]
}

#[track_caller]
fn check_at_rest(world: &mut World, handles: &[Handle]) {
    let before = world.manager.report();
    frames(world, handles, 600);
    let after = world.manager.report();
    assert_eq!(
        traffic(&after),
        traffic(&before),
        "evictions, of them displaced, stream-ins, uploads: nothing goes to and fro"
    );
}

#[test]
fn higher_priority_takes_the_room_of_what_frames_use() {
    let mut world = World::new(small());
    let mut all = Vec::new();
    let low = fill(&mut world, &mut all, &[10; 50]);
    frames(&mut world, &all, 100);
    let fitted = resident(&world, &low);
    assert!(fitted < 50, "more is asked for than there is");
    drop(world.manager.events());

    let high = fill(&mut world, &mut all, &[200; 5]);
    frames(&mut world, &all, 100);
    assert_eq!(resident(&world, &high), 5, "they are drawn");
    assert_eq!(resident(&world, &low), fitted - 5, "for as many others");
    let report = world.manager.report();
    assert_eq!(report.displaced, 5, "one for one");
    let degraded = report.degraded.expect("more is used than fits");
    // One that was set aside in this very tick is looked for again by the next frame.
    let missing = (50 - fitted + 5) as u64 * 10_000;
    let counted = degraded.missing_bytes;
    assert!(
        counted == missing || counted + 10_000 == missing,
        "{degraded}"
    );
    let there = (fitted as u64) * 10_000;
    assert_eq!(degraded.working_set_bytes, there + counted, "all of it");
    assert!(degraded.working_set_bytes > degraded.budget_bytes, "why");
    check_at_rest(&mut world, &all);

    // Frames that ask for less get all of it, and it is told.
    frames(&mut world, &all[20..], 200);
    assert_eq!(resident(&world, &all[20..]), 35, "it fits");
    let report = world.manager.report();
    assert_eq!(report.degraded, None, "no more");
    let told = world.manager.events();
    let recovered = |event: &HeapEvent| matches!(event, HeapEvent::Recovered);
    assert!(told.iter().any(recovered), "it is told: {told:?}");
}

#[test]
fn equals_never_displace_each_other() {
    let mut world = World::new(small());
    let mut all = Vec::new();
    fill(&mut world, &mut all, &[10; 45]);
    frames(&mut world, &all, 100);
    let before: Vec<bool> = all.iter().map(|at| is_resident(&world, *at)).collect();
    assert!(before.contains(&false), "more is asked for than there is");
    fill(&mut world, &mut all, &[10; 5]);
    check_at_rest(&mut world, &all);
    let after: Vec<bool> = all.iter().map(|at| is_resident(&world, *at)).collect();
    assert_eq!(after[..45], before, "who was there first stays");
    assert_eq!(world.manager.report().displaced, 0, "nobody made way");
}

#[test]
fn what_nobody_looks_at_displaces_nothing() {
    let mut world = World::new(small());
    let mut all = Vec::new();
    fill(&mut world, &mut all, &[10; 50]);
    frames(&mut world, &all, 100);
    for nth in 0..5 {
        let block = mesh(100 + nth, VERTICES).priority(200);
        world.client.add(block).expect("a valid block");
    }
    frames(&mut world, &all, 100);
    assert_eq!(world.manager.report().displaced, 0, "it can wait");
}

#[test]
fn a_larger_block_gets_one_stretch_and_no_more_than_that() {
    let mut world = World::new(small());
    let mut all = Vec::new();
    fill(&mut world, &mut all, &[10; 50]);
    frames(&mut world, &all, 100);
    let block = mesh(100, 3 * VERTICES).priority(200);
    let large = world.client.add(block).expect("a valid block");
    all.push(large);
    frames(&mut world, &all, 100);
    assert!(is_resident(&world, large), "it is drawn");
    let displaced = world.manager.report().displaced;
    assert_eq!(displaced, 3, "three neighbours made way");
    check_at_rest(&mut world, &all);
}

#[test]
fn nothing_leaves_for_a_block_that_would_not_fit_all_the_same() {
    let mut world = World::new(small());
    let mut all = Vec::new();
    // Whatever lies next to a low one stays.
    let mixed: Vec<u8> = [10, 250].into_iter().cycle().take(50).collect();
    fill(&mut world, &mut all, &mixed);
    frames(&mut world, &all, 100);
    let before = world.manager.report().displaced;
    let block = mesh(100, 3 * VERTICES).priority(200);
    let large = world.client.add(block).expect("a valid block");
    let low = all.clone();
    all.push(large);
    let there = resident(&world, &low);
    frames(&mut world, &all, 400);
    assert_eq!(world.manager.report().displaced, before, "in vain");
    assert_eq!(resident(&world, &low), there, "all are as they were");
}

#[test]
fn whatever_the_order_what_is_drawn_is_what_fits_by_priority() {
    for seed in 1..=12_u32 {
        let mut world = World::new(small());
        let mut all = Vec::new();
        let mut state = seed;
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            u8::try_from((state >> 24) % 5 * 50).expect("at most 200")
        };
        let priorities: Vec<u8> = (0..60).map(|_| draw()).collect();
        fill(&mut world, &mut all, &priorities);
        frames(&mut world, &all, 600);
        check_at_rest(&mut world, &all);
        let of = |there: bool| {
            let handles = all.iter().zip(&priorities);
            let some = handles.filter(|(at, _)| is_resident(&world, **at) == there);
            some.map(|(_, priority)| *priority).collect::<Vec<u8>>()
        };
        let (drawn, missing) = (of(true), of(false));
        assert!(drawn.len() >= 35, "seed {seed}: the heap is used");
        let (least, most) = (drawn.iter().min(), missing.iter().max());
        assert!(least >= most, "seed {seed}: {drawn:?}, without {missing:?}");
    }
}
