//! What frames miss and what callers know they will: in which order it comes back, and how much of
//! it in a tick.

use std::collections::BTreeSet;

use geoheap::{ByteLen, Config, Handle, PRIORITY_DEFAULT};

use crate::harness::{World, fill, mesh, resident, small};

/// Most bytes of a tick: a block of [`mesh`]`(_, 500)` takes two.
const TICK_BYTES: u64 = 5_000;

/// Blocks of 10 000 bytes and these priorities, all of them away.
fn away(priorities: &[u8]) -> (World, Vec<Handle>) {
    let mut world = World::new(Config {
        tick_upload_bytes: ByteLen::new(TICK_BYTES),
        ..small()
    });
    let add = |(nth, priority): (u32, &u8)| {
        let block = mesh(nth, 500).priority(*priority);
        world.client.add(block).expect("a valid block")
    };
    let handles: Vec<Handle> = (0..).zip(priorities).map(add).collect();
    world.flush();
    for handle in &handles {
        world.client.evict(*handle).expect("it is sent");
    }
    world.ticks(4);
    assert_eq!(resident(&world), BTreeSet::new(), "all left");
    (world, handles)
}

/// The places of `handles` in the order in which they come while `each_tick` goes on.
#[track_caller]
fn arrivals(
    world: &mut World,
    handles: &[Handle],
    mut each_tick: impl FnMut(&mut World),
) -> Vec<usize> {
    let mut came = Vec::new();
    let mut before = world.manager.report().upload_bytes;
    for _ in 0..200 {
        each_tick(world);
        let now = world.manager.report().upload_bytes;
        let sent = now - core::mem::replace(&mut before, now);
        assert!(sent <= TICK_BYTES, "{sent} bytes in one tick");
        let there = resident(world);
        let there = (0..handles.len()).filter(|nth| there.contains(&handles[*nth]));
        let fresh: Vec<usize> = there.filter(|nth| !came.contains(nth)).collect();
        came.extend(fresh);
    }
    came
}

#[test]
fn what_frames_miss_comes_by_priority_and_the_newest_first() {
    let (low, usual, high) = (10, PRIORITY_DEFAULT, 200);
    let (mut world, handles) = away(&[low, usual, high, usual, low, high]);
    let (first, all) = (vec![handles[1], handles[4]], handles.clone());
    // Both of the first frame are missed by none of the later ones.
    world.frame(&first);
    let second: Vec<Handle> = all
        .into_iter()
        .filter(|handle| !first.contains(handle))
        .collect();
    world.frame(&second);
    let came = arrivals(&mut world, &handles, |world| world.frame(&[]));
    // What the first frame missed alone was on its way before there was another.
    assert_eq!(came[..2], [1, 2], "the only wish, then the highest");
    assert_eq!(came[2..], [5, 3, 0, 4], "by priority, then by the frame");
}

#[test]
fn a_hint_brings_a_block_before_any_frame_looks_at_it() {
    let (mut world, handles) = away(&[PRIORITY_DEFAULT; 4]);
    world.client.prefetch(handles[2]).expect("it is sent");
    world.client.prefetch(handles[2]).expect("again");
    let came = arrivals(&mut world, &handles, |world| world.frame(&[]));
    assert_eq!(came, [2], "it alone");
    let before = world.manager.report();
    world.client.prefetch(handles[2]).expect("it is sent");
    world.ticks(10);
    let after = world.manager.report();
    assert_eq!(
        (after.stream_ins, after.upload_bytes),
        (before.stream_ins, before.upload_bytes),
        "what is there is left alone"
    );
}

#[test]
fn hints_come_behind_what_frames_miss() {
    let (mut world, handles) = away(&[PRIORITY_DEFAULT; 6]);
    // Frames, so that there is something to be behind.
    for _ in 0..20 {
        world.frame(&[]);
    }
    // All but the first of them wait when the hints come.
    world.frame(&handles[3..]);
    for hinted in &handles[..3] {
        world.client.prefetch(*hinted).expect("it is sent");
    }
    let came = arrivals(&mut world, &handles, |world| world.frame(&[]));
    assert_eq!(came, [3, 4, 5, 0, 1, 2], "though they have lower numbers");
}

#[test]
fn hints_take_no_room_from_what_frames_use() {
    let mut world = World::new(small());
    let all = fill(&mut world, 100);
    let seen: Vec<Handle> = resident(&world).into_iter().collect();
    for _ in 0..30 {
        world.frame(&seen);
    }
    let before = world.manager.report();
    for hinted in all.iter().filter(|handle| !seen.contains(handle)) {
        world.client.prefetch(*hinted).expect("it is sent");
    }
    for _ in 0..100 {
        world.frame(&seen);
    }
    let after = world.manager.report();
    assert_eq!(resident(&world), seen.iter().copied().collect(), "the same");
    assert_eq!(after.evictions, before.evictions, "a hint is no order");
    // Others may leave for hints.
    for _ in 0..10 {
        world.frame(&[]);
    }
    for hinted in all.iter().filter(|handle| !seen.contains(handle)) {
        world.client.prefetch(*hinted).expect("it is sent");
    }
    for _ in 0..100 {
        world.frame(&[]);
    }
    let came = world.manager.report().stream_ins - after.stream_ins;
    assert!(came > 5, "{came} came for what no recent frame used");
}
