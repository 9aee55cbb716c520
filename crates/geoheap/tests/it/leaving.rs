//! Blocks whose bytes only the GPU has: how they leave, and what may come in between.

use geoheap::{
    BlockDesc, ByteLen, Handle, HeapEvent, KindId, Lifetime, Lookup, PartData, RequestError, Source,
};

use crate::harness::{World, fill, is_resident, mesh, small, stamped, vertices};

/// A block of `count` vertices whose bytes the engine does not keep.
fn on_gpu(block: u32, count: usize) -> BlockDesc {
    let desc = BlockDesc::new().part(vertices(block, 0, count));
    desc.source(Source::ReadBack)
}

/// A heap with one such block that is about to leave: its copy is recorded, and the device does
/// not get to it.
fn leaving() -> (World, Handle) {
    let mut world = World::new(small());
    let handle = world.client.add(on_gpu(7, 500)).expect("a valid block");
    world.flush();
    world.ticks(4);
    world.control.stall(true);
    world.client.evict(handle).expect("it is sent");
    world.ticks(6);
    assert_eq!(world.manager.report().leaving_blocks, 1, "it is leaving");
    assert!(
        is_resident(&world, handle),
        "and in sight until it has left"
    );
    (world, handle)
}

fn go_on(world: &mut World) {
    world.control.stall(false);
    world.ticks(12);
    assert_eq!(
        world.manager.report().leaving_blocks,
        0,
        "it has left, or stays"
    );
}

#[track_caller]
fn check_returns(world: &mut World, handle: Handle, expected: &[u8]) {
    let back = world.client.resident(handle).expect("it is sent");
    world.answer(back).expect("it comes back");
    let bytes = world.bytes(handle).expect("it is resident");
    assert!(bytes.starts_with(expected), "its bytes: {:?}", &bytes[..8]);
}

#[test]
fn a_block_leaves_with_its_bytes_and_comes_back_with_them() {
    let (mut world, handle) = leaving();
    go_on(&mut world);
    assert!(!is_resident(&world, handle), "its bytes are here");
    assert_eq!(world.manager.report().evictions, 1, "counted once");
    check_returns(&mut world, handle, &stamped(7, 0, 10_000));
    // Once more: what was kept while it was away is no copy of what it may be by now.
    world.client.evict(handle).expect("it is sent");
    world.ticks(1);
    assert_eq!(world.manager.report().leaving_blocks, 1, "it is read anew");
    go_on(&mut world);
    check_returns(&mut world, handle, &stamped(7, 0, 10_000));
}

#[test]
fn staged_contents_can_leave_too() {
    let mut world = World::new(small());
    let staged = world.client.stage(ByteLen::new(2_000)).expect("it is sent");
    let mut staged = world.answer(staged).expect("there is room");
    staged.write_at(0, &stamped(3, 0, 2_000)).expect("it fits");
    let part = PartData::staged(KindId::STORAGE, 0, staged);
    let block = BlockDesc::new().part(part).source(Source::ReadBack);
    let handle = world.client.add(block).expect("nothing of it is retained");
    world.flush();
    world.client.evict(handle).expect("it is sent");
    world.ticks(12);
    assert!(!is_resident(&world, handle), "it left");
    check_returns(&mut world, handle, &stamped(3, 0, 2_000));
}

#[test]
fn blocks_longer_than_staging_leave_in_pieces() {
    let mut world = World::new(small());
    let handle = world.client.add(on_gpu(9, 6_000)).expect("a valid block");
    world.flush();
    assert!(120_000 > small().staging_bytes.get(), "more than staging");
    world.client.evict(handle).expect("it is sent");
    for _ in 0..100 {
        let report = world.manager.report();
        assert!(report.held_bytes <= report.budget_bytes, "R10: {report}");
        world.ticks(1);
    }
    assert!(!is_resident(&world, handle), "it left");
    check_returns(&mut world, handle, &stamped(9, 0, 120_000));
}

#[test]
fn an_update_in_the_middle_is_not_lost() {
    for in_place in [false, true] {
        let (mut world, handle) = leaving();
        let newer = vec![stamped(7, 1, 10_000).into()];
        let sent = if in_place {
            world.client.update_in_place(handle, newer)
        } else {
            world.client.update(handle, newer)
        };
        sent.expect("it is sent");
        world.ticks(3);
        go_on(&mut world);
        world.flush();
        check_returns(&mut world, handle, &stamped(7, 1, 10_000));
        world.client.evict(handle).expect("it is sent");
        world.ticks(20);
        assert!(!is_resident(&world, handle), "it leaves with those");
        check_returns(&mut world, handle, &stamped(7, 1, 10_000));
    }
}

#[test]
fn a_block_that_is_removed_or_held_in_the_middle_does_not_leave() {
    let (mut world, handle) = leaving();
    world.client.remove(handle).expect("it is sent");
    world.ticks(2);
    // Its slot has another tenant when the bytes arrive.
    let next = world.client.add(on_gpu(8, 500)).expect("a valid block");
    go_on(&mut world);
    world.flush();
    assert_eq!(world.bytes(next), Some(stamped(8, 0, 10_000)), "its own");

    let (mut world, handle) = leaving();
    let pin = world.client.pin(handle).expect("it is sent");
    go_on(&mut world);
    world.answer(pin).expect("it is resident");
    assert!(is_resident(&world, handle), "R9: it is pinned");

    let (mut world, handle) = leaving();
    let long = Lifetime::LongLived;
    world.client.set_lifetime(handle, long).expect("it is sent");
    go_on(&mut world);
    assert_eq!(world.bytes(handle), Some(stamped(7, 0, 10_000)), "R9");
}

#[test]
fn a_device_that_goes_in_the_middle_takes_the_bytes_along() {
    let (mut world, handle) = leaving();
    let other = world.client.add(on_gpu(8, 100)).expect("a valid block");
    drop(world.manager.events());
    world.control.lose_device();
    world.ticks(3);
    let lost = |event: &HeapEvent| match event {
        HeapEvent::BlocksLost { handles, .. } => handles.clone(),
        _ => Vec::new(),
    };
    let lost: Vec<Handle> = world.manager.events().iter().flat_map(lost).collect();
    assert_eq!(lost, [handle], "the other one's bytes were not there yet");
    assert_eq!(
        world.manager.report().leaving_blocks,
        0,
        "none is on its way"
    );
    world.restore();
    world.ticks(10);
    let seen = |world: &World, at| matches!(world.manager.begin_frame().get(at), Lookup::Lost);
    assert!(seen(&world, handle), "R5: it is lost");
    assert_eq!(
        world.bytes(other),
        Some(stamped(8, 0, 2_000)),
        "R5: it is not"
    );
    let newer = vec![stamped(7, 1, 10_000).into()];
    world.client.update(handle, newer).expect("it is sent");
    world.flush();
    assert_eq!(world.bytes(handle), Some(stamped(7, 1, 10_000)), "healed");
}

#[test]
fn a_block_that_is_away_outlives_the_device() {
    let (mut world, handle) = leaving();
    go_on(&mut world);
    assert!(!is_resident(&world, handle), "it left");
    world.control.lose_device();
    world.ticks(3);
    let newer = vec![stamped(7, 2, 10_000).into()];
    world.client.update(handle, newer).expect("it is sent");
    let restored = world.restore();
    assert_eq!((restored.lost_blocks, restored.evicted_blocks), (0, 1));
    check_returns(&mut world, handle, &stamped(7, 2, 10_000));
}

#[test]
fn an_evicted_block_takes_contents_of_either_kind() {
    let (mut world, handle) = leaving();
    go_on(&mut world);
    let uploaded = world.manager.report().upload_bytes;
    let newer = vec![stamped(7, 1, 8_000).into()];
    world.client.update(handle, newer).expect("it is sent");
    world.flush();
    let report = world.manager.report();
    assert_eq!(report.upload_bytes, uploaded, "nobody looks, so it is kept");
    check_returns(&mut world, handle, &stamped(7, 1, 8_000));

    world.client.evict(handle).expect("it is sent");
    world.ticks(12);
    assert!(!is_resident(&world, handle), "it left");
    let staged = world.client.stage(ByteLen::new(8_000)).expect("it is sent");
    let mut staged = world.answer(staged).expect("there is room");
    staged.write_at(0, &stamped(7, 2, 8_000)).expect("it fits");
    let sent = world.client.update_staged(handle, vec![staged]);
    sent.expect("it is sent");
    world.flush();
    assert!(is_resident(&world, handle), "these are on the GPU alone");
    check_returns(&mut world, handle, &stamped(7, 2, 8_000));
}

#[test]
fn a_copy_that_fails_leaves_the_block_where_it_is() {
    let mut world = World::new(small());
    let handle = world.client.add(on_gpu(7, 500)).expect("a valid block");
    world.flush();
    world.client.evict(handle).expect("it is sent");
    world.control.fail_submit(1);
    world.ticks(12);
    assert_eq!(world.bytes(handle), Some(stamped(7, 0, 10_000)), "it stays");
    world.client.evict(handle).expect("it is sent");
    world.ticks(12);
    assert!(!is_resident(&world, handle), "the next copy arrives");
    check_returns(&mut world, handle, &stamped(7, 0, 10_000));
}

#[test]
fn a_world_that_only_the_gpu_had_streams() {
    let mut world = World::new(small());
    let mut handles = Vec::new();
    for nth in 0..150 {
        let desc = on_gpu(nth, 500);
        handles.push(world.client.add(desc).expect("a valid block"));
        world.ticks(2);
    }
    for start in (0..150).step_by(10) {
        let view = handles[start..start + 10].to_vec();
        for _ in 0..60 {
            world.frame(&view);
            let report = world.manager.report();
            assert!(report.held_bytes <= report.budget_bytes, "R10: {report}");
        }
        for (nth, handle) in view.iter().enumerate() {
            let block = u32::try_from(start + nth).expect("small");
            assert_eq!(world.bytes(*handle), Some(stamped(block, 0, 10_000)));
        }
    }
    let report = world.manager.report();
    assert!(
        report.evictions > 100 && report.stream_ins > 50,
        "{report:?}"
    );
    assert_eq!(
        (report.hidden_uses, report.gpu_errors, report.failed),
        (0, 0, 0)
    );
}

#[test]
fn a_block_that_is_used_while_its_bytes_come_back_stays() {
    let mut world = World::new(small());
    let handle = world.client.add(on_gpu(7, 500)).expect("a valid block");
    world.flush();
    world.frame(&[handle]);
    world.control.stall(true);
    // Other blocks crowd it out, and frames look at it again before it has left.
    fill(&mut world, 44);
    for _ in 0..40 {
        world.frame(&[]);
        if world.manager.report().leaving_blocks > 0 {
            break;
        }
    }
    if world.manager.report().leaving_blocks > 0 {
        world.frame(&[handle]);
    }
    world.control.stall(false);
    for _ in 0..20 {
        world.frame(&[handle]);
        assert!(is_resident(&world, handle), "it is in use");
    }
}

#[test]
fn what_cannot_be_kept_is_refused_as_ever() {
    let mut world = World::new(small());
    let bare = BlockDesc::new().part(vertices(1, 0, 50));
    let handle = world.client.add(bare.source(Source::None)).expect("valid");
    let kept = world.client.add(mesh(2, 50)).expect("a valid block");
    world.flush();
    world.client.evict(handle).expect("it is sent");
    world.client.evict(kept).expect("it is sent");
    world.ticks(3);
    let told = world.manager.events();
    let refused = |event: &HeapEvent| {
        matches!(event, HeapEvent::Refused { handle: of, error: RequestError::NoSource { .. }, .. }
            if *of == handle)
    };
    assert!(told.iter().any(refused), "it has no source: {told:?}");
    assert!(!is_resident(&world, kept), "this one leaves at once");
}

#[test]
fn staged_contents_that_find_no_room_are_not_given_up_for_older_ones() {
    let (mut world, handle) = leaving();
    go_on(&mut world);
    // Nothing may leave, so the block finds no room to come back to.
    let mut others = Vec::new();
    for nth in 0..50 {
        let block = BlockDesc::new().part(vertices(100 + nth, 0, 500));
        if let Ok(other) = world.client.try_add(block.source(Source::None)) {
            others.push(other);
        }
        world.ticks(2);
    }
    let staged = world
        .client
        .stage(ByteLen::new(10_000))
        .expect("it is sent");
    let mut staged = world.answer(staged).expect("there is room");
    staged.write_at(0, &stamped(7, 1, 10_000)).expect("it fits");
    let sent = world.client.update_staged(handle, vec![staged]);
    sent.expect("it is sent");
    for _ in 0..100 {
        world.frame(&[handle]);
        assert!(!is_resident(&world, handle), "there is no room for it");
    }
    for other in others.drain(..) {
        world.client.remove(other).expect("it is sent");
    }
    world.flush();
    check_returns(&mut world, handle, &stamped(7, 1, 10_000));
}
