//! What the core is told, and what it asks for.

use std::sync::Arc;

use geoheap_chunk_heap::{BlockLayout, ChunkId, Lifetime, PartId, PartSpec, RangeKey};
use geoheap_frame_sync::{Usage, Version};
use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::budget_origin::BudgetOrigin;
use crate::core::spill::{SpillError, Spilled, Spilling};
use crate::error::{FailReason, RequestError};
use crate::gpu_bytes::GpuBytes;
use crate::handle::Handle;
use crate::payload::{Content, Contents, Payload, ReloadFn, Source, StagedWrite};
use crate::report::{HeapEvent, ReadBack};
use crate::slot::Slot;

/// Names a caller who waits for an answer; the shell keeps who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ReplyId(pub(crate) u64);

/// A read-back under way.
#[derive(Debug)]
pub(crate) enum Reading {
    /// A caller asked for it.
    Asked(Asked),
    /// The block is to leave, and this is a piece of it.
    Leaving {
        handle: Handle,
        /// Which of the block's leavings it is.
        seq: u64,
    },
}

/// A read-back that a caller asked for: who waits for it, and how its bytes are cut.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) reply: ReplyId,
    pub(crate) handle: Handle,
    /// Id, start from the block's start, and length of each part.
    pub(crate) parts: Vec<(PartId, ByteOffset, ByteLen)>,
    pub(crate) revision: u64,
}

/// A block whose layout was made and checked on the caller's thread.
#[derive(Debug)]
pub(crate) struct PreparedBlock {
    pub(crate) layout: BlockLayout,
    /// Room behind the parts that the caller asked for; it is in the layout.
    pub(crate) spare: ByteLen,
    pub(crate) contents: Contents,
    pub(crate) label: Option<Arc<str>>,
    pub(crate) lifetime: Lifetime,
    pub(crate) priority: u8,
    pub(crate) source: Source,
}

/// A change of a block's parts.
#[derive(Debug)]
pub(crate) enum PartOp {
    Add { spec: PartSpec, content: Content },
    Update { part: PartId, content: Content },
    Remove { part: PartId },
}

/// What a client asks of one block.
#[derive(Debug)]
pub(crate) enum Request {
    Add {
        handle: Handle,
        block: Box<PreparedBlock>,
    },
    Update {
        handle: Handle,
        contents: Contents,
        in_place: bool,
    },
    Remove {
        handle: Handle,
    },
    Share {
        handle: Handle,
    },
    Part {
        handle: Handle,
        op: PartOp,
        reply: ReplyId,
    },
    SetLifetime {
        handle: Handle,
        lifetime: Lifetime,
    },
    SetPriority {
        handle: Handle,
        priority: u8,
    },
    SetLabel {
        handle: Handle,
        label: Option<Arc<str>>,
    },
    Pin {
        handle: Handle,
        reply: ReplyId,
    },
    Unpin {
        handle: Handle,
    },
    AwaitResident {
        handle: Handle,
        reply: ReplyId,
    },
    ReadBack {
        handle: Handle,
        reply: ReplyId,
    },
    Evict {
        handle: Handle,
    },
    Prefetch {
        handle: Handle,
    },
    SetBudget {
        budget: ByteLen,
        origin: BudgetOrigin,
        reply: ReplyId,
    },
    HoldOutside {
        bytes: ByteLen,
        reply: ReplyId,
    },
    Flush {
        reply: ReplyId,
    },
    Compact {
        reply: ReplyId,
    },
    Trim {
        reply: ReplyId,
    },
}

impl Request {
    /// The block it is about; none if it is about the whole heap.
    pub(crate) fn handle(&self) -> Option<Handle> {
        match self {
            Self::Add { handle, .. }
            | Self::Update { handle, .. }
            | Self::Remove { handle }
            | Self::Share { handle }
            | Self::Part { handle, .. }
            | Self::SetLifetime { handle, .. }
            | Self::SetPriority { handle, .. }
            | Self::SetLabel { handle, .. }
            | Self::Pin { handle, .. }
            | Self::Unpin { handle }
            | Self::AwaitResident { handle, .. }
            | Self::ReadBack { handle, .. }
            | Self::Evict { handle }
            | Self::Prefetch { handle } => Some(*handle),
            Self::SetBudget { .. }
            | Self::HoldOutside { .. }
            | Self::Flush { .. }
            | Self::Compact { .. }
            | Self::Trim { .. } => None,
        }
    }

    /// Who waits for its answer.
    pub(crate) fn reply(&self) -> Option<ReplyId> {
        match self {
            Self::Part { reply, .. }
            | Self::Pin { reply, .. }
            | Self::AwaitResident { reply, .. }
            | Self::ReadBack { reply, .. }
            | Self::SetBudget { reply, .. }
            | Self::HoldOutside { reply, .. }
            | Self::Flush { reply }
            | Self::Compact { reply }
            | Self::Trim { reply } => Some(*reply),
            _ => None,
        }
    }

    /// Bytes of the caller's memory that it brings.
    pub(crate) fn content_bytes(&self) -> u64 {
        match self {
            Self::Update { contents, .. } => contents.iter().map(Content::shared_bytes).sum(),
            Self::Part {
                op: PartOp::Add { content, .. } | PartOp::Update { content, .. },
                ..
            } => content.shared_bytes(),
            _ => 0,
        }
    }

    /// Whether nothing of `earlier` is left to see once this is carried out right after it.
    pub(crate) fn replaces(&self, earlier: &Self) -> bool {
        let update = |request: &Self| match request {
            Self::Update {
                contents, in_place, ..
            } => Some((contents.iter().map(Content::len).collect(), *in_place)),
            _ => None,
        };
        let pair: (Option<(Vec<ByteLen>, bool)>, _) = (update(self), update(earlier));
        match pair {
            (Some((new, true)), Some((old, true))) => {
                new == old || (is_planted!(WaitingReplacedInVain) && new.len() == old.len())
            }
            (Some((new, false)), Some((old, false))) => new.len() == old.len(),
            _ => false,
        }
    }

    /// Whether a heap whose device is gone can still carry it out: it asks for no GPU memory.
    pub(crate) fn outlives_device(&self) -> bool {
        match self {
            Self::Add { .. }
            | Self::Remove { .. }
            | Self::Share { .. }
            | Self::SetLifetime { .. }
            | Self::SetPriority { .. }
            | Self::SetLabel { .. }
            | Self::Unpin { .. }
            | Self::Evict { .. }
            | Self::Prefetch { .. }
            | Self::Flush { .. } => true,
            Self::Update { .. }
            | Self::Part { .. }
            | Self::Pin { .. }
            | Self::AwaitResident { .. }
            | Self::ReadBack { .. }
            | Self::SetBudget { .. }
            | Self::HoldOutside { .. }
            | Self::Compact { .. }
            | Self::Trim { .. } => false,
        }
    }
}

/// What happened outside the core.
#[derive(Debug)]
pub(crate) enum Event {
    /// A client's request, in the order of the mailbox.
    Request(Request),
    /// A frame is over and used these slots of its version.
    Usage {
        frame: u64,
        version: Version,
        ends_frame: bool,
        usage: Usage,
        hidden_uses: u64,
        stale_lookups: u64,
    },
    /// A tick begins.
    TickBegin(TickFacts),
    /// The device made the buffer of a chunk.
    ChunkReady { chunk: ChunkId },
    /// It did not.
    ChunkFailed { chunk: ChunkId, reason: FailReason },
    /// All chunks asked for are answered: transfers can be recorded.
    Transfer {
        /// So many bytes of staging are free; since the tick began read-backs may have taken some.
        staging_free: ByteLen,
    },
    /// What the last transfers asked for was submitted (R1), or could not be.
    Submitted {
        ok: bool,
        /// Of what was: blocks whose bytes in buffers of callers the device refused to copy.
        refused: Vec<Handle>,
    },
    /// A version was published.
    Published { version: Version },
    /// No version was published, as older ones are held.
    PublishStalled { held: Vec<Version> },
    /// It is published with the next tick: the shell has more to write for it than staging holds.
    PublishDelayed,
    /// Nothing uses these any more (R3).
    Released(Vec<Retired>),
    /// The device has a dropped chunk's memory back.
    ChunkReturned { bytes: ByteLen },
    /// A reload callback answered.
    Reloaded {
        handle: Handle,
        seq: u64,
        bytes: u64,
        result: Result<Vec<Payload>, FailReason>,
    },
    /// A block's retained copies were written into the file, or not.
    Spilled {
        handle: Handle,
        seq: u64,
        /// Bytes in memory that this was to save.
        bytes: u64,
        /// What is in the file now.
        result: Result<Spilled, SpillError>,
    },
    /// Bytes that were asked for.
    ReadBackDone {
        read: Reading,
        bytes: Option<Vec<u8>>,
    },
    /// There is no staging memory for a read-back now.
    ReadBackDelayed { read: Reading },
    /// The device is gone.
    DeviceLost { reason: String },
    /// Leases on a part of the budget were given up.
    OutsideReturned { bytes: ByteLen },
    /// Nobody waits for that lease any more.
    OutsideForgotten { reply: ReplyId },
    /// There is another one, with nothing on it yet.
    Restored { buffer_bytes_max: ByteLen },
}

/// What a tick begins with.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TickFacts {
    /// So many bytes are held for staging.
    pub(crate) staging_held: ByteLen,
    /// No frame ended since the last tick, and none is in flight.
    pub(crate) idle: bool,
    /// An old version is still in use, so that what is given up is not soon reused.
    pub(crate) is_held_back: bool,
    /// How much of the caps its work may use.
    pub(crate) share: Share,
}

/// A part of the caps of a tick, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share(u16);

impl Share {
    /// All of it.
    pub(crate) const FULL: Self = Self(1_000);
    /// The least: however slow a machine is, it gets on.
    pub(crate) const MIN: Self = Self(1_000 / 16);

    /// So many thousandths, within the bounds.
    pub(crate) const fn new(thousandths: u64) -> Self {
        if thousandths <= Self::MIN.0 as u64 {
            return Self::MIN;
        }
        if thousandths >= Self::FULL.0 as u64 {
            return Self::FULL;
        }
        #[expect(clippy::cast_possible_truncation, reason = "less than a thousand")]
        Self(thousandths as u16)
    }

    pub(crate) const fn thousandths(self) -> u16 {
        self.0
    }

    /// The part of `cap`, at least 1 of what is not 0.
    pub(crate) fn of(self, cap: u64) -> u64 {
        let part = u128::from(cap) * u128::from(self.0) / u128::from(Self::FULL.0);
        u64::try_from(part).unwrap_or(cap).max(cap.min(1))
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::FULL
    }
}

/// Something that no new version names, waiting until no old one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retired {
    /// A block's former place.
    Range(RangeKey),
    /// A former room of a part inside a place that its block still has.
    Room {
        handle: Handle,
        place: RangeKey,
        part: PartId,
    },
    /// A chunk.
    Chunk(ChunkId),
}

/// What becomes of a slot's table of parts. Keeping it costs a reader nothing and the publisher
/// much less than a new one.
#[derive(Clone, Debug)]
pub(crate) enum PartsChange {
    /// It stays: the block moved, has other contents of the same lengths, or has no place.
    Keep,
    /// The block has other parts.
    Set(Arc<BlockLayout>),
    /// The block is gone.
    Clear,
}

/// One slot of the next version.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) index: u32,
    pub(crate) slot: Slot,
    pub(crate) parts: PartsChange,
}

/// What the shell does for the core, in order.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Make the buffer of a chunk; answer with `ChunkReady` or `ChunkFailed`.
    CreateChunk {
        chunk: ChunkId,
        len: ByteLen,
        lifetime: Lifetime,
    },
    /// Let go of a chunk's buffer; answer with `ChunkReturned` when the device has it back.
    DropChunk { chunk: ChunkId, len: ByteLen },
    /// Copy shared bytes into staging and on to a chunk. `len` is rounded up to words; what the
    /// payload lacks at its end is zero.
    Upload {
        payload: Payload,
        from: u64,
        chunk: ChunkId,
        offset: ByteOffset,
        len: ByteLen,
    },
    /// Copy a staged piece to a chunk.
    UploadStaged {
        staged: Box<StagedWrite>,
        chunk: ChunkId,
        offset: ByteOffset,
    },
    /// Copy from a caller's buffer to a chunk. Submitted apart from all else, so that a buffer
    /// that was destroyed is nobody's loss but its block's.
    CopyIn {
        handle: Handle,
        bytes: GpuBytes,
        from_offset: ByteOffset,
        chunk: ChunkId,
        offset: ByteOffset,
        len: ByteLen,
    },
    /// Copy between chunks.
    Copy {
        from: ChunkId,
        from_offset: ByteOffset,
        to: ChunkId,
        to_offset: ByteOffset,
        len: ByteLen,
    },
    /// Read a block's range; answer with `ReadBackDone`.
    ReadBack {
        read: Reading,
        chunk: ChunkId,
        offset: ByteOffset,
        len: ByteLen,
    },
    /// Submit all of the above; answer with `Submitted`.
    Submit,
    /// Publish; answer with `Published` or `PublishStalled`.
    Publish {
        changes: Vec<Change>,
        retired: Vec<Retired>,
        forget: Vec<ChunkId>,
    },
    /// Void every version: the device is gone (R5).
    VoidVersions,
    /// The budget changed: staging has another bound, and so has a block.
    SetBudget { budget: ByteLen, staging: ByteLen },
    /// Call a reload callback; answer with `Reloaded`.
    Reload {
        handle: Handle,
        seq: u64,
        make: ReloadFn,
        bytes: u64,
    },
    /// Write a block's retained copies into the file; answer with `Spilled`.
    Spill(Spilling),
    /// Answer a caller.
    Reply { reply: ReplyId, answer: Answer },
    /// Tell the event stream.
    Notify(HeapEvent),
}

/// What a waiting caller gets.
#[derive(Debug)]
pub(crate) enum Answer {
    Done,
    Version(Version),
    /// So much of the budget may be held outside.
    Outside(ByteLen),
    Part(PartId),
    ReadBack(ReadBack),
    Refused(RequestError),
}
