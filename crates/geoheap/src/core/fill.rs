//! A job that brings bytes to where a block's next place is: pieces, progress, and what to do
//! once they are all submitted.

use std::sync::Arc;

use geoheap_chunk_heap::{BlockLayout, PartId, RangeKey};
use geoheap_suballoc::{ByteLen, ByteOffset};
use smallvec::SmallVec;

use crate::core::event::{Answer, ReplyId};
use crate::gpu_bytes::GpuBytes;
use crate::payload::{Content, OnDevice, Payload, StagedWrite};

/// Why bytes are on their way. Decides the order and the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A new block.
    Add,
    /// New contents.
    Update,
    /// An evicted block comes back.
    StreamIn,
    /// Parts changed, or the block changes between lifetimes.
    Reshape,
}

impl Purpose {
    /// Whether the job waits behind nothing but its own kind: see `transfer`.
    pub(crate) fn is_stream_in(self) -> bool {
        self == Self::StreamIn
    }
}

/// Where the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A range has yet to be found.
    Unplaced,
    /// A range that no version names yet.
    Fresh(RangeKey),
    /// The block's present range: room that no version reads, or contents that an update in
    /// place replaces by the caller's choice.
    Present,
}

/// Bytes of one piece.
#[derive(Debug)]
pub(crate) enum Bytes {
    /// Memory shared with the caller.
    Shared(Payload),
    /// Staging memory; `None` once it was sent.
    Staged(Option<Box<StagedWrite>>),
    /// A range of a buffer of the caller's.
    OnGpu(GpuBytes),
    /// What lies in the block's present range at this offset from its start.
    FromPresent(ByteOffset),
}

/// Contents to keep, by part.
pub(crate) type Retain = SmallVec<[(PartId, Payload); 1]>;

/// Most blocks have one part.
pub(crate) type Pieces = SmallVec<[Piece; 1]>;

/// A run of bytes and where it goes, relative to the block's start.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) to: ByteOffset,
    /// Rounded up to words.
    pub(crate) len: ByteLen,
    pub(crate) bytes: Bytes,
}

impl Piece {
    /// The piece that fills `part` of `layout` with `content`.
    pub(crate) fn of_part(layout: &BlockLayout, part: PartId, content: Content) -> Self {
        let place = layout
            .part(part)
            .expect("the caller took the id from this layout");
        let bytes = match content {
            Content::Shared(payload) => Bytes::Shared(payload),
            Content::OnDevice(bytes) => match *bytes {
                OnDevice::Staged(staged) => Bytes::Staged(Some(Box::new(staged))),
                OnDevice::Gpu(bytes) => Bytes::OnGpu(bytes),
            },
        };
        Self {
            to: place.range.start,
            len: place.range.len,
            bytes,
        }
    }
}

/// How far a job was recorded.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    piece: usize,
    piece_done: u64,
    sent_bytes: u64,
}

/// One job.
#[derive(Debug)]
pub(crate) struct Fill {
    /// Order among all jobs.
    pub(crate) seq: u64,
    /// Place in the order of the oldest request that it answers: contents may replace others
    /// before these were published. A flush sent after that place waits.
    pub(crate) since: u64,
    pub(crate) purpose: Purpose,
    pub(crate) target: Target,
    /// The block's layout once the job is done.
    pub(crate) layout: Arc<BlockLayout>,
    pub(crate) pieces: Pieces,
    /// Pieces before this one are recorded.
    pub(crate) piece: usize,
    /// Bytes of the present piece that are recorded.
    pub(crate) piece_done: u64,
    /// Whether the contents change.
    pub(crate) raises_revision: bool,
    /// Rooms inside the block that retire once the job is done.
    pub(crate) retire_rooms: Vec<PartId>,
    /// Answers due once the result is published.
    pub(crate) replies: Vec<(ReplyId, Answer)>,
    /// Contents to retain once the job is done.
    pub(crate) retain: Retain,
    /// Whether the policy was told to leave the block alone meanwhile.
    pub(crate) is_guarded: bool,
    /// Times that blocks of lower priority made way for it.
    pub(crate) claims: u32,
    /// Ticks in which it found no room.
    pub(crate) misses: u32,
    /// Buffers that could not be made for it.
    pub(crate) create_failures: u32,
    /// Submits of its bytes that failed.
    pub(crate) submit_failures: u32,
    /// Bytes counted as uploaded by it so far.
    pub(crate) sent_bytes: u64,
    /// What of it is submitted for sure.
    safe: Progress,
    /// Whether some of it is recorded and not submitted yet.
    pub(crate) in_batch: bool,
}

impl Fill {
    /// A job with nothing recorded yet.
    pub(crate) fn new(
        seq: u64,
        purpose: Purpose,
        layout: Arc<BlockLayout>,
        pieces: Pieces,
    ) -> Self {
        Self {
            seq,
            since: seq,
            purpose,
            target: Target::Unplaced,
            layout,
            pieces,
            piece: 0,
            piece_done: 0,
            raises_revision: purpose == Purpose::Update,
            retire_rooms: Vec::new(),
            replies: Vec::new(),
            retain: Retain::new(),
            is_guarded: false,
            claims: 0,
            misses: 0,
            create_failures: 0,
            submit_failures: 0,
            sent_bytes: 0,
            safe: Progress::default(),
            in_batch: false,
        }
    }

    /// Notes that so many more bytes of the present piece are recorded.
    pub(crate) fn advance(&mut self, len: u64) {
        self.piece_done += len;
        if self.piece_done == self.pieces[self.piece].len.get() {
            self.piece += 1;
            self.piece_done = 0;
        }
    }

    /// Whether all pieces are recorded.
    pub(crate) fn is_recorded(&self) -> bool {
        self.piece == self.pieces.len()
    }

    /// Whether it reads the block's present range.
    pub(crate) fn reads_present(&self) -> bool {
        self.pieces
            .iter()
            .any(|piece| matches!(piece.bytes, Bytes::FromPresent(_)))
    }

    /// Whether anything of it is recorded.
    pub(crate) fn has_begun(&self) -> bool {
        self.piece > 0 || self.piece_done > 0
    }

    /// Bytes of the present batch.
    pub(crate) fn sent_in_batch(&self) -> u64 {
        self.sent_bytes - self.safe.sent_bytes
    }

    /// What was recorded is submitted.
    pub(crate) fn keep_progress(&mut self) {
        self.in_batch = false;
        self.submit_failures = 0;
        self.safe = Progress {
            piece: self.piece,
            piece_done: self.piece_done,
            sent_bytes: self.sent_bytes,
        };
    }

    /// Goes back to what is submitted, as what was recorded since did not arrive. Returns whether
    /// that is possible: staged pieces that were sent cannot be sent again.
    pub(crate) fn rewind(&mut self) -> bool {
        self.in_batch = false;
        self.piece = self.safe.piece;
        self.piece_done = self.safe.piece_done;
        self.sent_bytes = self.safe.sent_bytes;
        self.pieces[self.piece..]
            .iter()
            .all(|piece| !matches!(piece.bytes, Bytes::Staged(None)))
    }

    /// Starts over somewhere else, as its range is gone. Returns whether that is possible.
    pub(crate) fn restart(&mut self) -> bool {
        self.target = Target::Unplaced;
        self.safe = Progress {
            sent_bytes: self.sent_bytes,
            ..Progress::default()
        };
        self.rewind()
    }
}
