//! A budget that was lowered below what has to stay: new blocks that nobody wants stay out, and
//! nobody else does.

use geoheap::{BlockDesc, ByteLen, Handle, KindId, PartData, Source};

use crate::harness::{World, fill, is_resident, mesh, small, stamped};

/// Pinned blocks of 400 KB under a budget of 256 KiB: chunks have to go, and none can.
fn crowded() -> World {
    let mut world = World::new(small());
    let handles = fill(&mut world, 40);
    for handle in &handles {
        let pin = world.client.pin(*handle).expect("it is sent");
        world.answer(pin).expect("it lives");
    }
    let lower = world.client.set_budget(ByteLen::from_kib(256));
    world
        .answer(lower.expect("it is sent"))
        .expect("it is taken");
    world.ticks(4);
    let report = world.manager.report();
    assert!(report.held_bytes > report.budget_bytes, "{report}");
    world
}

fn add(world: &World, desc: BlockDesc) -> Handle {
    world.client.add(desc).expect("a valid block")
}

#[test]
fn a_new_block_that_nobody_wants_stays_out_until_a_frame_looks_at_it() {
    let mut world = crowded();
    let handle = add(&world, mesh(50, 100));
    let failed = world.manager.report().failed;
    world.ticks(40);
    assert!(
        !is_resident(&world, handle),
        "there is room, but it is on its way out"
    );
    for _ in 0..20 {
        world.frame(&[handle]);
    }
    assert!(is_resident(&world, handle), "what frames look at comes in");
    assert_eq!(
        world.bytes(handle),
        Some(stamped(50, 0, 2000)),
        "and is whole"
    );
    assert_eq!(world.manager.report().failed, failed);
}

#[test]
fn a_new_block_that_somebody_waits_for_comes_in() {
    let mut world = crowded();
    let handle = add(&world, mesh(50, 100));
    let waiting = world.client.resident(handle).expect("it is sent");
    world.answer(waiting).expect("there is room for it");
    assert!(is_resident(&world, handle));
    let pinned = add(&world, mesh(51, 100));
    let pin = world.client.pin(pinned).expect("it is sent");
    world.answer(pin).expect("it lives");
    world.ticks(20);
    assert!(is_resident(&world, pinned), "a pin is somebody, too");
}

#[test]
fn a_new_block_without_a_copy_of_its_contents_comes_in() {
    let mut world = crowded();
    let bare = add(&world, mesh(50, 100).source(Source::None));
    let staged = world.client.stage(ByteLen::new(2_000)).expect("it is sent");
    let mut staged = world.answer(staged).expect("there is room");
    staged.write_at(0, &stamped(3, 0, 2_000)).expect("it fits");
    let part = PartData::staged(KindId::STORAGE, 0, staged);
    let staged = add(&world, BlockDesc::new().part(part).source(Source::ReadBack));
    let failed = world.manager.report().failed;
    let mut came = false;
    for _ in 0..600 {
        world.ticks(1);
        came |= is_resident(&world, staged);
    }
    assert!(is_resident(&world, bare), "it could not be made again");
    assert!(came, "before it has come, nothing can be read back of it");
    assert_eq!(world.manager.report().failed, failed);
    for _ in 0..20 {
        world.frame(&[staged]);
    }
    assert_eq!(world.bytes(staged), Some(stamped(3, 0, 2_000)));
}
