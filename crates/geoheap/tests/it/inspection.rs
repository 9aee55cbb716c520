//! Looking into a heap: its state as a dump, eviction on demand, traces, spans, leaks.

use std::path::PathBuf;

use geoheap::geoheap_heap_dump::{BlockDump, BlockState, LifetimeDump, RangeDump, RangeStateDump};
use geoheap::{ByteLen, HeapEvent, Lifetime, PartData, Payload, RequestError, Source};
use geoheap_trace::{Event, PartNo, SourceName};

use crate::harness::{World, fill, is_resident, mesh, small, stamped, vertices};

#[test]
fn a_dump_tells_what_is_there() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 80);
    let long = mesh(100, 10).lifetime(Lifetime::LongLived).label("ui");
    let long = world.client.add(long).expect("a valid block");
    world.client.share(long).expect("the manager runs");
    let pinned = *handles.last().expect("eighty");
    let pin = world.client.pin(pinned).expect("the manager runs");
    world.answer(pin).expect("it can be pinned");
    world.frame(&[pinned]);
    world.ticks(1);

    let dump = world.manager.heap_dump().expect("the caller drives");
    dump.check().expect("the engine's own books are in order");
    let report = world.manager.report();
    assert_eq!(dump.blocks.len() as u64, report.blocks);
    assert_eq!(dump.held_bytes, report.held_bytes);
    let resident = |block: &&_| {
        matches!(
            block,
            BlockDump {
                state: BlockState::Resident,
                ..
            }
        )
    };
    let count = dump.blocks.iter().filter(resident).count() as u64;
    assert_eq!(count, report.resident_blocks);
    assert!(
        count < report.blocks,
        "80 blocks of 10 000 bytes do not fit 512 KiB"
    );
    let find = |handle: geoheap::Handle| {
        let name = handle.to_string();
        let mut blocks = dump.blocks.iter();
        blocks
            .find(move |block| block.handle == name)
            .expect("it lives")
    };
    let ui = find(long);
    assert_eq!((ui.owners, ui.label.as_deref()), (2, Some("ui")));
    assert_eq!(ui.lifetime, LifetimeDump::LongLived);
    let seen = find(pinned);
    assert_eq!((seen.pins, seen.frame_last_used), (1, Some(1)));
    assert_eq!(seen.parts.len(), 1);
    assert_eq!(
        (seen.parts[0].kind.as_str(), seen.parts[0].size),
        ("vertex", 10_000)
    );
    assert!(seen.version_written > 0 && seen.version_written <= dump.version);
    let asked = world.client.heap_dump().expect("the manager runs");
    let asked = world.answer(asked).expect("a dump is never refused");
    assert_eq!(
        asked.blocks.len(),
        dump.blocks.len(),
        "a client gets the same"
    );
    let again = geoheap::HeapDump::from_json(&dump.to_json()).expect("what it writes it reads");
    assert_eq!(again.blocks, dump.blocks);
}

#[test]
fn a_dump_shows_what_waits_for_older_versions() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 3);
    let ticket = world.manager.begin_frame();
    world.client.remove(handles[1]).expect("the manager runs");
    world.ticks(3);
    let dump = world.manager.heap_dump().expect("the caller drives");
    let retired = |range: &&_| {
        matches!(
            range,
            RangeDump {
                state: RangeStateDump::Retired,
                ..
            }
        )
    };
    let count = dump
        .chunks
        .iter()
        .flat_map(|chunk| &chunk.ranges)
        .filter(retired)
        .count();
    assert_eq!(count, 1, "its bytes are kept for the ticket");
    drop(ticket.finish());
    world.ticks(2);
    let dump = world.manager.heap_dump().expect("the caller drives");
    let count = dump
        .chunks
        .iter()
        .flat_map(|chunk| &chunk.ranges)
        .filter(retired)
        .count();
    assert_eq!(count, 0);
    dump.check().expect("in order");
}

#[test]
fn contents_tell_the_version_that_showed_them_first() {
    let mut world = World::new(small());
    let handle = fill(&mut world, 1)[0];
    let written = |world: &World| {
        let dump = world.manager.heap_dump().expect("the caller drives");
        (
            dump.blocks[0].version_written,
            dump.blocks[0].revision,
            dump.version,
        )
    };
    let (first, revision, version) = written(&world);
    assert!(first > 0 && first <= version && revision == 0);
    let bytes = Payload::from(stamped(0, 1, 10_000));
    world
        .client
        .update(handle, vec![bytes])
        .expect("the manager runs");
    world.flush();
    let (second, revision, version) = written(&world);
    assert!(second > first && second <= version && revision == 1);
    fill(&mut world, 1);
    assert_eq!(
        written(&world).0,
        second,
        "later versions show the same contents"
    );
}

#[test]
fn a_frames_use_is_of_the_block_that_its_version_shows() {
    let config = geoheap::Config {
        mailbox_messages: 2,
        ..small()
    };
    let mut world = World::new(config);
    let first = fill(&mut world, 1)[0];
    let ticket = world.manager.begin_frame();
    assert!(ticket.get(first).resident().is_some(), "the frame uses it");
    world.client.remove(first).expect("the manager runs");
    // The slot is reused when the handles in reserve are.
    let next = (0..20).find_map(|nth| {
        world.ticks(3);
        let next = world.client.add(mesh(nth, 10)).expect("a valid block");
        (next.index() == first.index()).then_some(next)
    });
    let next = next.expect("few handles are in reserve");
    world.ticks(3);
    drop(ticket.finish());
    world.ticks(2);
    let last_used = |world: &World| {
        let dump = world.manager.heap_dump().expect("the caller drives");
        let name = next.to_string();
        let block = dump.blocks.into_iter().find(|block| block.handle == name);
        block.expect("it lives").frame_last_used
    };
    assert_eq!(
        last_used(&world),
        None,
        "the frame's version did not show it"
    );
    world.frame(&[next]);
    world.ticks(1);
    assert_eq!(last_used(&world), Some(2), "the next one did");
}

#[test]
fn a_block_leaves_on_demand_or_says_why_not() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 3);
    let check = |world: &mut World, handle, expected: Option<RequestError>| {
        world.client.evict(handle).expect("the manager runs");
        world.ticks(2);
        let events = world.manager.events();
        let refused = events.into_iter().find_map(|event| match event {
            HeapEvent::Refused { error, .. } => Some(error),
            _ => None,
        });
        assert_eq!(refused, expected);
    };
    let handle = handles[0];
    check(&mut world, handle, None);
    assert!(!is_resident(&world, handle));
    assert_eq!(world.manager.report().evictions, 1);
    check(
        &mut world,
        handle,
        Some(RequestError::NotResident { handle }),
    );
    world.frame(&[handle]);
    world.ticks(6);
    assert!(is_resident(&world, handle), "a frame asked for it");
    assert_eq!(world.bytes(handle), Some(stamped(0, 0, 10_000)));

    let pinned = handles[1];
    let pin = world.client.pin(pinned).expect("the manager runs");
    world.answer(pin).expect("it can be pinned");
    check(
        &mut world,
        pinned,
        Some(RequestError::Pinned { handle: pinned }),
    );
    let long = mesh(7, 10).lifetime(Lifetime::LongLived);
    let long = world.client.add(long).expect("a valid block");
    world.flush();
    check(
        &mut world,
        long,
        Some(RequestError::LongLived { handle: long }),
    );
    let bare = mesh(8, 10).source(Source::None);
    let bare = world.client.add(bare).expect("a valid block");
    world.flush();
    check(
        &mut world,
        bare,
        Some(RequestError::NoSource { handle: bare }),
    );
    world.client.remove(bare).expect("the manager runs");
    check(&mut world, bare, Some(RequestError::Stale { handle: bare }));
}

/// A file of this test's own.
fn trace_file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    folder.join(format!("{name}-{}.trace.gz", std::process::id()))
}

/// The events of a trace, as its own reader shows them.
fn events(path: &PathBuf) -> Vec<String> {
    let mut reader = geoheap_trace::open(path).expect("a whole trace");
    let mut events = Vec::new();
    while let Some(event) = reader.next_event().expect("in order") {
        events.push(match event {
            Event::Add(add) => {
                let source = if add.source == SourceName::None {
                    " none"
                } else {
                    ""
                };
                format!("add {} {}{source}", add.id.0, add.bytes())
            }
            Event::Part { id, no, part } => format!("part {} {} {}", id.0, no.0, part.bytes),
            Event::PartUpdate { id, no, bytes } => {
                format!("part-update {} {} {bytes}", id.0, no.0)
            }
            Event::PartRemove { id, no: PartNo(no) } => format!("part-remove {} {no}", id.0),
            Event::Update { id, parts, .. } => format!("update {} {:?}", id.0, parts.as_slice()),
            Event::Use(id) => format!("use {}", id.0),
            Event::Share(id) => format!("share {}", id.0),
            Event::Remove(id) => format!("remove {}", id.0),
            Event::Frame { .. } => "frame".to_owned(),
            Event::Tick { .. } => continue,
            other => format!("{other:?}"),
        });
    }
    std::fs::remove_file(path).expect("it was just read");
    events
}

#[test]
fn a_trace_has_what_was_done_in_the_order_of_the_engine() {
    let path = trace_file("order");
    let mut world = World::new(small());
    let before = world.client.add(mesh(1, 10)).expect("a valid block");
    world.client.share(before).expect("the manager runs");
    world.flush();
    let started = world.client.start_trace(&path).expect("a file can be made");
    world.answer(started).expect("nothing to end");
    let block = mesh(2, 20)
        .part(vertices(2, 0, 5))
        .spare(ByteLen::from_kib(4));
    let block = world.client.add(block).expect("a valid block");
    let asked = world
        .client
        .add_part(block, vertices(2, 1, 7))
        .expect("it runs");
    let part = world.answer(asked).expect("there is room");
    let bytes = Payload::from(stamped(2, 2, 60));
    let asked = world
        .client
        .update_part(block, part, bytes)
        .expect("it runs");
    world.answer(asked).expect("it is there");
    world.frame(&[before, block]);
    let asked = world.client.remove_part(
        block,
        geoheap::PartId {
            index: 0,
            generation: 1,
        },
    );
    world.answer(asked.expect("it runs")).expect("it is there");
    let lens = [100, 80].map(|len| Payload::from(stamped(2, 3, len)));
    world.client.update(block, lens.to_vec()).expect("it runs");
    let odd = world.client.update(block, vec![Payload::from(vec![1; 20])]);
    odd.expect("refused later: the block has two parts");
    world.client.remove(block).expect("it runs");
    world
        .client
        .remove(block)
        .expect("refused later: it is gone");
    world.client.remove(before).expect("it runs");
    world.flush();
    let stopped = world.client.stop_trace().expect("it runs");
    world.answer(stopped).expect("it is written");
    assert_eq!(
        events(&path),
        [
            "Config(Settings { chunk_bytes: Some(65536), long_chunk_bytes: Some(16384), \
             staging_bytes: Some(65536), tick_upload_bytes: Some(49152) })",
            "Budget(524288)",
            "add 1 200",
            "share 1",
            "add 2 500",
            "part 2 2 140",
            "part-update 2 2 60",
            "use 1",
            "use 2",
            "frame",
            "part-remove 2 0",
            "update 2 [100, 80]",
            "remove 2",
            "remove 1",
        ]
    );
}

#[test]
fn a_trace_that_cannot_be_made_says_so() {
    let mut world = World::new(small());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("no such folder/x.trace");
    let asked = world.client.start_trace(&path).expect("it runs");
    let error = world.answer(asked).expect_err("there is no such folder");
    assert!(
        matches!(error, RequestError::TraceNotWritten { .. }),
        "{error}"
    );
    let stopped = world.client.stop_trace().expect("it runs");
    world.answer(stopped).expect("there was nothing to stop");
}

#[test]
fn a_trace_begun_again_is_whole() {
    let path = trace_file("again");
    let mut world = World::new(small());
    for _ in 0..2 {
        world.client.add(mesh(1, 10)).expect("a valid block");
        let asked = world.client.start_trace(&path).expect("it runs");
        world.answer(asked).expect("the file can be made");
    }
    world.client.add(mesh(1, 10)).expect("a valid block");
    world.flush();
    let stopped = world.client.stop_trace().expect("it runs");
    world.answer(stopped).expect("it is written");
    let adds = events(&path);
    let adds = adds.iter().filter(|line| line.starts_with("add ")).count();
    assert_eq!(adds, 3, "two that were there, and one");
}

#[test]
fn a_refused_part_is_not_of_the_trace() {
    let path = trace_file("refused-part");
    let mut world = World::new(small());
    let started = world.client.start_trace(&path).expect("it runs");
    world.answer(started).expect("the file can be made");
    let block = world.client.add(mesh(1, 10)).expect("a valid block");
    let large = PartData::vertex(vec![0; 1 << 20], 4);
    let asked = world.client.add_part(block, large).expect("it runs");
    world.answer(asked).expect_err("no chunk holds it");
    let bytes = Payload::from(stamped(1, 2, 60));
    world.client.update(block, vec![bytes]).expect("it runs");
    world.flush();
    let stopped = world.client.stop_trace().expect("it runs");
    world.answer(stopped).expect("it is written");
    let lines = events(&path);
    assert!(lines.contains(&"update 1 [60]".to_owned()), "{lines:?}");
}

#[test]
fn a_trace_goes_on_over_the_loss_of_a_device() {
    let path = trace_file("loss");
    let mut world = World::new(small());
    let started = world.client.start_trace(&path).expect("it runs");
    world.answer(started).expect("the file can be made");
    let kept = world.client.add(mesh(1, 10)).expect("a valid block");
    let bare = mesh(2, 10).source(Source::None);
    let bare = world.client.add(bare).expect("a valid block");
    world.flush();
    // Under way when the device goes, and refused with it.
    let part = world.client.add_part(kept, vertices(1, 1, 7));
    drop(part.expect("it runs"));
    world.control.lose_device();
    world.ticks(1);
    drop(world.client.pin(kept).expect("it runs"));
    for handle in [kept, bare] {
        let bytes = Payload::from(stamped(1, 1, 60));
        world.client.update(handle, vec![bytes]).expect("it runs");
    }
    world.ticks(1);
    world
        .manager
        .heap_dump()
        .expect("the caller drives")
        .check()
        .expect("without a device");
    world.restore();
    world.ticks(4);
    let dump = world.manager.heap_dump().expect("the caller drives");
    dump.check().expect("on the next device");
    let states: Vec<_> = dump.blocks.iter().map(|block| block.state).collect();
    let expected = [BlockState::Resident, BlockState::Lost];
    assert_eq!(states, expected, "one has a source");
    world.client.remove(bare).expect("it runs");
    world.flush();
    let stopped = world.client.stop_trace().expect("it runs");
    world.answer(stopped).expect("it is written");
    let lines = events(&path);
    let expected = [
        "add 1 200",
        "add 2 200 none",
        "part 1 1 140",
        "part-remove 1 1",
        "update 1 [60]",
        "remove 2",
    ];
    let told: Vec<_> = lines.iter().map(String::as_str).collect();
    assert_eq!(told[2..], expected, "what was refused left no mark");
}

#[test]
fn a_dump_is_in_order_while_no_version_can_be_published() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 4);
    let mut tickets = Vec::new();
    for round in 0..6 {
        tickets.push(world.manager.begin_frame());
        let bytes = Payload::from(stamped(0, round, 10_000));
        world
            .client
            .update(handles[0], vec![bytes])
            .expect("it runs");
        world.ticks(3);
        let dump = world.manager.heap_dump().expect("the caller drives");
        dump.check().expect("also while publishing stalls");
    }
    assert!(
        world.manager.report().publish_stalls > 0,
        "too many tickets are held"
    );
}

#[test]
fn leaks_are_told_by_label() {
    let mut world = World::new(small());
    for nth in 0..3 {
        let block = mesh(nth, 10).label("tree");
        world.client.add(block).expect("a valid block");
    }
    let rock = mesh(9, 100)
        .label("rock")
        .part(PartData::uniform(vec![0; 16]));
    world.client.add(rock).expect("a valid block");
    world.flush();
    let ended = world.manager.shutdown();
    assert_eq!(ended.leaks.len(), 4);
    let text = ended.leak_report();
    let mut lines = text.lines();
    let head = lines.next().expect("a head");
    assert!(head.starts_with("4 blocks of "), "{text}");
    assert!(
        lines
            .next()
            .expect("most bytes first")
            .contains("rock: 1 blocks"),
        "{text}"
    );
    assert!(
        lines
            .next()
            .expect("then the other")
            .contains("tree: 3 blocks, 600 bytes"),
        "{text}"
    );
}
