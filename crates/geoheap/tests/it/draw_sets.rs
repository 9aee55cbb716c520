//! Draw sets: a version's records draw exactly the places that the version shows.

use geoheap::{
    BlockDesc, ByteLen, Config, DrawSetError, DrawSetId, FrameTicket, Handle, IndexFormat, Lookup,
    PartData, Payload, SetDraw, VirtualBuffer, VirtualRead,
};

use crate::harness::{Reading, World, mesh, small, stamped};

/// A record as the GPU reads it, with the format of its group: count, instances, first index, base
/// vertex, first instance; or count, instances, first vertex, first instance, and nothing.
type Record = (Option<IndexFormat>, [u32; 5]);

/// Bytes of a record with and without indices, as WebGPU has them.
const INDEXED: usize = 20;
const PLAIN: usize = 16;

fn indexed(block: u32, count: usize) -> BlockDesc {
    let wide = block.is_multiple_of(2);
    let indices = stamped(block, 7, 24);
    mesh(block, count).part(if wide {
        PartData::index_u32(Payload::from(indices))
    } else {
        PartData::index_u16(Payload::from(indices))
    })
}

pub(crate) fn one(handle: Handle) -> SetDraw {
    SetDraw {
        handle,
        instances: 0..1,
    }
}

pub(crate) fn draws(handles: &[Handle]) -> Vec<SetDraw> {
    let one = |(nth, handle): (u32, &Handle)| SetDraw {
        handle: *handle,
        instances: nth..nth + 2,
    };
    (0..).zip(handles).map(one).collect()
}

/// What the set has to draw in the ticket's version, by chunk and format and then in its order.
fn expected(ticket: &FrameTicket<VirtualBuffer>, draws: &[SetDraw]) -> Vec<Record> {
    let mut found = Vec::new();
    for draw in draws {
        let Lookup::Resident(view) = ticket.get(draw.handle) else {
            continue;
        };
        let Some(place) = view.draw() else { continue };
        let instances = &draw.instances;
        let (first, count) = (instances.start, instances.end - instances.start);
        let record = match place.index_format {
            Some(_) => {
                let base = place.base_vertex.cast_unsigned();
                [place.count, count, place.first, base, first]
            }
            None => [place.count, count, place.first, first, 0],
        };
        found.push((view.chunk(), place.index_format, record));
    }
    found.sort_by_key(|(chunk, format, _)| (*chunk, *format));
    let records = found.into_iter();
    records
        .map(|(_, format, record)| (format, record))
        .collect()
}

/// The records that the ticket's version has, once a later read of them was executed.
fn queue_records(
    world: &World,
    ticket: &FrameTicket<VirtualBuffer>,
    set: DrawSetId,
) -> Option<(Vec<geoheap::SetGroup>, Reading)> {
    let view = ticket.draw_set(set)?;
    let buffer = view.records()?.clone();
    let len = view.groups().iter().map(|group| {
        let width = if group.index_format.is_some() {
            INDEXED
        } else {
            PLAIN
        };
        group.offset_bytes + u64::from(group.count) * width as u64
    });
    let range = 0..len.max()?;
    let read = VirtualRead { buffer, range };
    let groups = view.groups().to_vec();
    Some((groups, world.queue(read, ticket.in_flight())))
}

fn decode(groups: &[geoheap::SetGroup], bytes: &[u8]) -> Vec<Record> {
    let mut found = Vec::new();
    for group in groups {
        let width = if group.index_format.is_some() {
            INDEXED
        } else {
            PLAIN
        };
        let start = usize::try_from(group.offset_bytes).expect("small");
        let end = start + group.count as usize * width;
        for record in bytes[start..end].chunks_exact(width) {
            let mut words = [0; 5];
            for (word, bytes) in words.iter_mut().zip(record.chunks_exact(4)) {
                *word = u32::from_le_bytes(bytes.try_into().expect("four bytes"));
            }
            found.push((group.index_format, words));
        }
    }
    found
}

fn take(reading: &Reading) -> Vec<u8> {
    let bytes = reading.lock().expect("no panics while held").take();
    bytes.expect("the read was executed")
}

#[test]
fn records_are_those_of_the_version_however_late_they_are_read() {
    let mut world = World::new(small());
    world.control.set_latency_polls(3);
    let mut handles: Vec<Handle> = (0..24)
        .map(|nth| {
            let block = if nth % 3 == 0 {
                mesh(nth, 40)
            } else {
                indexed(nth, 40)
            };
            world.client.add(block).expect("a valid block")
        })
        .collect();
    let mut contents: Vec<Vec<usize>> = (0..24)
        .map(|nth| {
            if nth % 3 == 0 {
                vec![800]
            } else {
                vec![800, 24]
            }
        })
        .collect();
    let set = world
        .client
        .add_draw_set(draws(&handles))
        .expect("few draws");
    world.flush();
    let mut queued = Vec::new();
    for round in 0..40_u32 {
        // Blocks move to other places, go, and come.
        let at = (round * 7) as usize % handles.len();
        if round % 4 == 3 {
            world.client.remove(handles[at]).expect("it is sent");
            handles[at] = world
                .client
                .add(indexed(100 + round, 30 + round as usize))
                .expect("a valid block");
            contents[at] = vec![(30 + round as usize) * 20, 24];
            world.client.set_draws(set, draws(&handles)).expect("few");
        } else {
            let contents = contents[at]
                .iter()
                .map(|len| stamped(round, 1, *len).into());
            world
                .client
                .update(handles[at], contents.collect())
                .expect("it is sent");
        }
        world.ticks(1);
        let ticket = world.manager.begin_frame();
        let listed = draws(&handles);
        if let Some((groups, reading)) = queue_records(&world, &ticket, set) {
            let now = expected(&ticket, &listed);
            let view = ticket.draw_set(set).expect("it was there");
            assert_eq!(view.draws(), now.len() as u64, "round {round}");
            queued.push((round, ticket.version(), groups, now, view.absent(), reading));
        }
        drop(ticket.finish());
    }
    world.ticks(16);
    assert!(queued.len() > 30, "most versions have the set");
    for (round, version, groups, now, absent, reading) in queued {
        let found = decode(&groups, &take(&reading));
        assert_eq!(
            found, now,
            "R1, R3: round {round}, version {version}, {absent} absent"
        );
    }
}

#[test]
fn a_set_shows_who_is_absent_and_gives_its_memory_back() {
    let mut world = World::new(small());
    let before = world.control.live_buffer_bytes();
    let here = world.client.add(mesh(1, 40)).expect("a valid block");
    let gone = world.client.add(mesh(2, 40)).expect("a valid block");
    world.flush();
    world.client.remove(gone).expect("it is sent");
    let set = world
        .client
        .add_draw_set(draws(&[here, gone]))
        .expect("few");
    assert!(
        world.manager.begin_frame().draw_set(set).is_none(),
        "not published yet"
    );
    world.flush();
    {
        let ticket = world.manager.begin_frame();
        let view = ticket.draw_set(set).expect("it is published");
        assert_eq!((view.draws(), view.absent()), (1, 1));
    }
    assert!(world.manager.report().record_bytes > 0, "R10: it counts");
    world.client.remove_draw_set(set).expect("it is sent");
    world.client.remove(here).expect("it is sent");
    world.ticks(200);
    world.client.trim().map(drop).expect("it is sent");
    world.ticks(20);
    let ticket = world.manager.begin_frame();
    assert!(ticket.draw_set(set).is_none(), "it was removed");
    assert_eq!(
        world.manager.report().record_bytes,
        0,
        "R10: it was given back"
    );
    assert_eq!(
        world.control.live_buffer_bytes(),
        before,
        "and the device has it"
    );
}

#[test]
fn a_set_that_cannot_be_written_comes_with_a_later_version() {
    let mut world = World::new(small());
    let here = world.client.add(mesh(1, 40)).expect("a valid block");
    world.flush();
    world.control.fail_creation(0);
    let set = world.client.add_draw_set(draws(&[here])).expect("few");
    world.ticks(1);
    let version = {
        let ticket = world.manager.begin_frame();
        assert!(ticket.draw_set(set).is_none(), "no memory for its records");
        ticket.version()
    };
    world.ticks(4);
    let ticket = world.manager.begin_frame();
    assert!(ticket.version() > version);
    assert_eq!(ticket.draw_set(set).map(|view| view.draws()), Some(1));
}

#[test]
fn too_many_draws_are_refused_with_the_limit() {
    let world = World::new(small());
    let handle = world.client.add(mesh(1, 4)).expect("a valid block");
    let max = 64 * 1024 / 4 / 20;
    let many = vec![
        SetDraw {
            handle,
            instances: 0..1
        };
        max + 1
    ];
    let refused = world.client.add_draw_set(many.clone());
    let limit = u32::try_from(max).expect("small");
    let error = DrawSetError::TooMany {
        requested: max + 1,
        max: limit,
    };
    assert_eq!(refused, Err(error));
    assert!(
        world.client.add_draw_set(many[1..].to_vec()).is_ok(),
        "at the limit"
    );
}

#[test]
fn records_make_room_for_themselves_under_the_budget() {
    let config = Config {
        budget_bytes: ByteLen::from_kib(256),
        ..small()
    };
    let mut world = World::new(config);
    let handles: Vec<Handle> = (0..30)
        .map(|nth| {
            let handle = world.client.add(mesh(nth, 500)).expect("a valid block");
            world.frame(&[]);
            handle
        })
        .collect();
    world.ticks(40);
    let set = world.client.add_draw_set(draws(&handles)).expect("few");
    for _ in 0..200 {
        world.frame(&handles[..1]);
    }
    let ticket = world.manager.begin_frame();
    let view = ticket.draw_set(set).expect("room was made");
    assert!(view.draws() >= 1, "{view:?}");
    assert_eq!(view.draws() + u64::from(view.absent()), 30);
    let report = world.manager.report();
    assert!(
        report.held_bytes_peak <= report.budget_bytes,
        "R10: {report:?}"
    );
}

#[test]
fn a_stale_handle_does_not_hide_the_block_that_has_its_slot() {
    let mut world = World::new(small());
    let old = world.client.add(mesh(1, 40)).expect("a valid block");
    world.flush();
    world.client.remove(old).expect("it is sent");
    world.ticks(10);
    let new = (0..5_000).find_map(|_| {
        let handle = world.client.add(mesh(2, 4)).expect("a valid block");
        if handle.index() == old.index() {
            return Some(handle);
        }
        world.client.remove(handle).expect("it is sent");
        world.ticks(2);
        None
    });
    let new = new.expect("slots are used again");
    world.flush();
    let lists = [vec![old, new], vec![new, old], vec![new], vec![old]];
    let sets = lists.map(|list| {
        let draws = list.into_iter().map(one).collect();
        world.client.add_draw_set(draws).expect("few draws")
    });
    world
        .client
        .set_draws(sets[3], vec![one(new)])
        .expect("few draws");
    world.flush();
    let ticket = world.manager.begin_frame();
    for set in sets {
        let view = ticket.draw_set(set).expect("it is published");
        assert_eq!(view.draws(), 1, "{set}: {} absent", view.absent());
    }
}

#[test]
fn a_set_of_another_manager_is_refused() {
    let (one, mut other) = (World::new(small()), World::new(small()));
    let handle = other.client.add(mesh(1, 4)).expect("a valid block");
    let set = other
        .client
        .add_draw_set(draws(&[handle]))
        .expect("few draws");
    let unknown = Err(DrawSetError::Unknown { id: set });
    assert_eq!(one.client.set_draws(set, Vec::new()), unknown);
    assert_eq!(one.client.remove_draw_set(set), unknown);
    other.flush();
    other.client.remove_draw_set(set).expect("it is sent");
    assert_eq!(
        other.client.remove_draw_set(set),
        Ok(()),
        "twice is no error"
    );
}
