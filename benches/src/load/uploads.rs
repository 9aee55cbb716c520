//! Uploads through the engine, against the same bytes given to the backend alone.

use std::time::Instant;

use geoheap::{
    Backend, BlockDesc, ByteLen, ByteOffset, Client, Config, GeometryManager, Handle, PartData,
    Payload, StagingConfig, Threading, VirtualConfig, VirtualGpu,
};
use geoheap_gpu_backend::{BackendEvent, BufferDesc, BufferRole};

use crate::turns::Turns;

/// Bytes of a block that is uploaded.
const BLOCK_BYTES: usize = 64 << 10;

/// How much is uploaded.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Bytes of a turn.
    pub turn_bytes: usize,
    /// Rounds of a turn for each.
    pub rounds: usize,
}

/// Bytes in a second, ours first, then the backend alone, by rounds.
#[expect(clippy::cast_precision_loss, reason = "bytes are far below 2^53")]
pub fn measure(extent: Extent) -> Turns {
    let blocks = extent.turn_bytes / BLOCK_BYTES;
    let contents: Vec<Payload> = (0..=u8::MAX)
        .map(|byte| Payload::from(vec![byte; BLOCK_BYTES]))
        .collect();
    let (mut ours, mut alone) = (Ours::new(blocks), Alone::new(blocks));
    Turns::take(extent.rounds, 2, |who, round| {
        let contents = &contents[round % contents.len()];
        let start = Instant::now();
        match who {
            0 => ours.turn(contents),
            _ => alone.turn(contents),
        }
        (blocks * BLOCK_BYTES) as f64 / start.elapsed().as_secs_f64()
    })
}

fn gpu() -> VirtualGpu {
    let (gpu, _control) = VirtualGpu::new(&VirtualConfig {
        memory_bytes: ByteLen::from_mib(1024),
        staging: staging(),
        ..VirtualConfig::default()
    });
    gpu
}

fn staging() -> StagingConfig {
    config(1).staging()
}

/// Caps that let a turn through in a few ticks, and chunks that stay where a turn empties them,
/// since neither ticks nor the making of buffers are what is compared.
fn config(blocks: usize) -> Config {
    Config {
        budget_bytes: ByteLen::from_mib(512),
        staging_bytes: ByteLen::from_mib(32),
        tick_upload_bytes: ByteLen::from_mib(16),
        spare_chunks: 16,
        keep_empty_ticks: u64::MAX,
        mailbox_bytes: ByteLen::from_mib(512),
        // A turn's updates, and the flush behind them.
        mailbox_messages: u32::try_from(blocks + (1 << 10)).unwrap_or(u32::MAX),
        threading: Threading::CallerDriven,
        ..Config::default()
    }
}

/// Blocks that all get other contents, and a version that shows them.
struct Ours {
    manager: GeometryManager<VirtualGpu>,
    client: Client,
    handles: Vec<Handle>,
}

impl Ours {
    fn new(blocks: usize) -> Self {
        let manager = GeometryManager::with_backend(gpu(), config(blocks));
        let manager = manager.expect("a valid configuration");
        let client = manager.client();
        let contents = Payload::from(vec![0; BLOCK_BYTES]);
        let add = |_| {
            let block = BlockDesc::new().part(PartData::vertex(contents.clone(), 16));
            client.add(block).expect("the mailbox has room")
        };
        let handles = (0..blocks).map(add).collect();
        let mut ours = Self {
            manager,
            client,
            handles,
        };
        ours.flush();
        ours
    }

    fn flush(&mut self) {
        let mut flush = self.client.flush().expect("the manager runs");
        while flush.try_take().is_none() {
            self.manager.poll();
        }
    }

    fn turn(&mut self, contents: &Payload) {
        for handle in &self.handles {
            let sent = self.client.update(*handle, vec![contents.clone()]);
            sent.expect("the mailbox has room");
        }
        self.flush();
    }
}

/// One buffer whose halves are written in turn, from start to end: contents that are drawn are
/// never written over, so whoever uploads anew needs as much memory again.
struct Alone {
    gpu: VirtualGpu,
    buffer: <VirtualGpu as Backend>::Buffer,
    blocks: usize,
    /// Blocks before the half that is written next.
    first: usize,
}

impl Alone {
    fn new(blocks: usize) -> Self {
        let mut gpu = gpu();
        let buffer = gpu.create_buffer(&BufferDesc {
            label: "alone",
            len: ByteLen::new((2 * blocks * BLOCK_BYTES) as u64),
            role: BufferRole::Chunk,
        });
        let buffer = buffer.expect("the memory has room");
        Self {
            gpu,
            buffer,
            blocks,
            first: 0,
        }
    }

    fn turn(&mut self, contents: &Payload) {
        let mut events = Vec::new();
        for block in self.first..self.first + self.blocks {
            let offset = ByteOffset::new((block * BLOCK_BYTES) as u64);
            // Staging comes back as what was submitted is executed.
            while self
                .gpu
                .upload(&self.buffer, offset, contents.bytes())
                .is_err()
            {
                self.flush(&mut events);
            }
        }
        self.flush(&mut events);
        self.first = self.blocks - self.first;
    }

    fn flush(&mut self, events: &mut Vec<BackendEvent>) {
        self.gpu.submit().expect("nothing fails here");
        self.gpu.poll(events);
        events.clear();
    }
}
