//! Frames that last alike, and what was in sight a moment ago.

use geoheap::{ByteLen, Config, Handle, PRIORITY_DEFAULT, ResidencyConfig};

use crate::harness::{World, fill, is_resident, mesh, small};

/// Bytes that each of the next ticks sends, while frames are drawn or not.
fn sent(world: &mut World, ticks: usize, draws: bool) -> Vec<u64> {
    let mut before = world.manager.report().upload_bytes;
    (0..ticks)
        .map(|_| {
            if draws {
                world.frame(&[]);
            } else {
                world.ticks(1);
            }
            let now = world.manager.report().upload_bytes;
            now - std::mem::replace(&mut before, now)
        })
        .collect()
}

/// A heap that has drawn a frame.
fn drawn() -> World {
    let mut world = World::new(Config {
        tick_upload_bytes: ByteLen::from_kib(32),
        ..small()
    });
    world.frame(&[]);
    world
}

fn add(world: &World, count: u32, priority: u8) {
    for nth in 0..count {
        let block = mesh(nth, 100).priority(priority);
        world.client.add(block).expect("a valid block");
    }
}

#[test]
fn a_burst_is_spread_over_eight_frames() {
    let mut world = drawn();
    add(&world, 16, PRIORITY_DEFAULT);
    // 32 000 bytes, an eighth of it in each tick: no less than an eighth of the cap, whole words.
    let eighth = 32 * 1024 / 8;
    let sent = sent(&mut world, 12, true);
    assert_eq!(sent.iter().sum::<u64>(), 32_000, "all of it: {sent:?}");
    assert_eq!(sent[..7], [eighth; 7], "{sent:?}");
    assert_eq!(sent[8..], [0; 4], "within eight ticks: {sent:?}");
}

#[test]
fn what_is_urgent_and_what_nobody_sees_goes_at_once() {
    let mut world = drawn();
    add(&world, 16, PRIORITY_DEFAULT + 1);
    assert_eq!(sent(&mut world, 2, true), [32_000, 0], "urgent");
    let mut world = World::new(world.manager.config().clone());
    add(&world, 16, PRIORITY_DEFAULT);
    assert_eq!(sent(&mut world, 2, false), [32_000, 0], "no frame yet");
    let mut world = drawn();
    world.ticks(2);
    add(&world, 16, PRIORITY_DEFAULT);
    assert_eq!(sent(&mut world, 2, false), [32_000, 0], "no frame any more");
}

/// Frames look at some blocks and then away, while others come that no frame looks at. Returns how
/// many of the first are still there.
fn still_there(recent_frames: u64) -> usize {
    let mut world = World::new(Config {
        residency: ResidencyConfig {
            min_resident_ticks: 10,
            recent_frames,
            ..small().residency
        },
        ..small()
    });
    let seen = fill(&mut world, 20);
    for _ in 0..12 {
        world.frame(&seen);
    }
    let mut unseen: Vec<Handle> = Vec::new();
    for nth in 0..25 {
        for more in 0..2 {
            let block = mesh(100 + 2 * nth + more, 500);
            unseen.push(world.client.add(block).expect("a valid block"));
        }
        world.frame(&[]);
    }
    let there = |handles: &[Handle]| {
        let there = handles
            .iter()
            .filter(|handle| is_resident(&world, **handle));
        there.count()
    };
    assert!(there(&unseen) > 5, "the rest of the room serves others");
    there(&seen)
}

#[test]
fn what_no_frame_looks_at_never_takes_the_room_of_what_was_in_sight() {
    assert_eq!(still_there(30), 20, "seen within 30 frames");
    assert!(still_there(0) < 20, "without that care they go");
}

#[test]
fn what_was_in_sight_leaves_when_frames_look_elsewhere_for_long() {
    let mut world = World::new(small());
    let first = fill(&mut world, 20);
    let second: Vec<Handle> = fill(&mut world, 30);
    for _ in 0..20 {
        world.frame(&first);
    }
    for _ in 0..80 {
        world.frame(&second);
    }
    let there = |handles: &[Handle]| {
        let there = handles
            .iter()
            .filter(|handle| is_resident(&world, **handle));
        there.count()
    };
    assert_eq!(there(&second), 30, "all that frames look at is there");
    assert!(there(&first) < 20, "at the cost of what they do not");
}
