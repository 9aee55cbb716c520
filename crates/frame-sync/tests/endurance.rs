//! A day of frames at 60 Hz: nothing may pile up.
//!
//! `cargo test -p geoheap-frame-sync --release --test endurance`
//!
//! One thread plays the writer, the frames and the GPU by a seeded schedule, so that a failure
//! comes again. Without debug assertions it is a day, else some minutes.

#![cfg(not(geoheap_loom))]

use geoheap_frame_sync::{Hold, PublishError, Publisher, Reader, RingConfig, Ticket, Usage, ring};
use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const FRAMES: u64 = if cfg!(debug_assertions) {
    20_000
} else {
    5_000_000
};
/// Everything is let go of this often, and must then be gone.
const QUIET_EVERY: u64 = FRAMES / 20;
const LOSS_EVERY: u64 = FRAMES / 7;

const CONFIG: RingConfig = RingConfig {
    replicas: 4,
    slots_initial: 2048,
    versions_alive_max: 48,
    feed_versions: 32,
};

/// Usages on their way, and tickets that mark, at a time.
const MARKING_MAX: u64 = 24;

/// Counts the payloads that live.
struct Payload(Arc<AtomicUsize>);

impl Payload {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Relaxed);
        Self(Arc::clone(alive))
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

struct Random(u64);

impl Random {
    /// Below `bound`.
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(((self.0 >> 32) * u64::from(bound)) >> 32).expect("below a u32")
    }

    fn once_in(&mut self, count: u32) -> bool {
        self.below(count) == 0
    }
}

#[derive(Default, Debug)]
struct Most {
    retired_items: usize,
    pending_changes: usize,
    log_changes: usize,
    table_bytes: usize,
    versions_alive: usize,
    payloads: usize,
}

struct Day {
    random: Random,
    alive: Arc<AtomicUsize>,
    publisher: Publisher<u64, u32, Payload, u64>,
    reader: Reader<u64, u32, Payload>,
    frame: u64,
    /// Frames that record, each with the frame at which it ends.
    tickets: Vec<(u64, Ticket<u64, u32, Payload>)>,
    /// Commands in flight, each with the frame at which they are done.
    holds: Vec<(u64, Hold<Payload>)>,
    /// What frames used, on its way to the writer.
    usages: VecDeque<Usage>,
    collected: Vec<u64>,
    newest_item: u64,
    items: (u64, u64),
    losses: u64,
    /// Until this frame the GPU stands still.
    stuck_until: u64,
    most: Most,
}

impl Day {
    fn new() -> Self {
        let alive = Arc::default();
        let (publisher, reader) = ring(CONFIG, Payload::new(&alive)).expect("a good ring");
        Self {
            random: Random(0x2545_f491_4f6c_dd1d),
            alive,
            publisher,
            reader,
            frame: 0,
            tickets: Vec::new(),
            holds: Vec::new(),
            usages: VecDeque::new(),
            collected: Vec::new(),
            newest_item: 0,
            items: (0, 0),
            losses: 0,
            stuck_until: 0,
            most: Most::default(),
        }
    }

    /// The writer's part of a frame.
    fn write(&mut self) {
        for _ in 0..self.random.below(5) {
            let index = self.random.below(CONFIG.slots_initial);
            let extra = self.random.once_in(16).then_some(index);
            self.publisher.set(index, self.frame, extra);
        }
        for _ in 0..self.random.below(3) {
            // An item is the last version that names it.
            self.publisher.retire(self.publisher.current().get());
            self.items.0 += 1;
        }
        match self.publisher.publish(Arc::new(Payload::new(&self.alive))) {
            Ok(_) | Err(PublishError::Stalled { .. } | PublishError::Backpressure { .. }) => {}
            Err(other) => panic!("no other failure exists: {other}"),
        }
        self.collect();
    }

    fn collect(&mut self) {
        self.publisher.collect(&mut self.collected);
        let tickets = self.tickets.iter().filter(|(_, ticket)| !ticket.is_void());
        let holds = self.holds.iter().filter(|(_, hold)| !hold.is_void());
        let versions = tickets
            .map(|(_, ticket)| ticket.version())
            .chain(holds.map(|(_, hold)| hold.version()));
        let oldest = versions.min().unwrap_or(self.publisher.current()).get();
        for item in self.collected.drain(..) {
            self.items.1 += 1;
            assert!(item >= self.newest_item, "R3: items leave oldest first");
            assert!(
                item < oldest || oldest == self.publisher.current().get(),
                "R3: an item of version {item} came out, {oldest} is in use"
            );
            self.newest_item = item;
        }
    }

    /// The readers' part of a frame.
    fn draw(&mut self) {
        let ticket = self.reader.ticket();
        for _ in 0..self.random.below(4) {
            ticket.mark_used(self.random.below(CONFIG.slots_initial));
        }
        // Most frames are short; some last, until the ring stalls.
        let frames = match self.random.below(1000) {
            0 => 40,
            1..30 => 4,
            _ => 1,
        };
        if self.random.once_in(8) {
            let fork = ticket.fork();
            fork.mark_used(1);
            let until = self.frame + u64::from(self.random.below(3));
            self.tickets.push((until, fork));
        }
        self.tickets.push((self.frame + frames, ticket));
    }

    /// Frames end, and commands are done.
    fn end(&mut self) {
        let now = self.frame;
        // Now and then the GPU stands still, until the versions in use are too many.
        if self.random.once_in(3000) {
            self.stuck_until = now + 60;
        }
        for (_, ticket) in self.tickets.extract_if(.., |(until, _)| *until <= now) {
            if self.random.once_in(16) {
                continue;
            }
            let finished = ticket.finish();
            self.usages.push_back(finished.usage);
            // Some commands are done late, some are never sent.
            let frames = match self.random.below(2000) {
                0 => 80,
                1..100 => continue,
                _ => 2,
            };
            let until = self.stuck_until.max(now + frames);
            self.holds.push((until, finished.hold));
        }
        self.holds.retain(|(until, _)| *until > now);
        while self.usages.len() > 8 {
            let usage = self.usages.pop_front();
            assert!(usage.is_some_and(|usage| usage.len() <= 4), "F8: own marks");
        }
    }

    fn lose_the_device(&mut self) {
        self.publisher.device_lost();
        self.losses += 1;
        self.collect();
    }

    /// When everybody has let go, nothing is left.
    fn be_quiet(&mut self) {
        self.tickets.clear();
        self.holds.clear();
        self.usages.clear();
        let published = self.publisher.publish(Arc::new(Payload::new(&self.alive)));
        published.expect("F7: nothing is in the way");
        self.collect();
        let figures = self.publisher.figures();
        assert_eq!(figures.retired_items, 0, "R2: {figures:?}");
        assert_eq!(self.items.0, self.items.1, "R2: all items came out");
        assert_eq!(figures.versions_alive, 1, "F4: {figures:?}");
        assert_eq!(self.publisher.waiting().count(), 0, "F4: none waits");
        assert_eq!(self.alive.load(Relaxed), 1, "F4: the current payload only");
        assert_eq!(figures.pending_changes, 0, "F7: {figures:?}");
        self.publisher.validate();
    }

    fn note_figures(&mut self) {
        let (figures, most) = (self.publisher.figures(), &mut self.most);
        most.retired_items = most.retired_items.max(figures.retired_items);
        most.pending_changes = most.pending_changes.max(figures.pending_changes);
        most.log_changes = most.log_changes.max(figures.log_changes);
        most.table_bytes = most.table_bytes.max(figures.table_bytes);
        most.versions_alive = most.versions_alive.max(figures.versions_alive);
        most.payloads = most.payloads.max(self.alive.load(Relaxed));
    }

    fn check_figures(&self) {
        let (figures, most) = (self.publisher.figures(), &self.most);
        let slots = CONFIG.slots_initial as usize;
        assert!(figures.bitmaps_made <= MARKING_MAX, "F8: {figures:?}");
        assert!(most.log_changes <= slots / 4, "F3: {most:?}");
        assert!(most.pending_changes <= 1024 + 4, "F7: {most:?}");
        // Slots of 8 bytes, and extras of 8 with up to as much room again.
        assert!(most.table_bytes <= 4 * slots * 24, "F2: {most:?}");
        let alive_max = CONFIG.versions_alive_max as usize;
        assert!(most.versions_alive <= alive_max, "F4: {most:?}");
        // Items wait for a publish that is refused, at most as long as commands take.
        assert!(most.retired_items <= 2 * (alive_max + 80), "R3: {most:?}");
        // Void versions are in no history: they live as long as their holds.
        assert!(most.payloads <= alive_max + 8, "F4: {most:?}");
        assert!(
            figures.stalls > 0 && figures.backpressures > 0 && self.losses > 0,
            "the day must have had its troubles: {figures:?}"
        );
    }
}

#[test]
fn a_day_of_frames_leaves_nothing_behind() {
    let mut day = Day::new();
    for frame in 1..=FRAMES {
        day.frame = frame;
        day.write();
        day.draw();
        day.end();
        if frame % LOSS_EVERY == 0 {
            day.lose_the_device();
        }
        day.note_figures();
        if frame % QUIET_EVERY == 0 {
            day.be_quiet();
        }
    }
    day.check_figures();
    let figures = day.publisher.figures();
    let mut millions = FRAMES.to_string();
    let whole = millions.len().saturating_sub(6);
    millions = format!("{:0>1}.{:0>6}", &millions[..whole], &millions[whole..]);
    // The harness swallows what `eprintln` prints.
    let _ = writeln!(
        std::io::stderr(),
        "endurance: {} million frames: {} publishes, {} stalls, {} backpressures, {} losses of \
         the device, {} items retired and returned, {} bitmaps made and {} reused; at most {:?}",
        millions.trim_end_matches('0').trim_end_matches('.'),
        figures.publishes,
        figures.stalls,
        figures.backpressures,
        day.losses,
        day.items.1,
        figures.bitmaps_made,
        figures.bitmaps_reused,
        day.most
    );
}
