//! The device is lost, and another one follows.

use std::sync::{Arc, Mutex};

use geoheap::{
    AddError, Align, BlockDesc, ByteLen, Config, Handle, HeapEvent, KindId, Lifetime, Limits,
    Lookup, Op, PartData, Payload, RequestError, RestoreError, SetDraw, Source, VirtualConfig,
    VirtualGpu,
};

use crate::harness::{World, device_for, fill, is_resident, mesh, small, stamped, vertices};

/// Bytes of a block of [`mesh`]`(_, 500)`.
const BLOCK_BYTES: usize = 10_000;

/// Blocks of 10 000 bytes with a source, each with the number and the revision in its bytes.
struct Blocks(Vec<(u32, u32, Handle)>);

impl Blocks {
    /// Twelve dynamic blocks and two long-lived ones, all resident.
    fn resident(world: &mut World) -> Self {
        let mut blocks = Vec::new();
        for id in 0..14 {
            let mut block = mesh(id, 500);
            if id >= 12 {
                block = block.lifetime(Lifetime::LongLived);
            }
            blocks.push((id, 0, world.client.add(block).expect("a valid block")));
        }
        world.flush();
        let all = blocks.iter().all(|block| is_resident(world, block.2));
        assert!(all, "they fit");
        Self(blocks)
    }

    /// Waits until all are resident, and reads each of them.
    #[track_caller]
    fn check(&self, world: &mut World) {
        for (id, revision, handle) in &self.0 {
            let resident = world.client.resident(*handle).expect("it is sent");
            world.answer(resident).expect("it has a source");
            let read = world.client.read_back(*handle).expect("it is sent");
            let read = world.answer(read).expect("it is resident");
            let expected = stamped(*id, *revision, BLOCK_BYTES);
            assert_eq!(read.parts[0].1, expected, "block {id}");
        }
    }
}

/// Whatever was under way when the device went: all comes back on the next, and nobody waits.
#[track_caller]
fn check(moment: impl FnOnce(&mut World, &mut Blocks)) {
    let mut world = World::new(small());
    let mut blocks = Blocks::resident(&mut world);
    let version = world.manager.begin_frame().version();
    moment(&mut world, &mut blocks);
    world.restore();
    let report = world.manager.report();
    assert!(!report.device_lost, "{report:?}");
    assert!(report.restores >= 1, "{report:?}");
    assert!(report.held_bytes <= report.budget_bytes, "R10: {report:?}");
    for _ in 0..100 {
        world.manager.poll();
        let report = world.manager.report();
        assert!(report.held_bytes <= report.budget_bytes, "R10: {report:?}");
    }
    for (id, _, handle) in &blocks.0 {
        assert!(is_resident(&world, *handle), "block {id} comes by itself");
    }
    let now = world.manager.begin_frame().version();
    assert!(now > version, "R4: {now} after {version}");
    blocks.check(&mut world);
    let flush = world.client.flush().expect("it is sent");
    world.answer(flush).expect("a flush is never refused");
    let report = world.manager.report();
    assert_eq!((report.failed, report.evictions), (0, 0), "{report:?}");
    assert_eq!(report.out_of_memory, 0, "{report:?}");
    let map = world.manager.heap_map().expect("the caller drives");
    let live: u64 = map.chunks.iter().map(|chunk| chunk.live.get()).sum();
    assert_eq!(live, report.live_bytes, "R6");
    let end = world.manager.shutdown();
    assert_eq!(end.leaks.len(), blocks.0.len(), "handles survive");
}

#[test]
fn at_rest() {
    check(|world, _| {
        world.control.lose_device();
        world.ticks(3);
    });
}

#[test]
fn before_the_engine_knows() {
    check(|world, _| world.control.lose_device());
}

#[test]
fn with_new_blocks_on_their_way() {
    check(|world, blocks| {
        for id in 20..30 {
            let handle = world.client.add(mesh(id, 500)).expect("a valid block");
            blocks.0.push((id, 0, handle));
        }
        world.ticks(1);
        world.control.lose_device();
        world.ticks(2);
    });
}

#[test]
fn with_new_blocks_that_nobody_has_taken_out_of_the_mailbox() {
    check(|world, blocks| {
        world.control.lose_device();
        for id in 20..24 {
            let handle = world.client.add(mesh(id, 500)).expect("a valid block");
            blocks.0.push((id, 0, handle));
        }
        world.ticks(2);
        let told = world.manager.events();
        let refused = |event: &HeapEvent| matches!(event, HeapEvent::Refused { .. });
        assert!(!told.iter().any(refused), "they wait: {told:?}");
    });
}

#[test]
fn with_updates_on_their_way() {
    check(|world, blocks| {
        for (id, revision, handle) in &mut blocks.0[..6] {
            *revision = 1;
            let newer = vec![stamped(*id, 1, BLOCK_BYTES).into()];
            world.client.update(*handle, newer).expect("it is sent");
        }
        world.ticks(1);
        world.control.lose_device();
        world.ticks(2);
    });
}

#[test]
fn with_updates_behind_work_under_way() {
    check(|world, blocks| {
        // Larger than a tick, so that what comes after it has begun waits for it.
        let large = world.client.add(mesh(50, 2_500)).expect("a valid block");
        world.ticks(1);
        let newer = |revision| vec![stamped(50, revision, 50_000).into()];
        world.client.update(large, newer(1)).expect("it is sent");
        world.ticks(1);
        world.client.update(large, newer(2)).expect("it is sent");
        world.control.lose_device();
        world.ticks(1);
        let smaller = vec![stamped(50, 3, BLOCK_BYTES).into()];
        world.client.update(large, smaller).expect("it is sent");
        world.ticks(1);
        let told = world.manager.events();
        let refused = |event: &HeapEvent| matches!(event, HeapEvent::Refused { .. });
        assert!(!told.iter().any(refused), "they are taken: {told:?}");
        blocks.0.push((50, 3, large));
    });
}

#[test]
fn with_work_that_the_device_has_not_done() {
    check(|world, blocks| {
        world.control.stall(true);
        for (id, revision, handle) in &mut blocks.0[..6] {
            *revision = 1;
            let newer = vec![stamped(*id, 1, BLOCK_BYTES).into()];
            world.client.update(*handle, newer).expect("it is sent");
        }
        world.ticks(4);
        world.control.lose_device();
        world.ticks(1);
    });
}

#[test]
fn with_a_compaction_under_way() {
    check(|world, blocks| {
        for id in 20..36 {
            let handle = world.client.add(mesh(id, 500)).expect("a valid block");
            blocks.0.push((id, 0, handle));
            world.ticks(1);
        }
        world.flush();
        let mut nth = 0;
        blocks.0.retain(|(_, _, handle)| {
            nth += 1;
            let stays = nth % 3 == 0;
            if !stays {
                world.client.remove(*handle).expect("it is sent");
            }
            stays
        });
        world.ticks(4);
        drop(world.client.compact_now().expect("it is sent"));
        world.ticks(1);
        assert!(world.manager.report().moves > 0, "a pass is under way");
        world.control.lose_device();
        world.ticks(1);
    });
}

#[test]
fn with_chunks_on_their_way_out() {
    check(|world, blocks| {
        let old = world.manager.begin_frame();
        for (_, _, handle) in blocks.0.drain(..8) {
            world.client.remove(handle).expect("it is sent");
        }
        world.ticks(6);
        world.control.lose_device();
        drop(old);
    });
}

#[test]
fn twice_in_a_row() {
    check(|world, _| {
        world.control.lose_device();
        world.ticks(1);
        world.restore();
        world.control.lose_device();
        world.ticks(1);
    });
}

#[test]
fn again_with_half_of_it_back() {
    check(|world, _| {
        world.control.lose_device();
        world.restore();
        world.ticks(2);
        world.control.lose_device();
    });
}

#[test]
fn with_tickets_and_commands_of_every_version_kept() {
    check(|world, blocks| {
        let kept = world.manager.begin_frame();
        let first = blocks.0[0].2;
        let read = world.queue_read(&kept, first).expect("it is resident");
        world.control.lose_device();
        world.ticks(2);
        let without = world.manager.begin_frame();
        world.restore();
        world.ticks(20);
        for ticket in [&kept, &without] {
            let seen = ticket.get(first);
            assert!(
                matches!(seen, Lookup::Lost | Lookup::Evicted),
                "R5: nothing of the old device resolves: {seen:?}"
            );
        }
        assert!(kept.is_void() && kept.in_flight().is_void(), "R5");
        assert!(matches!(kept.get(first), Lookup::Lost), "R5");
        assert!(is_resident(world, first), "frames begin anew");
        let read = read.lock().expect("no panics while held");
        assert_eq!(*read, None, "its commands went with the device");
        world.control.lose_device();
    });
}

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

#[test]
fn contents_without_a_source_are_lost_until_there_are_others() {
    let mut world = World::new(small());
    let add = |world: &World, id| {
        let block = BlockDesc::new().part(vertices(id, 0, 500));
        let added = world.client.add(block.source(Source::None));
        added.expect("a valid block")
    };
    let handles = [add(&world, 0), add(&world, 1), add(&world, 2)];
    world.flush();
    world.manager.events();
    world.control.lose_device();
    world.ticks(1);
    let told = world.manager.events();
    let expected = HeapEvent::BlocksLost {
        count: 3,
        handles: handles.to_vec(),
    };
    assert!(told.contains(&expected), "{told:?}");
    assert_eq!(world.restore().lost_blocks, 3);
    world.ticks(2);
    let [updated, staged, removed] = handles;
    let ticket = world.manager.begin_frame();
    assert!(
        handles
            .iter()
            .all(|handle| matches!(ticket.get(*handle), Lookup::Lost))
    );
    drop(ticket);
    let resident = world.client.resident(updated).expect("it is sent");
    let refused = world.answer(resident);
    assert_eq!(refused, Err(RequestError::Lost { handle: updated }));

    let newer = vec![stamped(0, 1, BLOCK_BYTES).into()];
    world.client.update(updated, newer).expect("it is sent");
    let room = ByteLen::new(BLOCK_BYTES as u64);
    let piece = world.client.stage(room).expect("it is sent");
    let mut piece = world.answer(piece).expect("there is room");
    let bytes = stamped(1, 1, BLOCK_BYTES);
    piece.write_at(0, &bytes).expect("it fits");
    let sent = world.client.update_staged(staged, vec![piece]);
    sent.expect("it is sent");
    world.client.remove(removed).expect("it is sent");
    world.flush();
    assert_eq!(world.bytes(updated), Some(stamped(0, 1, BLOCK_BYTES)));
    assert_eq!(world.bytes(staged), Some(bytes));
    assert_eq!(world.manager.report().blocks_lost, 0);

    world.control.lose_device();
    world.ticks(1);
    assert_eq!(world.manager.report().blocks_lost, 2, "once more");
}

#[test]
fn what_was_staged_on_the_lost_device_is_refused() {
    let mut world = World::new(small());
    let bare = BlockDesc::new().part(vertices(0, 0, 500));
    let handle = world.client.add(bare.source(Source::None));
    let handle = handle.expect("a valid block");
    let room = ByteLen::new(BLOCK_BYTES as u64);
    let mut pieces = Vec::new();
    for _ in 0..2 {
        let piece = world.client.stage(room).expect("it is sent");
        pieces.push(world.answer(piece).expect("there is room"));
    }
    world.control.lose_device();
    world.restore();
    world.manager.events();
    let newer = vec![stamped(0, 1, BLOCK_BYTES).into()];
    world.client.update(handle, newer).expect("it is sent");
    world.flush();
    let piece = pieces.pop().expect("there are two");
    let sent = world.client.update_staged(handle, vec![piece]);
    sent.expect("it is sent");
    world.flush();
    let told = world.manager.events();
    let expected = HeapEvent::Refused {
        handle,
        op: Op::Update,
        error: RequestError::StagedOnLostDevice,
    };
    assert!(told.contains(&expected), "{told:?}");
    let part = PartData::staged(KindId::STORAGE, 0, pieces.pop().expect("there are two"));
    let refused = world
        .client
        .add(BlockDesc::new().part(part).source(Source::None));
    let refused = refused.expect_err("it went with its device");
    assert_eq!(refused, AddError::StagedOnLostDevice);
    assert_eq!(world.bytes(handle), Some(stamped(0, 1, BLOCK_BYTES)));
    let report = world.manager.report();
    assert_eq!((report.gpu_errors, report.failed), (0, 0), "{report:?}");
}

#[test]
fn what_was_staged_and_sent_before_the_device_went_is_lost() {
    let mut world = World::new(small());
    let room = ByteLen::new(BLOCK_BYTES as u64);
    let piece = world.client.stage(room).expect("it is sent");
    let piece = world.answer(piece).expect("there is room");
    let part = PartData::staged(KindId::STORAGE, 0, piece);
    let block = BlockDesc::new().part(part).source(Source::None);
    let handle = world.client.add(block).expect("a valid block");
    world.control.lose_device();
    // It is still in the mailbox.
    world.restore();
    world.ticks(2);
    let ticket = world.manager.begin_frame();
    let seen = ticket.get(handle);
    assert!(matches!(seen, Lookup::Lost), "{seen:?}");
    drop(ticket);
    let report = world.manager.report();
    assert_eq!(
        (report.blocks_lost, report.gpu_errors),
        (1, 0),
        "{report:?}"
    );
}

#[test]
fn an_answer_of_a_callback_that_comes_late_is_dropped() {
    for restores_at_once in [false, true] {
        let mut world = World::new(small());
        let source = Source::reload(|_| Ok(vec![Payload::from(stamped(1, 0, BLOCK_BYTES))]));
        let block = BlockDesc::new().part(vertices(1, 0, 500)).source(source);
        let handle = world.client.add(block).expect("a valid block");
        world.flush();
        world.ticks(4);
        world.client.evict(handle).expect("it is sent");
        world.ticks(2);
        // Asked for in this tick, answered with the next.
        world.frame(&[handle]);
        world.control.lose_device();
        if !restores_at_once {
            // Nothing is under way without a device.
            world.flush();
        }
        world.restore();
        world.ticks(20);
        assert_eq!(world.bytes(handle), Some(stamped(1, 0, BLOCK_BYTES)));
        assert_eq!(world.manager.report().stream_ins, 1, "it came once");
    }
}

#[test]
fn pins_and_owners_are_what_they_were() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 500)).expect("a valid block");
    let pin = world.client.pin(handle).expect("it is sent");
    world.answer(pin).expect("it comes");
    world.client.share(handle).expect("it is sent");
    world.control.lose_device();
    world.ticks(1);
    let refused = world.client.pin(handle).expect("it is sent");
    assert_eq!(world.answer(refused), Err(RequestError::DeviceLost));
    world.restore();
    world.ticks(10);
    assert!(is_resident(&world, handle), "what is pinned is resident");
    world.manager.events();
    world.client.evict(handle).expect("it is sent");
    world.ticks(1);
    let told = world.manager.events();
    let pinned = RequestError::Pinned { handle };
    let refused =
        |event: &HeapEvent| matches!(event, HeapEvent::Refused { error, .. } if *error == pinned);
    assert!(told.iter().any(refused), "{told:?}");
    world.client.unpin(handle).expect("it is sent");
    world.client.evict(handle).expect("it is sent");
    world.ticks(2);
    assert!(!is_resident(&world, handle), "there was one pin");
    world.client.remove(handle).expect("it is sent");
    world.ticks(2);
    let ticket = world.manager.begin_frame();
    assert!(
        !matches!(ticket.get(handle), Lookup::Stale),
        "one owner is left"
    );
}

#[test]
fn draw_sets_are_written_again() {
    let mut world = World::new(small());
    let blocks = Blocks::resident(&mut world);
    let draws = |count: usize| {
        let handles = blocks.0[..count].iter();
        let draws = handles.map(|(_, _, handle)| SetDraw {
            handle: *handle,
            instances: 0..1,
        });
        draws.collect::<Vec<_>>()
    };
    let kept = world.client.add_draw_set(draws(5)).expect("it is sent");
    let removed = world.client.add_draw_set(draws(3)).expect("it is sent");
    let empty = world.client.add_draw_set(draws(0)).expect("it is sent");
    world.flush();
    let old = world.manager.begin_frame();
    assert_eq!(old.draw_set(kept).map(|set| set.draws()), Some(5));
    world.client.remove_draw_set(removed).expect("it is sent");
    world.ticks(1);
    world.control.lose_device();
    world.ticks(1);
    assert!(old.draw_set(kept).is_none(), "R5");
    world.restore();
    world.ticks(20);
    let ticket = world.manager.begin_frame();
    let set = ticket.draw_set(kept).expect("it is written");
    assert_eq!((set.draws(), set.absent()), (5, 0));
    let records = set.records().expect("there are some");
    let bytes = world.control.read(records, 0..16);
    assert_eq!(
        bytes[..8],
        [244, 1, 0, 0, 1, 0, 0, 0],
        "500 vertices, one instance"
    );
    let set = ticket.draw_set(empty).map(|set| set.draws());
    assert_eq!(
        set,
        Some(0),
        "it is there, though none of its blocks changed"
    );
    assert!(ticket.draw_set(removed).is_none(), "it was removed");
}

/// A device that cannot follow changes nothing: the heap waits for one that can.
#[track_caller]
fn check_refused(change: impl FnOnce(&mut Limits), is_right: impl FnOnce(&RestoreError) -> bool) {
    let mut world = World::new(small());
    let blocks = Blocks::resident(&mut world);
    world.control.lose_device();
    let mut config = device_for(&small());
    change(&mut config.limits);
    let (gpu, _) = VirtualGpu::new(&config);
    let error = world.manager.restore_backend(gpu).expect_err("it is less");
    assert!(is_right(&error), "{error:?}");
    assert!(world.manager.report().device_lost, "{error}");
    world.restore();
    blocks.check(&mut world);
}

#[test]
fn a_device_that_demands_more_is_refused() {
    let align = |bytes| Align::new(bytes).expect("a positive number");
    check_refused(
        |limits| limits.buffer_bytes_max = ByteLen::from_kib(32),
        |error| matches!(error, RestoreError::Config(_)),
    );
    check_refused(
        |limits| limits.uniform_align = align(512),
        |error| {
            matches!(
                error,
                RestoreError::Alignment {
                    kind: "uniform",
                    ..
                }
            )
        },
    );
    check_refused(
        |limits| limits.storage_align = align(1024),
        |error| {
            matches!(
                error,
                RestoreError::Alignment {
                    kind: "storage",
                    ..
                }
            )
        },
    );
    check_refused(
        |limits| limits.indirect_first_instance = false,
        |error| matches!(error, RestoreError::FirstInstance),
    );
}

#[test]
fn a_device_that_demands_less_is_taken() {
    let mut world = World::new(small());
    let blocks = Blocks::resident(&mut world);
    world.control.lose_device();
    let mut config = device_for(&small());
    config.limits.uniform_align = Align::new(64).expect("a positive number");
    config.limits.buffer_bytes_max = ByteLen::from_kib(64);
    let (gpu, control) = VirtualGpu::new(&config);
    world.control = control;
    let restored = world.manager.restore_backend(gpu);
    restored.expect("smaller alignments fit");
    assert_eq!(*world.manager.limits(), config.limits);
    blocks.check(&mut world);
    let refused = world.client.add(mesh(1, 4_000)).expect_err("80 000 bytes");
    assert!(matches!(refused, AddError::TooLarge { .. }), "{refused:?}");
}

#[test]
fn a_device_is_followed_only_when_it_is_lost_and_only_by_one_that_is_not() {
    let mut world = World::new(small());
    let blocks = Blocks::resident(&mut world);
    let device = || VirtualGpu::new(&device_for(&small()));
    let refused = world.manager.restore_backend(device().0);
    assert_eq!(refused, Err(RestoreError::NotLost));
    world.control.lose_device();
    let (gpu, control) = device();
    control.lose_device();
    let refused = world.manager.restore_backend(gpu);
    let again = matches!(&refused, Err(RestoreError::LostAgain { reason }) if !reason.is_empty());
    assert!(again, "{refused:?}");
    world.restore();
    blocks.check(&mut world);
    let report = world.manager.report();
    assert_eq!(
        (report.device_losses, report.restores),
        (1, 1),
        "{report:?}"
    );
}

#[test]
fn updates_that_wait_behind_another_when_the_device_goes_are_kept() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 500)).expect("a valid block");
    world.flush();
    world.control.stall(true);
    let send = |revision| {
        let contents = vec![stamped(1, revision, 10_000).into()];
        world.client.update(handle, contents).expect("it is sent");
    };
    send(1);
    world.manager.poll();
    send(2);
    send(3);
    world.manager.poll();
    world.control.lose_device();
    world.ticks(2);
    world.restore();
    world.ticks(20);
    assert_eq!(
        world.bytes(handle),
        Some(stamped(1, 3, 10_000)),
        "nobody was told otherwise"
    );
}

/// What is staged may go with the device, and is refused then: it must not have taken the place of
/// an update that waited before it, since nobody would be told of that one.
#[test]
fn staged_updates_replace_no_others_that_wait() {
    // Contents take several ticks, so that others wait behind them.
    let mut world = World::new(Config {
        tick_upload_bytes: ByteLen::from_kib(4),
        ..small()
    });
    let file = Arc::new(Mutex::new(stamped(1, 0, 10_000)));
    let read = Arc::clone(&file);
    let callback =
        Source::reload(move |_| Ok(vec![read.lock().expect("it is ours").clone().into()]));
    let block = BlockDesc::new().part(vertices(1, 0, 500)).source(callback);
    let handle = world.client.add(block).expect("a valid block");
    let staged = world
        .client
        .stage(ByteLen::new(10_000))
        .expect("it is sent");
    let staged = world.answer(staged).expect("staging has room");
    world.flush();
    let send = |revision, len| {
        let contents = vec![stamped(1, revision, len).into()];
        world.client.update(handle, contents).expect("it is sent");
    };
    send(1, 10_000);
    world.manager.poll();
    // Longer than before, so that it shows whether it was carried out.
    send(2, 12_000);
    let sent = world.client.update_staged(handle, vec![staged]);
    sent.expect("it is sent");
    world.manager.poll();
    world.control.lose_device();
    world.ticks(2);
    let refused = world
        .manager
        .events()
        .into_iter()
        .find_map(|event| match event {
            HeapEvent::Refused {
                op: Op::Update,
                error,
                ..
            } => Some(error),
            _ => None,
        });
    assert_eq!(refused, Some(RequestError::StagedOnLostDevice));
    *file.lock().expect("it is ours") = stamped(1, 2, 12_000);
    world.restore();
    world.ticks(20);
    assert_eq!(
        world.bytes(handle),
        Some(stamped(1, 2, 12_000)),
        "nobody was told that the second was refused"
    );
}

/// Any number is safe as a handle: one that never was given out names nothing, also where the slot
/// of that number never had a block.
#[test]
fn made_up_handles_name_nothing_after_a_loss() {
    let mut world = World::new(small());
    let handles: Vec<Handle> = (0..3)
        .map(|index| Handle::from_bits(index | 1 << 32))
        .collect();
    let added = world.client.add(mesh(1, 10)).expect("a valid block");
    assert_eq!(added, handles[1], "the others are in no use");
    world.flush();
    world.control.lose_device();
    world.ticks(4);
    let ticket = world.manager.begin_frame();
    for handle in [handles[0], handles[2]] {
        let found = ticket.get(handle);
        let nothing = matches!(found, Lookup::NotYetPublished | Lookup::Lost);
        assert!(nothing, "{handle}: {found:?}");
    }
}
