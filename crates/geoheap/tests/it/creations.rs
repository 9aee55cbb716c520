//! The device runs out of memory at one buffer creation of a flight, whichever it is: what frames
//! read is right, what is not there is told as such, and nothing is lost or leaks.
//!
//! A flight is flown once undisturbed, which counts its creations, and then once for each of them.
//! The suite tries every fourth of them; all are tried where `GEOHEAP_ALL_CREATIONS` is set.

use std::collections::BTreeMap;

use geoheap::{BlockDesc, ByteLen, Handle, Lifetime, Lookup, Source};

use crate::canvas::{CELLS, Canvas, cell};
use crate::harness::{Reading, STRIDE, World, small, stamped, vertices};

/// Rounds of a flight: each adds, changes and removes, and draws a frame.
const ROUNDS: u32 = 48;
/// Without the variable, one creation in so many is tried.
const SAMPLE: u64 = 4;

/// What kind of creation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Memory {
    Buffers,
    Staging,
}

/// A block as the flight knows it.
#[derive(Clone, Debug)]
struct Known {
    handle: Handle,
    vertices: usize,
    /// The contents sent last.
    revision: u32,
    has_source: bool,
}

/// A read that is queued: which block, the contents that it may find, and its bytes.
struct Look {
    id: u32,
    revisions: core::ops::RangeInclusive<u32>,
    vertices: usize,
    read: Reading,
}

/// A flight under way.
struct Flight {
    world: World,
    live: BTreeMap<u32, Known>,
    looks: Vec<Look>,
    next_id: u32,
}

impl Flight {
    fn new() -> Self {
        Self {
            world: World::new(small()),
            live: BTreeMap::new(),
            looks: Vec::new(),
            next_id: 0,
        }
    }

    fn add(&mut self, vertices_count: usize, lifetime: Lifetime, has_source: bool) {
        let id = self.next_id;
        self.next_id += 1;
        let source = if has_source {
            Source::Retained
        } else {
            Source::None
        };
        let block = BlockDesc::new().part(vertices(id, 0, vertices_count));
        let sent = self
            .world
            .client
            .add(block.lifetime(lifetime).source(source));
        let known = Known {
            handle: sent.expect("a valid block"),
            vertices: vertices_count,
            revision: 0,
            has_source,
        };
        self.live.insert(id, known);
    }

    /// Adds, changes and removes, always the same.
    fn change(&mut self, round: u32) {
        for nth in 0..4_u32 {
            let vertices = 150 + usize::try_from((round * 131 + nth * 67) % 500).expect("small");
            self.add(vertices, Lifetime::Dynamic, (round + nth) % 11 != 0);
        }
        if round.is_multiple_of(6) {
            self.add(100, Lifetime::LongLived, true);
            // Larger than half a chunk: a buffer of its own.
            self.add(2_000, Lifetime::Dynamic, true);
        }
        let ids: Vec<u32> = self.live.keys().copied().collect();
        let pick = |factor: u32| ids[(round * factor) as usize % ids.len()];
        let (updated, removed) = (pick(5), pick(3));
        let known = self.live.get_mut(&updated).expect("it lives");
        known.revision += 1;
        let bytes = stamped(updated, known.revision, known.vertices * STRIDE as usize);
        let sent = self.world.client.update(known.handle, vec![bytes.into()]);
        sent.expect("it is sent");
        if !round.is_multiple_of(2)
            && let Some(known) = self.live.remove(&removed)
        {
            self.world.client.remove(known.handle).expect("it is sent");
        }
    }

    /// A frame that reads what it draws, as late as a queue does.
    fn draw(&mut self, round: u32) {
        let ticket = self.world.manager.begin_frame();
        let skip = (round as usize * 3) % self.live.len();
        for (id, known) in self.live.iter().cycle().skip(skip).take(12) {
            if let Some(read) = self.world.queue_read(&ticket, known.handle) {
                self.looks.push(Look {
                    id: *id,
                    revisions: 0..=known.revision,
                    vertices: known.vertices,
                    read,
                });
            }
        }
        drop(ticket.finish());
        self.world.ticks(2);
    }

    fn fly(&mut self) {
        for round in 0..ROUNDS {
            self.change(round);
            self.draw(round);
        }
        self.world.ticks(200);
    }

    /// What frames read was sent for that block, and is of one piece (R1, R3).
    fn check_looks(&mut self) {
        for look in self.looks.drain(..) {
            let bytes = look.read.lock().expect("no panics while held").take();
            let bytes = bytes.expect("the read was executed");
            let len = look.vertices * STRIDE as usize;
            let mut sent = look.revisions.clone();
            assert!(
                sent.any(|revision| bytes == stamped(look.id, revision, len)),
                "R1: a frame read what was never sent for block {}",
                look.id
            );
        }
    }

    /// Every block is there with the contents sent last, or is told to be away. What has a source
    /// comes when somebody waits for it.
    fn check_blocks(&mut self) {
        for (id, known) in self.live.clone() {
            let waiting = self
                .world
                .client
                .resident(known.handle)
                .expect("it is sent");
            let arrived = self.world.answer(waiting);
            let len = known.vertices * STRIDE as usize;
            let ticket = self.world.manager.begin_frame();
            let state = format!("{:?}", ticket.get(known.handle));
            drop(ticket);
            match self.world.bytes(known.handle) {
                Some(bytes) => assert_eq!(
                    bytes,
                    stamped(id, known.revision, len),
                    "block {id} has the contents sent last"
                ),
                None => assert!(
                    arrived.is_err() && (state == "Failed" || known.has_source),
                    "block {id} is neither there nor told to be away: {state}, {arrived:?}"
                ),
            }
        }
    }

    /// Nothing is held once everything is removed.
    fn check_end(mut self) {
        let report = self.world.manager.report();
        assert_eq!(report.hidden_uses, 0, "R8");
        assert_eq!(report.long_lived_evictions, 0, "R9");
        assert!(report.held_bytes_peak <= report.budget_bytes, "R10");
        assert_eq!(report.blocks, self.live.len() as u64, "no block is lost");
        for known in self.live.values() {
            self.world.client.remove(known.handle).expect("it is sent");
        }
        self.world.flush();
        let end = self.world.manager.shutdown();
        assert!(end.leaks.is_empty(), "{:?}", end.leaks);
        let control = &self.world.control;
        assert_eq!(control.live_buffer_bytes(), ByteLen::ZERO, "buffers leak");
        assert_eq!(control.live_staging_bytes(), ByteLen::ZERO, "staging leaks");
    }
}

/// Flies with the `n`-th creation failing, if any. Returns how many there were, and whether a
/// buffer was refused.
fn flight(memory: Memory, fails: Option<u64>) -> (u64, u64) {
    let mut flight = Flight::new();
    let control = &flight.world.control;
    let before = match memory {
        Memory::Buffers => control.creations(),
        Memory::Staging => control.staging_creations(),
    };
    match (memory, fails) {
        (_, None) => {}
        (Memory::Buffers, Some(n)) => control.fail_creation(n),
        (Memory::Staging, Some(n)) => control.fail_staging(n),
    }
    flight.fly();
    flight.check_looks();
    flight.check_blocks();
    let control = &flight.world.control;
    let after = match memory {
        Memory::Buffers => control.creations(),
        Memory::Staging => control.staging_creations(),
    };
    let refused = flight.world.manager.report().out_of_memory;
    flight.check_end();
    (after - before, refused)
}

fn check_each(memory: Memory) {
    let (creations, refused) = flight(memory, None);
    assert_eq!(refused, 0, "nothing fails by itself");
    assert!(creations >= 8, "only {creations} creations");
    let all = std::env::var_os("GEOHEAP_ALL_CREATIONS").is_some();
    let step = if all { 1 } else { SAMPLE };
    for n in (1..=creations).step_by(usize::try_from(step).expect("small")) {
        let (_, refused) = flight(memory, Some(n));
        let expected = u64::from(memory == Memory::Buffers);
        assert_eq!(refused, expected, "creation {n} of {creations} was refused");
    }
}

#[test]
fn whichever_buffer_finds_no_memory_nothing_is_lost() {
    check_each(Memory::Buffers);
}

#[test]
fn whichever_staging_buffer_finds_no_memory_nothing_is_lost() {
    check_each(Memory::Staging);
}

/// A look or a block that is wrong must be seen, or the flights prove nothing.
#[test]
fn wrong_contents_and_lost_blocks_are_objected_to() {
    let objection = |spoil: fn(&mut Flight)| {
        let attempt = std::panic::AssertUnwindSafe(|| {
            let mut flight = Flight::new();
            flight.fly();
            spoil(&mut flight);
            flight.check_looks();
            flight.check_blocks();
            flight.check_end();
        });
        let said = std::panic::catch_unwind(attempt).expect_err("it is wrong");
        let said = said.downcast::<String>();
        *said.expect("assertions say what they found")
    };
    let said = objection(|flight| flight.looks[3].id += 1);
    assert!(said.contains("never sent"), "{said}");
    let said = objection(|flight| {
        let last = flight.live.values_mut().last().expect("some live");
        last.revision += 1;
    });
    assert!(said.contains("sent last"), "{said}");
    let said = objection(|flight| flight.live.retain(|id, _| *id > 40));
    assert!(said.contains("no block is lost"), "{said}");
}

/// Paints all cells with the `n`-th buffer of a real device failing; returns how many failed.
fn paint_short_of_memory(canvas: &Canvas, n: u64) -> u64 {
    let config = small();
    let (device, queue) = (canvas.device.clone(), canvas.queue.clone());
    let inner = geoheap::WgpuBackend::new(device, queue, &config.staging());
    let backend = crate::short::Short::new(inner, n);
    let mut manager = geoheap::GeometryManager::with_backend(backend, config);
    let manager = manager.as_mut().expect("a valid config");
    let client = manager.client();
    let cells: Vec<Handle> = (0..CELLS)
        .map(|nth| {
            // Room behind each, so that they need several chunks.
            let spare = ByteLen::from_kib(6);
            let block = cell(nth).spare(spare).source(Source::Retained);
            client.add(block).expect("a valid block")
        })
        .collect();
    for _ in 0..60 {
        manager.poll();
        std::thread::sleep(std::time::Duration::from_micros(300));
    }
    let ticket = manager.begin_frame();
    let is_there = |handle: &Handle| matches!(ticket.get(*handle), Lookup::Resident(_));
    let expected: Vec<u8> = cells.iter().map(|cell| u8::from(is_there(cell))).collect();
    let painted = canvas.paint(&ticket.in_flight(), |pass| {
        pass.set_pipeline(&canvas.pipelines[0]);
        for handle in &cells {
            if let Lookup::Resident(view) = ticket.get(*handle) {
                let draw = view.draw().expect("a cell has vertices");
                view.bind_chunk(pass, 0, draw.index_format);
                draw.record(pass, 0..1);
            }
        }
    });
    assert_eq!(painted, expected, "what is there is drawn, and no more");
    let there = cells.iter().filter(|cell| is_there(cell)).count();
    assert!(there > 40, "the budget holds all but a few: {there}");
    drop(ticket.finish());
    let report = manager.report();
    assert_eq!(
        (report.gpu_errors, report.hidden_uses),
        (0, 0),
        "{report:?}"
    );
    report.out_of_memory
}

#[test]
fn a_real_device_draws_what_it_has_memory_for() {
    let canvas = Canvas::new();
    for n in [1, 2, 4] {
        assert_eq!(paint_short_of_memory(&canvas, n), 1, "buffer {n} failed");
    }
    assert_eq!(paint_short_of_memory(&canvas, 1_000), 0, "none failed");
}
