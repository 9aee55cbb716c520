//! What comes back unasked: where it lies, in which order, and how much of it.

use geoheap::{ByteLen, Config, Handle, Lifetime, Lookup, VirtualConfig, VirtualGpu};

use super::Blocks;
use crate::harness::{World, device_for, fill, is_resident, mesh, small};

#[test]
fn blocks_that_lay_apart_lie_tight() {
    let mut config = small();
    config.defrag.enabled = false;
    let mut world = World::new(config);
    let mut kept = Vec::new();
    for id in 0..36 {
        let handle = world.client.add(mesh(id, 500)).expect("a valid block");
        world.ticks(2);
        kept.push(handle);
    }
    for nth in (0..36).filter(|nth| nth % 3 != 0).rev() {
        let handle = kept.remove(nth);
        world.client.remove(handle).expect("it is sent");
    }
    world.ticks(2);
    let before = world.manager.report();
    assert!(
        before.dynamic_chunks >= 5,
        "twelve blocks lie in {before:?}"
    );
    world.control.lose_device();
    world.restore();
    world.ticks(20);
    let map = world.manager.heap_map().expect("the caller drives");
    for chunk in &map.chunks {
        let mut end = 0;
        for range in &chunk.ranges {
            let gap = range.offset.get() - end;
            assert!(gap < 20, "no more than the stride's alignment: {chunk:?}");
            end = range.offset.get() + range.len.get();
        }
    }
    let used = map.chunks.iter().filter(|chunk| !chunk.ranges.is_empty());
    assert_eq!(used.count(), 2, "six to a chunk");
}

#[test]
fn what_is_urgent_comes_first_then_by_priority_then_by_use() {
    let mut world = World::new(Config {
        tick_upload_bytes: ByteLen::new(5_000),
        ..small()
    });
    let mut add = |id, priority, lifetime| {
        let block = mesh(id, 500).priority(priority).lifetime(lifetime);
        let handle = world.client.add(block).expect("a valid block");
        world.flush();
        handle
    };
    let (low, usual, high) = (10, geoheap::PRIORITY_DEFAULT, 200);
    let unused = add(0, usual, Lifetime::Dynamic);
    let used_first = add(1, usual, Lifetime::Dynamic);
    let used_last = add(2, usual, Lifetime::Dynamic);
    let important = add(3, high, Lifetime::Dynamic);
    let pinned = add(4, low, Lifetime::Dynamic);
    let long_lived = add(5, usual, Lifetime::LongLived);
    let least = add(6, low, Lifetime::Dynamic);
    let pin = world.client.pin(pinned).expect("it is sent");
    world.answer(pin).expect("it is resident");
    world.frame(&[used_first]);
    world.frame(&[used_last, least]);
    world.control.lose_device();
    world.ticks(2);
    let restored = world.restore();
    assert_eq!((restored.returning_blocks, restored.lost_blocks), (7, 0));
    let all = [
        unused, used_first, used_last, important, pinned, long_lived, least,
    ];
    let mut came = Vec::new();
    for _ in 0..60 {
        world.ticks(1);
        for handle in all {
            if is_resident(&world, handle) && !came.contains(&handle) {
                came.push(handle);
            }
        }
    }
    let expected = [
        long_lived, pinned, important, used_last, used_first, unused, least,
    ];
    assert_eq!(came, expected);
}

#[test]
fn what_a_frame_misses_comes_before_what_nobody_asks_for() {
    let mut world = World::new(Config {
        tick_upload_bytes: ByteLen::new(5_000),
        ..small()
    });
    let blocks = Blocks::resident(&mut world);
    world.control.lose_device();
    world.restore();
    world.ticks(1);
    let last = blocks.0[11].2;
    let mut ticks = 0;
    while !is_resident(&world, last) {
        world.frame(&[last]);
        ticks += 1;
    }
    let back = blocks.0.iter().filter(|block| is_resident(&world, block.2));
    let back = back.count();
    assert!(ticks < 14 && back < 9, "{back} blocks were before it");
}

#[test]
fn a_smaller_device_gets_what_it_has_room_for() {
    let mut world = World::new(small());
    let handles: Vec<_> = (0..36)
        .map(|id| {
            let handle = world.client.add(mesh(id, 500)).expect("a valid block");
            world.ticks(2);
            handle
        })
        .collect();
    world.flush();
    world.frame(&handles);
    world.frame(&handles[20..]);
    world.control.lose_device();
    let (gpu, control) = VirtualGpu::new(&VirtualConfig {
        memory_bytes: ByteLen::from_kib(4 * 64),
        ..device_for(&small())
    });
    world.control = control;
    let restored = world.manager.restore_backend(gpu);
    restored.expect("its limits are the same");
    world.ticks(100);
    let report = world.manager.report();
    assert!(report.out_of_memory > 0, "it was tried: {report:?}");
    assert_eq!((report.failed, report.evictions), (0, 0), "{report:?}");
    let back = |handle: &&Handle| is_resident(&world, **handle);
    let recent = handles[20..].iter().filter(back).count();
    let others = handles[..20].iter().filter(back).count();
    assert!(recent >= 12, "three chunks of six: {recent}");
    assert!(others <= 6, "those used last were first: {others}");
    let away = handles.iter().copied().find(|handle| {
        let ticket = world.manager.begin_frame();
        matches!(ticket.get(*handle), Lookup::Evicted)
    });
    let away = away.expect("not all have room");
    for _ in 0..200 {
        world.frame(&[away]);
    }
    assert!(
        is_resident(&world, away),
        "the rest comes when it is asked for"
    );
}

#[test]
fn what_comes_back_unasked_takes_room_from_nobody() {
    let mut world = World::new(small());
    let mut add = |id, count, priority| {
        let block = mesh(id, count).priority(priority);
        let handle = world.client.add(block).expect("a valid block");
        world.flush();
        handle
    };
    // Two to each of the seven chunks under the budget, and small ones in what they leave.
    let large: Vec<_> = (0..14).map(|id| add(id, 1_500, 100)).collect();
    let few = [add(20, 250, 200), add(21, 250, 200)];
    let back = |world: &World, handles: &[Handle]| {
        let there = handles.iter().filter(|handle| is_resident(world, **handle));
        there.count()
    };
    assert_eq!((back(&world, &large), back(&world, &few)), (14, 2), "full");
    world.control.lose_device();
    world.restore();
    // Frames that use none of them, so that any may leave. The small ones come first, and one of
    // the others finds no room beside them.
    for _ in 0..60 {
        world.frame(&[]);
    }
    assert_eq!((back(&world, &large), back(&world, &few)), (13, 2), "full");
    let report = world.manager.report();
    assert_eq!(report.stream_ins, 15, "each came once: {report:?}");
    assert_eq!((report.failed, report.evictions), (0, 0), "{report:?}");
}

#[test]
fn what_found_no_room_comes_back_when_the_budget_is_raised() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 36);
    world.flush();
    let back = |world: &World| {
        let there = handles.iter().filter(|handle| is_resident(world, **handle));
        there.count()
    };
    let whole = back(&world);
    assert!(whole > 30, "{whole} blocks fit");
    world.control.lose_device();
    let set_budget = |world: &mut World, kib| {
        let asked = world.client.set_budget(ByteLen::from_kib(kib));
        let asked = asked.expect("a possible budget");
        world.answer(asked).expect("it is not refused");
        world.ticks(80);
    };
    set_budget(&mut world, 200);
    world.restore();
    world.ticks(80);
    let few = back(&world);
    assert!(few > 0 && few < 18, "less than half of the room: {few}");
    set_budget(&mut world, 190);
    set_budget(&mut world, 200);
    assert_eq!(
        back(&world),
        few,
        "they are tried, and there is no room yet"
    );
    set_budget(&mut world, 512);
    assert_eq!(back(&world), whole, "the rest, though nobody looks at it");
    let report = world.manager.report();
    assert_eq!((report.failed, report.evictions), (0, 0), "{report:?}");
}
