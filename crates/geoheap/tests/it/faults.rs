//! What the device refuses, loses or takes away.

use geoheap::{
    BlockDesc, ByteLen, FailReason, Handle, HeapEvent, Lookup, Op, PartData, Pending, RequestError,
    Source,
};

use crate::harness::{World, mesh, small, stamped, vertices};

/// Whatever becomes of the block, no version shows it with bytes that are not its own (R1).
fn check_recovers(plant: impl FnOnce(&World)) {
    let mut world = World::new(small());
    plant(&world);
    let handle = world.client.add(mesh(7, 100)).expect("a valid block");
    world.flush();
    let told = world.manager.events();
    assert!(!told.is_empty(), "the fault happened, and was told");
    assert_eq!(
        world.bytes(handle),
        Some(stamped(7, 0, 2_000)),
        "R1: the copies are made again before the place is published; {told:?}"
    );
}

#[test]
fn a_submit_that_fails_once_is_made_again() {
    check_recovers(|world| world.control.fail_submit(1));
}

#[test]
fn staging_that_fails_once_is_made_again() {
    check_recovers(|world| world.control.fail_staging(1));
}

#[test]
fn an_update_in_place_is_written_again_after_a_failed_submit() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(7, 100)).expect("a valid block");
    world.flush();
    world.control.fail_submit(1);
    let newer = vec![stamped(7, 1, 2_000).into()];
    let sent = world.client.update_in_place(handle, newer);
    sent.expect("it is sent");
    world.flush();
    assert_eq!(world.bytes(handle), Some(stamped(7, 1, 2_000)));
}

#[test]
fn a_device_that_takes_no_submit_fails_the_block_with_the_number_of_attempts() {
    let mut world = World::new(small());
    for nth in 1..=100 {
        world.control.fail_submit(nth);
    }
    let handle = world.client.add(mesh(7, 100)).expect("a valid block");
    let resident = world.client.resident(handle).expect("it is sent");
    let refused = world.answer(resident).expect_err("nothing can arrive");
    let RequestError::Failed { reason, .. } = &refused else {
        panic!("{refused:?}");
    };
    assert!(
        matches!(reason, FailReason::Transfer { attempts } if *attempts > 1),
        "{reason:?}"
    );
    let ticket = world.manager.begin_frame();
    assert!(matches!(ticket.get(handle), Lookup::Failed));
}

#[test]
fn staged_bytes_that_were_lost_fail_the_block() {
    let mut world = World::new(small());
    let staged = world.client.stage(ByteLen::new(64)).expect("it is sent");
    let staged = world.answer(staged).expect("there is room");
    let part = PartData::staged(geoheap::KindId::STORAGE, 0, staged);
    let block = BlockDesc::new().part(part).source(Source::None);
    world.control.fail_submit(1);
    let handle = world.client.add(block).expect("a valid block");
    world.flush();
    let ticket = world.manager.begin_frame();
    let seen = ticket.get(handle);
    assert!(
        matches!(seen, Lookup::Failed),
        "they were sent once and cannot be sent again: {seen:?}"
    );
}

#[test]
fn a_read_back_that_does_not_arrive_is_refused() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(7, 100)).expect("a valid block");
    world.flush();
    let read = world.client.read_back(handle).expect("it is sent");
    world.control.fail_submit(1);
    let refused = world.answer(read).expect_err("its submit failed");
    assert!(
        matches!(&refused, RequestError::Failed { handle: of, .. } if *of == handle),
        "{refused:?}"
    );
    let read = world.client.read_back(handle).expect("it is sent");
    world.answer(read).expect("the next one arrives");
}

/// A heap whose device is gone; a block with a source and one without.
fn lost_world() -> (World, Handle, Handle) {
    let mut world = World::new(small());
    let kept = world.client.add(mesh(1, 50)).expect("a valid block");
    let bare = BlockDesc::new().part(vertices(2, 0, 50));
    let gone = world.client.add(bare.source(Source::None));
    let gone = gone.expect("a valid block");
    world.flush();
    world.control.lose_device();
    world.ticks(3);
    (world, kept, gone)
}

#[test]
fn who_waits_when_the_device_goes_is_told() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 50)).expect("a valid block");
    world.flush();
    world.control.stall(true);
    let part = || PartData::storage(stamped(1, 1, 64));
    let under_way = world.client.add_part(handle, part()).expect("it is sent");
    let deferred = world.client.add_part(handle, part()).expect("it is sent");
    let other = world.client.add(mesh(2, 50)).expect("a valid block");
    let waiting = world.client.resident(other).expect("it is sent");
    let read = world.client.read_back(handle).expect("it is sent");
    world.control.lose_device();
    world.ticks(5);
    check_lost("a job under way", under_way);
    check_lost("a request behind it", deferred);
    check_lost("a caller who waits", waiting);
    check_lost("a read-back", read);
}

#[track_caller]
fn check_lost<T: std::fmt::Debug>(what: &str, mut pending: Pending<T>) {
    let answer = pending.try_take();
    assert!(
        matches!(answer, Some(Err(RequestError::DeviceLost))),
        "{what}: {answer:?}"
    );
}

#[test]
fn a_heap_without_a_device_refuses_what_needs_one_and_does_the_rest() {
    let (mut world, kept, gone) = lost_world();
    let flush = world.client.flush().expect("it is sent");
    world.answer(flush).expect("a flush is never refused");
    let pin = world.client.pin(kept).expect("it is sent");
    let pin = world.answer(pin);
    assert_eq!(pin, Err(RequestError::DeviceLost), "nothing comes back");
    let _ = world.manager.events();
    for handle in [kept, gone] {
        let newer = vec![stamped(2, 1, 1_000).into()];
        world.client.update(handle, newer).expect("it is sent");
    }
    world.ticks(2);
    let told = world.manager.events();
    let refused = |event: &&HeapEvent| {
        matches!(
            event,
            HeapEvent::Refused {
                op: Op::Update,
                error: RequestError::DeviceLost,
                ..
            }
        )
    };
    assert_eq!(told.iter().filter(refused).count(), 1, "{told:?}");
    let of_gone =
        |event: &&HeapEvent| matches!(event, HeapEvent::Refused { handle, .. } if *handle == gone);
    assert_eq!(told.iter().filter(of_gone).count(), 1, "the other waits");
    world.client.remove(kept).expect("it is sent");
    world.ticks(2);
    let ticket = world.manager.begin_frame();
    let seen = ticket.get(kept);
    assert!(matches!(seen, Lookup::Stale), "a remove counts: {seen:?}");
}

#[test]
fn a_device_lost_with_chunks_on_their_way_out_ends_in_order() {
    let mut config = small();
    config.keep_empty_ticks = 1;
    let mut world = World::new(config);
    let mut handles = Vec::new();
    for nth in 0..30 {
        handles.push(world.client.add(mesh(nth, 500)).expect("a valid block"));
        world.ticks(2);
    }
    let old = world.manager.begin_frame();
    let buffer = old
        .get(handles[0])
        .resident()
        .map(|view| view.buffer().clone());
    for handle in &handles {
        world.client.remove(*handle).expect("it is sent");
    }
    world.ticks(4);
    let read = world.client.heap_map().expect("it is sent");
    drop(read);
    world.control.lose_device();
    world.ticks(3);
    drop((old, buffer));
    world.ticks(3);
    let report = world.manager.shutdown().report;
    assert!(report.device_lost, "it is told");
    assert_eq!(
        report.chunks, 0,
        "nothing of the old device is on the books"
    );
}

#[test]
fn what_waited_for_a_job_when_the_device_went_is_told_as_refused_or_holds() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 50)).expect("a valid block");
    world.flush();
    let part = PartData::storage(stamped(1, 1, 64));
    drop(world.client.add_part(handle, part).expect("it is sent"));
    let newer = vec![stamped(1, 1, 1_000).into(), stamped(1, 1, 64).into()];
    world.client.update(handle, newer).expect("it is sent");
    let lifetime = world
        .client
        .set_lifetime(handle, geoheap::Lifetime::LongLived);
    lifetime.expect("it is sent");
    world.control.lose_device();
    world.ticks(3);
    let told = world.manager.events();
    let refused = |event: &&HeapEvent| matches!(event, HeapEvent::Refused { .. });
    assert_eq!(told.iter().filter(refused).count(), 1, "{told:?}");
    world.restore();
    world.ticks(20);
    let ticket = world.manager.begin_frame();
    let stands_in = ticket.fallback(handle);
    assert!(stands_in.is_ok(), "it is long-lived: {stands_in:?}");
}

#[test]
fn a_stale_handle_is_stale_on_a_lost_device_too() {
    let mut world = World::new(small());
    let gone = world.client.add(mesh(1, 10)).expect("a valid block");
    world.flush();
    world.client.remove(gone).expect("it is sent");
    world.ticks(3);
    world.control.lose_device();
    world.ticks(3);
    let ticket = world.manager.begin_frame();
    let seen = ticket.get(gone);
    assert!(matches!(seen, Lookup::Stale), "R7: {seen:?}");
}

#[test]
fn a_part_of_a_failed_block_is_refused() {
    let mut world = World::new(small());
    world.control.set_memory_bytes(ByteLen::from_kib(32));
    let handle = world.client.add(mesh(1, 500)).expect("a valid block");
    let part = PartData::storage(stamped(1, 1, 64));
    let part = world.client.add_part(handle, part).expect("it is sent");
    let refused = world.answer(part).expect_err("the block is not there");
    assert!(
        matches!(refused, RequestError::Failed { .. }),
        "{refused:?}"
    );
}
