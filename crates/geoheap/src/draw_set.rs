//! Draw sets: lists of draws whose GPU records the engine writes, so that a frame records one call
//! for each chunk, however many meshes are in it.
//!
//! A set names blocks by handle. Whenever one of them changes its place, comes, goes, or is
//! replaced, the geometry actor writes the set's records anew, into a buffer that no version in use
//! names, before the version that shows the change is published (R1). So the records of a version
//! are as immutable as its places: a frame never draws from a record that is older or younger than
//! itself, and no move can make one stale.

use core::fmt;
use core::ops::Range;
use std::sync::Arc;

use geoheap_chunk_heap::ChunkId;

use crate::handle::Handle;
use crate::ticket::board::HeapId;
use crate::ticket::{FrameTicket, IndexFormat};

/// Bytes of an indexed record: count, instances, first index, base vertex, first instance.
pub(crate) const INDEXED_RECORD_BYTES: u64 = 20;
/// Bytes of a record without indices: count, instances, first vertex, first instance.
pub(crate) const PLAIN_RECORD_BYTES: u64 = 16;

/// Names a draw set of one manager, for as long as that lives; numbers are not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DrawSetId(u64);

/// Bits of a set's number within its heap; above them stands the heap's.
const SET_BITS: u32 = 40;

impl DrawSetId {
    pub(crate) fn new(heap: HeapId, nth: u64) -> Self {
        Self(u64::from(heap.get()) << SET_BITS | nth)
    }

    /// Whether the heap, which made `count` sets so far, made this one.
    pub(crate) fn is_of(self, heap: HeapId, count: u64) -> bool {
        let nth = self.0 & ((1 << SET_BITS) - 1);
        self == Self::new(heap, nth) && (1..=count).contains(&nth)
    }
}

impl fmt::Display for DrawSetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "draw set {}", self.0 & ((1 << SET_BITS) - 1))
    }
}

/// One draw of a set: the block's first draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetDraw {
    /// The block.
    pub handle: Handle,
    /// The instances drawn; a shader finds its object by the instance index.
    pub instances: Range<u32>,
}

/// Records of one chunk and one index format, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetGroup {
    /// The chunk that the records draw from.
    pub chunk: ChunkId,
    /// Width of the indices; `None` for draws without.
    pub index_format: Option<IndexFormat>,
    /// Where its records start in the set's buffer, in bytes.
    pub offset_bytes: u64,
    /// Number of records.
    pub count: u32,
}

/// A set as one version shows it.
#[derive(Debug)]
pub(crate) struct PublishedSet<Buf> {
    pub(crate) id: DrawSetId,
    /// The records; `None` without any.
    pub(crate) records: Option<Buf>,
    pub(crate) groups: Box<[SetGroup]>,
    /// Slots of all blocks of the set, resident or not.
    pub(crate) members: Arc<[u32]>,
    pub(crate) absent: u32,
}

/// A draw set as a ticket's version shows it.
pub struct DrawSetView<'a, Buf> {
    set: &'a PublishedSet<Buf>,
    ticket: &'a FrameTicket<Buf>,
}

impl<Buf> fmt::Debug for DrawSetView<'_, Buf> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrawSetView")
            .field("id", &self.set.id)
            .field("groups", &self.set.groups)
            .field("absent", &self.set.absent)
            .finish_non_exhaustive()
    }
}

impl<'a, Buf> DrawSetView<'a, Buf> {
    pub(crate) fn new(set: &'a PublishedSet<Buf>, ticket: &'a FrameTicket<Buf>) -> Self {
        Self { set, ticket }
    }

    pub(crate) fn ticket(&self) -> &'a FrameTicket<Buf> {
        self.ticket
    }

    /// The records by chunk and index format.
    pub fn groups(&self) -> &'a [SetGroup] {
        &self.set.groups
    }

    /// The buffer of the records; `None` if there are none.
    pub fn records(&self) -> Option<&'a Buf> {
        self.set.records.as_ref()
    }

    /// The buffer of a group's chunk.
    pub fn chunk_buffer(&self, group: &SetGroup) -> &'a Buf {
        self.ticket.chunk_buffer(group.chunk)
    }

    /// Number of records in all.
    pub fn draws(&self) -> u64 {
        let groups = self.set.groups.iter();
        groups.map(|group| u64::from(group.count)).sum()
    }

    /// Draws of the set that have no record: their block is not resident in this version.
    pub fn absent(&self) -> u32 {
        self.set.absent
    }

    /// Tells the residency policy that the frame wants all blocks of the set.
    pub fn mark_used(&self) {
        self.ticket.mark_slots(&self.set.members);
    }
}
