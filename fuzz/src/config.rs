//! The target `config`: settings of any sort, and a heap that has them.
//!
//! Common settings are edited: each edit takes a byte for the field and one for its value, among
//! which are the least and the greatest. What is refused is refused for a reason; a heap that is
//! made takes a block, shows its bytes, follows changes of its budget, and keeps within it.

#[cfg(test)]
mod tests;

use std::time::Duration;

use geoheap::{
    AddError, Align, AlignRule, BlockDesc, ByteLen, Client, Config, CreateError, GeometryManager,
    KindRow, LayoutError, Limits, PartData, Pending, RequestError, StagingConfig, Threading,
    VirtualConfig, VirtualGpu,
};

use crate::bytes::Bytes;
use crate::tally::Tally;

/// Fields that one input can change.
const EDITS_MAX: usize = 10;

/// Room for tables that a heap may take from the start: as many as a program asks for are made.
const HANDLES_INITIAL_MAX: u32 = 1 << 12;

/// Memory of the device, which any budget stays within in the end.
const MEMORY: ByteLen = ByteLen::from_mib(16);

/// Ticks in which a question of an empty heap is answered.
const ANSWER_TICKS: usize = 2_000;

const NUMBERS: [u64; 20] = [
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    64,
    100,
    255,
    256,
    4_096,
    65_536,
    1 << 20,
    u32::MAX as u64 - 2,
    u32::MAX as u64,
    1 << 40,
    u64::MAX - 7,
    u64::MAX,
];

const FRACTIONS: [f32; 10] = [
    0.0,
    0.5,
    0.9,
    1.0,
    2.0,
    -1.0,
    f32::MIN_POSITIVE,
    f32::MAX,
    f32::INFINITY,
    f32::NAN,
];

/// Runs one input. Returns what it reached.
///
/// # Panics
/// When a heap with settings that were taken does not work.
pub fn run(input: &[u8]) -> Tally {
    let mut bytes = Bytes::new(input);
    let mut config = common();
    let limits = limits(&mut bytes);
    for _ in 0..EDITS_MAX {
        let Some(field) = bytes.next() else { break };
        edit(&mut config, field, &mut bytes);
    }
    let budgets = [bytes.word(), bytes.word()];
    config.handles_initial = config.handles_initial.min(HANDLES_INITIAL_MAX);
    let mut tally = Tally::default();
    let valid = config.validate(limits.buffer_bytes_max);
    let valid = tally.note("validate", valid);
    let (gpu, _control) = VirtualGpu::new(&VirtualConfig {
        latency_polls: 1,
        memory_bytes: MEMORY,
        limits,
        staging: StagingConfig {
            buffer_bytes: config.staging_buffer_bytes.min(ByteLen::from_mib(1)),
            ..StagingConfig::default()
        },
        ..VirtualConfig::default()
    });
    let made = tally.note("create", GeometryManager::with_backend(gpu, config));
    match made {
        Ok(manager) => {
            assert!(valid.is_ok(), "R11: {valid:?} was seen, and then not");
            let mut heap = Heap { manager, tally };
            heap.work(budgets);
            heap.tally
        }
        Err(error) => {
            let told = error.to_string();
            assert!(!told.is_empty(), "R11: a reason is told: {error:?}");
            assert!(
                matches!(error, CreateError::Config(_)),
                "R11: no thread was asked for: {error:?}"
            );
            tally
        }
    }
}

/// Settings that work.
fn common() -> Config {
    Config {
        budget_bytes: ByteLen::from_kib(512),
        chunk_bytes: ByteLen::from_kib(64),
        long_lived_chunk_bytes: ByteLen::from_kib(16),
        staging_bytes: ByteLen::from_kib(64),
        staging_buffer_bytes: ByteLen::from_kib(8),
        handles_initial: 64,
        threading: Threading::CallerDriven,
        ..Config::default()
    }
}

fn limits(bytes: &mut Bytes<'_>) -> Limits {
    let common = VirtualConfig::default().limits;
    let align = |bytes| Align::new(bytes).unwrap_or(Align::ONE);
    match bytes.byte() {
        ..224 => common,
        few => Limits {
            buffer_bytes_max: ByteLen::new(bytes.pick(&NUMBERS)),
            uniform_align: align(bytes.pick(&[256, 64, 16])),
            storage_align: align(bytes.pick(&[256, 32, 4])),
            vertex_padding: ByteLen::new(u64::from(few % 2) * 4),
            indirect_first_instance: few % 3 > 0,
            ..common
        },
    }
}

/// A value: mostly one of the table.
fn number(bytes: &mut Bytes<'_>) -> u64 {
    match bytes.byte() {
        few @ ..240 => NUMBERS[usize::from(few) % NUMBERS.len()],
        shift => bytes.word() >> (shift % 64),
    }
}

fn small(bytes: &mut Bytes<'_>) -> u32 {
    u32::try_from(number(bytes)).unwrap_or(u32::MAX)
}

fn edit(config: &mut Config, field: u8, bytes: &mut Bytes<'_>) {
    let len = |bytes: &mut Bytes<'_>| ByteLen::new(number(bytes));
    let fraction = |bytes: &mut Bytes<'_>| bytes.pick(&FRACTIONS);
    match field % 38 {
        0 => config.budget_bytes = len(bytes),
        1 => config.chunk_bytes = len(bytes),
        2 => config.long_lived_chunk_bytes = len(bytes),
        3 => config.staging_bytes = len(bytes),
        4 => config.staging_buffer_bytes = len(bytes),
        5 => config.handles_max = small(bytes),
        6 => config.handles_initial = small(bytes),
        7 => config.generation_max = small(bytes),
        8 => config.mailbox_messages = small(bytes),
        9 => config.mailbox_bytes = len(bytes),
        10 => config.events_max = usize::try_from(number(bytes)).unwrap_or(usize::MAX),
        11 => config.tick_upload_bytes = len(bytes),
        12 => config.tick_copies = small(bytes),
        13 => config.tick_interval = Duration::from_nanos(number(bytes)),
        14 => config.part_align_max = number(bytes),
        15 => {
            let name = bytes.pick(&["own", "vertex", "", "other"]);
            let rule = match bytes.byte() % 3 {
                0 => AlignRule::Stride,
                _ => AlignRule::Fixed(Align::new(number(bytes)).unwrap_or(Align::ONE)),
            };
            let count = usize::from(bytes.byte()) % 300;
            let kinds = std::iter::repeat_n(KindRow { name, rule }, count % 3 + 1);
            config.kinds.extend(kinds);
        }
        16 => config.replicas = small(bytes),
        17 => config.versions_alive_max = small(bytes),
        18 => config.feed_versions = small(bytes),
        19 => config.spare_chunks = small(bytes),
        20 => config.keep_empty_ticks = number(bytes),
        21 => config.small_heap_chunks = small(bytes),
        22 => config.split_by_kind = bytes.flag(),
        23 => config.move_long_lived = bytes.flag(),
        24 => config.defrag.enabled = bytes.flag(),
        25 => config.defrag.every_ticks = number(bytes),
        26 => config.defrag.move_bytes = len(bytes),
        27 => config.defrag.moves = small(bytes),
        28 => config.defrag.steps = small(bytes),
        29 => config.defrag.triggers.chunk_use_below = fraction(bytes),
        30 => config.defrag.triggers.free_over_chunks = fraction(bytes),
        31 => {
            let count = usize::try_from(number(bytes)).unwrap_or(usize::MAX);
            config.defrag.triggers.dynamic_chunks_min = count;
        }
        32 => config.residency.protect_frames = number(bytes),
        33 => config.residency.min_resident_ticks = number(bytes),
        34 => config.residency.high_water = fraction(bytes),
        35 => config.residency.low_water = fraction(bytes),
        36 => config.residency.wish_max_age_frames = number(bytes),
        _ => config.residency.entries_max = small(bytes),
    }
}

/// A heap that was made.
struct Heap {
    manager: GeometryManager<VirtualGpu>,
    tally: Tally,
}

impl Heap {
    /// Adds, looks, reads, changes the budget, and ends.
    fn work(&mut self, budgets: [u64; 2]) {
        let client = self.manager.client();
        let contents: Vec<u8> = (0..=255).collect();
        let block = || BlockDesc::new().part(PartData::vertex(contents.clone(), 16));
        let added = self.tally.note("add", client.add(block()));
        if let Err(error) = &added {
            // Even a heap that works may be too small for 256 bytes, or take no alignment of 16.
            let is_known = matches!(
                error,
                AddError::Send(_)
                    | AddError::TooLarge { .. }
                    | AddError::HandlesExhausted { .. }
                    | AddError::Layout(LayoutError::AlignmentTooLarge { .. })
            );
            assert!(is_known, "R11: nothing is wrong with the block: {error}");
        }
        if let Ok(handle) = added {
            let read = self.read(&client, handle);
            let read = self.tally.note("read", read);
            if let Ok(parts) = read {
                assert_eq!(
                    parts,
                    std::slice::from_ref(&contents),
                    "R1: the block has its own bytes"
                );
            }
        }
        for budget in budgets {
            let budget = ByteLen::new(budget >> (budget % 64));
            let min = client.budget_bytes_min();
            let set = client.set_budget(budget);
            assert_eq!(
                set.is_ok(),
                budget >= min,
                "R11: {budget} with {min} as the least"
            );
            if let Ok(pending) = self.tally.note("set_budget", set) {
                _ = self.answer(pending, "set_budget");
                let report = self.manager.report();
                let device = report.held_bytes <= 2 * MEMORY.get();
                assert!(device, "R10: the device has no such memory: {report:?}");
            }
            _ = client.add(block());
            for _ in 0..8 {
                drop(self.manager.begin_frame().finish());
                self.manager.poll();
            }
        }
    }

    fn read(
        &mut self,
        client: &Client,
        handle: geoheap::Handle,
    ) -> Result<Vec<Vec<u8>>, RequestError> {
        // A mailbox of one request takes the next one after a tick.
        self.manager.poll();
        let Ok(pending) = client.resident(handle) else {
            return Err(RequestError::ShutDown);
        };
        self.answer(pending, "resident")?;
        let Ok(pending) = client.read_back(handle) else {
            return Err(RequestError::ShutDown);
        };
        let read = self.answer(pending, "read_back")?;
        Ok(read.parts.into_iter().map(|(_, bytes)| bytes).collect())
    }

    fn answer<T>(&mut self, mut pending: Pending<T>, what: &str) -> Result<T, RequestError> {
        for _ in 0..ANSWER_TICKS {
            self.manager.poll();
            if let Some(answer) = pending.try_take() {
                return answer;
            }
        }
        let (config, report) = (self.manager.config(), self.manager.report());
        panic!("no answer to {what} in {ANSWER_TICKS} ticks: {config:?}: {report:?}");
    }
}
