//! The life of a mesh: added, placed, uploaded, published, read, updated, removed.

use geoheap::{
    Batch, BlockDesc, ByteLen, Draw, IndexFormat, Lifetime, Lookup, PartData, RequestError, Source,
    VirtualRead,
};

use crate::harness::{STRIDE, World, mesh, small, stamped, vertices};

#[test]
fn a_block_is_pending_then_resident_with_its_bytes() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(7, 100)).expect("a valid block");
    let early = world.manager.begin_frame();
    assert!(
        matches!(early.get(handle), Lookup::NotYetPublished),
        "nothing is published yet"
    );
    world.flush();
    assert!(
        matches!(early.get(handle), Lookup::NotYetPublished),
        "a ticket's version stays"
    );
    assert_eq!(
        world.bytes(handle),
        Some(stamped(7, 0, 2_000)),
        "the bytes that were added"
    );
}

#[test]
fn a_draw_is_addressed_from_the_start_of_its_chunk() {
    let mut world = World::new(small());
    let first = world.client.add(mesh(1, 3)).expect("a valid block");
    let block = BlockDesc::new()
        .part(vertices(2, 0, 10))
        .part(PartData::index_u16(stamped(2, 0, 18)));
    let second = world.client.add(block).expect("a valid block");
    let wide = BlockDesc::new()
        .part(PartData::uniform(stamped(3, 0, 64)))
        .part(vertices(3, 0, 4))
        .part(PartData::index_u32(stamped(3, 0, 24)));
    let third = world.client.add(wide).expect("a valid block");
    world.flush();
    let ticket = world.manager.begin_frame();
    for (handle, indices) in [(first, None), (second, Some((9, 2))), (third, Some((6, 4)))] {
        let view = ticket.get(handle).resident().expect("it was flushed");
        let Draw {
            base_vertex,
            first,
            count,
            index_format,
        } = view.draw().expect("it has vertices");
        let parts: Vec<_> = ticket.parts(handle).collect();
        let part = |nth: usize| ticket.part(handle, parts[nth]).expect("it is resident");
        let nth = usize::from(handle == third);
        let start = part(nth).offset().get();
        assert_eq!(
            start % u64::from(STRIDE),
            0,
            "vertices start at a multiple of their stride"
        );
        match indices {
            None => {
                assert_eq!(index_format, None, "no indices");
                assert_eq!(u64::from(first) * u64::from(STRIDE), start, "first vertex");
            }
            Some((index_count, width)) => {
                let expected = if width == 2 {
                    IndexFormat::U16
                } else {
                    IndexFormat::U32
                };
                assert_eq!(index_format, Some(expected), "the width of the indices");
                assert_eq!(count, index_count, "all indices, without the padding");
                let base = u64::from(base_vertex.unsigned_abs()) * u64::from(STRIDE);
                assert_eq!(base, start, "base vertex");
                let at = part(nth + 1).offset().get();
                assert_eq!(u64::from(first) * width, at, "first index");
            }
        }
    }
    let uniform = ticket.part(third, ticket.parts(third).next().expect("three parts"));
    let offset = uniform.expect("it is resident").offset().get();
    assert_eq!(offset % 256, 0, "uniform parts keep the device's alignment");
}

#[test]
fn an_update_leaves_older_versions_their_bytes() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 50)).expect("a valid block");
    world.flush();
    let before = world.manager.begin_frame();
    world
        .client
        .update(handle, vec![stamped(1, 1, 1_000).into()])
        .expect("it is sent");
    world.flush();
    // R2, R3: the old range stays as it was for as long as a ticket names it, whatever comes.
    for other in 10..30 {
        world.client.add(mesh(other, 40)).expect("a valid block");
        world.ticks(2);
    }
    let old = world.queue_read(&before, handle).expect("it was resident");
    assert_eq!(
        world.bytes(handle),
        Some(stamped(1, 1, 1_000)),
        "the new version has new bytes"
    );
    let old = old.lock().expect("no panics while held").take();
    assert_eq!(
        old,
        Some(stamped(1, 0, 1_000)),
        "the old version has the old ones"
    );
}

#[test]
fn commands_submitted_long_after_their_ticket_read_the_old_bytes() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 50)).expect("a valid block");
    world.flush();
    let (read, in_flight) = {
        let ticket = world.manager.begin_frame();
        let view = ticket.get(handle).resident().expect("it was flushed");
        let (start, len) = (view.offset().get(), view.len().get());
        let read = VirtualRead {
            buffer: view.buffer().clone(),
            range: start..start + len,
        };
        // The commands are recorded; the ticket goes, its token stays with them.
        (read, ticket.in_flight())
    };
    world.client.remove(handle).expect("it is sent");
    for other in 10..60 {
        world.client.add(mesh(other, 40)).expect("a valid block");
        world.ticks(2);
    }
    let bytes = world.queue(read, in_flight);
    world.ticks(4);
    let bytes = bytes.lock().expect("no panics while held").take();
    assert_eq!(bytes, Some(stamped(1, 0, 1_000)), "R3: the token held them");
}

#[test]
fn an_update_may_change_lengths() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 5)).expect("a valid block");
    world.flush();
    for (revision, count) in [(1, 500), (2, 20), (3, 1_000)] {
        let len = count * STRIDE as usize;
        world
            .client
            .update(handle, vec![stamped(1, revision, len).into()])
            .expect("it is sent");
        world.flush();
        let bytes = world.bytes(handle).expect("it stays resident");
        assert_eq!(
            bytes[..len],
            stamped(1, revision, len),
            "revision {revision}"
        );
    }
}

#[test]
fn an_update_in_place_keeps_the_place() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 50)).expect("a valid block");
    world.flush();
    let place = |world: &World| {
        let ticket = world.manager.begin_frame();
        ticket
            .get(handle)
            .resident()
            .map(|view| (view.chunk(), view.offset()))
    };
    let before = place(&world);
    world
        .client
        .update_in_place(handle, vec![stamped(1, 1, 1_000).into()])
        .expect("it is sent");
    world.flush();
    assert_eq!(place(&world), before, "same place");
    assert_eq!(world.bytes(handle), Some(stamped(1, 1, 1_000)), "new bytes");
}

#[test]
fn a_removed_handle_is_stale_for_ever() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 50)).expect("a valid block");
    world.flush();
    let before = world.manager.begin_frame();
    world.client.remove(handle).expect("it is sent");
    world.flush();
    assert!(
        matches!(before.get(handle), Lookup::Resident(_)),
        "older versions keep it"
    );
    drop(before);
    // R7: other blocks get the slot, with another generation.
    let mut reused = false;
    for other in 0..4_200 {
        let next = world.client.add(mesh(other, 1)).expect("a valid block");
        world.ticks(1);
        if next.index() == handle.index() {
            reused = true;
            world.flush();
            let ticket = world.manager.begin_frame();
            assert!(
                matches!(ticket.get(next), Lookup::Resident(_)),
                "the slot's new tenant"
            );
            assert!(
                matches!(ticket.get(handle), Lookup::Stale),
                "R7: not the old one's"
            );
        }
        assert_ne!(next, handle, "no two blocks share a handle");
        world.client.remove(next).expect("it is sent");
        world.ticks(1);
    }
    assert!(
        reused,
        "the slot was used again, so the test means something"
    );
    world.flush();
    let ticket = world.manager.begin_frame();
    assert!(
        matches!(ticket.get(handle), Lookup::Stale),
        "R7: the old handle is stale"
    );
    drop(ticket.finish());
    world.ticks(4);
    assert!(
        world.manager.report().stale_lookups > 0,
        "stale lookups are counted"
    );
}

#[test]
fn a_slot_leaves_service_at_the_last_generation() {
    let mut config = small();
    config.generation_max = 5;
    config.handles_max = 2;
    config.mailbox_messages = 2;
    let mut world = World::new(config);
    let mut added = 0;
    loop {
        match world.client.add(mesh(added, 1)) {
            Ok(handle) => {
                world.ticks(1);
                world.client.remove(handle).expect("it is sent");
                world.ticks(1);
                added += 1;
            }
            Err(error) => {
                assert!(matches!(
                    error,
                    geoheap::AddError::HandlesExhausted { handles_max: 2 }
                ));
                break;
            }
        }
        assert!(added < 100, "R7: generations end");
    }
    let report = world.manager.report();
    assert_eq!(report.slots_out_of_service, 2, "both slots are out");
    assert_eq!(added, 6, "three tenants a slot: generations 1, 3 and 5");
}

#[test]
fn shared_blocks_go_with_their_last_owner() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 50)).expect("a valid block");
    world.client.share(handle).expect("it is sent");
    world.client.remove(handle).expect("it is sent");
    world.flush();
    assert!(world.bytes(handle).is_some(), "one owner is left");
    world.client.remove(handle).expect("it is sent");
    world.flush();
    assert!(world.bytes(handle).is_none(), "none is left");
}

#[test]
fn a_batch_is_one_step() {
    let mut world = World::new(small());
    let old = world.client.add(mesh(1, 50)).expect("a valid block");
    world.flush();
    let batch = Batch::new().remove(old).add(mesh(2, 10)).add(mesh(3, 10));
    let handles = world.client.batch(batch).expect("a valid batch");
    for _ in 0..6 {
        world.ticks(1);
        let ticket = world.manager.begin_frame();
        let gone = !matches!(ticket.get(old), Lookup::Resident(_));
        let known = handles
            .iter()
            .all(|new| !matches!(ticket.get(*new), Lookup::NotYetPublished));
        assert_eq!(gone, known, "a version shows all of the batch or none");
    }
}

#[test]
fn staged_bytes_arrive_without_a_copy_of_the_callers() {
    let mut world = World::new(small());
    let pending = world.client.stage(ByteLen::new(202)).expect("it is sent");
    let mut staged = world.answer(pending).expect("staging is empty");
    staged.write_at(0, &stamped(9, 0, 202)).expect("it fits");
    assert!(
        staged.write_at(200, &[0; 4]).is_err(),
        "the end is where it was asked for"
    );
    let part = PartData::staged(geoheap::KindId::STORAGE, 0, staged);
    let block = BlockDesc::new().part(part).source(Source::None);
    let handle = world.client.add(block).expect("a valid block");
    world.flush();
    let bytes = world.bytes(handle).expect("it is resident");
    assert_eq!(bytes[..202], stamped(9, 0, 202), "what was written");
    let used = world.manager.report().staging_bytes;
    world.ticks(10);
    assert!(
        world.manager.report().staging_bytes <= used,
        "the piece was given back"
    );
}

#[test]
fn a_block_larger_than_a_tick_goes_over_several() {
    let mut config = small();
    config.tick_upload_bytes = ByteLen::from_kib(4);
    let mut world = World::new(config);
    let handle = world.client.add(mesh(1, 1_000)).expect("a valid block");
    world.ticks(3);
    let ticket = world.manager.begin_frame();
    assert!(
        matches!(ticket.get(handle), Lookup::Pending),
        "12 of 20 KB are there"
    );
    drop(ticket);
    world.flush();
    assert_eq!(
        world.bytes(handle),
        Some(stamped(1, 0, 20_000)),
        "whole in the end"
    );
}

#[test]
fn long_lived_blocks_have_chunks_of_their_own() {
    let mut world = World::new(small());
    let ui = world
        .client
        .add(mesh(1, 50).lifetime(Lifetime::LongLived))
        .expect("a valid block");
    let tile = world.client.add(mesh(2, 50)).expect("a valid block");
    world.flush();
    let chunks = |world: &World| {
        let ticket = world.manager.begin_frame();
        let chunk = |handle| ticket.get(handle).resident().map(|view| view.chunk());
        (chunk(ui), chunk(tile))
    };
    let (a, b) = chunks(&world);
    assert_ne!(a, b, "lifetimes do not share a chunk");
    world
        .client
        .set_lifetime(tile, Lifetime::LongLived)
        .expect("it is sent");
    world.flush();
    let (a, b) = chunks(&world);
    assert_eq!(a, b, "now they do");
    assert_eq!(
        world.bytes(tile),
        Some(stamped(2, 0, 1_000)),
        "the bytes moved along"
    );
    world
        .client
        .set_lifetime(tile, Lifetime::Dynamic)
        .expect("it is sent");
    world.flush();
    assert_eq!(world.bytes(tile), Some(stamped(2, 0, 1_000)), "and back");
    assert_eq!(world.manager.report().hidden_uses, 0, "R8");
}

#[test]
fn an_unchanged_scene_uploads_nothing() {
    let mut world = World::new(small());
    let handles: Vec<_> = (0..40)
        .map(|nth| world.client.add(mesh(nth, 100)).expect("a valid block"))
        .collect();
    world.flush();
    let before = world.manager.report();
    for _ in 0..1_000 {
        world.frame(&handles);
    }
    let after = world.manager.report();
    assert_eq!(
        after.upload_bytes, before.upload_bytes,
        "0 bytes in 1000 frames"
    );
    assert_eq!(after.version, before.version, "and no new version");
    assert_eq!(after.moves, before.moves, "and no moves");
}

#[test]
fn a_tiny_world_holds_one_chunk_and_never_moves() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 50)).expect("a valid block");
    world.flush();
    for _ in 0..300 {
        world.frame(&[handle]);
    }
    let report = world.manager.report();
    assert_eq!(report.dynamic_chunks, 1, "no spare for a tiny heap");
    assert_eq!(report.moves, 0, "and no moves");
}

#[test]
fn what_was_not_removed_is_reported_at_the_end() {
    let mut world = World::new(small());
    let kept = world
        .client
        .add(mesh(1, 50).label("kept"))
        .expect("a valid block");
    let gone = world.client.add(mesh(2, 50)).expect("a valid block");
    world.flush();
    world.client.remove(gone).expect("it is sent");
    let client = world.client.clone();
    let flush = client.flush().expect("it is sent");
    let report = world.manager.shutdown();
    let leaks: Vec<_> = report
        .leaks
        .iter()
        .map(|leak| (leak.handle, leak.label.clone()))
        .collect();
    assert_eq!(
        leaks,
        [(kept, Some("kept".into()))],
        "one leak, with its name"
    );
    let error = flush
        .wait(std::time::Duration::ZERO)
        .expect_err("nobody is there any more");
    assert_eq!(
        error,
        RequestError::ShutDown.into(),
        "whoever waits is told"
    );
}

#[test]
fn staged_bytes_replace_others() {
    let mut world = World::new(small());
    let bare = BlockDesc::new().part(vertices(1, 0, 50));
    let handle = world.client.add(bare.source(Source::None));
    let handle = handle.expect("a valid block");
    world.flush();
    let part = world.manager.begin_frame().parts(handle).next();
    let part = part.expect("it has a part");
    let staged = |world: &mut World, revision| {
        let staged = world.client.stage(ByteLen::new(1_000)).expect("it is sent");
        let mut staged = world.answer(staged).expect("there is room");
        let bytes = stamped(1, revision, 1_000);
        staged.write_at(0, &bytes).expect("it is long enough");
        staged
    };
    let all = staged(&mut world, 1);
    let sent = world.client.update_staged(handle, vec![all]);
    sent.expect("it is sent");
    world.flush();
    assert_eq!(world.bytes(handle), Some(stamped(1, 1, 1_000)));
    let one = staged(&mut world, 2);
    let sent = world.client.update_part_staged(handle, part, one);
    world
        .answer(sent.expect("it is sent"))
        .expect("it has that part");
    let read = world.client.read_back(handle).expect("it is sent");
    let read = world.answer(read).expect("it is resident");
    assert_eq!(read.parts, [(part, stamped(1, 2, 1_000))]);
}

#[test]
fn removes_of_a_batch_count_at_shutdown() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 10)).expect("a valid block");
    world.flush();
    let batch = Batch::new().remove(handle).add(mesh(2, 10));
    let added = world.client.batch(batch).expect("there is room");
    let ended = world.manager.shutdown();
    assert_eq!(
        ended.leaks,
        [],
        "{handle} was removed and {added:?} never came"
    );
}
