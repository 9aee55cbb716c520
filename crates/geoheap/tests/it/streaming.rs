//! More geometry than budget: eviction, streaming back, pins, budgets that change.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use geoheap::{
    BlockDesc, ByteLen, FailReason, FallbackError, Handle, HeapEvent, Lifetime, Lookup,
    RequestError, Source,
};

use crate::harness::{World, fill, is_resident, mesh, small, stamped, vertices};

#[test]
fn a_world_larger_than_the_budget_streams() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 200);
    let report = world.manager.report();
    assert!(
        report.world_bytes >= 4 * report.budget_bytes / 2,
        "2 MB of blocks in 512 KiB"
    );
    assert!(report.evictions > 0, "some had to go");
    // A view that wanders over the world sees each block with its own bytes.
    for start in (0..200).step_by(10) {
        let view: Vec<Handle> = handles[start..start + 10].to_vec();
        for _ in 0..40 {
            world.frame(&view);
            assert!(
                world.manager.report().held_bytes <= world.manager.report().budget_bytes,
                "R10: {:?}",
                world.manager.report()
            );
        }
        for (nth, handle) in view.iter().enumerate() {
            let block = u32::try_from(start + nth).expect("small");
            assert_eq!(
                world.bytes(*handle),
                Some(stamped(block, 0, 10_000)),
                "block {block}"
            );
        }
    }
    let report = world.manager.report();
    assert!(report.stream_ins > 50, "{report:?}");
    assert_eq!(report.hidden_uses, 0, "R8");
    assert_eq!(
        report.gpu_errors, 0,
        "the device had nothing to complain of"
    );
}

#[test]
fn what_every_frame_uses_stays() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 20);
    let favourites = &handles[..5];
    world.frame(favourites);
    for nth in 100..300 {
        world.client.add(mesh(nth, 500)).expect("a valid block");
        world.frame(favourites);
        for handle in favourites {
            assert!(
                is_resident(&world, *handle),
                "used in every frame, so never evicted"
            );
        }
    }
    assert!(world.manager.report().evictions > 100, "others went");
}

#[test]
fn pinned_and_long_lived_blocks_stay() {
    let mut world = World::new(small());
    let ui = world
        .client
        .add(mesh(900, 100).lifetime(Lifetime::LongLived))
        .expect("valid");
    let pinned = world.client.add(mesh(901, 500)).expect("a valid block");
    let pin = world.client.pin(pinned).expect("it is sent");
    world.answer(pin).expect("it becomes resident");
    let place = |world: &World| {
        let ticket = world.manager.begin_frame();
        ticket
            .get(pinned)
            .resident()
            .map(|view| (view.chunk(), view.offset()))
    };
    let before = place(&world);
    fill(&mut world, 200);
    assert!(is_resident(&world, ui), "R9: long-lived");
    assert_eq!(place(&world), before, "R9: neither evicted nor moved");
    world.client.unpin(pinned).expect("it is sent");
    fill(&mut world, 100);
    assert!(!is_resident(&world, pinned), "without the pin it went");
    let pin = world.client.pin(pinned).expect("it is sent");
    world.answer(pin).expect("pinning brings it back");
    assert_eq!(
        world.bytes(pinned),
        Some(stamped(901, 0, 10_000)),
        "with its bytes"
    );
    let report = world.manager.report();
    assert_eq!(
        (report.long_lived_evictions, report.long_lived_moves),
        (0, 0),
        "R9"
    );
}

#[test]
fn a_reload_callback_makes_the_bytes_again() {
    let mut world = World::new(small());
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let source = Source::reload(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(vec![stamped(500, 0, 10_000).into()])
    });
    let block = BlockDesc::new().part(vertices(500, 0, 500)).source(source);
    let handle = world.client.add(block).expect("a valid block");
    fill(&mut world, 200);
    assert!(!is_resident(&world, handle), "it was evicted");
    let back = world.client.resident(handle).expect("it is sent");
    world.answer(back).expect("it comes back");
    assert_eq!(calls.load(Ordering::Relaxed), 1, "one call");
    assert_eq!(
        world.bytes(handle),
        Some(stamped(500, 0, 10_000)),
        "its bytes"
    );
}

#[test]
fn a_reload_callback_that_fails_is_told() {
    fn panics() -> Result<Vec<geoheap::Payload>, String> {
        panic!("a bug in the callback")
    }
    type Make = fn() -> Result<Vec<geoheap::Payload>, String>;
    let cases: [(Make, &str); 3] = [
        (|| Err("disk on fire".into()), "disk on fire"),
        (|| Ok(vec![vec![0; 8].into()]), "8 bytes instead of 10000"),
        (panics, "panicked"),
    ];
    for (make, expected) in cases {
        let mut world = World::new(small());
        let source = Source::reload(move |_| make());
        let block = BlockDesc::new().part(vertices(500, 0, 500)).source(source);
        let handle = world.client.add(block).expect("a valid block");
        fill(&mut world, 200);
        let back = world.client.resident(handle).expect("it is sent");
        let error = world.answer(back).expect_err("the callback fails");
        assert!(error.to_string().contains(expected), "{error}");
        let ticket = world.manager.begin_frame();
        assert!(
            matches!(ticket.get(handle), Lookup::Failed),
            "lookups tell it too"
        );
        drop(ticket);
        let events = world.manager.events();
        assert!(
            events.iter().any(
                |event| matches!(event, HeapEvent::Failed { handle: failed, .. }
                if *failed == handle)
            ),
            "and the event stream"
        );
        world
            .client
            .update(handle, vec![stamped(500, 1, 10_000).into()])
            .expect("it is sent");
        world.flush();
        assert!(is_resident(&world, handle), "new contents heal it");
    }
}

#[test]
fn a_block_without_a_source_is_never_evicted() {
    let mut world = World::new(small());
    let block = BlockDesc::new()
        .part(vertices(1, 0, 500))
        .source(Source::None);
    let handle = world.client.add(block).expect("a valid block");
    fill(&mut world, 200);
    assert_eq!(
        world.bytes(handle),
        Some(stamped(1, 0, 10_000)),
        "it could not come back"
    );
}

#[test]
fn an_evicted_block_takes_its_newest_contents() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(700, 500)).expect("a valid block");
    fill(&mut world, 200);
    assert!(!is_resident(&world, handle), "it was evicted");
    let uploaded = world.manager.report().upload_bytes;
    world
        .client
        .update(handle, vec![stamped(700, 1, 8_000).into()])
        .expect("it is sent");
    world.flush();
    assert_eq!(
        world.manager.report().upload_bytes,
        uploaded,
        "nobody looks, nothing is sent"
    );
    let back = world.client.resident(handle).expect("it is sent");
    world.answer(back).expect("it comes back");
    let bytes = world.bytes(handle).expect("it is resident");
    assert_eq!(
        bytes[..8_000],
        stamped(700, 1, 8_000),
        "the newest contents"
    );
}

#[test]
fn a_lower_budget_is_reached_and_a_higher_one_used_again() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 60);
    for _ in 0..60 {
        world.frame(&handles[..30]);
    }
    let full = world.manager.report().held_bytes;
    let pending = world
        .client
        .set_budget(ByteLen::from_kib(256))
        .expect("it holds a chunk");
    world.answer(pending).expect("it is taken");
    for _ in 0..400 {
        world.frame(&handles[..10]);
    }
    let report = world.manager.report();
    assert!(report.held_bytes <= 256 * 1024, "R10: {report:?}");
    for handle in &handles[..10] {
        assert!(is_resident(&world, *handle), "what is used stays");
    }
    let pending = world
        .client
        .set_budget(ByteLen::from_kib(512))
        .expect("it holds a chunk");
    world.answer(pending).expect("it is taken");
    for _ in 0..400 {
        world.frame(&handles[..40]);
    }
    let report = world.manager.report();
    assert!(
        report.held_bytes > full / 2 && report.held_bytes <= 512 * 1024,
        "{report:?}"
    );
    assert_eq!(report.hidden_uses, 0, "R8");
}

#[test]
fn a_working_set_beyond_the_budget_is_reported_and_does_not_livelock() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 100);
    let mut evicted = 0;
    for frame in 0..300 {
        world.frame(&handles);
        if frame == 200 {
            evicted = world.manager.report().evictions;
        }
    }
    let report = world.manager.report();
    let degraded = report
        .degraded
        .expect("1 MB is used in each frame, of 512 KiB");
    assert!(
        degraded.working_set_bytes > degraded.budget_bytes,
        "{degraded}"
    );
    assert!(report.degraded_frames > 100, "frames are counted");
    assert_eq!(
        report.evictions, evicted,
        "what is resident stays: no oscillation"
    );
    assert!(report.resident_blocks > 30, "what fits is resident");
    for _ in 0..200 {
        world.frame(&handles[..5]);
    }
    assert!(world.manager.report().degraded.is_none(), "and it recovers");
    let events = world.manager.events();
    assert!(events.contains(&HeapEvent::Recovered), "both are told");
}

#[test]
fn a_fallback_stands_in_for_what_is_away() {
    let mut world = World::new(small());
    let stand_in = world
        .client
        .add(mesh(1, 4).lifetime(Lifetime::LongLived))
        .expect("valid");
    let handles = fill(&mut world, 200);
    let ticket = world.manager.begin_frame();
    let error = ticket.fallback(handles[199]).expect_err("it is dynamic");
    assert_eq!(
        error,
        FallbackError::NotLongLived {
            handle: handles[199]
        }
    );
    let fallback = ticket
        .fallback(stand_in)
        .expect("it is long-lived and resident");
    let away = handles
        .iter()
        .find(|handle| !matches!(ticket.get(**handle), Lookup::Resident(_)));
    let away = *away.expect("200 blocks do not fit");
    let view = ticket
        .get_or(away, &fallback)
        .resident()
        .expect("the stand-in");
    assert!(view.is_fallback(), "and it says so");
    let there = handles
        .iter()
        .find(|handle| matches!(ticket.get(**handle), Lookup::Resident(_)));
    let view = ticket
        .get_or(*there.expect("some fit"), &fallback)
        .resident()
        .expect("itself");
    assert!(!view.is_fallback(), "itself");
    drop(ticket);
    // Made once, it serves later versions too, as long as its block does.
    world.ticks(10);
    world.client.add(mesh(2, 4)).expect("a valid block");
    world.flush();
    let away = handles.iter().find(|handle| !is_resident(&world, **handle));
    let away = *away.expect("200 blocks do not fit");
    let ticket = world.manager.begin_frame();
    let stands_in = ticket.get_or(away, &fallback).resident();
    assert!(stands_in.is_some_and(|view| view.is_fallback()), "still");
    drop(ticket);
    world.client.remove(stand_in).expect("it is sent");
    world.flush();
    let ticket = world.manager.begin_frame();
    assert!(
        ticket.get_or(away, &fallback).resident().is_none(),
        "no more"
    );
}

#[test]
fn running_out_of_device_memory_makes_room_and_goes_on() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 20);
    world.control.fail_creation(1);
    let more = fill(&mut world, 40);
    let report = world.manager.report();
    assert_eq!(report.out_of_memory, 1, "it happened");
    assert!(
        report.budget_effective_bytes < report.budget_bytes,
        "the budget shrank"
    );
    for (nth, handle) in more.iter().enumerate() {
        let back = world.client.resident(*handle).expect("it is sent");
        world.answer(back).expect("it comes, if not at once");
        let block = u32::try_from(nth).expect("small");
        assert_eq!(
            world.bytes(*handle),
            Some(stamped(block, 0, 10_000)),
            "with its bytes"
        );
    }
    for _ in 0..2_000 {
        world.frame(&handles[..2]);
    }
    let report = world.manager.report();
    assert_eq!(
        report.budget_effective_bytes, report.budget_bytes,
        "it grew back"
    );
    assert_eq!(report.failed, 0, "no block failed");
}

#[test]
fn a_device_without_memory_fails_blocks_with_the_number() {
    let mut world = World::new(small());
    world.control.set_memory_bytes(ByteLen::from_kib(32));
    let handle = world.client.add(mesh(1, 500)).expect("a valid block");
    let error = {
        let back = world.client.resident(handle).expect("it is sent");
        world.answer(back).expect_err("no chunk fits 32 KiB")
    };
    let RequestError::Failed {
        reason: FailReason::OutOfMemory { requested },
        ..
    } = error
    else {
        panic!("another error: {error:?}");
    };
    assert_eq!(requested, ByteLen::from_kib(64), "the chunk's length");
}

#[test]
fn a_lost_device_is_told_everywhere() {
    let mut world = World::new(small());
    let kept = world.client.add(mesh(1, 50)).expect("a valid block");
    let block = BlockDesc::new()
        .part(vertices(2, 0, 50))
        .source(Source::None);
    let gone = world.client.add(block).expect("a valid block");
    world.flush();
    let ticket = world.manager.begin_frame();
    world.control.lose_device();
    world.ticks(2);
    assert!(
        matches!(ticket.get(kept), Lookup::Lost),
        "R5: old tickets resolve nothing"
    );
    drop(ticket);
    let ticket = world.manager.begin_frame();
    assert!(
        matches!(ticket.get(kept), Lookup::Evicted),
        "it has a source"
    );
    assert!(matches!(ticket.get(gone), Lookup::Lost), "it has none");
    drop(ticket);
    let error = world
        .client
        .add(mesh(3, 5))
        .expect_err("there is no device");
    assert_eq!(error, geoheap::AddError::DeviceLost);
    assert!(world.manager.report().device_lost, "the report says so");
}
