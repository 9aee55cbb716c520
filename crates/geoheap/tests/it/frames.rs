//! Frames that do not end well: dropped, lost in a panic, held for ever, or with nobody who
//! listens to them. Each is told, memory stays bounded, and the others go on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use geoheap::{ByteLen, Config, Handle, HeapEvent, Lookup, Payload};

use crate::harness::{World, fill, mesh, small, stamped};

/// Frames that a ticket is held for: some minutes.
const LONG: u32 = 10_000;

fn contents(block: u32, revision: u32) -> Vec<Payload> {
    vec![stamped(block, revision, 10_000).into()]
}

/// A frame of a world whose blocks change all the time.
fn busy_frame(world: &mut World, handles: &[Handle], nth: u32) {
    let at = nth as usize % handles.len();
    let (block, revision) = (u32::try_from(at).expect("small"), 1 + nth / 7);
    // A world in which memory is short may refuse; frames go on.
    let _ = world.client.update(handles[at], contents(block, revision));
    world.frame(handles);
}

#[test]
fn a_ticket_that_is_dropped_or_lost_in_a_panic_is_counted_and_keeps_nothing() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 4);
    let dropped = world.manager.begin_frame();
    let fork = dropped.fork();
    assert_eq!(world.manager.report().tickets_open, 2);
    drop((dropped, fork));
    let frames = world.manager.frames();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let ticket = frames.begin_frame();
        let _ = ticket.get(handles[0]);
        panic!("a recorder fails");
    }));
    assert!(panicked.is_err());
    world.client.remove(handles[1]).expect("it is sent");
    world.ticks(12);
    let report = world.manager.report();
    assert_eq!((report.tickets_dropped, report.tickets_panicked), (2, 1));
    assert_eq!(report.tickets_open, 0);
    assert_eq!(
        report.retired_bytes, 0,
        "R3: no version is in use but the newest"
    );
    assert_eq!(report.versions_alive, 1);
    assert_eq!(report.frames, 0, "none of them was finished");
    assert_eq!(report.frames_begun, 2, "a fork is no frame of its own");
}

#[test]
fn a_ticket_held_for_ever_is_named_and_takes_nothing_out_of_sight() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 12);
    let stuck = world.manager.frames().named("a stuck thread").begin_frame();
    let version = stuck.version();
    let mut told = Vec::new();
    let mut shown = 0;
    for nth in 0..LONG {
        busy_frame(&mut world, &handles, nth);
        let report = world.manager.report();
        assert!(report.held_bytes <= report.budget_bytes, "R10: {report:?}");
        assert!(
            report.versions_alive <= 16,
            "{} in use",
            report.versions_alive
        );
        for event in world.manager.events() {
            if let HeapEvent::Backpressure(pressure) = event {
                told.push(pressure);
            }
        }
        let ticket = world.manager.begin_frame();
        let here = |handle: &&Handle| matches!(ticket.get(**handle), Lookup::Resident(_));
        shown += handles.iter().filter(here).count() as u64;
    }
    let report = world.manager.report();
    assert!(
        shown > u64::from(LONG) * 11,
        "frames go on: {shown} blocks shown"
    );
    assert_eq!(report.oldest_version, version.get());
    let named = report.holders.first().expect("a ticket is held");
    assert_eq!((&*named.source, named.version), ("a stuck thread", version));
    let first = told
        .first()
        .expect("memory became short, and that was told");
    assert_eq!(first.oldest_version, version);
    assert!(first.held_bytes > 0, "{first:?}");
    assert_eq!(first.holders.len(), 1, "{first}");
    assert!(first.to_string().contains("a stuck thread"), "{first}");

    // What the held version names is as it was.
    for (block, handle) in (0..).zip(&handles) {
        let read = world.queue_read(&stuck, *handle);
        world.ticks(8);
        let bytes = read.map(|read| read.lock().expect("no panics while held").take());
        let bytes = bytes
            .expect("it was resident then")
            .expect("it was executed");
        assert_eq!(bytes, stamped(block, 0, 10_000), "F1: block {block}");
    }
    drop(stuck);
    world.ticks(64);
    for nth in 0..64 {
        busy_frame(&mut world, &handles, nth);
    }
    world.ticks(64);
    let before = report.version;
    let report = world.manager.report();
    assert!(
        report.version > before + 32,
        "publishing goes on: {report:?}"
    );
    assert_eq!(report.retired_bytes, 0, "R3: all of it came back");
    assert_eq!(report.backpressure, None, "it is over");
    assert_eq!(report.versions_alive, 1);
}

#[test]
fn commands_that_are_never_submitted_are_told_apart_from_tickets() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 12);
    let ticket = world.manager.begin_frame();
    let version = ticket.version();
    let commands = ticket.finish();
    for nth in 0..400 {
        busy_frame(&mut world, &handles, nth);
    }
    let report = world.manager.report();
    let pressure = report.backpressure.expect("memory is short");
    assert_eq!(pressure.oldest_version, version);
    assert_eq!(pressure.holders, [], "no ticket holds it");
    assert!(
        pressure.to_string().contains("recorded commands"),
        "{pressure}"
    );
    drop(commands);
    world.ticks(64);
    assert_eq!(world.manager.report().backpressure, None);
}

#[test]
fn tickets_on_all_replicas_are_told_and_publishing_goes_on_when_one_ends() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 3);
    let mut held = Vec::new();
    for nth in 0..4 {
        held.push(world.manager.frames().named("hoarder").begin_frame());
        world
            .client
            .update(handles[0], contents(0, nth + 1))
            .expect("it is sent");
        world.ticks(2);
    }
    let stall = world
        .manager
        .events()
        .into_iter()
        .find_map(|event| match event {
            HeapEvent::PublishStalled { held, holders } => {
                assert_eq!(holders.len(), 3, "{holders:?}");
                Some(held)
            }
            _ => None,
        });
    let stalled = stall.expect("four tables, three of them pinned by old versions");
    assert!(stalled.contains(&held[0].version()), "{stalled:?}");
    let version = world.manager.report().version;
    held.remove(0);
    world.ticks(2);
    assert!(world.manager.report().version > version, "it goes on");
    assert_eq!(world.manager.report().holders.len(), 3);
}

#[test]
fn frames_go_on_while_the_actor_stands_still() {
    let config = Config {
        mailbox_messages: 64,
        mailbox_bytes: ByteLen::from_mib(1),
        ..small()
    };
    let mut world = World::new(config);
    let handles = fill(&mut world, 6);
    world.frame(&handles);
    assert_eq!(world.manager.report().frames_since_tick, 0);
    let mut refused = 0;
    for nth in 0..LONG {
        let ticket = world.manager.begin_frame();
        assert!(matches!(ticket.get(handles[0]), Lookup::Resident(_)));
        drop(ticket.finish());
        refused += u32::from(world.client.try_add(mesh(nth, 4)).is_err());
    }
    let report = world.manager.report();
    assert_eq!(report.frames_since_tick, u64::from(LONG), "it says so");
    assert!(
        report.notes_lost > u64::from(LONG) / 2,
        "notes are bounded: {}",
        report.notes_lost
    );
    assert!(refused > LONG / 2, "and so is the mailbox: {refused}");
    world.ticks(4);
    let report = world.manager.report();
    assert_eq!(report.frames_since_tick, 0, "it ticks again");
    assert!(report.frames > 0, "and heard of some frames");
}

#[test]
fn a_ticket_among_many_is_named() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 12);
    let mut crowd: Vec<_> = (0..64).map(|_| world.manager.begin_frame()).collect();
    crowd.truncate(8);
    let stuck = world.manager.frames().named("stuck").begin_frame();
    let report = world.manager.report();
    assert_eq!(report.tickets_open, report.holders.len() as u64);
    crowd.clear();
    for nth in 0..400 {
        busy_frame(&mut world, &handles, nth);
    }
    let pressure = world
        .manager
        .report()
        .backpressure
        .expect("memory is short");
    assert!(pressure.to_string().contains("stuck"), "{pressure}");
    drop(stuck);
}

#[test]
fn a_version_tells_what_moved_since_another() {
    let mut world = World::new(Config {
        feed_versions: 4,
        ..small()
    });
    let handles = fill(&mut world, 6);
    let older = world.manager.begin_frame().version();
    world
        .client
        .update(handles[2], contents(2, 1))
        .expect("it is sent");
    world.client.remove(handles[4]).expect("it is sent");
    world.flush();
    let ticket = world.manager.begin_frame();
    let moved = ticket.moved_since(older);
    let mut expected = [handles[2].index(), handles[4].index()];
    expected.sort_unstable();
    assert_eq!(moved.slots(), Some(&expected[..]));
    assert!(moved.names(handles[2]) && !moved.names(handles[0]));
    assert_eq!(ticket.moved_since(ticket.version()).slots(), Some(&[][..]));
    for nth in 0..8 {
        world
            .client
            .update(handles[0], contents(0, nth))
            .expect("it is sent");
        world.flush();
    }
    let moved = world.manager.begin_frame().moved_since(older);
    assert!(
        moved.slots().is_none() && moved.names(handles[5]),
        "too far back: all"
    );
}

#[test]
fn many_lookups_answer_as_single_ones_do() {
    let mut world = World::new(small());
    let mut handles = fill(&mut world, 20);
    world.client.remove(handles[3]).expect("it is sent");
    world.flush();
    handles.push(world.client.add(mesh(9, 4)).expect("a valid block"));
    handles.push(Handle::from_bits(u64::MAX));
    // Runs of several lengths, near and far slots, each several times.
    let asked: Vec<Handle> = (0..333)
        .map(|nth| handles[nth * 7 % handles.len()])
        .collect();
    let ticket = world.manager.begin_frame();
    let told = |found: Lookup<'_, _>| format!("{found:?}");
    let single: Vec<_> = asked
        .iter()
        .map(|handle| told(ticket.get(*handle)))
        .collect();
    let folded: Vec<_> = ticket.lookups().each(&asked).map(told).collect();
    assert_eq!(folded, single);
    let mut stepped = Vec::new();
    let mut each = ticket.lookups().each(&asked);
    assert_eq!(each.len(), asked.len());
    for _ in 0..asked.len() {
        stepped.extend(each.next().map(told));
    }
    assert_eq!(stepped, single);
    world.control.lose_device();
    world.ticks(4);
    let lost = ticket.lookups().each(&asked);
    assert!(
        lost.into_iter().all(|found| matches!(found, Lookup::Lost)),
        "R5"
    );
}

#[test]
fn tables_of_a_fixed_size_never_grow() {
    let config = Config {
        handles_initial: 64,
        handles_max: 64,
        mailbox_messages: 16,
        ..small()
    };
    let mut world = World::new(config);
    let mut handles = Vec::new();
    for nth in 0..200 {
        handles.extend(world.client.add(mesh(nth, 1)));
        world.ticks(1);
    }
    world.flush();
    assert_eq!(handles.len(), 64, "all are in use");
    let ticket = world.manager.begin_frame();
    let last = handles.iter().max_by_key(|handle| handle.index());
    assert_eq!(
        last.map(|handle| handle.index()),
        Some(64),
        "slots count from 1"
    );
    assert_eq!(ticket.slot_count(), 65);
}
