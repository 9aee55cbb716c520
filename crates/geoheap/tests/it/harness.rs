//! A small heap, and frames whose reads are checked.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use geoheap::{
    BlockDesc, ByteLen, Client, Config, FrameTicket, GeometryManager, Handle, InFlight, Lookup,
    PartData, Payload, Pending, RangeState, Restored, Source, StagingConfig, Threading,
    VirtualBuffer, VirtualConfig, VirtualControl, VirtualGpu, VirtualRead,
};

/// Stride of the vertices in these tests: no power of two, as real ones often are.
pub(crate) const STRIDE: u32 = 20;

/// A heap with small chunks, so that a few blocks fill it.
pub(crate) fn small() -> Config {
    Config {
        budget_bytes: ByteLen::from_kib(512),
        chunk_bytes: ByteLen::from_kib(64),
        long_lived_chunk_bytes: ByteLen::from_kib(16),
        staging_bytes: ByteLen::from_kib(64),
        staging_buffer_bytes: ByteLen::from_kib(8),
        tick_upload_bytes: ByteLen::from_kib(48),
        keep_empty_ticks: 4,
        threading: Threading::CallerDriven,
        residency: geoheap::ResidencyConfig {
            min_resident_ticks: 2,
            ..geoheap::ResidencyConfig::default()
        },
        ..Config::default()
    }
}

/// The bytes of a queued read, once it was executed.
pub(crate) type Reading = Arc<Mutex<Option<Vec<u8>>>>;

/// A heap on a virtual GPU.
pub(crate) struct World {
    pub(crate) manager: GeometryManager<VirtualGpu>,
    pub(crate) control: VirtualControl,
    pub(crate) client: Client,
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        let (gpu, control) = VirtualGpu::new(&device_for(&config));
        let manager = GeometryManager::with_backend(gpu, config).expect("a valid configuration");
        let client = manager.client();
        Self {
            manager,
            control,
            client,
        }
    }

    /// Puts another device in the place of one that was lost.
    pub(crate) fn restore(&mut self) -> Restored {
        let (gpu, control) = VirtualGpu::new(&device_for(self.manager.config()));
        self.control = control;
        let restored = self.manager.restore_backend(gpu);
        restored.expect("the device was lost, and this one is like it")
    }

    pub(crate) fn ticks(&mut self, count: usize) {
        for _ in 0..count {
            self.manager.poll();
        }
    }

    /// Ticks until the answer is there.
    pub(crate) fn answer<T>(
        &mut self,
        mut pending: Pending<T>,
    ) -> Result<T, geoheap::RequestError> {
        for _ in 0..2_000 {
            self.manager.poll();
            if let Some(answer) = pending.try_take() {
                return answer;
            }
        }
        panic!("no answer after 2000 ticks; {:?}", self.manager.report());
    }

    /// Everything sent so far is published.
    pub(crate) fn flush(&mut self) {
        let pending = self.client.flush().expect("the manager runs");
        self.answer(pending).expect("a flush is never refused");
    }

    /// A frame that looks at `handles`, then ends.
    pub(crate) fn frame(&mut self, handles: &[Handle]) {
        let ticket = self.manager.begin_frame();
        for handle in handles {
            let _ = ticket.get(*handle);
        }
        drop(ticket.finish());
        self.manager.poll();
    }

    /// The block's bytes in the newest version, in queue order.
    pub(crate) fn bytes(&mut self, handle: Handle) -> Option<Vec<u8>> {
        let ticket = self.manager.begin_frame();
        let read = self.queue_read(&ticket, handle)?;
        drop(ticket);
        self.ticks(8);
        let bytes = read.lock().expect("no panics while held").take();
        Some(bytes.expect("the read was executed"))
    }

    /// Queues a read of the block as `ticket` sees it, as a draw would.
    pub(crate) fn queue_read(
        &self,
        ticket: &FrameTicket<VirtualBuffer>,
        handle: Handle,
    ) -> Option<Reading> {
        let Lookup::Resident(view) = ticket.get(handle) else {
            return None;
        };
        let (start, len) = (view.offset().get(), view.len().get());
        let read = VirtualRead {
            buffer: view.buffer().clone(),
            range: start..start + len,
        };
        Some(self.queue(read, ticket.in_flight()))
    }

    /// Queues a read; the version's token travels with it, as it does with an encoder.
    pub(crate) fn queue(&self, read: VirtualRead, in_flight: InFlight<VirtualBuffer>) -> Reading {
        let result = Arc::new(Mutex::new(None));
        let into = Arc::clone(&result);
        self.control.submit_reads(vec![read], move |bytes| {
            *into.lock().expect("no panics while held") = bytes.into_iter().next();
            drop(in_flight);
        });
        result
    }
}

/// A virtual device for a heap of that configuration.
pub(crate) fn device_for(config: &Config) -> VirtualConfig {
    VirtualConfig {
        staging: StagingConfig {
            buffer_bytes: config.staging_buffer_bytes,
            ..StagingConfig::default()
        },
        ..VirtualConfig::default()
    }
}

/// `len` bytes that tell which block and revision they belong to, at every 8 bytes.
pub(crate) fn stamped(block: u32, revision: u32, len: usize) -> Vec<u8> {
    let mut stamp = [0; 8];
    stamp[..4].copy_from_slice(&block.to_le_bytes());
    stamp[4..].copy_from_slice(&revision.to_le_bytes());
    stamp.iter().copied().cycle().take(len).collect()
}

/// Vertices, `count` of them, with the stamp of `block` and `revision`.
pub(crate) fn vertices(block: u32, revision: u32, count: usize) -> PartData {
    PartData::vertex(
        Payload::from(stamped(block, revision, count * STRIDE as usize)),
        STRIDE,
    )
}

/// A block of one vertex part of `count` vertices.
pub(crate) fn mesh(block: u32, count: usize) -> BlockDesc {
    BlockDesc::new()
        .part(vertices(block, 0, count))
        .source(Source::Retained)
}

/// Blocks of 10 000 bytes.
pub(crate) fn fill(world: &mut World, count: u32) -> Vec<Handle> {
    (0..count)
        .map(|nth| {
            let handle = world.client.add(mesh(nth, 500)).expect("a valid block");
            world.ticks(2);
            handle
        })
        .collect()
}

/// Whether the newest version has the block.
pub(crate) fn is_resident(world: &World, handle: Handle) -> bool {
    matches!(world.manager.begin_frame().get(handle), Lookup::Resident(_))
}

/// The blocks that are resident, without a frame that looks at them.
pub(crate) fn resident(world: &World) -> BTreeSet<Handle> {
    let map = world.manager.heap_map().expect("the caller drives");
    let ranges = map.chunks.iter().flat_map(|chunk| &chunk.ranges);
    let live = ranges.filter(|range| range.state == RangeState::Live);
    live.filter_map(|range| range.handle).collect()
}
