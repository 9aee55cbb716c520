//! What becomes of contents, by where they come from.

use std::sync::{Arc, Mutex};

use geoheap::{
    AddError, BlockDesc, ByteLen, Config, HeapEvent, KindId, Lookup, Op, PartData, Payload,
    RequestError, Source,
};

use super::BLOCK_BYTES;
use crate::harness::{World, mesh, small, stamped, vertices};

#[test]
fn contents_without_a_source_are_lost_until_there_are_others() {
    let mut world = World::new(small());
    let add = |world: &World, id| {
        let block = BlockDesc::new().part(vertices(id, 0, 500));
        let added = world.client.add(block.source(Source::None));
        added.expect("a valid block")
    };
    let handles = [add(&world, 0), add(&world, 1), add(&world, 2)];
    world.flush();
    world.manager.events();
    world.control.lose_device();
    world.ticks(1);
    let told = world.manager.events();
    let expected = HeapEvent::BlocksLost {
        count: 3,
        handles: handles.to_vec(),
    };
    assert!(told.contains(&expected), "{told:?}");
    assert_eq!(world.restore().lost_blocks, 3);
    world.ticks(2);
    let [updated, staged, removed] = handles;
    let ticket = world.manager.begin_frame();
    assert!(
        handles
            .iter()
            .all(|handle| matches!(ticket.get(*handle), Lookup::Lost))
    );
    drop(ticket);
    let resident = world.client.resident(updated).expect("it is sent");
    let refused = world.answer(resident);
    assert_eq!(refused, Err(RequestError::Lost { handle: updated }));

    let newer = vec![stamped(0, 1, BLOCK_BYTES).into()];
    world.client.update(updated, newer).expect("it is sent");
    let room = ByteLen::new(BLOCK_BYTES as u64);
    let piece = world.client.stage(room).expect("it is sent");
    let mut piece = world.answer(piece).expect("there is room");
    let bytes = stamped(1, 1, BLOCK_BYTES);
    piece.write_at(0, &bytes).expect("it fits");
    let sent = world.client.update_staged(staged, vec![piece]);
    sent.expect("it is sent");
    world.client.remove(removed).expect("it is sent");
    world.flush();
    assert_eq!(world.bytes(updated), Some(stamped(0, 1, BLOCK_BYTES)));
    assert_eq!(world.bytes(staged), Some(bytes));
    assert_eq!(world.manager.report().blocks_lost, 0);

    world.control.lose_device();
    world.ticks(1);
    assert_eq!(world.manager.report().blocks_lost, 2, "once more");
}

#[test]
fn what_was_staged_on_the_lost_device_is_refused() {
    let mut world = World::new(small());
    let bare = BlockDesc::new().part(vertices(0, 0, 500));
    let handle = world.client.add(bare.source(Source::None));
    let handle = handle.expect("a valid block");
    let room = ByteLen::new(BLOCK_BYTES as u64);
    let mut pieces = Vec::new();
    for _ in 0..2 {
        let piece = world.client.stage(room).expect("it is sent");
        pieces.push(world.answer(piece).expect("there is room"));
    }
    world.control.lose_device();
    world.restore();
    world.manager.events();
    let newer = vec![stamped(0, 1, BLOCK_BYTES).into()];
    world.client.update(handle, newer).expect("it is sent");
    world.flush();
    let piece = pieces.pop().expect("there are two");
    let sent = world.client.update_staged(handle, vec![piece]);
    sent.expect("it is sent");
    world.flush();
    let told = world.manager.events();
    let expected = HeapEvent::Refused {
        handle,
        op: Op::Update,
        error: RequestError::StagedOnLostDevice,
    };
    assert!(told.contains(&expected), "{told:?}");
    let part = PartData::staged(KindId::STORAGE, 0, pieces.pop().expect("there are two"));
    let refused = world
        .client
        .add(BlockDesc::new().part(part).source(Source::None));
    let refused = refused.expect_err("it went with its device");
    assert_eq!(refused, AddError::StagedOnLostDevice);
    assert_eq!(world.bytes(handle), Some(stamped(0, 1, BLOCK_BYTES)));
    let report = world.manager.report();
    assert_eq!((report.gpu_errors, report.failed), (0, 0), "{report:?}");
}

#[test]
fn what_was_staged_and_sent_before_the_device_went_is_lost() {
    let mut world = World::new(small());
    let room = ByteLen::new(BLOCK_BYTES as u64);
    let piece = world.client.stage(room).expect("it is sent");
    let piece = world.answer(piece).expect("there is room");
    let part = PartData::staged(KindId::STORAGE, 0, piece);
    let block = BlockDesc::new().part(part).source(Source::None);
    let handle = world.client.add(block).expect("a valid block");
    world.control.lose_device();
    // It is still in the mailbox.
    world.restore();
    world.ticks(2);
    let ticket = world.manager.begin_frame();
    let seen = ticket.get(handle);
    assert!(matches!(seen, Lookup::Lost), "{seen:?}");
    drop(ticket);
    let report = world.manager.report();
    assert_eq!(
        (report.blocks_lost, report.gpu_errors),
        (1, 0),
        "{report:?}"
    );
}

#[test]
fn an_answer_of_a_callback_that_comes_late_is_dropped() {
    for restores_at_once in [false, true] {
        let mut world = World::new(small());
        let source = Source::reload(|_| Ok(vec![Payload::from(stamped(1, 0, BLOCK_BYTES))]));
        let block = BlockDesc::new().part(vertices(1, 0, 500)).source(source);
        let handle = world.client.add(block).expect("a valid block");
        world.flush();
        world.ticks(4);
        world.client.evict(handle).expect("it is sent");
        world.ticks(2);
        // Asked for in this tick, answered with the next.
        world.frame(&[handle]);
        world.control.lose_device();
        if !restores_at_once {
            // Nothing is under way without a device.
            world.flush();
        }
        world.restore();
        world.ticks(20);
        assert_eq!(world.bytes(handle), Some(stamped(1, 0, BLOCK_BYTES)));
        assert_eq!(world.manager.report().stream_ins, 1, "it came once");
    }
}

#[test]
fn updates_that_wait_behind_another_when_the_device_goes_are_kept() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 500)).expect("a valid block");
    world.flush();
    world.control.stall(true);
    let send = |revision| {
        let contents = vec![stamped(1, revision, 10_000).into()];
        world.client.update(handle, contents).expect("it is sent");
    };
    send(1);
    world.manager.poll();
    send(2);
    send(3);
    world.manager.poll();
    world.control.lose_device();
    world.ticks(2);
    world.restore();
    world.ticks(20);
    assert_eq!(
        world.bytes(handle),
        Some(stamped(1, 3, 10_000)),
        "nobody was told otherwise"
    );
}

/// What is staged may go with the device, and is refused then: it must not have taken the place of
/// an update that waited before it, since nobody would be told of that one.
#[test]
fn staged_updates_replace_no_others_that_wait() {
    // Contents take several ticks, so that others wait behind them.
    let mut world = World::new(Config {
        tick_upload_bytes: ByteLen::from_kib(4),
        ..small()
    });
    let file = Arc::new(Mutex::new(stamped(1, 0, 10_000)));
    let read = Arc::clone(&file);
    let callback =
        Source::reload(move |_| Ok(vec![read.lock().expect("it is ours").clone().into()]));
    let block = BlockDesc::new().part(vertices(1, 0, 500)).source(callback);
    let handle = world.client.add(block).expect("a valid block");
    let staged = world
        .client
        .stage(ByteLen::new(10_000))
        .expect("it is sent");
    let staged = world.answer(staged).expect("staging has room");
    world.flush();
    let send = |revision, len| {
        let contents = vec![stamped(1, revision, len).into()];
        world.client.update(handle, contents).expect("it is sent");
    };
    send(1, 10_000);
    world.manager.poll();
    // Longer than before, so that it shows whether it was carried out.
    send(2, 12_000);
    let sent = world.client.update_staged(handle, vec![staged]);
    sent.expect("it is sent");
    world.manager.poll();
    world.control.lose_device();
    world.ticks(2);
    let refused = world
        .manager
        .events()
        .into_iter()
        .find_map(|event| match event {
            HeapEvent::Refused {
                op: Op::Update,
                error,
                ..
            } => Some(error),
            _ => None,
        });
    assert_eq!(refused, Some(RequestError::StagedOnLostDevice));
    *file.lock().expect("it is ours") = stamped(1, 2, 12_000);
    world.restore();
    world.ticks(20);
    assert_eq!(
        world.bytes(handle),
        Some(stamped(1, 2, 12_000)),
        "nobody was told that the second was refused"
    );
}
