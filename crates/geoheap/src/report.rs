//! What a caller can know of the heap: counters, the map of all chunks, events, read-backs.

mod spill_step;
mod text;

use core::fmt;
use std::sync::Arc;

use geoheap_chunk_heap::{ChunkId, ChunkState, Lifetime, PartId, RangeState};
use geoheap_frame_sync::Version;
use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::budget_origin::BudgetOrigin;
use crate::error::{FailReason, RequestError};
use crate::handle::Handle;

pub use self::spill_step::SpillStep;

/// The frames' working set does not fit the budget: what fits is drawn, the rest is not resident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Degraded {
    /// Bytes of the blocks that recent frames used or wished for, and of those that must stay.
    pub working_set_bytes: u64,
    /// The part of them that is not resident.
    pub missing_bytes: u64,
    /// Bytes that dynamic blocks can have.
    pub budget_bytes: u64,
}

impl fmt::Display for Degraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (used, budget) = (self.working_set_bytes, self.budget_bytes);
        let missing = self.missing_bytes;
        write!(
            f,
            "frames use {used} bytes, {missing} of them missing; dynamic blocks can have {budget}"
        )
    }
}

/// Counters since the start, and figures as of the last tick. Bytes and counts.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Ticks so far.
    pub tick: u64,
    /// Thousandths of the caps that the next tick may use: fewer than 1000 where ticks took longer
    /// than [`Config::tick_time`](crate::Config::tick_time).
    pub tick_share_thousandths: u64,
    /// Number of the newest version.
    pub version: u64,
    /// The budget in force.
    pub budget_bytes: u64,
    /// Who said so.
    pub budget_origin: BudgetOrigin,
    /// What the device was seen to give.
    pub budget_effective_bytes: u64,
    /// GPU memory held: chunks, staging, dropped chunks not yet returned, what is outside (R10).
    pub held_bytes: u64,
    /// Its peak.
    pub held_bytes_peak: u64,
    /// Bytes of open chunks.
    pub chunk_bytes: u64,
    /// What the driver sets aside for them at least: each vertex buffer is padded.
    pub chunk_bytes_padded: u64,
    /// Bytes of ranges that the newest version names.
    pub live_bytes: u64,
    /// Bytes of ranges that are being filled.
    pub reserved_bytes: u64,
    /// Bytes of ranges that only older versions name.
    pub retired_bytes: u64,
    /// Bytes of buffers that hold the records of draw sets.
    pub record_bytes: u64,
    /// Bytes that are held outside of the engine under leases: see
    /// [`Client::hold_outside`](crate::Client::hold_outside).
    pub outside_bytes: u64,
    /// Bytes of staging buffers.
    pub staging_bytes: u64,
    /// Their peak.
    pub staging_bytes_peak: u64,
    /// Chunks that exist or are being made, those on their way out among them.
    pub chunks: u64,
    /// Most that existed at a time.
    pub chunks_peak: u64,
    /// Open chunks for dynamic blocks.
    pub dynamic_chunks: u64,
    /// Open chunks for long-lived blocks.
    pub long_lived_chunks: u64,
    /// Buffers made for chunks.
    pub chunks_created: u64,
    /// Chunks given back to the device.
    pub chunks_returned: u64,
    /// Draw sets that found no memory for their records yet.
    pub draw_sets_waiting: u64,
    /// Blocks alive, resident or not.
    pub blocks: u64,
    /// Blocks resident in the newest version.
    pub resident_blocks: u64,
    /// Bytes of blocks alive, resident or not.
    pub world_bytes: u64,
    /// Their peak.
    pub world_bytes_peak: u64,
    /// Bytes of contents sent to the GPU, or copied there from buffers of the program's own; the
    /// records of draw sets are not among them.
    pub upload_bytes: u64,
    /// Blocks added.
    pub blocks_added: u64,
    /// Blocks removed by their last owner.
    pub blocks_removed: u64,
    /// Updates of blocks and of parts.
    pub blocks_updated: u64,
    /// Blocks evicted.
    pub evictions: u64,
    /// Of them, those that frames may have used and that made way for others of higher priority.
    pub displaced: u64,
    /// Blocks that leave as soon as their bytes are copied back from the GPU, and are resident
    /// until then.
    pub leaving_blocks: u64,
    /// Bytes of retained copies in system memory; counted under
    /// [`Config::spill`](crate::Config::spill) only.
    pub retained_bytes: u64,
    /// Bytes of retained copies in the file.
    pub spilled_bytes: u64,
    /// Copies that could not be written into it, or not read to be written with newer parts.
    pub spill_failures: u64,
    /// Evicted blocks that came back.
    pub stream_ins: u64,
    /// Their bytes.
    pub stream_in_bytes: u64,
    /// Blocks moved by compaction.
    pub moves: u64,
    /// Bytes copied for them, in vain or not.
    pub moved_bytes: u64,
    /// Copies that moves took: neighbours that move together are one, a long block several.
    pub move_copies: u64,
    /// Blocks that were laid out anew, for the gaps between their parts.
    pub gaps_closed: u64,
    /// Evictions that spared a move: cold blocks of a chunk that was emptied for the budget.
    pub defrag_evictions: u64,
    /// Compaction passes that planned at least one move.
    pub defrag_passes: u64,
    /// Versions published.
    pub publishes: u64,
    /// Ticks in which no version could be published.
    pub publish_stalls: u64,
    /// Frames finished, but those whose notes were lost.
    pub frames: u64,
    /// Frames begun.
    pub frames_begun: u64,
    /// Frames begun since the last tick. The actor ticks at each frame's end; a number that keeps
    /// growing says that it is stalled: frames go on with the newest version there is.
    pub frames_since_tick: u64,
    /// Tickets and forks that are held now.
    pub tickets_open: u64,
    /// Who holds them, by frame. With more than 64 open at once some are not named.
    pub holders: Vec<TicketHolder>,
    /// Tickets and forks that were dropped without being finished.
    pub tickets_dropped: u64,
    /// Tickets and forks that a panic dropped.
    pub tickets_panicked: u64,
    /// Notes of what frames used that were dropped because the actor did not tick.
    pub notes_lost: u64,
    /// Versions that tickets or commands keep in use, the newest among them.
    pub versions_alive: u64,
    /// The oldest version in use: what later versions stopped naming waits for it.
    pub oldest_version: u64,
    /// Set while memory that old versions keep from being reused is short.
    pub backpressure: Option<Backpressure>,
    /// Set while the working set does not fit.
    pub degraded: Option<Degraded>,
    /// Frames finished while it was set.
    pub degraded_frames: u64,
    /// Moves from or to long-lived chunks; zero unless `move_long_lived` is set (R9).
    pub long_lived_moves: u64,
    /// Evictions of long-lived blocks; always zero (R9).
    pub long_lived_evictions: u64,
    /// Lookups of a block that was resident, was not evicted, and had no place; always zero (R8).
    pub hidden_uses: u64,
    /// Lookups of stale handles.
    pub stale_lookups: u64,
    /// Blocks that could not be made resident.
    pub failed: u64,
    /// Buffers that the device had no memory for.
    pub out_of_memory: u64,
    /// Slots whose generation reached its maximum (R7).
    pub slots_out_of_service: u64,
    /// Errors that the device reported.
    pub gpu_errors: u64,
    /// Events that found the event stream full.
    pub events_lost: u64,
    /// Copies recorded, after merging.
    pub gpu_copies: u64,
    /// Submits of the engine's own.
    pub gpu_submits: u64,
    /// Whether the device is gone, and not followed by another yet.
    pub device_lost: bool,
    /// Devices lost so far.
    pub device_losses: u64,
    /// Devices that followed a lost one.
    pub restores: u64,
    /// Blocks whose contents went with a device for want of a source, and that nobody has removed
    /// or brought new contents for.
    pub blocks_lost: u64,
}

/// Somebody who holds a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TicketHolder {
    /// Number of the frame.
    pub frame: u64,
    /// The version it keeps in use.
    pub version: Version,
    /// Name of the [`FrameSource`](crate::FrameSource) that began it.
    pub source: Arc<str>,
    /// Whether it is a worker's fork of the frame's ticket.
    pub is_fork: bool,
}

impl fmt::Display for TicketHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fork = if self.is_fork { "a fork of " } else { "" };
        let (frame, source, version) = (self.frame, &self.source, self.version);
        write!(f, "{fork}frame {frame} of {source:?} at version {version}")
    }
}

/// Memory waits for versions that are still in use, and somebody waits for that memory, or too
/// many versions are in use for another to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backpressure {
    /// The version that everything waits for.
    pub oldest_version: Version,
    /// Bytes that wait for it and for later ones.
    pub held_bytes: u64,
    /// The tickets at that version; if there are none, commands that were recorded from it have
    /// neither completed nor been dropped, or a bundle or another token of it is kept.
    pub holders: Vec<TicketHolder>,
}

impl fmt::Display for Backpressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, oldest) = (self.held_bytes, self.oldest_version);
        write!(f, "{bytes} bytes wait for version {oldest}, held by ")?;
        if self.holders.is_empty() {
            return f.write_str("recorded commands, kept bundles or other tokens of it");
        }
        for (nth, holder) in self.holders.iter().enumerate() {
            let comma = if nth == 0 { "" } else { ", " };
            write!(f, "{comma}{holder}")?;
        }
        Ok(())
    }
}

/// The operation that an event speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op {
    /// `add`
    Add,
    /// `update` or `update_in_place`
    Update,
    /// `remove`
    Remove,
    /// `share`
    Share,
    /// `add_part`, `update_part` or `remove_part`
    Part,
    /// `set_lifetime`
    SetLifetime,
    /// `set_priority`
    SetPriority,
    /// `set_label`
    SetLabel,
    /// `pin`
    Pin,
    /// `unpin`
    Unpin,
    /// `resident`
    AwaitResident,
    /// `read_back`
    ReadBack,
    /// `evict`
    Evict,
    /// `prefetch`
    Prefetch,
}

/// Something that went wrong, or changed, after the call that caused it had returned.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum HeapEvent {
    /// A request was refused; the block keeps the contents that it had.
    Refused {
        /// The block it was about.
        handle: Handle,
        /// What was asked.
        op: Op,
        /// Why not.
        error: RequestError,
    },
    /// A block could not be made resident.
    Failed {
        /// The block.
        handle: Handle,
        /// Why.
        reason: FailReason,
    },
    /// No replica was free, or too many versions are in use: the changes go out with a later
    /// version. Told when it begins; [`Report::publish_stalls`] counts its ticks.
    PublishStalled {
        /// The versions that readers hold.
        held: Vec<Version>,
        /// The tickets among them.
        holders: Vec<TicketHolder>,
    },
    /// Old versions keep memory from being reused that is needed now, or too many of them are in
    /// use. Told when it begins; [`Report::backpressure`] is set until it is over.
    Backpressure(Backpressure),
    /// The device had no memory for a buffer; the engine lives on with what it has.
    OutOfMemory {
        /// Bytes of the buffer.
        requested: ByteLen,
        /// What the engine keeps to from now on; it grows back slowly.
        effective_budget: ByteLen,
    },
    /// The budget that the device had cut short is whole again: it grew back, another one was set,
    /// or there is another device.
    BudgetRegrown {
        /// What the engine keeps to from now on.
        budget: ByteLen,
    },
    /// What frames use does not fit the budget, until it is told as [`HeapEvent::Recovered`] or the
    /// device is lost.
    Degraded(Degraded),
    /// What frames use fits again.
    Recovered,
    /// A retained copy could not be written into the file for such, and stays in memory.
    SpillFailed {
        /// Its bytes.
        bytes: ByteLen,
        /// What failed, and with it who waits: all copies, or this one.
        step: SpillStep,
        /// What the operating system said.
        message: String,
    },
    /// The device reported an error.
    GpuError {
        /// Its message.
        message: String,
    },
    /// The device is gone.
    DeviceLost {
        /// What it said.
        reason: String,
    },
    /// Contents went with the device that have no source. Whole new contents
    /// ([`Client::update`](crate::Client::update)) bring such a block back on the next device.
    BlocksLost {
        /// How many blocks.
        count: u64,
        /// The first 256 of them, by slot; lookups of the others answer
        /// [`Lookup::Lost`](crate::Lookup::Lost) too.
        handles: Vec<Handle>,
    },
    /// There is a device again.
    Restored(Restored),
}

/// What [`GeometryManager::restore`](crate::GeometryManager::restore) found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// Blocks that come back by themselves, as far as there is room.
    pub returning_blocks: u64,
    /// Blocks that were evicted before the loss, and stay so until a frame or a caller asks.
    pub evicted_blocks: u64,
    /// Blocks whose contents are lost.
    pub lost_blocks: u64,
}

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (back, evicted) = (self.returning_blocks, self.evicted_blocks);
        let lost = self.lost_blocks;
        write!(
            f,
            "{back} blocks come back, {evicted} stay evicted until they are asked for, "
        )?;
        write!(f, "{lost} are lost")
    }
}

impl fmt::Display for HeapEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { handle, op, error } => write!(f, "{op:?} of {handle}: {error}"),
            Self::Failed { handle, reason } => write!(f, "{handle} failed: {reason}"),
            Self::PublishStalled { held, holders } => {
                write!(f, "no version was published; readers hold {held:?}")?;
                holders
                    .iter()
                    .try_for_each(|holder| write!(f, "; {holder}"))
            }
            Self::Backpressure(pressure) => write!(f, "{pressure}"),
            Self::OutOfMemory {
                requested,
                effective_budget,
            } => write!(
                f,
                "no memory for {requested} bytes; the budget is {effective_budget} bytes for now"
            ),
            Self::BudgetRegrown { budget } => {
                write!(f, "the budget is {budget} bytes again")
            }
            Self::Degraded(degraded) => write!(f, "degraded: {degraded}"),
            Self::Recovered => f.write_str("the working set fits the budget again"),
            Self::SpillFailed {
                bytes,
                step,
                message,
            } => write!(
                f,
                "a copy of {bytes} bytes stays in memory: {step}: {message}"
            ),
            Self::GpuError { message } => write!(f, "GPU error: {message}"),
            Self::DeviceLost { reason } => write!(f, "device lost: {reason}"),
            Self::BlocksLost { count, .. } => {
                write!(f, "the contents of {count} blocks went with the device")
            }
            Self::Restored(restored) => write!(f, "there is a device again: {restored}"),
        }
    }
}

/// A block's bytes as the GPU has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadBack {
    /// Contents the block had when it was read.
    pub revision: u64,
    /// Parts in the order of their ids.
    pub parts: Vec<(PartId, Vec<u8>)>,
}

/// Every chunk and every range at one moment.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct HeapMap {
    /// Chunks by id.
    pub chunks: Vec<ChunkMap>,
}

/// One chunk.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChunkMap {
    /// Its id.
    pub id: ChunkId,
    /// Bytes of its buffer.
    pub capacity: ByteLen,
    /// Whose blocks it holds.
    pub lifetime: Lifetime,
    /// Whether it was made for one block.
    pub dedicated: bool,
    /// Where it is in its life.
    pub state: ChunkState,
    /// Bytes that the newest version names.
    pub live: ByteLen,
    /// Bytes that are being filled.
    pub reserved: ByteLen,
    /// Bytes that only older versions name.
    pub retired: ByteLen,
    /// Bytes in no range: with the other three they add up to the capacity (R6).
    pub free: ByteLen,
    /// Its ranges in address order; what lies between is free.
    pub ranges: Vec<RangeMap>,
}

/// One range of a chunk.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RangeMap {
    /// Start in the chunk.
    pub offset: ByteOffset,
    /// Length.
    pub len: ByteLen,
    /// Being filled, live, or retired.
    pub state: RangeState,
    /// The block, if it still lives.
    pub handle: Option<Handle>,
    /// Bytes of the block's parts by kind number: vertex, index, uniform, storage, others.
    pub kind_bytes: [u64; 5],
    /// Whether it is pinned.
    pub pinned: bool,
    /// The block's label.
    pub label: Option<Arc<str>>,
}
