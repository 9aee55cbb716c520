//! Memory goes back: moves, chunks returned, and no frame that misses a block meanwhile.

use geoheap::{BlockDesc, ByteLen, Handle, Lifetime, Lookup, PartData};

use crate::harness::{World, fill, mesh, resident, small, stamped, vertices};

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
fn a_pass_keeps_to_its_caps() {
    let mut config = small();
    config.defrag.move_bytes = ByteLen::new(8_192);
    config.defrag.moves = 1;
    let mut world = World::new(config);
    riddled(&mut world, 8);
    let mut last = world.manager.report().moves;
    for _ in 0..300 {
        // A frame in each tick, so that the caps are not raised.
        world.frame(&[]);
        let moves = world.manager.report().moves;
        assert!(moves <= last + 1, "one move a tick: {last} then {moves}");
        last = moves;
    }
    assert!(last > 3, "they add up: {last}");
}

#[test]
fn cold_blocks_of_a_chunk_that_a_lowered_budget_wants_leave_rather_than_move() {
    let lowered = |is_cold: bool| {
        let mut world = World::new(small());
        let handles = fill(&mut world, 40);
        let (hot, others) = handles.split_at(12);
        for _ in 0..60 {
            world.frame(if is_cold { hot } else { &handles });
        }
        let before = world.manager.report();
        assert_eq!(before.defrag_evictions, 0, "nothing has to leave");
        let lower = world.client.set_budget(ByteLen::from_kib(384));
        lower.expect("it holds a chunk");
        for _ in 0..200 {
            world.frame(hot);
        }
        let after = world.manager.report();
        assert!(
            after.held_bytes <= ByteLen::from_kib(384).get(),
            "{after:?}"
        );
        let is_there = |handle: &Handle| {
            let ticket = world.manager.begin_frame();
            matches!(ticket.get(*handle), Lookup::Resident(_))
        };
        assert!(hot.iter().all(is_there), "what frames look at stays");
        for nth in [12, 20, 39] {
            let handle = others[nth - 12];
            for _ in 0..20 {
                world.frame(&[handle]);
            }
            let nth = u32::try_from(nth).expect("few blocks");
            let bytes = world.bytes(handle);
            assert_eq!(bytes, Some(stamped(nth, 0, 10_000)), "it comes back whole");
        }
        after.defrag_evictions
    };
    assert!(lowered(true) > 0);
    assert_eq!(lowered(false), 0, "what was seen a moment ago moves");
}

/// Frames that look at the first `hot` alone, until the others are cold.
fn gone_cold(world: &mut World, handles: &[Handle], hot: usize) {
    for _ in 0..60 {
        world.frame(&handles[..hot]);
    }
}

#[test]
fn a_lowered_budget_takes_no_more_than_down_to_the_low_water_mark() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 40);
    gone_cold(&mut world, &handles, 4);
    let lower = world.client.set_budget(ByteLen::from_kib(256));
    lower.expect("it holds a chunk");
    for _ in 0..60 {
        world.frame(&handles[..4]);
    }
    let report = world.manager.report();
    assert!(report.defrag_evictions > 0, "the plan had its turn");
    // Three chunks are left beside staging.
    let low = 3.0 * 65_536.0 * f64::from(world.manager.config().residency.low_water);
    let stay = resident(&world).len() * 10_000;
    assert!(
        f64::from(u32::try_from(stay).expect("few bytes")) > low - 10_000.0,
        "{stay} bytes stay, and may be {low}"
    );
}

#[test]
fn each_time_a_budget_is_lowered_the_plan_has_its_turn() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 40);
    let mut evictions = Vec::new();
    for _ in 0..3 {
        gone_cold(&mut world, &handles, 4);
        let lower = world.client.set_budget(ByteLen::from_kib(256));
        lower.expect("it holds a chunk");
        world.frame(&handles[..4]);
        // Before the lower budget is reached.
        let raise = world.client.set_budget(ByteLen::from_kib(512));
        raise.expect("it holds a chunk");
        for _ in 0..60 {
            world.frame(&handles);
        }
        let all = handles.iter().copied().collect();
        assert_eq!(resident(&world), all, "who is looked at is back");
        evictions.push(world.manager.report().defrag_evictions);
    }
    assert!(
        0 < evictions[0] && evictions[0] < evictions[1] && evictions[1] < evictions[2],
        "{evictions:?}"
    );
}

#[test]
fn by_a_plan_too_nothing_leaves_before_what_has_a_lower_priority() {
    // Six blocks a chunk: the last chunk, the one to be emptied, has four blocks of their own.
    for (priority, takes_part) in [(200, false), (128, true), (3, true)] {
        let mut world = World::new(small());
        let handles: Vec<Handle> = (0..40)
            .map(|nth| {
                let block = mesh(nth, 500).priority(if nth < 36 { 128 } else { priority });
                let handle = world.client.add(block).expect("a valid block");
                world.ticks(2);
                handle
            })
            .collect();
        let (others, last) = handles.split_at(36);
        gone_cold(&mut world, &handles, 4);
        // All that has to leave is the plan's share.
        let lower = world.client.set_budget(ByteLen::from_kib(448));
        lower.expect("it holds a chunk");
        for _ in 0..60 {
            world.frame(&handles[..4]);
        }
        let there = resident(&world);
        let stay = last.iter().filter(|handle| there.contains(handle)).count();
        let cold = others[4..].iter().filter(|handle| there.contains(handle));
        assert!(cold.count() > 0, "of the others some stay");
        let expected = if takes_part { 0 } else { 4 };
        assert_eq!(stay, expected, "K4: of those of priority {priority}");
        assert!(world.manager.report().defrag_evictions > 0);
    }
}

#[test]
fn what_frames_use_leaves_by_no_plan_though_nothing_counts_as_recent() {
    let mut config = small();
    config.residency.recent_frames = 0;
    let mut world = World::new(config);
    let handles = fill(&mut world, 40);
    // The last chunk, the one to be emptied, has four blocks of six.
    let in_use = &handles[36..];
    for _ in 0..60 {
        world.frame(in_use);
    }
    let lower = world.client.set_budget(ByteLen::from_kib(448));
    lower.expect("it holds a chunk");
    for _ in 0..4 {
        world.frame(in_use);
        let there = resident(&world);
        assert!(in_use.iter().all(|handle| there.contains(handle)), "K4");
    }
    assert!(resident(&world).len() < handles.len(), "others left");
}

#[test]
fn without_frames_a_pass_has_four_times_its_caps() {
    let moves_max = |draws: bool| {
        let mut config = small();
        config.defrag.moves = 1;
        let mut world = World::new(config);
        riddled(&mut world, 3);
        let mut last = world.manager.report().moves;
        let steps = (0..200).map(|_| {
            if draws {
                world.frame(&[]);
            } else {
                world.ticks(1);
            }
            let moves = world.manager.report().moves;
            moves - core::mem::replace(&mut last, moves)
        });
        steps.max()
    };
    assert_eq!((moves_max(true), moves_max(false)), (Some(1), Some(4)));
}

/// Uploads go first, and moves have what they leave of the tick's bytes.
#[test]
fn uploads_and_moves_share_the_bytes_of_a_tick() {
    let cap = 12_000;
    let moved = |update_bytes: usize| {
        let mut config = small();
        config.tick_upload_bytes = ByteLen::new(cap);
        let mut world = World::new(config);
        let urgent = vertices(999, 0, update_bytes / 20);
        let urgent = BlockDesc::new().part(urgent).priority(200);
        let urgent = world.client.add(urgent).expect("a valid block");
        riddled(&mut world, 8);
        let (mut last, mut moved) = (world.manager.report(), 0);
        for revision in 0..40 {
            let contents = vec![stamped(999, revision, update_bytes).into()];
            world.client.update(urgent, contents).expect("it is sent");
            world.frame(&[urgent]);
            let now = world.manager.report();
            let uploads = now.upload_bytes - last.upload_bytes;
            let moves = now.moved_bytes - last.moved_bytes;
            assert_eq!(uploads, update_bytes as u64, "urgent, each at once");
            assert!(uploads + moves <= cap, "{uploads} and {moves} of {cap}");
            moved += moves;
            last = now;
        }
        moved
    };
    let (little, nothing) = (moved(4_000), moved(12_000));
    assert!(little > 20_000, "two blocks a tick are left: {little}");
    assert_eq!(nothing, 0, "no byte is left");
}

#[test]
fn passes_begin_in_their_rhythm_unless_somebody_asks() {
    let mut config = small();
    config.defrag.every_ticks = 50;
    let mut world = World::new(config);
    riddled(&mut world, 8);
    let report = |world: &World| world.manager.report();
    while report(&world).tick % 50 != 10 {
        world.ticks(1);
    }
    let before = report(&world);
    while report(&world).tick % 50 != 49 {
        world.ticks(1);
        // What began at the fiftieth tick may still go on; with these caps it does not.
        assert_eq!(report(&world).moves, before.moves, "between two looks");
    }
    let at_rest = before.moves;
    riddled(&mut world, 8);
    while report(&world).tick % 50 != 10 {
        world.ticks(1);
    }
    assert!(report(&world).moves > at_rest, "a look finds something");

    riddled(&mut world, 8);
    while report(&world).tick % 50 > 40 {
        world.ticks(1);
    }
    let before = report(&world);
    let compact = world.client.compact_now().expect("it is sent");
    world.answer(compact).expect("it is heard");
    world.ticks(4);
    let after = report(&world);
    assert!(after.tick / 50 == before.tick / 50 && after.moves > before.moves);
}

/// One block to either side of where a pass gets four times its caps: a thirty-second below the
/// high-water mark.
#[test]
fn near_the_high_water_mark_a_pass_has_four_times_its_caps() {
    let moves_max = |more: u32| {
        let mut config = small();
        config.budget_bytes = ByteLen::from_kib(1_024);
        config.defrag.moves = 1;
        config.defrag.every_ticks = 150;
        // Of the seven chunks of the lower budget: 206 438 bytes.
        config.residency.high_water = 0.45;
        config.residency.low_water = 0.40;
        let mut world = World::new(config);
        riddled(&mut world, 2);
        for nth in 0..more {
            let more = world.client.add(mesh(200 + nth, 200));
            more.expect("a valid block");
        }
        let lower = world.client.set_budget(ByteLen::from_kib(512));
        lower.expect("the chunks that there are fit");
        world.flush();
        let before = world.manager.report();
        let (mut last, mut most) = (before.moves, 0);
        // The first chunk to be emptied has but two blocks.
        for _ in 0..600 {
            world.frame(&[]);
            let moves = world.manager.report().moves;
            most = most.max(moves - core::mem::replace(&mut last, moves));
        }
        let after = world.manager.report();
        assert_eq!(after.evictions, before.evictions, "a move takes no room");
        most
    };
    assert_eq!((moves_max(0), moves_max(1)), (1, 4));
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

#[test]
fn a_block_longer_than_a_tick_may_move_goes_in_pieces() {
    let mut config = small();
    config.defrag.move_bytes = ByteLen::new(1_024);
    let mut world = World::new(config);
    let kept = riddled(&mut world, 8);
    let before = world.manager.report();
    let mut last = before.moved_bytes;
    for _ in 0..600 {
        world.ticks(1);
        let report = world.manager.report();
        // Nobody draws, so that a tick may move four times as much.
        assert!(report.moved_bytes - last <= 4 * 1_024, "{report:?}");
        last = report.moved_bytes;
    }
    let after = world.manager.report();
    assert!(after.moves > before.moves, "blocks of 4 000 bytes moved");
    assert!(after.move_copies >= after.moves, "a copy each, or several");
    assert!(after.chunks_returned > before.chunks_returned);
    for (block, handle) in &kept {
        assert_eq!(
            world.bytes(*handle),
            Some(stamped(*block, 0, 4_000)),
            "all pieces moved along"
        );
    }
}

#[test]
fn a_long_move_ends_where_its_block_is_pinned_updated_or_removed() {
    let mut config = small();
    config.defrag.move_bytes = ByteLen::new(1_024);
    let place = |world: &World, handle: Handle| {
        let ticket = world.manager.begin_frame();
        let view = ticket.get(handle).resident().expect("nothing is evicted");
        (view.chunk(), view.offset())
    };
    // A block of 4 000 bytes takes four ticks with frames: whatever comes, comes in each of them.
    for delay in 1..20 {
        let mut world = World::new(config.clone());
        let kept = riddled(&mut world, 8);
        for _ in 0..delay {
            world.frame(&[]);
        }
        let pins: Vec<_> = kept[..9]
            .iter()
            .map(|(_, handle)| world.client.pin(*handle).expect("it is sent"))
            .collect();
        let (nth, updated) = kept[9];
        let newer = vec![stamped(nth, 1, 4_000).into()];
        world.client.update(updated, newer).expect("it is sent");
        for (_, handle) in &kept[10..] {
            world.client.remove(*handle).expect("it is sent");
        }
        for pin in pins {
            world.answer(pin).expect("it is resident");
        }
        let pinned = |world: &World| -> Vec<_> {
            let handles = kept[..9].iter();
            handles.map(|(_, handle)| place(world, *handle)).collect()
        };
        let before = pinned(&world);
        for _ in 0..60 {
            world.frame(&[]);
        }
        assert_eq!(pinned(&world), before, "R9: after {delay} ticks");
        for (block, handle) in &kept[..9] {
            let expected = Some(stamped(*block, 0, 4_000));
            assert_eq!(world.bytes(*handle), expected, "after {delay} ticks");
        }
        let expected = Some(stamped(nth, 1, 4_000));
        assert_eq!(world.bytes(updated), expected, "R8: after {delay} ticks");
    }
}

#[test]
fn a_long_block_takes_room_among_others_where_the_budget_has_no_buffer_for_it() {
    let mut config = small();
    config.defrag.enabled = false;
    let mut world = World::new(config);
    let handles = fill(&mut world, 42);
    let full = world.manager.report();
    assert_eq!(full.dynamic_chunks, 7, "the budget has no more");
    for handle in &handles[..5] {
        world.client.remove(*handle).expect("it is sent");
    }
    world.ticks(8);
    let long = world.client.add(mesh(99, 2_000)).expect("a valid block");
    world.ticks(8);
    assert_eq!(world.bytes(long), Some(stamped(99, 0, 40_000)));
    let report = world.manager.report();
    assert_eq!(report.evictions, full.evictions, "there is room enough");
    assert_eq!(report.chunks, full.chunks, "it lies among others");
}

#[test]
fn long_lived_blocks_move_among_their_own_where_they_may() {
    for may_move in [false, true] {
        let mut config = small();
        config.move_long_lived = may_move;
        config.long_lived_chunk_bytes = config.chunk_bytes;
        let mut world = World::new(config);
        let all: Vec<Handle> = (0..100)
            .map(|nth| {
                let block = mesh(nth, 200).lifetime(Lifetime::LongLived);
                let handle = world.client.add(block).expect("a valid block");
                world.ticks(1);
                handle
            })
            .collect();
        world.flush();
        for (nth, handle) in all.iter().enumerate() {
            if nth % 8 != 0 {
                world.client.remove(*handle).expect("it is sent");
            }
        }
        world.ticks(400);
        let report = world.manager.report();
        assert_eq!(report.long_lived_moves > 0, may_move, "R9: {report:?}");
        assert_eq!(
            report.moves, report.long_lived_moves,
            "nothing else is there"
        );
        for (nth, handle) in (0_u32..).zip(&all).step_by(8) {
            let expected = Some(stamped(nth, 0, 4_000));
            assert_eq!(world.bytes(*handle), expected, "R9: resident, and whole");
        }
    }
}
