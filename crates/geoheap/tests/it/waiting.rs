//! Pins, lifetimes, and callers who wait for blocks that are away.

use geoheap::{
    BlockDesc, ByteLen, ChunkId, Handle, HeapEvent, Lifetime, Lookup, Op, RequestError, Source,
};

use crate::harness::{World, mesh, small, stamped, vertices};

fn place(world: &World, handle: Handle) -> Option<(ChunkId, u64)> {
    let ticket = world.manager.begin_frame();
    let view = ticket.get(handle).resident();
    view.map(|view| (view.chunk(), view.offset().get()))
}

#[test]
fn a_pin_in_the_middle_of_a_move_lets_the_move_end_first() {
    let mut config = small();
    config.tick_upload_bytes = ByteLen::new(4096);
    let mut world = World::new(config);
    let handle = world.client.add(mesh(1, 1_000)).expect("a valid block");
    world.flush();
    let before = place(&world, handle);
    let lifetime = world.client.set_lifetime(handle, Lifetime::LongLived);
    lifetime.expect("it is sent");
    world.ticks(1);
    let pin = world.client.pin(handle).expect("it is sent");
    world.answer(pin).expect("it is resident");
    let pinned = place(&world, handle);
    assert_ne!(pinned, before, "the move has ended");
    world.ticks(20);
    assert_eq!(
        place(&world, handle),
        pinned,
        "R9: a pinned block stays put"
    );
}

#[test]
fn a_lifetime_changed_under_a_pin_takes_effect_after_it() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 50)).expect("a valid block");
    let pin = world.client.pin(handle).expect("it is sent");
    world.answer(pin).expect("it is resident");
    let pinned = place(&world, handle);
    let lifetime = world.client.set_lifetime(handle, Lifetime::LongLived);
    lifetime.expect("it is sent");
    world.flush();
    assert_eq!(place(&world, handle), pinned, "R9: it stays while pinned");
    world.client.unpin(handle).expect("it is sent");
    world.ticks(20);
    let map = world.client.heap_map().expect("it is sent");
    let map = world.answer(map).expect("it is told");
    let (chunk, _) = place(&world, handle).expect("it is resident");
    let home = map.chunks.iter().find(|info| info.id == chunk);
    let home = home.expect("a place is in a chunk");
    assert_eq!(home.lifetime, Lifetime::LongLived, "then it moves");
    assert_eq!(
        world.manager.report().dynamic_chunks,
        0,
        "and leaves nothing"
    );
}

#[test]
fn a_block_with_a_buffer_of_its_own_changes_its_lifetime_without_a_copy() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 2_000)).expect("a valid block");
    world.flush();
    let before = (place(&world, handle), world.manager.report());
    assert!(before.0.is_some(), "it is resident");
    let chunks = |report: &geoheap::Report| (report.dynamic_chunks, report.long_lived_chunks);
    assert_eq!(chunks(&before.1), (1, 0), "40 KB of chunks of 64 KiB");

    let pin = world.client.pin(handle).expect("it is sent");
    world.answer(pin).expect("it is resident");
    for (lifetime, expected) in [(Lifetime::LongLived, (0, 1)), (Lifetime::Dynamic, (1, 0))] {
        let sent = world.client.set_lifetime(handle, lifetime);
        sent.expect("it is sent");
        world.flush();
        let report = world.manager.report();
        assert_eq!(chunks(&report), expected, "though it is pinned (R9)");
        assert_eq!(place(&world, handle), before.0, "R9: it stays put");
        assert_eq!(report.gpu_copies, before.1.gpu_copies, "nothing is copied");
        assert_eq!(report.chunks_created, 1, "no second buffer");
        assert_eq!(world.bytes(handle), Some(stamped(1, 0, 40_000)));
    }
}

#[test]
fn a_long_lived_block_that_may_share_a_chunk_as_a_dynamic_one_leaves_its_own_buffer() {
    let mut world = World::new(small());
    // 20 KB: more than half a long-lived chunk of 16 KiB, less than half a dynamic one of 64 KiB.
    let long = mesh(1, 1_000).lifetime(Lifetime::LongLived);
    let handle = world.client.add(long).expect("a valid block");
    let other = world.client.add(mesh(2, 100)).expect("a valid block");
    world.flush();
    let before = world.manager.report();
    assert_eq!((before.dynamic_chunks, before.long_lived_chunks), (1, 1));

    let pin = world.client.pin(handle).expect("it is sent");
    world.answer(pin).expect("it is resident");
    let pinned = place(&world, handle);
    let sent = world.client.set_lifetime(handle, Lifetime::Dynamic);
    sent.expect("it is sent");
    world.flush();
    assert_eq!(place(&world, handle), pinned, "R9: it stays while pinned");
    world.client.unpin(handle).expect("it is sent");
    world.ticks(20);
    let chunk = |handle| place(&world, handle).map(|(chunk, _)| chunk);
    assert_eq!(chunk(handle), chunk(other), "they share a chunk");
    let report = world.manager.report();
    let chunks = (report.dynamic_chunks, report.long_lived_chunks);
    assert_eq!(chunks, (1, 0), "its own buffer is given back");
    assert_eq!(world.bytes(handle), Some(stamped(1, 0, 20_000)));
    assert_eq!(report.hidden_uses, before.hidden_uses, "R8");
}

#[test]
fn blocks_of_another_lifetime_do_not_wedge_the_compaction() {
    let mut config = small();
    config.small_heap_chunks = 0;
    config.spare_chunks = 0;
    let mut world = World::new(config);
    let mut handles = Vec::new();
    for nth in 0..100 {
        handles.push(world.client.add(mesh(nth, 200)).expect("a valid block"));
        world.ticks(1);
    }
    let client = world.client.clone();
    for (nth, handle) in handles.iter().enumerate() {
        if nth % 8 == 0 {
            drop(client.pin(*handle).expect("it is sent"));
            let lifetime = client.set_lifetime(*handle, Lifetime::LongLived);
            lifetime.expect("it is sent");
        } else {
            client.remove(*handle).expect("it is sent");
        }
    }
    world.flush();
    for handle in handles.iter().step_by(8) {
        client.unpin(*handle).expect("it is sent");
    }
    world.ticks(300);
    let report = world.manager.report();
    assert_eq!(
        report.dynamic_chunks, 0,
        "all dynamic chunks are given back"
    );
    assert_eq!(report.long_lived_moves, 0, "R9: none of them was compacted");
}

#[test]
fn a_pin_that_is_refused_does_not_count() {
    let mut world = World::new(small());
    world.control.set_memory_bytes(ByteLen::from_kib(32));
    let handle = world.client.add(mesh(1, 500)).expect("a valid block");
    for when in ["while it waits", "once it has failed"] {
        let pin = world.client.pin(handle).expect("it is sent");
        world.answer(pin).expect_err(when);
    }
    let _ = world.manager.events();
    world.client.unpin(handle).expect("it is sent");
    world.flush();
    let told = world.manager.events();
    let not_pinned = |event: &HeapEvent| {
        let HeapEvent::Refused { op, error, .. } = event else {
            return false;
        };
        *op == Op::Unpin && matches!(error, RequestError::NotPinned { .. })
    };
    assert!(told.iter().any(not_pinned), "{told:?}");
}

#[test]
fn a_pin_taken_off_before_it_took_hold_leaves_none() {
    let mut world = World::new(small());
    let mut handles = Vec::new();
    for nth in 0..60 {
        handles.push(world.client.add(mesh(nth, 500)).expect("a valid block"));
        world.ticks(2);
    }
    let away = handles.into_iter().find(|handle| {
        let ticket = world.manager.begin_frame();
        matches!(ticket.get(*handle), Lookup::Evicted)
    });
    let away = away.expect("sixty blocks are more than the budget");
    let pin = world.client.pin(away).expect("it is sent");
    world.client.unpin(away).expect("it is sent");
    world
        .answer(pin)
        .expect("who waited for the pin has the block");
    let _ = world.manager.events();
    world.client.unpin(away).expect("it is sent");
    world.flush();
    let told = world.manager.events();
    assert!(
        matches!(told[..], [HeapEvent::Refused { op: Op::Unpin, .. }]),
        "it is not pinned any more: {told:?}"
    );
}

#[test]
fn who_waits_is_not_forgotten_when_wishes_age() {
    let mut world = World::new(small());
    let mut handles = Vec::new();
    for nth in 0..200 {
        handles.push(world.client.add(mesh(nth, 500)).expect("a valid block"));
        world.ticks(2);
    }
    let low = handles[0];
    world.client.set_priority(low, 0).expect("it is sent");
    world.flush();
    let mut waiting = world.client.resident(low).expect("it is sent");
    // Frames want much more than there is, so that the one of low priority has to wait.
    for _ in 0..200 {
        world.frame(&handles[50..150]);
        assert!(waiting.try_take().is_none(), "there is no room for it");
    }
    for _ in 0..400 {
        world.frame(&handles[50..55]);
        if let Some(answer) = waiting.try_take() {
            return answer.expect("now there is room");
        }
    }
    panic!("the waiter was forgotten");
}

#[test]
fn a_block_larger_than_a_lowered_budget_is_refused_to_who_waits() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 15_000)).expect("a valid block");
    world.flush();
    let lower = world.client.set_budget(ByteLen::from_kib(150));
    world
        .answer(lower.expect("it holds a chunk"))
        .expect("done");
    for _ in 0..100 {
        world.frame(&[]);
    }
    let waiting = world.client.resident(handle).expect("it is sent");
    let refused = world.answer(waiting).expect_err("no place can hold it");
    let RequestError::TooLarge { requested, max } = refused else {
        panic!("{refused:?}");
    };
    assert!(requested > max, "{requested} and {max}");
    let version = world.manager.report().version;
    for _ in 0..20 {
        world.frame(&[handle]);
    }
    let later = world.manager.report().version;
    assert_eq!(later, version, "and it is not tried again and again");
    let higher = world.client.set_budget(ByteLen::from_kib(512));
    world.answer(higher.expect("a valid budget")).expect("done");
    let waiting = world.client.resident(handle).expect("it is sent");
    world
        .answer(waiting)
        .expect("with more budget it comes back");
}

/// A heap full of blocks that cannot leave, and one with a source that was evicted for them.
fn crowded() -> (World, Handle, Vec<Handle>) {
    let mut config = small();
    config.budget_bytes = ByteLen::from_kib(160);
    let mut world = World::new(config);
    let handle = world.client.add(mesh(99, 1_500)).expect("a valid block");
    world.flush();
    world.ticks(10);
    let mut others = Vec::new();
    for nth in 0..5 {
        let block = BlockDesc::new().part(vertices(nth, 0, 1_500));
        let other = world.client.add(block.source(Source::None));
        others.push(other.expect("a valid block"));
        world.ticks(30);
    }
    let ticket = world.manager.begin_frame();
    assert!(
        matches!(ticket.get(handle), Lookup::Evicted),
        "it had to go"
    );
    drop(ticket);
    (world, handle, others)
}

#[test]
fn a_pin_without_room_is_refused_and_the_block_comes_back_when_there_is_some() {
    let (mut world, handle, others) = crowded();
    let pin = world.client.pin(handle).expect("it is sent");
    let refused = world.answer(pin).expect_err("nothing can leave for it");
    assert!(
        matches!(refused, RequestError::Failed { .. }),
        "{refused:?}"
    );
    for other in others {
        world.client.remove(other).expect("it is sent");
    }
    for _ in 0..100 {
        world.frame(&[handle]);
    }
    let ticket = world.manager.begin_frame();
    let seen = ticket.get(handle);
    assert!(
        matches!(seen, Lookup::Resident(_)),
        "it has a source: {seen:?}"
    );
}

#[test]
fn a_long_lived_block_without_room_is_told_and_comes_by_itself() {
    let (mut world, handle, others) = crowded();
    let lifetime = world.client.set_lifetime(handle, Lifetime::LongLived);
    lifetime.expect("it is sent");
    world.ticks(600);
    let told = world.manager.events();
    let failed =
        |event: &HeapEvent| matches!(event, HeapEvent::Failed { handle: of, .. } if *of == handle);
    assert!(told.iter().any(failed), "that it is not there: {told:?}");
    for other in others {
        world.client.remove(other).expect("it is sent");
    }
    world.ticks(200);
    assert!(
        place(&world, handle).is_some(),
        "no frame has to ask for it"
    );
}

#[test]
fn a_change_of_lifetime_that_found_no_room_can_be_repeated() {
    let mut config = small();
    config.budget_bytes = ByteLen::from_kib(160);
    config.long_lived_chunk_bytes = ByteLen::from_kib(64);
    let mut world = World::new(config);
    let mut handles = Vec::new();
    for nth in 0..6 {
        let block = BlockDesc::new().part(vertices(nth, 0, 1_000));
        let handle = world.client.add(block.source(Source::None));
        handles.push(handle.expect("a valid block"));
        world.ticks(3);
    }
    let handle = handles.remove(0);
    let set = |world: &World| world.client.set_lifetime(handle, Lifetime::LongLived);
    set(&world).expect("it is sent");
    world.ticks(600);
    let told = world.manager.events();
    assert!(!told.is_empty(), "it found no room, and that is told");
    for other in handles {
        world.client.remove(other).expect("it is sent");
    }
    world.ticks(50);
    set(&world).expect("it is sent");
    world.ticks(50);
    let report = world.manager.report();
    let chunks = (report.dynamic_chunks, report.long_lived_chunks);
    assert_eq!(chunks, (0, 1), "{report:?}");
}
