//! A day of frames at 60 Hz through the whole engine: nothing may pile up.
//!
//! `cargo test -p geoheap --release --test endurance`
//!
//! One thread plays clients, actor, frames and GPU by a seeded schedule. Without debug assertions
//! it is a day, else some minutes.

#![cfg(not(geoheap_shuttle))]

use std::collections::VecDeque;
use std::io::Write;

use geoheap::{
    BlockDesc, ByteLen, Client, Config, FrameTicket, GeometryManager, Handle, InFlight, Lookup,
    PartData, Payload, Source, StagingConfig, Threading, VirtualBuffer, VirtualConfig, VirtualGpu,
};

const FRAMES: u64 = if cfg!(debug_assertions) {
    20_000
} else {
    5_000_000
};
/// Everything is let go of this often, and must then be gone.
const QUIET_EVERY: u64 = FRAMES / 10;
const BLOCKS: usize = 40;
const BLOCK_BYTES: usize = 512;

fn config() -> Config {
    Config {
        budget_bytes: ByteLen::from_kib(256),
        chunk_bytes: ByteLen::from_kib(16),
        long_lived_chunk_bytes: ByteLen::from_kib(16),
        staging_bytes: ByteLen::from_kib(32),
        staging_buffer_bytes: ByteLen::from_kib(8),
        handles_max: 1024,
        handles_initial: 256,
        threading: Threading::CallerDriven,
        ..Config::default()
    }
}

struct Random(u64);

impl Random {
    /// Below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }

    fn once_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

struct Day {
    random: Random,
    manager: GeometryManager<VirtualGpu>,
    client: Client,
    contents: Payload,
    handles: Vec<Handle>,
    /// Frames that record, each with the frame at which it ends.
    tickets: Vec<(u64, FrameTicket<VirtualBuffer>)>,
    /// Commands in flight, each with the frame at which they are done.
    commands: VecDeque<(u64, InFlight<VirtualBuffer>)>,
    resident: u64,
    most_alive: u64,
}

impl Day {
    fn new() -> Self {
        let config = config();
        let (gpu, _control) = VirtualGpu::new(&VirtualConfig {
            staging: StagingConfig {
                buffer_bytes: config.staging_buffer_bytes,
                ..StagingConfig::default()
            },
            ..VirtualConfig::default()
        });
        let manager = GeometryManager::with_backend(gpu, config).expect("a valid configuration");
        let mut day = Self {
            random: Random(0x2545_f491_4f6c_dd1d),
            client: manager.client(),
            manager,
            contents: Payload::from(vec![7; BLOCK_BYTES]),
            handles: Vec::new(),
            tickets: Vec::new(),
            commands: VecDeque::new(),
            resident: 0,
            most_alive: 0,
        };
        for _ in 0..BLOCKS {
            let handle = day.add();
            day.handles.push(handle);
        }
        day
    }

    fn add(&self) -> Handle {
        let part = PartData::vertex(self.contents.clone(), 16);
        let block = BlockDesc::new().part(part).source(Source::Retained);
        self.client.add(block).expect("a valid block")
    }

    /// The geometry side of a frame.
    fn change(&mut self) {
        let at = self.random.below(BLOCKS);
        match self.random.below(4) {
            0 => {
                self.client.remove(self.handles[at]).expect("it is sent");
                self.handles[at] = self.add();
            }
            1 => {
                let contents = vec![self.contents.clone()];
                let sent = self.client.update(self.handles[at], contents);
                sent.expect("the mailbox has room for a frame");
            }
            _ => {}
        }
    }

    /// The readers' side.
    fn draw(&mut self, frame: u64) {
        let ticket = self.manager.begin_frame();
        let at = self.random.below(BLOCKS);
        let found = matches!(ticket.get(self.handles[at]), Lookup::Resident(_));
        self.resident += u64::from(found);
        let frames = match self.random.below(2_000) {
            0 => 200,
            1..40 => 4,
            _ => 0,
        };
        if self.random.once_in(8) {
            let until = frame + self.random.below(3) as u64;
            self.tickets.push((until, ticket.fork()));
        }
        self.tickets.push((frame + frames, ticket));
        for (_, ticket) in self.tickets.extract_if(.., |(until, _)| *until <= frame) {
            // Some frames are given up.
            if self.random.once_in(50) {
                continue;
            }
            self.commands.push_back((frame + 2, ticket.finish()));
        }
        while self
            .commands
            .front()
            .is_some_and(|(until, _)| *until <= frame)
        {
            self.commands.pop_front();
        }
    }

    /// When everybody has let go, nothing is left.
    fn be_quiet(&mut self) {
        self.tickets.clear();
        self.commands.clear();
        // A pass of compaction may just be under way: it ends by itself.
        let mut report = self.manager.report();
        for _ in 0..512 {
            self.manager.poll();
            report = self.manager.report();
            if report.retired_bytes == 0 && report.versions_alive == 1 {
                break;
            }
        }
        assert_eq!(report.retired_bytes, 0, "R3: {report:?}");
        assert_eq!(report.versions_alive, 1, "{report:?}");
        assert_eq!(report.tickets_open, 0, "{report:?}");
        assert_eq!(
            report.live_bytes,
            (BLOCKS * BLOCK_BYTES) as u64,
            "R6: {report:?}"
        );
        assert_eq!(report.blocks, BLOCKS as u64, "{report:?}");
        assert_eq!(report.hidden_uses, 0, "R8: {report:?}");
    }
}

#[test]
fn a_day_of_frames_leaves_nothing_behind() {
    let mut day = Day::new();
    for frame in 1..=FRAMES {
        day.change();
        day.draw(frame);
        day.manager.poll();
        day.most_alive = day.most_alive.max(day.manager.report().versions_alive);
        if frame % QUIET_EVERY == 0 {
            day.be_quiet();
        }
    }
    let report = day.manager.report();
    assert!(day.resident > FRAMES * 9 / 10, "frames saw their blocks");
    assert!(
        report.version > FRAMES / 3,
        "versions were published: {report:?}"
    );
    assert!(report.tickets_dropped > FRAMES / 100, "some were given up");
    assert!(
        report.held_bytes_peak <= report.budget_bytes,
        "R10: {report:?}"
    );
    assert!(day.most_alive < 16, "{} versions in use", day.most_alive);
    let line = format!(
        "endurance: {} frames, {} versions, at most {} in use, {} chunks at the end\n",
        FRAMES, report.version, day.most_alive, report.chunks
    );
    // Not captured by the test's own output.
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("it can be written to");
}
