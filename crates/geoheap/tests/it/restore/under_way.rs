//! Whatever was under way when the device went comes back on the next one.

use geoheap::{HeapEvent, Lookup};

use super::{BLOCK_BYTES, Blocks};
use crate::harness::{World, is_resident, mesh, small, stamped};

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
