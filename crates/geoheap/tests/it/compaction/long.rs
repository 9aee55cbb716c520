//! Long blocks, and long-lived ones.

use geoheap::{ByteLen, Handle, Lifetime};

use super::riddled;
use crate::harness::{World, fill, mesh, small, stamped};

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
