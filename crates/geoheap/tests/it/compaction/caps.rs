//! How often passes begin, and how much each may do.

use geoheap::{BlockDesc, ByteLen};

use super::riddled;
use crate::harness::{World, mesh, small, stamped, vertices};

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
