//! Memory goes back: moves, chunks returned, and no frame that misses a block meanwhile.

mod caps;
mod evictions;
mod long;

use geoheap::{BlockDesc, ByteLen, Handle, Lookup, PartData};

use crate::harness::{World, fill, mesh, small, stamped, vertices};

/// Fills eight chunks with 4 000-byte blocks and removes all but every `keep`-th.
fn riddled(world: &mut World, keep: usize) -> Vec<(u32, Handle)> {
    let mut all = Vec::new();
    for nth in 0..100 {
        all.push((
            nth,
            world.client.add(mesh(nth, 200)).expect("a valid block"),
        ));
        world.ticks(1);
    }
    world.flush();
    let mut kept = Vec::new();
    for (at, block) in all.into_iter().enumerate() {
        if at % keep == 0 {
            kept.push(block);
        } else {
            world.client.remove(block.1).expect("it is sent");
        }
    }
    world.flush();
    kept
}

#[test]
fn chunks_come_back_and_no_frame_misses_a_block() {
    let mut world = World::new(small());
    let kept = riddled(&mut world, 8);
    let before = world.manager.report();
    for _ in 0..300 {
        let ticket = world.manager.begin_frame();
        for (block, handle) in &kept {
            assert!(
                matches!(ticket.get(*handle), Lookup::Resident(_)),
                "R8: block {block} is hidden in frame {}",
                ticket.frame()
            );
        }
        drop(ticket.finish());
        world.ticks(1);
    }
    let after = world.manager.report();
    assert!(after.moves > 0, "blocks moved: {after:?}");
    assert!(
        after.chunks_returned > before.chunks_returned,
        "chunks were returned"
    );
    assert!(after.dynamic_chunks < before.dynamic_chunks, "{after:?}");
    assert_eq!(after.hidden_uses, 0, "R8");
    for (block, handle) in &kept {
        assert_eq!(
            world.bytes(*handle),
            Some(stamped(*block, 0, 4_000)),
            "contents moved along"
        );
    }
}

#[test]
fn returned_memory_is_really_back() {
    let mut world = World::new(small());
    let kept = riddled(&mut world, 20);
    world.ticks(400);
    let held = world.manager.report().chunk_bytes;
    let on_device = world.control.live_buffer_bytes().get();
    assert!(
        on_device <= held + 4 * world.manager.report().chunks,
        "{on_device} of {held}"
    );
    assert!(held <= 3 * 64 * 1024, "five blocks need no more: {held}");
    drop(kept);
}

#[test]
fn an_old_ticket_keeps_what_moved_away() {
    let mut world = World::new(small());
    let kept = riddled(&mut world, 8);
    let old = world.manager.begin_frame();
    world.ticks(300);
    assert!(world.manager.report().moves > 0, "blocks moved");
    for (block, handle) in &kept {
        let read = world.queue_read(&old, *handle).expect("it was resident");
        world.ticks(4);
        let bytes = read.lock().expect("no panics while held").take();
        assert_eq!(
            bytes,
            Some(stamped(*block, 0, 4_000)),
            "R3: block {block} in the old place"
        );
    }
}

#[test]
fn an_update_in_the_middle_of_moves_wins() {
    let mut world = World::new(small());
    let kept = riddled(&mut world, 8);
    for round in 1..40 {
        for (block, handle) in &kept {
            let contents = stamped(*block, round, 4_000);
            world
                .client
                .update(*handle, vec![contents.into()])
                .expect("it is sent");
        }
        world.ticks(2);
    }
    world.flush();
    for (block, handle) in &kept {
        assert_eq!(
            world.bytes(*handle),
            Some(stamped(*block, 39, 4_000)),
            "the newest contents"
        );
    }
}

#[test]
fn the_kill_switch_kills() {
    let mut config = small();
    config.defrag.enabled = false;
    let mut world = World::new(config);
    riddled(&mut world, 8);
    world.ticks(300);
    let pending = world.client.compact_now().expect("it is sent");
    world.answer(pending).expect("it is heard");
    world.ticks(100);
    assert_eq!(world.manager.report().moves, 0, "nothing moves");
}

#[test]
fn whoever_asks_has_a_small_heap_compacted() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 12);
    // A block is left in each of two chunks.
    for handle in handles.iter().skip(1).take(10) {
        world.client.remove(*handle).expect("it lives");
    }
    world.ticks(300);
    let chunks = world.manager.report().dynamic_chunks;
    assert_eq!(chunks, 2, "small heaps are left alone");
    let pending = world.client.compact_now().expect("it is sent");
    world.answer(pending).expect("it is heard");
    world.ticks(20);
    let report = world.manager.report();
    assert_eq!((report.dynamic_chunks, report.moves), (1, 1), "{report}");
}

#[test]
fn trim_returns_empty_chunks_at_once() {
    let mut config = small();
    config.keep_empty_ticks = 1_000_000;
    config.defrag.enabled = false;
    let mut world = World::new(config);
    riddled(&mut world, 1_000);
    world.ticks(20);
    let before = world.manager.report().dynamic_chunks;
    let pending = world.client.trim().expect("it is sent");
    world.answer(pending).expect("it is heard");
    world.ticks(10);
    let after = world.manager.report().dynamic_chunks;
    assert!(before > 2 && after == 1, "{before} chunks, then {after}");
}

#[test]
fn a_trimmed_spare_stays_away() {
    let mut config = small();
    config.keep_empty_ticks = 50;
    config.small_heap_chunks = 1;
    let mut world = World::new(config);
    // As many as fill two chunks but for less than a quarter of one.
    fill(&mut world, 12);
    world.ticks(20);
    let chunks = |world: &World| world.manager.report().dynamic_chunks;
    let with_spare = chunks(&world);
    let trim = world.client.trim().expect("it is sent");
    world.answer(trim).expect("it is done");
    world.ticks(20);
    assert_eq!(
        chunks(&world),
        with_spare - 1,
        "the spare went, and stays away"
    );
    world.ticks(100);
    assert_eq!(
        chunks(&world),
        with_spare,
        "until it may be worth having again"
    );
}

#[test]
fn blocks_keep_the_class_of_their_chunk_when_a_part_changes_its_room() {
    let mut config = small();
    config.split_by_kind = true;
    config.small_heap_chunks = 0;
    config.spare_chunks = 0;
    let mut world = World::new(config);
    let mut handles = Vec::new();
    for nth in 0..60 {
        let block = BlockDesc::new()
            .part(vertices(nth, 0, 100))
            .part(PartData::storage(stamped(nth, 0, 256)))
            .spare(ByteLen::from_kib(4));
        handles.push(world.client.add(block).expect("a valid block"));
        world.ticks(1);
    }
    world.flush();
    for (nth, handle) in handles.iter().enumerate() {
        if nth % 8 != 0 {
            world.client.remove(*handle).expect("it is sent");
            continue;
        }
        // From here on the storage part is the first in the block.
        let part = world.manager.begin_frame().parts(*handle).next();
        let part = part.expect("it has two");
        let update = world
            .client
            .update_part(*handle, part, stamped(1, 1, 2_000));
        world
            .answer(update.expect("it is sent"))
            .expect("there is room");
    }
    world.ticks(300);
    let before = world.manager.report();
    let moved = before.moves + before.gaps_closed;
    assert!(moved > 0, "they can be moved: {before:?}");
    world.ticks(300);
    let passes = world.manager.report().defrag_passes;
    assert_eq!(passes, before.defrag_passes, "and there is an end to it");
}

#[test]
fn a_pass_goes_around_what_is_pinned() {
    // Whichever chunk the pinned block lies in, it is not emptied; others are.
    for pinned in 0..13 {
        let mut world = World::new(small());
        let handles = riddled(&mut world, 8);
        let pinned = handles[pinned].1;
        let place = |world: &World| {
            let ticket = world.manager.begin_frame();
            let view = ticket.get(pinned).resident().expect("nothing is evicted");
            (view.chunk(), view.offset())
        };
        let pin = world.client.pin(pinned).expect("it is sent");
        world.answer(pin).expect("it is resident");
        let before = place(&world);
        for _ in 0..20 {
            let compact = world.client.compact_now().expect("it is sent");
            world.answer(compact).expect("it is heard");
            world.ticks(10);
        }
        assert!(world.manager.report().moves > 0, "others are moved");
        assert_eq!(place(&world), before, "R9: a pinned block stays put");
    }
}
