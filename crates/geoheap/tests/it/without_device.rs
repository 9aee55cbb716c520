//! What works between the loss of a device and the next one: the table of the crate's front page.

use geoheap::{
    AddError, BlockDesc, ByteLen, HeapEvent, Lookup, PartData, Payload, Pending, RequestError,
    Source,
};

use crate::harness::{World, is_resident, mesh, small, vertices};

#[track_caller]
fn check_refused<T: core::fmt::Debug>(world: &mut World, pending: Pending<T>) {
    let answer = world.answer(pending);
    assert!(
        matches!(answer, Err(RequestError::DeviceLost)),
        "{answer:?}"
    );
}

/// Whether an event refuses something for want of a device.
fn is_refusal(event: &HeapEvent) -> bool {
    let HeapEvent::Refused { error, .. } = event else {
        return false;
    };
    *error == RequestError::DeviceLost
}

#[test]
fn what_the_front_page_says_of_a_heap_without_a_device() {
    let mut world = World::new(small());
    let client = world.client.clone();
    let add = |block: BlockDesc| client.add(block).expect("a valid block");
    let kept = add(mesh(0, 500));
    let removed = add(mesh(1, 500));
    let away = add(mesh(2, 500));
    let gone = add(BlockDesc::new()
        .part(vertices(3, 0, 500))
        .source(Source::None));
    world.flush();
    client.evict(away).expect("it is sent");
    world.flush();
    let before = world.manager.begin_frame();
    world.control.lose_device();
    let late = add(mesh(4, 500));
    let late_gone = add(BlockDesc::new()
        .part(vertices(5, 0, 500))
        .source(Source::None));
    world.ticks(2);

    assert_eq!(client.add(mesh(6, 500)), Err(AddError::DeviceLost));
    let refused = client
        .try_add(mesh(6, 500))
        .expect_err("there is no device");
    assert_eq!(refused.error, AddError::DeviceLost);
    let again = refused.item;
    assert!(before.is_void() && matches!(before.get(away), Lookup::Lost));
    let now = world.manager.begin_frame();
    for handle in [kept, removed, away, late] {
        assert!(matches!(now.get(handle), Lookup::Evicted), "{handle}");
    }
    for handle in [gone, late_gone] {
        assert!(matches!(now.get(handle), Lookup::Lost), "{handle}");
    }
    drop((before, now));

    // In one mailbox, so that each is answered by what it is.
    world.manager.events();
    let new = || vec![Payload::from(vec![7; 10_000])];
    client.update(kept, new()).expect("it is sent");
    client.update_in_place(late, new()).expect("it is sent");
    world.flush();
    let told = world.manager.events();
    assert!(!told.iter().any(is_refusal), "they have a source: {told:?}");
    client.update(gone, new()).expect("it is sent");
    client.set_priority(kept, 9).expect("it is sent");
    client.remove(removed).expect("it is sent");
    world.flush();
    let told = world.manager.events();
    assert_eq!(told.iter().filter(|event| is_refusal(event)).count(), 1);
    let pending = client.resident(kept).expect("it is sent");
    check_refused(&mut world, pending);
    let pending = client.pin(kept).expect("it is sent");
    check_refused(&mut world, pending);
    let pending = client.stage(ByteLen::new(64)).expect("it is sent");
    check_refused(&mut world, pending);
    let pending = client.read_back(kept).expect("it is sent");
    check_refused(&mut world, pending);
    let pending = client.trim().expect("it is sent");
    check_refused(&mut world, pending);
    let pending = client.compact_now().expect("it is sent");
    check_refused(&mut world, pending);
    let pending = client
        .set_budget(client.budget_bytes_min())
        .expect("it is sent");
    check_refused(&mut world, pending);
    let part = PartData::vertex(vec![1; 40], 20);
    let pending = client.add_part(kept, part).expect("it is sent");
    check_refused(&mut world, pending);
    let map = world.manager.heap_map().expect("the caller drives");
    assert!(map.chunks.is_empty(), "{map:?}");

    let restored = world.restore();
    let counts = (
        restored.returning_blocks,
        restored.evicted_blocks,
        restored.lost_blocks,
    );
    assert_eq!(counts, (2, 1, 2), "{restored}");
    let again = client.add(*again).expect("the block is as it was");
    world.ticks(20);
    assert!(is_resident(&world, kept) && is_resident(&world, again));
    assert!(is_resident(&world, late));
    assert!(!is_resident(&world, away), "nobody asked for it");
    assert_eq!(world.bytes(kept), Some(vec![7; 10_000]));
    assert_eq!(world.bytes(late), Some(vec![7; 10_000]));
    world.frame(&[away]);
    world.ticks(4);
    assert!(is_resident(&world, away));
}
