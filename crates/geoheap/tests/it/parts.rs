//! Parts that come, go and change size inside a block.

use std::time::Duration;

use geoheap::{BlockDesc, ByteLen, PartData, PartError, PartId, RequestError, Source, Threading};

use crate::harness::{World, mesh, small, stamped, vertices};

/// The part's bytes in the newest version.
fn part_bytes(world: &mut World, handle: geoheap::Handle, part: PartId) -> Vec<u8> {
    let pending = world.client.read_back(handle).expect("it is sent");
    let read = world.answer(pending).expect("it is resident");
    let found = read.parts.into_iter().find(|(id, _)| *id == part);
    found.expect("the part is there").1
}

#[test]
fn a_part_fits_the_spare_room_and_keeps_the_block_in_place() {
    let mut world = World::new(small());
    let block = mesh(1, 100).spare(ByteLen::from_kib(2));
    let handle = world.client.add(block).expect("a valid block");
    world.flush();
    let place = |world: &World| {
        let ticket = world.manager.begin_frame();
        ticket
            .get(handle)
            .resident()
            .map(|view| (view.chunk(), view.offset()))
    };
    let before = place(&world);
    let part = PartData::index_u16(stamped(1, 5, 30));
    let pending = world.client.add_part(handle, part).expect("it is sent");
    let id = world.answer(pending).expect("there is room");
    assert_eq!(place(&world), before, "the block stays where it is");
    assert_eq!(
        part_bytes(&mut world, handle, id),
        stamped(1, 5, 30),
        "the new part"
    );
    let ticket = world.manager.begin_frame();
    let draw = ticket
        .get(handle)
        .resident()
        .and_then(|view| view.draw())
        .expect("it has vertices");
    assert_eq!(draw.count, 15, "the block draws with its indices now");
}

#[test]
fn a_part_that_does_not_fit_moves_the_block_in_one_version() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 100)).expect("a valid block");
    world.flush();
    let pending = world
        .client
        .add_part(handle, vertices(1, 7, 300))
        .expect("it is sent");
    let id = world.answer(pending).expect("the block grows");
    assert_eq!(
        part_bytes(&mut world, handle, id),
        stamped(1, 7, 6_000),
        "the new part"
    );
    let first = PartId {
        index: 0,
        generation: 1,
    };
    assert_eq!(
        part_bytes(&mut world, handle, first),
        stamped(1, 0, 2_000),
        "the old one"
    );
    assert_eq!(world.manager.report().hidden_uses, 0, "R8");
}

#[test]
fn an_updated_part_leaves_older_versions_its_old_bytes() {
    let mut world = World::new(small());
    let block = mesh(1, 10)
        .part(PartData::storage(stamped(1, 1, 256)))
        .spare(ByteLen::from_kib(4));
    let handle = world.client.add(block).expect("a valid block");
    world.flush();
    let part = PartId {
        index: 1,
        generation: 1,
    };
    let before = world.manager.begin_frame();
    for revision in 2..12 {
        let contents = stamped(1, revision, 256);
        let pending = world
            .client
            .update_part(handle, part, contents)
            .expect("it is sent");
        world.answer(pending).expect("it is updated");
        assert_eq!(
            part_bytes(&mut world, handle, part),
            stamped(1, revision, 256),
            "new bytes"
        );
    }
    let old = world.queue_read(&before, handle).expect("it was resident");
    world.ticks(6);
    let old = old
        .lock()
        .expect("no panics while held")
        .take()
        .expect("it was executed");
    let view = before.part(handle, part).expect("it is there");
    let start = view.offset() - before.get(handle).resident().expect("it is there").offset();
    let start = usize::try_from(start.get()).expect("it is small");
    assert_eq!(
        old[start..start + 256],
        stamped(1, 1, 256),
        "R2: ten updates later"
    );
}

#[test]
fn rooms_of_removed_parts_are_used_again() {
    let mut world = World::new(small());
    let block = mesh(1, 10).spare(ByteLen::from_kib(1));
    let handle = world.client.add(block).expect("a valid block");
    world.flush();
    let mut chunks = Vec::new();
    for revision in 0..200 {
        let part = PartData::storage(stamped(1, revision, 400));
        let pending = world.client.add_part(handle, part).expect("it is sent");
        let id = world
            .answer(pending)
            .expect("there is room again and again");
        let pending = world.client.remove_part(handle, id).expect("it is sent");
        world.answer(pending).expect("it is removed");
        world.ticks(3);
        chunks.push(world.manager.report().world_bytes);
    }
    assert!(
        chunks.iter().all(|bytes| *bytes == chunks[0]),
        "the block never grew: {chunks:?}"
    );
}

#[test]
fn removing_a_part_twice_is_refused() {
    let mut world = World::new(small());
    let block = mesh(1, 10).part(PartData::storage(stamped(1, 1, 256)));
    let handle = world.client.add(block).expect("a valid block");
    world.flush();
    let part = PartId {
        index: 1,
        generation: 1,
    };
    let pending = world.client.remove_part(handle, part).expect("it is sent");
    world.answer(pending).expect("the first time");
    let pending = world.client.remove_part(handle, part).expect("it is sent");
    let error = world.answer(pending).expect_err("the second time");
    assert!(
        matches!(
            error,
            RequestError::Part {
                error: PartError::AlreadyRemoved { .. },
                ..
            }
        ),
        "{error:?}"
    );
    let pending = world
        .client
        .update_part(handle, part, vec![0; 4])
        .expect("it is sent");
    assert!(world.answer(pending).is_err(), "nor can it be updated");
}

#[test]
fn requests_behind_a_change_of_parts_keep_their_order() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 100)).expect("a valid block");
    let first = world
        .client
        .add_part(handle, PartData::storage(stamped(1, 1, 64)));
    let second = world
        .client
        .add_part(handle, PartData::storage(stamped(1, 2, 64)));
    world
        .client
        .update(
            handle,
            vec![
                stamped(1, 9, 2_000).into(),
                stamped(1, 9, 64).into(),
                stamped(1, 9, 64).into(),
            ],
        )
        .expect("it is sent");
    let a = world
        .answer(first.expect("it is sent"))
        .expect("the first part");
    let b = world
        .answer(second.expect("it is sent"))
        .expect("the second part");
    world.flush();
    assert_ne!(a, b, "two parts");
    for part in [a, b] {
        assert_eq!(
            part_bytes(&mut world, handle, part),
            stamped(1, 9, 64),
            "the update was last"
        );
    }
    assert!(world.manager.events().is_empty(), "nothing was refused");
}

#[test]
fn a_kind_of_the_callers_own_keeps_its_alignment() {
    let mut config = small();
    let rule = geoheap::AlignRule::Fixed(geoheap::Align::new(48).expect("a positive number"));
    config.kinds.push(geoheap::KindRow {
        name: "meshlet",
        rule,
    });
    let mut world = World::new(config);
    let kind = geoheap::KindId::new(4);
    let block =
        BlockDesc::new()
            .part(vertices(1, 0, 3))
            .part(PartData::new(kind, 0, stamped(1, 0, 96)));
    let handle = world.client.add(block).expect("a valid block");
    world.flush();
    let ticket = world.manager.begin_frame();
    let part = ticket.parts(handle).nth(1).expect("two parts");
    let view = ticket.part(handle, part).expect("it is resident");
    assert_eq!(
        view.offset().get() % 48,
        0,
        "aligned from the chunk's start"
    );
    assert_eq!(view.kind(), kind, "its kind");
}

#[test]
fn the_first_draw_stays_with_its_part() {
    let mut world = World::new(small());
    let block = BlockDesc::new()
        .part(PartData::vertex(stamped(1, 0, 240), 12))
        .part(PartData::vertex(stamped(2, 0, 40), 4))
        .spare(ByteLen::from_kib(4));
    let handle = world.client.add(block).expect("a valid block");
    world.flush();
    let drawn = |world: &World| {
        let ticket = world.manager.begin_frame();
        let draw = ticket.get(handle).resident().and_then(|view| view.draw());
        draw.map(|draw| draw.count)
    };
    assert_eq!(drawn(&world), Some(20), "240 bytes of 12 each");
    let first = world.manager.begin_frame().parts(handle).next();
    let first = first.expect("it has parts");
    let update = world.client.update_part(handle, first, stamped(1, 1, 240));
    world
        .answer(update.expect("it is sent"))
        .expect("there is room");
    assert_eq!(drawn(&world), Some(20), "wherever the part lies now");
}

#[test]
fn a_reloaded_block_has_its_parts_in_their_order() {
    let mut world = World::new(small());
    let newest = || vec![stamped(1, 1, 256).into(), stamped(2, 0, 256).into()];
    let block = BlockDesc::new()
        .part(PartData::storage(stamped(1, 0, 256)))
        .part(PartData::storage(stamped(2, 0, 256)))
        .source(Source::reload(move |_| Ok(newest())))
        .spare(ByteLen::from_kib(4));
    let handle = world.client.add(block).expect("a valid block");
    world.flush();
    let first = world.manager.begin_frame().parts(handle).next();
    let first = first.expect("it has parts");
    let update = world.client.update_part(handle, first, stamped(1, 1, 256));
    world
        .answer(update.expect("it is sent"))
        .expect("there is room");
    for nth in 0..60 {
        world.client.add(mesh(nth, 500)).expect("a valid block");
        world.ticks(2);
    }
    let ticket = world.manager.begin_frame();
    assert!(ticket.get(handle).resident().is_none(), "it was evicted");
    drop(ticket);
    let back = world.client.resident(handle).expect("it is sent");
    world.answer(back).expect("there is room");
    assert_eq!(part_bytes(&mut world, handle, first), stamped(1, 1, 256));
}

#[test]
fn a_part_removed_while_the_block_is_made_again_is_not_asked_for() {
    let mut config = small();
    config.threading = Threading::Actor;
    config.tick_interval = Duration::from_millis(1);
    let world = World::new(config);
    let (answer, answers) = std::sync::mpsc::channel::<usize>();
    let answers = std::sync::Mutex::new(answers);
    let (asked, is_asked) = std::sync::mpsc::channel();
    let source = Source::reload(move |_| {
        asked.send(()).map_err(|error| error.to_string())?;
        let answers = answers.lock().map_err(|error| error.to_string())?;
        let parts = answers.recv().map_err(|error| error.to_string())?;
        let all = vec![stamped(1, 0, 10_000).into(), stamped(1, 1, 256).into()];
        Ok(all.into_iter().take(parts).collect())
    });
    let block = BlockDesc::new()
        .part(vertices(1, 0, 500))
        .part(PartData::storage(stamped(1, 1, 256)))
        .source(source);
    let handle = world.client.add(block).expect("a valid block");
    let wait = Duration::from_secs(10);
    for nth in 0..60 {
        world.client.add(mesh(nth, 500)).expect("a valid block");
        let flush = world.client.flush().expect("it is sent");
        flush.wait(wait).expect("a flush is never refused");
    }
    let parts = [0, 1].map(|index| PartId {
        index,
        generation: 1,
    });
    let back = world.client.resident(handle).expect("it is sent");
    is_asked
        .recv_timeout(wait)
        .expect("it was evicted, so it is made again");
    let removed = world.client.remove_part(handle, parts[1]);
    removed
        .expect("it is sent")
        .wait(wait)
        .expect("it has that part");
    // The first answer is for two parts and comes too late; the next one is for one.
    answer.send(2).expect("the callback waits");
    answer.send(1).expect("the callback waits");
    back.wait(wait)
        .expect("it comes back with the part that is left");
}

#[test]
fn a_block_grows_under_a_budget_of_one_chunk() {
    let mut config = small();
    config.budget_bytes = ByteLen::from_kib(100);
    let mut world = World::new(config);
    let handle = world.client.add(mesh(1, 100)).expect("a valid block");
    world.flush();
    let part = world.client.add_part(handle, vertices(1, 7, 300));
    let id = world.answer(part.expect("it is sent"));
    id.expect("what is retained needs no copy between chunks");
    let bytes = world.bytes(handle).expect("it is resident");
    assert_eq!(bytes[..2_000], stamped(1, 0, 2_000), "the first part");
    assert_eq!(bytes[2_000..8_000], stamped(1, 7, 6_000), "the new one");
    assert_eq!(world.manager.report().chunks_peak, 1, "there is one chunk");
}
