//! Every setting with its default, and what makes a set of them impossible.

use core::fmt;
use std::path::PathBuf;
use std::time::Duration;

use geoheap_chunk_heap::{HeapConfig, KindRow};
use geoheap_defrag::Triggers;
use geoheap_gpu_backend::StagingConfig;
use geoheap_suballoc::{Align, ByteLen};

use crate::budget_origin::{BUDGET_DEFAULT, BudgetOrigin};

/// Room kept from a 16 MiB chunk: wgpu pads vertex buffers by four bytes, and drivers round up,
/// so that four chunks of exactly 16 MiB would not fit a 64 MiB block of the driver.
pub const CHUNK_SLACK: ByteLen = ByteLen::from_kib(4);

/// Most of the budget that staging may take: an eighth (R10).
pub(crate) const STAGING_SHARE: u64 = 8;
/// Highest generation that can be allowed: the one after it must still count.
const GENERATION_MAX: u32 = u32::MAX - 2;
/// Bytes of a GPU copy's step.
pub(crate) const WORD_BYTES: u64 = 4;

/// What of `bytes` is whole words: GPU copies take no less.
pub(crate) fn whole_words(bytes: u64) -> u64 {
    bytes - bytes % WORD_BYTES
}

/// Who runs the geometry actor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threading {
    /// A thread of its own.
    #[default]
    Actor,
    /// Nobody but [`GeometryManager::poll`](crate::GeometryManager::poll): each call is one tick.
    /// Calls of a client that find the mailbox full then fail at once instead of waiting for a tick
    /// that only the waiting thread could make; [`Pending`](crate::Pending) answers do not come
    /// without a tick either, so poll for them with `try_take`.
    CallerDriven,
}

/// How and when the heap is compacted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DefragConfig {
    /// The kill switch: where it is off, nothing ever moves, also not when a caller asks, a
    /// placement fails or the budget is lowered; what must make room is evicted instead. For the
    /// life of the heap.
    pub enabled: bool,
    /// Ticks between two looks at the heap, unless a failed placement asks at once.
    pub every_ticks: u64,
    /// Bytes moved in one tick.
    pub move_bytes: ByteLen,
    /// Moves in one tick.
    pub moves: u32,
    /// Planning steps in one tick.
    pub steps: u32,
    /// When a pass begins.
    pub triggers: Triggers,
}

impl Default for DefragConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            every_ticks: 8,
            move_bytes: ByteLen::from_mib(2),
            moves: 64,
            steps: 4096,
            triggers: Triggers::default(),
        }
    }
}

/// A budget of system memory for retained copies, and a file for those beyond it.
///
/// Copies are counted that the engine keeps to bring blocks back: those of
/// [`Source::Retained`](crate::Source::Retained), which share the caller's memory, and those of
/// [`Source::ReadBack`](crate::Source::ReadBack) blocks that are away. The copies that were not
/// needed for the longest time go to the file first, and are read when their block comes back;
/// both on the worker that runs reload callbacks. A copy that cannot be written stays in memory,
/// which is told ([`HeapEvent::SpillFailed`](crate::HeapEvent::SpillFailed)), and so does one whose
/// parts in the file cannot be read to join those that changed since. Memory that the caller holds
/// on to is not freed by that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpillConfig {
    /// The folder of the file, which must be there. The file has a name of its own, and is removed
    /// at the end.
    pub folder: PathBuf,
    /// Most bytes of copies in memory. Contents that come in at once may exceed it for some ticks.
    pub retained_bytes_max: ByteLen,
}

/// All settings of a [`GeometryManager`](crate::GeometryManager).
///
/// | field | default | meaning |
/// |---|---|---|
/// | `budget_bytes` | 256 MiB | most GPU memory held: chunks, staging, dropped chunks |
/// | `budget_origin` | none | who said so; by itself: `Default` for 256 MiB, else `Explicit` |
/// | `chunk_bytes` | 16 MiB - 4 KiB | step in which the heap grows and shrinks |
/// | `long_lived_chunk_bytes` | 4 MiB - 4 KiB | the same for long-lived blocks |
/// | `staging_bytes` | 8 MiB | staging ring; never above an eighth of the budget |
/// | `staging_buffer_bytes` | 1 MiB | one buffer of the ring |
/// | `handles_max` | 1 048 576 | blocks alive at a time |
/// | `handles_initial` | 4096 | of them, room from the start |
/// | `generation_max` | 2^32 - 3 | highest generation of a handle; its slot then leaves service |
/// | `mailbox_messages` | 4096 | requests that wait for the geometry actor |
/// | `mailbox_bytes` | 64 MiB | bytes of new contents that wait for it; no block can bring more |
/// | `events_max` | 1024 | events kept for the caller |
/// | `tick_upload_bytes` | 4 MiB | bytes uploaded or copied to new places in one tick |
/// | `tick_copies` | 256 | copy pieces in one tick |
/// | `tick_time` | 2 ms | time that a tick should take: the actor cuts its caps to keep to it |
/// | `tick_interval` | 4 ms | a tick at the latest this long after the last one |
/// | `part_align_max` | 64 KiB | largest alignment of a block |
/// | `kinds` | none | kinds of the caller's own, numbered from 4 on |
/// | `replicas` | 4 | copies of the placement tables: two less can be held by tickets at once |
/// | `versions_alive_max` | 64 | versions in use before publishing pauses |
/// | `feed_versions` | 32 | versions back that a ticket can tell what changed |
/// | `spare_chunks` | 1 | empty chunks kept ready while little is free in the others |
/// | `keep_empty_ticks` | 120 | how long another empty chunk is kept |
/// | `small_heap_chunks` | 2 | up to so many dynamic chunks: no spare, no moves |
/// | `split_by_kind` | `false` | chunks for blocks of one kind instead of mixed ones |
/// | `move_long_lived` | `false` | whether compaction may move long-lived blocks |
/// | `defrag` | see [`DefragConfig`] | compaction |
/// | `residency` | see [`geoheap_residency::Config`] | eviction and streaming back |
/// | `spill` | none | retained copies beyond a budget of system memory go to a file |
/// | `threading` | `Actor` | who runs the geometry actor |
#[derive(Clone, Debug)]
pub struct Config {
    /// Most bytes of GPU memory held at a time (R10). The default is a documented number; this
    /// library does not ask the driver.
    pub budget_bytes: ByteLen,
    /// Where that number comes from, for [`Report::budget_origin`](crate::Report::budget_origin).
    /// `None` takes [`BUDGET_DEFAULT`] for the default and whatever else for explicit.
    pub budget_origin: Option<BudgetOrigin>,
    /// Bytes of a dynamic chunk. A budget has whole ones: what it leaves beside them, up to a
    /// chunk, serves nothing but staging and long-lived chunks. Make them smaller for a budget of
    /// less than some eight chunks.
    pub chunk_bytes: ByteLen,
    /// Bytes of a long-lived chunk: smaller, as UI and fallbacks seldom fill megabytes.
    pub long_lived_chunk_bytes: ByteLen,
    /// Bytes of staging, cut to an eighth of the budget.
    pub staging_bytes: ByteLen,
    /// Bytes of one staging buffer.
    pub staging_buffer_bytes: ByteLen,
    /// Most blocks alive at a time.
    pub handles_max: u32,
    /// Handles for which the placement tables have room from the start. More come as they are
    /// needed, by doubling, without anybody waiting for it; as many as `handles_max` makes the
    /// tables of a fixed size.
    pub handles_initial: u32,
    /// Highest generation that a handle may have; its slot is then taken out of service (R7). Each
    /// tenant of a slot takes two, so the default allows two thousand million. At most 2^32 - 3.
    pub generation_max: u32,
    /// Most requests waiting.
    pub mailbox_messages: u32,
    /// Most bytes of contents waiting in the mailbox. Contents that were taken out of it and wait
    /// for room, or for a change of the same block, are bounded by as much again.
    pub mailbox_bytes: ByteLen,
    /// Most events kept; older ones stay, newer are counted as lost.
    pub events_max: usize,
    /// Most bytes uploaded in one tick, in whole words. Staged pieces go whole; what the last one
    /// has over it is not sent by others.
    pub tick_upload_bytes: ByteLen,
    /// Most pieces copied in one tick.
    pub tick_copies: u32,
    /// Time that a tick of the actor's thread should take. All of its work, be it uploads, blocks
    /// that come back, moves or planning, shares the caps above; after a tick that took longer the
    /// next gets less of them, down to a sixteenth, and more again when there is time. Without
    /// effect where the caller drives: his ticks are the same each time.
    pub tick_time: Duration,
    /// Longest time between two ticks of the actor's thread.
    pub tick_interval: Duration,
    /// Largest alignment of a block; a larger one is refused.
    pub part_align_max: u64,
    /// Kinds of parts beside vertex, index, uniform and storage; the first has number 4.
    pub kinds: Vec<KindRow>,
    /// Copies of the placement tables, 2 to 64. Tickets that hold more than two less of them at
    /// once, each another version, make publishing pause. A ticket that was finished holds none,
    /// only its commands do, which `versions_alive_max` bounds.
    pub replicas: u32,
    /// Most versions in use at a time, by tickets or by commands.
    pub versions_alive_max: u32,
    /// How many versions back a ticket can tell what changed, see
    /// [`FrameTicket::moved_since`](crate::FrameTicket::moved_since). 0 keeps no such list.
    pub feed_versions: u32,
    /// Empty chunks kept ready ahead of need.
    pub spare_chunks: u32,
    /// Ticks that a further empty chunk is kept.
    pub keep_empty_ticks: u64,
    /// Up to so many dynamic chunks there is neither spare nor defragmentation.
    pub small_heap_chunks: u32,
    /// Whether blocks of one kind get chunks of their own.
    pub split_by_kind: bool,
    /// Whether compaction may move long-lived blocks (R9).
    pub move_long_lived: bool,
    /// Compaction.
    pub defrag: DefragConfig,
    /// Eviction and streaming back. The engine knows the policies of
    /// [`PolicyKind`](geoheap_residency::PolicyKind); one of your own is for `geoheap-residency`
    /// alone.
    pub residency: geoheap_residency::Config,
    /// Where retained copies go that system memory has no budget for.
    pub spill: Option<SpillConfig>,
    /// Who runs the geometry actor.
    pub threading: Threading,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            budget_bytes: BUDGET_DEFAULT,
            budget_origin: None,
            chunk_bytes: ByteLen::from_mib(16) - CHUNK_SLACK,
            long_lived_chunk_bytes: ByteLen::from_mib(4) - CHUNK_SLACK,
            staging_bytes: ByteLen::from_mib(8),
            staging_buffer_bytes: ByteLen::from_mib(1),
            handles_max: 1 << 20,
            handles_initial: 4096,
            generation_max: GENERATION_MAX,
            mailbox_messages: 4096,
            mailbox_bytes: ByteLen::from_mib(64),
            events_max: 1024,
            tick_upload_bytes: ByteLen::from_mib(4),
            tick_copies: 256,
            tick_time: Duration::from_millis(2),
            tick_interval: Duration::from_millis(4),
            part_align_max: 64 * 1024,
            kinds: Vec::new(),
            replicas: 4,
            versions_alive_max: 64,
            feed_versions: 32,
            spare_chunks: 1,
            keep_empty_ticks: 120,
            small_heap_chunks: 2,
            split_by_kind: false,
            move_long_lived: false,
            defrag: DefragConfig::default(),
            residency: geoheap_residency::Config::default(),
            spill: None,
            threading: Threading::Actor,
        }
    }
}

impl Config {
    /// Bytes of staging under `budget`: what is configured, at most an eighth.
    pub(crate) fn staging_under(&self, budget: ByteLen) -> ByteLen {
        self.staging_bytes
            .min(ByteLen::new(budget.get() / STAGING_SHARE))
    }

    /// Bytes of one staging buffer: what is configured, or all of a small budget's staging.
    pub(crate) fn staging_buffer(&self) -> ByteLen {
        let limit = whole_words(self.staging_under(self.budget_bytes).get());
        self.staging_buffer_bytes.min(ByteLen::new(limit))
    }

    /// Largest alignment of a block; validation refuses zero.
    pub(crate) fn align_max(&self) -> Align {
        Align::new(self.part_align_max).unwrap_or(Align::ONE)
    }

    /// Least budget that can hold one dynamic chunk beside its staging.
    pub(crate) fn budget_bytes_min(&self) -> ByteLen {
        let chunk = self.chunk_bytes.get();
        let alone = chunk.saturating_add(self.staging_bytes.get());
        let shared = chunk.saturating_add(chunk / (STAGING_SHARE - 1) + 1);
        ByteLen::new(alone.min(shared))
    }

    /// Most bytes of one block under `budget`: what one buffer can have, beside staging. The
    /// buffer of a large block is rounded up, so what rounding would take past the budget is off.
    pub(crate) fn block_bytes_max(&self, budget: ByteLen, device_max: ByteLen) -> ByteLen {
        let granule = HeapConfig::default().dedicated_granule_bytes.get();
        let room = budget.saturating_sub(self.staging_under(budget)).get();
        let shared = self.chunk_bytes.get() / 2;
        ByteLen::new((room - room % granule).max(shared)).min(device_max)
    }

    /// How a backend stages under this configuration: for programs that make theirs themselves.
    pub fn staging(&self) -> StagingConfig {
        StagingConfig {
            buffer_bytes: self.staging_buffer(),
            limit_bytes: self.staging_under(self.budget_bytes),
            ..StagingConfig::default()
        }
    }

    /// Checks every field against the others and against what a device can make.
    ///
    /// # Errors
    /// The first [`ConfigError`] found.
    pub fn validate(&self, buffer_bytes_max: ByteLen) -> Result<(), ConfigError> {
        for (field, value) in [
            ("chunk_bytes", self.chunk_bytes.get()),
            ("long_lived_chunk_bytes", self.long_lived_chunk_bytes.get()),
            ("staging_bytes", self.staging_bytes.get()),
            ("staging_buffer_bytes", self.staging_buffer_bytes.get()),
            ("handles_max", u64::from(self.handles_max)),
            ("generation_max", u64::from(self.generation_max)),
            ("mailbox_messages", u64::from(self.mailbox_messages)),
            ("mailbox_bytes", self.mailbox_bytes.get()),
            ("tick_upload_bytes", self.tick_upload_bytes.get()),
            ("tick_copies", u64::from(self.tick_copies)),
            ("tick_time", u64::from(!self.tick_time.is_zero())),
            ("part_align_max", self.part_align_max),
            ("defrag.every_ticks", self.defrag.every_ticks),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero { field });
            }
        }
        for (field, bytes) in [
            ("chunk_bytes", self.chunk_bytes),
            ("long_lived_chunk_bytes", self.long_lived_chunk_bytes),
            ("staging_buffer_bytes", self.staging_buffer_bytes),
        ] {
            if bytes > buffer_bytes_max {
                let max = buffer_bytes_max;
                return Err(ConfigError::AboveDeviceLimit { field, bytes, max });
            }
        }
        if self.generation_max > GENERATION_MAX {
            return Err(ConfigError::AboveMax {
                field: "generation_max",
                value: self.generation_max.into(),
                max: GENERATION_MAX.into(),
            });
        }
        if self.part_align_max < WORD_BYTES {
            return Err(ConfigError::BelowMin {
                field: "part_align_max",
                value: self.part_align_max,
                min: WORD_BYTES,
            });
        }
        // The policy names entries by slot, and slots count from 1.
        let entries_max = self.residency.entries_max;
        if self.handles_max >= entries_max {
            return Err(ConfigError::AboveMax {
                field: "handles_max",
                value: self.handles_max.into(),
                max: u64::from(entries_max.saturating_sub(1)),
            });
        }
        self.check_budget(self.budget_bytes)?;
        let chunks_max = self
            .budget_bytes
            .saturating_sub(self.staging_under(self.budget_bytes));
        if self.long_lived_chunk_bytes > chunks_max {
            return Err(ConfigError::AboveMax {
                field: "long_lived_chunk_bytes",
                value: self.long_lived_chunk_bytes.get(),
                max: chunks_max.get(),
            });
        }
        Ok(())
    }

    /// Least budget that can be set later: it also holds one staging buffer of the present size.
    pub(crate) fn later_budget_bytes_min(&self) -> ByteLen {
        let staging = self.staging_buffer().get().saturating_mul(STAGING_SHARE);
        self.budget_bytes_min().max(ByteLen::new(staging))
    }

    /// Checks a budget set later: it must also hold one staging buffer of the present size.
    pub(crate) fn check_later_budget(&self, budget: ByteLen) -> Result<(), ConfigError> {
        self.check_budget(budget)?;
        let limit = self.staging_under(budget);
        if limit < self.staging_buffer() {
            return Err(ConfigError::StagingTooSmall { limit });
        }
        Ok(())
    }

    fn check_budget(&self, budget: ByteLen) -> Result<(), ConfigError> {
        let min = self.budget_bytes_min();
        if budget < min {
            let chunk_bytes = self.chunk_bytes;
            return Err(ConfigError::BudgetTooSmall {
                budget,
                min,
                chunk_bytes,
            });
        }
        Ok(())
    }
}

/// Settings that cannot work.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A field that must be above zero is not.
    Zero {
        /// Its name.
        field: &'static str,
    },
    /// A field is below what can work.
    BelowMin {
        /// Its name.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The lowest possible one.
        min: u64,
    },
    /// A field is above what can work.
    AboveMax {
        /// Its name.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The highest possible one.
        max: u64,
    },
    /// A buffer of that size cannot be made on this device.
    AboveDeviceLimit {
        /// Its name.
        field: &'static str,
        /// What was asked for.
        bytes: ByteLen,
        /// The device's limit.
        max: ByteLen,
    },
    /// Not even one chunk and its staging fit.
    BudgetTooSmall {
        /// What was asked for.
        budget: ByteLen,
        /// The least that works with this chunk size.
        min: ByteLen,
        /// The chunk size.
        chunk_bytes: ByteLen,
    },
    /// The staging that goes with the budget does not hold one staging buffer.
    StagingTooSmall {
        /// Bytes of staging: what is configured, at most an eighth of the budget.
        limit: ByteLen,
    },
    /// The heap refused its part of the settings.
    Heap(geoheap_chunk_heap::ConfigError),
    /// The residency policy refused its part.
    Residency(geoheap_residency::ConfigError),
    /// The replica ring refused its part.
    Ring(geoheap_frame_sync::RingError),
    /// A kind of the caller's own was refused.
    Kind(geoheap_chunk_heap::KindError),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero { field } => write!(f, "`{field}` must be above zero"),
            Self::BelowMin { field, value, min } => {
                write!(f, "`{field}` is {value}; it takes at least {min}")
            }
            Self::AboveMax { field, value, max } => {
                write!(f, "`{field}` is {value}; at most {max} works")
            }
            Self::AboveDeviceLimit { field, bytes, max } => write!(
                f,
                "`{field}` is {bytes} bytes; this device makes buffers of at most {max} bytes"
            ),
            Self::BudgetTooSmall {
                budget,
                min,
                chunk_bytes,
            } => write!(
                f,
                "a budget of {budget} bytes holds no chunk of {chunk_bytes} bytes beside its \
                 staging; use at least {min} bytes or smaller chunks"
            ),
            Self::StagingTooSmall { limit } => write!(
                f,
                "staging of {limit} bytes (at most an eighth of the budget) holds no staging \
                 buffer; use a larger budget or smaller staging buffers"
            ),
            Self::Heap(error) => write!(f, "{error}"),
            Self::Residency(error) => write!(f, "{error}"),
            Self::Ring(error) => write!(f, "{error}"),
            Self::Kind(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Heap(error) => Some(error),
            Self::Residency(error) => Some(error),
            Self::Ring(error) => Some(error),
            Self::Kind(error) => Some(error),
            _ => None,
        }
    }
}
