//! A heap that is as small as heaps get, with its own thread.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use geoheap::{
    BlockDesc, ByteLen, Client, Config, FrameTicket, GeometryManager, Handle, Lookup, PartData,
    Payload, Source, StagingConfig, Threading, VirtualBuffer, VirtualConfig, VirtualControl,
    VirtualGpu, VirtualRead,
};
use shuttle::rand::Rng;

/// Bytes of a vertex, and of a block's contents.
pub(crate) const STRIDE: u32 = 16;
pub(crate) const BLOCK_BYTES: usize = 256;

/// A heap of a few chunks, and a mailbox of two messages.
pub(crate) fn small() -> Config {
    Config {
        budget_bytes: ByteLen::from_kib(128),
        chunk_bytes: ByteLen::from_kib(16),
        long_lived_chunk_bytes: ByteLen::from_kib(16),
        staging_bytes: ByteLen::from_kib(16),
        staging_buffer_bytes: ByteLen::from_kib(8),
        tick_upload_bytes: ByteLen::from_kib(8),
        handles_max: 64,
        mailbox_messages: 2,
        mailbox_bytes: ByteLen::from_kib(4),
        threading: Threading::Actor,
        tick_interval: Duration::from_millis(1),
        ..Config::default()
    }
}

pub(crate) struct World {
    pub(crate) manager: GeometryManager<VirtualGpu>,
    pub(crate) control: VirtualControl,
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        let (gpu, control) = device(&config);
        let manager = GeometryManager::with_backend(gpu, config).expect("a valid configuration");
        Self { manager, control }
    }

    pub(crate) fn client(&self) -> Client {
        self.manager.client()
    }

    /// Puts another device in the place of one that was lost.
    pub(crate) fn restore(&mut self) {
        let (gpu, control) = device(self.manager.config());
        self.control = control;
        let restored = self.manager.restore_backend(gpu);
        restored.expect("the device was lost, and this one is like it");
    }
}

fn device(config: &Config) -> (VirtualGpu, VirtualControl) {
    let staging = StagingConfig {
        buffer_bytes: config.staging_buffer_bytes,
        ..StagingConfig::default()
    };
    VirtualGpu::new(&VirtualConfig {
        staging,
        ..VirtualConfig::default()
    })
}

/// A number below `end`, as the schedule draws it.
pub(crate) fn draw(end: u32) -> u32 {
    shuttle::rand::thread_rng().gen_range(0..end)
}

/// Bytes that say of which block and revision they are.
pub(crate) fn stamped(block: u32, revision: u32) -> Vec<u8> {
    let stamp = [block.to_le_bytes(), revision.to_le_bytes()].concat();
    stamp.iter().copied().cycle().take(BLOCK_BYTES).collect()
}

pub(crate) fn contents(block: u32, revision: u32) -> Payload {
    Payload::from(stamped(block, revision))
}

pub(crate) fn mesh(block: u32) -> BlockDesc {
    BlockDesc::new()
        .part(PartData::vertex(contents(block, 0), STRIDE))
        .source(Source::Retained)
}

/// What came of a read of a block, once it was executed.
pub(crate) type Read = Arc<Mutex<Option<Vec<u8>>>>;

/// Reads a block as commands recorded from `ticket` do: later, with the version in their hands.
pub(crate) fn queue_read(
    control: &VirtualControl,
    ticket: &FrameTicket<VirtualBuffer>,
    handle: Handle,
) -> Option<Read> {
    let Lookup::Resident(view) = ticket.get(handle) else {
        return None;
    };
    let start = view.offset().get();
    let read = VirtualRead {
        buffer: view.buffer().clone(),
        range: start..start + BLOCK_BYTES as u64,
    };
    let (result, held) = (Read::default(), ticket.in_flight());
    let into = Arc::clone(&result);
    control.submit_reads(vec![read], move |bytes| {
        *into.lock().expect("nobody panics while holding it") = bytes.into_iter().next();
        drop(held);
    });
    Some(result)
}
