//! How long blocks stay, whether or not frames are drawn, and how many leave at a time.

use std::collections::BTreeMap;

use geoheap::{Config, Handle, ResidencyConfig};

use crate::harness::{World, fill, mesh, resident, small, stamped};

fn staying(min_resident_ticks: u64) -> World {
    World::new(Config {
        residency: ResidencyConfig {
            min_resident_ticks,
            ..small().residency
        },
        ..small()
    })
}

/// Blocks come one after the other, more than there is room for, with a frame in each tick or with
/// none at all. Returns for how many ticks each of those that left had been there.
fn stays(min_resident_ticks: u64, draws: bool) -> Vec<u64> {
    let mut world = staying(min_resident_ticks);
    let mut all: Vec<Handle> = Vec::new();
    let mut since: BTreeMap<Handle, u64> = BTreeMap::new();
    let mut stays = Vec::new();
    for tick in 0..400 {
        if tick % 2 == 0 {
            // A mailbox that is full pushes back, which is no matter here.
            let block = mesh(tick, 500);
            all.extend(world.client.try_add(block));
        }
        if draws {
            world.frame(&[]);
        } else {
            world.ticks(1);
        }
        let there = resident(&world);
        for handle in &all {
            match (there.contains(handle), since.get(handle)) {
                (true, None) => drop(since.insert(*handle, tick.into())),
                (false, Some(came)) => {
                    stays.push(u64::from(tick) - came);
                    since.remove(handle);
                }
                _ => {}
            }
        }
    }
    assert!(stays.len() > 20, "{} blocks left", stays.len());
    stays
}

#[test]
fn a_block_stays_for_the_least_number_of_ticks() {
    for draws in [false, true] {
        let (long, short) = (stays(90, draws), stays(2, draws));
        let least = |stays: &[u64]| stays.iter().copied().min();
        assert!(least(&long) >= Some(90), "draws: {draws}; {long:?}");
        assert!(least(&short) < Some(90), "it is that setting: {short:?}");
    }
}

/// A loading screen: callers wait for more than there is room for, and no frame is drawn by which
/// anything could grow old.
#[test]
fn without_frames_blocks_grow_old_by_ticks() {
    let mut world = staying(20);
    let handles = fill(&mut world, 120);
    for (nth, handle) in (0..).zip(&handles) {
        let resident = world.client.resident(*handle).expect("it is sent");
        world.answer(resident).expect("others make way");
        let bytes = world.bytes(*handle);
        assert_eq!(bytes, Some(stamped(nth, 0, 10_000)), "block {nth}");
    }
    let report = world.manager.report();
    assert_eq!((report.frames, report.failed), (0, 0), "{report:?}");
    assert!(report.stream_ins > 60, "most had left before: {report:?}");
}

#[test]
fn as_many_leave_as_are_above_the_mark() {
    let mut world = staying(2);
    let settings = world.manager.config().residency;
    // Seven chunks fit beside staging.
    let room = f64::from(7 * 64 * 1024);
    let between_marks = room * f64::from(settings.high_water - settings.low_water);
    let blocks_max = between_marks / 10_000.0 + 2.0;
    let mut batches = 0;
    for nth in 0..200 {
        let before = world.manager.report().evictions;
        world.client.add(mesh(nth, 500)).expect("a valid block");
        world.frame(&[]);
        world.frame(&[]);
        let left = world.manager.report().evictions - before;
        let left = u32::try_from(left).expect("few");
        assert!(f64::from(left) <= blocks_max, "{left} blocks left at once");
        batches += u32::from(left > 0);
    }
    assert!(batches > 30, "room is made a little at a time: {batches}");
}
