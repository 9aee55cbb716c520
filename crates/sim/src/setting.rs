//! The engine's settings and the habits of those who use it, drawn from the seed.

use std::path::PathBuf;

use geoheap::{
    ByteLen, Config, DefragConfig, PolicyKind, ResidencyConfig, SpillConfig, StagingConfig,
    Threading,
};

use crate::fault::{FaultClass, FaultPlan};
use crate::gpu::DeviceSetting;
use crate::options::Options;
use crate::random::Random;

/// Everything about a run that is drawn before it begins.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) config: Config,
    /// The first device.
    pub(crate) device: DeviceSetting,
    pub(crate) clients: u32,
    pub(crate) renderers: u32,
    /// Blocks that clients aim to have alive.
    pub(crate) blocks_goal: u64,
    /// Longest part that is usual, in bytes.
    pub(crate) part_bytes_max: u64,
    /// Actions between two ticks, at most.
    pub(crate) actions_max: u64,
    /// Blocks a frame looks at.
    pub(crate) seen_max: u64,
    /// Of a thousand frames, so many look at the same few blocks.
    pub(crate) locality: u64,
}

impl Setting {
    /// The setting of a run.
    pub(crate) fn new(options: &Options, plan: &FaultPlan) -> Self {
        let mut random = Random::fork(options.seed, 1);
        let chunk_bytes = *random.pick(&[16, 32, 64, 256]) * 1024;
        let chunks = random.between(5, 24);
        let staging_bytes = chunk_bytes.max(32 * 1024);
        let budget_bytes = chunk_bytes * chunks + staging_bytes;
        let staging = StagingConfig {
            buffer_bytes: ByteLen::new((chunk_bytes / 4).max(4096)),
            idle_polls: u32::try_from(random.between(4, 100)).expect("a small number"),
            ..StagingConfig::default()
        };
        let handles_max = handles_max(&mut random, plan);
        let config = Config {
            budget_bytes: ByteLen::new(budget_bytes),
            chunk_bytes: ByteLen::new(chunk_bytes),
            long_lived_chunk_bytes: ByteLen::new(*random.pick(&[8, 16]) * 1024),
            staging_bytes: ByteLen::new(staging_bytes),
            staging_buffer_bytes: staging.buffer_bytes,
            tick_upload_bytes: ByteLen::new(random.magnitude(2 * 1024, chunk_bytes)),
            tick_copies: small(random.magnitude(2, 256)),
            handles_max,
            handles_initial: small(random.magnitude(4, 1024)),
            generation_max: generation_max(&mut random, plan),
            mailbox_messages: small(random.magnitude(16, 1024)),
            mailbox_bytes: ByteLen::new(budget_bytes),
            events_max: 1 << 16,
            replicas: small(random.between(3, 6)),
            versions_alive_max: small(random.magnitude(6, 64)),
            feed_versions: small(random.between(0, 40)),
            spare_chunks: small(random.between(0, 2)),
            keep_empty_ticks: random.magnitude(2, 120),
            small_heap_chunks: small(random.between(0, 2)),
            split_by_kind: random.chance(150),
            move_long_lived: random.chance(200),
            defrag: defrag(&mut random, chunk_bytes),
            residency: residency(&mut random),
            spill: spill(options, plan, budget_bytes),
            threading: Threading::CallerDriven,
            ..Config::default()
        };
        let part_bytes_max = random.magnitude(256, chunk_bytes / 4);
        // From a heap that is half empty to data of four times the budget.
        let fill = random.between(40, 400);
        let blocks_goal = (budget_bytes * fill / 100 / (part_bytes_max / 2)).clamp(8, 400);
        Self {
            device: device(staging, memory(budget_bytes, plan)),
            clients: small(random.between(1, u64::from(options.clients_max.max(1)))),
            renderers: small(random.between(1, u64::from(options.renderers_max.max(1)))),
            blocks_goal,
            part_bytes_max,
            actions_max: random.between(2, 10),
            seen_max: random.magnitude(2, 40),
            locality: random.between(0, 1000),
            config,
        }
    }
}

fn small(number: u64) -> u32 {
    u32::try_from(number).expect("settings are small numbers")
}

/// Each tenant of a slot takes two generations.
fn generation_max(random: &mut Random, plan: &FaultPlan) -> u32 {
    let few = small(random.between(3, 12));
    if plan.has(FaultClass::Churn) {
        few
    } else {
        Config::default().generation_max
    }
}

/// Few handles, so that they run out, where slots do not leave service besides.
fn handles_max(random: &mut Random, plan: &FaultPlan) -> u32 {
    let few = small(random.between(40, 400));
    if plan.has(FaultClass::Mailbox) && !plan.has(FaultClass::Churn) {
        few
    } else {
        Config::default().handles_max
    }
}

fn device(staging: StagingConfig, memory_bytes: ByteLen) -> DeviceSetting {
    DeviceSetting {
        memory_bytes,
        whole_memory_bytes: memory_bytes,
        staging,
        buffer_bytes_max: None,
        binding_align: 256,
        indirect_first_instance: true,
    }
}

/// A device that is as small as the budget now and then refuses what the budget allows, as others
/// share it.
fn memory(budget_bytes: u64, plan: &FaultPlan) -> ByteLen {
    let tight = plan.has(FaultClass::Creation);
    ByteLen::new(if tight {
        budget_bytes
    } else {
        budget_bytes * 8
    })
}

fn defrag(random: &mut Random, chunk_bytes: u64) -> DefragConfig {
    let mut defrag = DefragConfig::default();
    defrag.enabled = !random.chance(50);
    defrag.every_ticks = random.between(1, 8);
    defrag.move_bytes = ByteLen::new(random.magnitude(1024, chunk_bytes));
    defrag.moves = small(random.magnitude(1, 64));
    defrag.steps = small(random.magnitude(64, 4096));
    defrag
}

/// The folder stays unused: copies go to the simulation's own disk.
fn spill(options: &Options, plan: &FaultPlan, budget_bytes: u64) -> Option<SpillConfig> {
    // Of a sequence of its own, so that it shifts nothing else.
    let mut random = Random::fork(options.seed, 6);
    let retained_bytes_max = ByteLen::new(random.magnitude(1024, budget_bytes / 2));
    plan.has(FaultClass::Spill).then(|| SpillConfig {
        folder: PathBuf::new(),
        retained_bytes_max,
    })
}

fn residency(random: &mut Random) -> ResidencyConfig {
    ResidencyConfig {
        policy: if random.chance(250) {
            PolicyKind::Lru
        } else {
            PolicyKind::HitDensity
        },
        protect_frames: random.between(1, 8),
        min_resident_ticks: random.between(1, 30),
        wish_max_age_frames: random.between(4, 120),
        ..ResidencyConfig::default()
    }
}
