//! What clients, the manager and the actor know together.

use std::any::TypeId;
use std::sync::Arc;

use geoheap_chunk_heap::KindTable;
use geoheap_gpu_backend::Backend;
use geoheap_suballoc::{Align, ByteLen};

use crate::client::drawing;
use crate::config::Config;
use crate::outside::Returned;
use crate::report::Report;
use crate::slot::BUFFER_BYTES_MAX;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Mutex, Ordering};
use crate::ticket::board::Board;

/// What clients, the manager and the actor know together.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) kinds: Arc<KindTable>,
    pub(crate) align_max: Align,
    pub(crate) config: Config,
    /// Longest buffer of the present device.
    buffer_bytes_max: AtomicU64,
    /// Most bytes of one block under the present budget.
    pub(crate) block_bytes_max: AtomicU64,
    pub(crate) device_lost: AtomicBool,
    /// Counts devices, and the times without one.
    pub(crate) device: AtomicU32,
    /// What the kinds were made for.
    pub(crate) uniform_align: Align,
    pub(crate) storage_align: Align,
    /// The manager is being shut down: the actor ends whatever waits in its mailbox.
    pub(crate) is_ending: AtomicBool,
    pub(crate) report: Arc<Mutex<Report>>,
    /// Who holds tickets.
    pub(crate) board: Arc<Board>,
    /// Frames that had begun at the last tick.
    pub(crate) frames_at_tick: AtomicU64,
    /// Draw sets made so far.
    pub(crate) draw_sets: AtomicU64,
    /// Most draws of one set.
    pub(crate) draws_max: AtomicU32,
    /// Whether indirect draws may begin at another instance than the first.
    pub(crate) indirect_first_instance: bool,
    /// What the backend's buffers are.
    pub(super) buffer_type: TypeId,
    /// What was held outside of the engine, and is no more.
    pub(crate) outside_returned: Returned,
}

impl Shared {
    /// What is known before anything runs.
    pub(crate) fn new<B: Backend>(config: Config, kinds: Arc<KindTable>, backend: &B) -> Self {
        let limits = backend.limits();
        let buffer_bytes_max = limits.buffer_bytes_max.min(BUFFER_BYTES_MAX);
        let staging = config.staging_under(config.budget_bytes);
        let shared = Self {
            kinds,
            align_max: config.align_max(),
            buffer_bytes_max: AtomicU64::new(buffer_bytes_max.get()),
            uniform_align: limits.uniform_align,
            storage_align: limits.storage_align,
            device: AtomicU32::new(0),
            block_bytes_max: AtomicU64::new(0),
            device_lost: AtomicBool::new(false),
            is_ending: AtomicBool::new(false),
            report: Arc::default(),
            board: Arc::new(Board::new()),
            frames_at_tick: AtomicU64::new(0),
            draw_sets: AtomicU64::new(0),
            draws_max: AtomicU32::new(drawing::draws_under(staging)),
            indirect_first_instance: limits.indirect_first_instance,
            buffer_type: TypeId::of::<B::Buffer>(),
            outside_returned: Returned::new(),
            config,
        };
        let block_max = shared.block_bytes_under(shared.config.budget_bytes).get();
        shared.block_bytes_max.store(block_max, Ordering::Relaxed);
        shared
    }

    /// Most bytes of one block under `budget`.
    pub(crate) fn block_bytes_under(&self, budget: ByteLen) -> ByteLen {
        let device_max = self.buffer_bytes_max.load(Ordering::Relaxed);
        self.config
            .block_bytes_max(budget, ByteLen::new(device_max))
    }

    /// There is another device, whose buffers have so many bytes at most.
    pub(crate) fn device_follows(&self, device: u32, buffer_bytes_max: ByteLen, budget: ByteLen) {
        let max = &self.buffer_bytes_max;
        max.store(buffer_bytes_max.get(), Ordering::Relaxed);
        let block_max = self.block_bytes_under(budget).get();
        self.block_bytes_max.store(block_max, Ordering::Relaxed);
        self.device.store(device, Ordering::Relaxed);
        self.device_lost.store(false, Ordering::Relaxed);
    }

    /// Adds what is known without the actor, which may not tick: who holds tickets, and how many
    /// frames have begun since the last tick.
    pub(crate) fn add_frames(&self, report: &mut Report) {
        report.frames_begun = self.board.frames();
        let at_tick = self.frames_at_tick.load(Ordering::Relaxed);
        report.frames_since_tick = report.frames_begun.saturating_sub(at_tick);
        report.holders = self.board.holders();
        report.tickets_open = report.holders.len() as u64 + self.board.standing();
    }
}
