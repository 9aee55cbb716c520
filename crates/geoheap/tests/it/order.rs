//! Answers come when what they speak of is published, and not before.

use geoheap::{BlockDesc, ByteLen, HeapEvent, Lookup, PartData, Pending, RequestError};

use crate::harness::{World, mesh, small, stamped};

/// Polls until one of the two is there; returns whether the second came first.
fn second_first<A, B>(world: &mut World, first: &mut Pending<A>, second: &mut Pending<B>) -> bool {
    for _ in 0..100 {
        world.manager.poll();
        match (first.try_take(), second.try_take()) {
            (Some(_), _) => return false,
            (None, Some(_)) => return true,
            (None, None) => {}
        }
    }
    panic!("no answer in 100 ticks");
}

#[test]
fn a_flush_waits_for_requests_that_wait_for_a_job() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 100)).expect("a valid block");
    let data = PartData::storage(stamped(1, 1, 64));
    let mut part = world.client.add_part(handle, data).expect("it is sent");
    let mut flush = world.client.flush().expect("it is sent");
    let early = second_first(&mut world, &mut part, &mut flush);
    assert!(!early, "the part was sent before the flush");
}

#[test]
fn a_flush_waits_for_contents_that_newer_ones_replaced() {
    let mut config = small();
    config.tick_upload_bytes = ByteLen::new(2_000);
    let mut world = World::new(config);
    let handle = world.client.add(mesh(1, 400)).expect("a valid block");
    let flush = world.client.flush().expect("it is sent");
    world.ticks(1);
    let newer = vec![stamped(1, 1, 8_000).into()];
    world.client.update(handle, newer).expect("it is sent");
    world.answer(flush).expect("a flush is never refused");
    let ticket = world.manager.begin_frame();
    let seen = ticket.get(handle);
    assert!(
        matches!(seen, Lookup::Resident(_)),
        "the block was sent before the flush: {seen:?}"
    );
}

#[test]
fn no_answer_speaks_of_a_version_that_is_not_out() {
    let mut world = World::new(small());
    let mut held = Vec::new();
    // A ticket on each replica, so that the next publish has none.
    for nth in 0..3 {
        held.push(world.manager.begin_frame());
        world.client.add(mesh(nth, 10)).expect("a valid block");
        world.ticks(2);
    }
    held.push(world.manager.begin_frame());
    let handle = world.client.add(mesh(9, 10)).expect("a valid block");
    let mut flush = world.client.flush().expect("it is sent");
    let mut pin = world.client.pin(handle).expect("it is sent");
    for _ in 0..20 {
        world.manager.poll();
        let ticket = world.manager.begin_frame();
        let resident = matches!(ticket.get(handle), Lookup::Resident(_));
        assert!(!resident, "there is no free replica");
        assert!(flush.try_take().is_none(), "the flush waits for a replica");
        assert!(pin.try_take().is_none(), "the pin waits for a replica");
    }
    assert!(
        world.manager.report().publish_stalls > 10,
        "ticks are counted"
    );
    let told = world.manager.events();
    let [HeapEvent::PublishStalled { held: versions, .. }] = &told[..] else {
        panic!("and it is told once: {told:?}");
    };
    assert!(!versions.is_empty(), "with the versions that are held");
    drop(held);
    world.answer(flush).expect("now it is published");
    world.answer(pin).expect("and so is the pinned block");
    let ticket = world.manager.begin_frame();
    let seen = ticket.get(handle);
    assert!(matches!(seen, Lookup::Resident(_)), "{seen:?}");
}

#[test]
fn an_update_in_place_waits_for_the_update_before_it() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 10)).expect("a valid block");
    world.flush();
    let client = &world.client;
    let longer = vec![stamped(1, 1, 400).into()];
    client.update(handle, longer).expect("it is sent");
    let newest = vec![stamped(1, 2, 400).into()];
    client.update_in_place(handle, newest).expect("it is sent");
    world.flush();
    let told = world.manager.events();
    assert!(told.is_empty(), "the lengths match by then: {told:?}");
    assert_eq!(world.bytes(handle), Some(stamped(1, 2, 400)));
}

#[test]
fn contents_keep_the_order_of_their_parts() {
    let mut world = World::new(small());
    let block = BlockDesc::new()
        .part(PartData::storage(stamped(1, 0, 256)))
        .part(PartData::storage(stamped(2, 0, 256)))
        .spare(ByteLen::from_kib(4));
    let handle = world.client.add(block).expect("a valid block");
    world.flush();
    let parts: Vec<_> = world.manager.begin_frame().parts(handle).collect();
    // The first part now lies behind the second.
    let moved = world
        .client
        .update_part(handle, parts[0], stamped(1, 1, 256));
    world
        .answer(moved.expect("it is sent"))
        .expect("there is room");
    let after: Vec<_> = world.manager.begin_frame().parts(handle).collect();
    assert_eq!(after, parts, "the order is not that of addresses");
    let both = vec![stamped(1, 2, 256).into(), stamped(2, 2, 256).into()];
    world.client.update(handle, both).expect("it is sent");
    world.flush();
    let read = world.client.read_back(handle).expect("it is sent");
    let read: Result<_, RequestError> = world.answer(read);
    let expected = vec![
        (parts[0], stamped(1, 2, 256)),
        (parts[1], stamped(2, 2, 256)),
    ];
    assert_eq!(read.expect("it is resident").parts, expected);
}

#[test]
fn a_block_that_is_updated_in_each_tick_lets_others_and_flushes_through() {
    let mut config = small();
    config.tick_upload_bytes = ByteLen::new(4096);
    let mut world = World::new(config);
    let busy = world.client.add(mesh(1, 400)).expect("a valid block");
    world.flush();
    let update = |world: &mut World, revision| {
        let newer = vec![stamped(1, revision, 8_000).into()];
        world.client.update(busy, newer).expect("it is sent");
        world.ticks(1);
    };
    update(&mut world, 1);
    let other = world.client.add(mesh(2, 50)).expect("a valid block");
    let mut resident = Some(world.client.resident(other).expect("it is sent"));
    let mut flush = Some(world.client.flush().expect("it is sent"));
    for revision in 2..100 {
        update(&mut world, revision);
        resident = still_open(resident);
        flush = still_open(flush);
    }
    assert!(resident.is_none(), "the other block had its turn");
    assert!(
        flush.is_none(),
        "and contents older than the flush were published"
    );
    world.flush();
    assert_eq!(world.bytes(busy), Some(stamped(1, 99, 8_000)), "the newest");
}

/// The question, as long as it is not answered.
fn still_open<T>(question: Option<Pending<T>>) -> Option<Pending<T>> {
    let mut pending = question?;
    match pending.try_take() {
        None => Some(pending),
        Some(answer) => {
            assert!(answer.is_ok(), "it is not refused");
            None
        }
    }
}

#[test]
fn a_block_without_parts_is_a_block_like_others() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 50)).expect("a valid block");
    world.flush();
    let part = world.manager.begin_frame().parts(handle).next();
    let gone = world.client.remove_part(handle, part.expect("it has one"));
    world
        .answer(gone.expect("it is sent"))
        .expect("it had that part");
    let client = world.client.clone();
    client.update(handle, Vec::new()).expect("it is sent");
    world.flush();
    client
        .update_in_place(handle, Vec::new())
        .expect("it is sent");
    world.flush();
    let lifetime = client.set_lifetime(handle, geoheap::Lifetime::LongLived);
    lifetime.expect("it is sent");
    world.flush();
    let told = world.manager.events();
    assert!(told.is_empty(), "nothing of this is refused: {told:?}");
}

/// What replaces an update that waits must be taken itself, or nothing of either arrives (R11).
#[test]
fn a_refused_update_replaces_none_that_waits() {
    let mut config = small();
    config.tick_upload_bytes = ByteLen::new(4096);
    let mut world = World::new(config);
    let handle = world.client.add(mesh(1, 1_000)).expect("a valid block");
    world.flush();
    let update = |world: &World, revision, len| {
        let contents = vec![stamped(1, revision, len).into()];
        world.client.update(handle, contents).expect("room");
    };
    // The first one begins to arrive; the second waits for it; the third has half a vertex.
    update(&world, 1, 20_000);
    world.ticks(1);
    update(&world, 2, 16_000);
    update(&world, 3, 10_010);
    world.flush();
    let bytes = world.bytes(handle).expect("it is resident");
    assert!(
        bytes.starts_with(&stamped(1, 2, 16_000)),
        "{:?}",
        &bytes[..8]
    );
    let refused = |event: &HeapEvent| matches!(event, HeapEvent::Refused { .. });
    let events = world.manager.events();
    assert_eq!(events.iter().filter(|event| refused(event)).count(), 1);
}
