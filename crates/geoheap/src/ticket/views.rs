//! What a lookup answers: where a block and its parts lie in the ticket's version.

use core::fmt;

use geoheap_chunk_heap::{ChunkId, KindId, Part};
use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::slot::Slot;
use crate::ticket::FrameTicket;

/// A block's state in one version.
#[derive(Debug)]
pub enum Lookup<'a, Buf> {
    /// It lies in a chunk.
    Resident(BlockView<'a, Buf>),
    /// Its bytes are on their way.
    Pending,
    /// It was evicted, and is wished for from now on.
    Evicted,
    /// The handle is younger than this version.
    NotYetPublished,
    /// The block is gone.
    Stale,
    /// The device took it.
    Lost,
    /// It could not be made resident; the event stream says why.
    Failed,
}

impl<'a, Buf> Lookup<'a, Buf> {
    /// The view of a resident block.
    #[inline]
    pub fn resident(self) -> Option<BlockView<'a, Buf>> {
        match self {
            Self::Resident(view) => Some(view),
            _ => None,
        }
    }
}

/// Width of indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexFormat {
    /// 16 bits.
    U16,
    /// 32 bits.
    U32,
}

/// A block's first draw, addressed from its chunk's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// What is added to each index; 0 without indices.
    pub base_vertex: i32,
    /// First index, or first vertex without indices.
    pub first: u32,
    /// Count of them.
    pub count: u32,
    /// `None` without indices.
    pub index_format: Option<IndexFormat>,
}

/// Where a resident block lies.
///
/// It is two references: what it tells is read from the version when it is asked for, so that a
/// lookup costs no more than its one cache line.
pub struct BlockView<'a, Buf> {
    slot: &'a Slot,
    ticket: &'a FrameTicket<Buf>,
    slot_index: u32,
    is_fallback: bool,
}

impl<'a, Buf> BlockView<'a, Buf> {
    /// The view of a resident slot.
    #[inline]
    pub(crate) fn new(slot_index: u32, slot: &'a Slot, ticket: &'a FrameTicket<Buf>) -> Self {
        Self {
            slot,
            ticket,
            slot_index,
            is_fallback: false,
        }
    }

    /// The same view, as one that stands in for another block.
    pub(crate) fn as_fallback(self) -> Self {
        Self {
            is_fallback: true,
            ..self
        }
    }

    /// Whether it is of the same heap and version as the ticket.
    #[inline]
    pub(crate) fn is_of(&self, ticket: &FrameTicket<Buf>) -> bool {
        self.ticket.stamp() == ticket.stamp()
    }

    /// The slot of the block that it shows.
    pub(crate) fn slot_index(&self) -> u32 {
        self.slot_index
    }

    /// Its chunk; sort by it and bind each chunk once.
    #[inline]
    pub fn chunk(&self) -> ChunkId {
        ChunkId::new(self.slot.chunk)
    }

    /// The chunk's buffer.
    #[inline]
    pub fn buffer(&self) -> &'a Buf {
        self.ticket.chunk_buffer(self.chunk())
    }

    /// Start in the chunk, in bytes.
    #[inline]
    pub fn offset(&self) -> ByteOffset {
        self.slot.offset()
    }

    /// Length in bytes, padding between the parts included.
    #[inline]
    pub fn len(&self) -> ByteLen {
        self.slot.len()
    }

    /// How its first vertex part is drawn with its first index part; `None` without a vertex part.
    #[inline]
    pub fn draw(&self) -> Option<Draw> {
        self.slot.draw()
    }

    /// Whether it stands in for another.
    #[inline]
    pub fn is_fallback(&self) -> bool {
        self.is_fallback
    }
}

impl<Buf> Clone for BlockView<'_, Buf> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Buf> Copy for BlockView<'_, Buf> {}

impl<Buf> fmt::Debug for BlockView<'_, Buf> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockView")
            .field("chunk", &self.chunk())
            .field("offset", &self.offset())
            .field("len", &self.len())
            .field("draw", &self.draw())
            .field("is_fallback", &self.is_fallback)
            .finish_non_exhaustive()
    }
}

/// Where a part of a resident block lies.
pub struct PartView<'a, Buf> {
    block: BlockView<'a, Buf>,
    part: Part,
}

impl<'a, Buf> PartView<'a, Buf> {
    pub(crate) fn new(block: BlockView<'a, Buf>, part: Part) -> Self {
        Self { block, part }
    }

    /// Its chunk.
    pub fn chunk(&self) -> ChunkId {
        self.block.chunk()
    }

    /// The chunk's buffer.
    pub fn buffer(&self) -> &'a Buf {
        self.block.buffer()
    }

    /// Its kind.
    pub fn kind(&self) -> KindId {
        self.part.kind
    }

    /// Start in the chunk, in bytes.
    pub fn offset(&self) -> ByteOffset {
        self.block.offset() + ByteLen::new(self.part.range.start.get())
    }

    /// Length in bytes as given, without padding.
    pub fn len(&self) -> ByteLen {
        self.part.used_len
    }

    /// Its stride in bytes, 0 if it has none.
    pub fn stride(&self) -> u32 {
        self.part.stride
    }
}

impl<Buf> fmt::Debug for PartView<'_, Buf> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartView")
            .field("chunk", &self.chunk())
            .field("kind", &self.kind())
            .field("offset", &self.offset())
            .field("len", &self.len())
            .field("stride", &self.stride())
            .finish_non_exhaustive()
    }
}
