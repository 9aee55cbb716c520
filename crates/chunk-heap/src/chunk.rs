//! One chunk: a linear space, the keys of the ranges in it, and how many bytes are in which state.

use core::fmt;

use geoheap_suballoc::{Align, ByteLen, ByteRange, RangeId, Space};
use slotmap::{Key, new_key_type};

use crate::figures::fragmentation;
use crate::pool::{Place, PoolKey, Stock};

/// A chunk: a dense index, fit to index the caller's own table of buffers. An index is used again
/// only after its chunk is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId(u32);

impl ChunkId {
    /// The chunk of this index.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The index.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The index, for a table.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

new_key_type! {
    /// Names a range in the heap. Generational: the key of a range that was released finds nothing.
    pub struct RangeKey;
}

/// What the caller wants to find again with a range, say its handle. The heap only keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(pub u64);

/// How long a block is meant to stay, and with which others it shares chunks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lifetime {
    /// Comes and goes; may be evicted and moved.
    #[default]
    Dynamic,
    /// Stays; lives in chunks of its own, so that it never keeps an ill-used chunk alive.
    LongLived,
}

/// Where a chunk is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChunkState {
    /// Its buffer is being made. Ranges can be reserved, not committed.
    Opening,
    /// In use.
    Ready,
    /// In use, and takes no new ranges: it is being evacuated.
    Draining,
    /// Empty for good; waits for its buffer to be given back.
    Closing,
}

/// Where a range is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RangeState {
    /// Placed; its bytes are on their way, and no version names it.
    Reserved,
    /// Named by the newest version.
    Live,
    /// Named by older versions only.
    Retired,
}

/// A range of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeInfo {
    /// Its key.
    pub key: RangeKey,
    /// The chunk it lies in.
    pub chunk: ChunkId,
    /// Where; the length is rounded up to the heap's unit.
    pub range: ByteRange,
    /// Reserved, live or retired.
    pub state: RangeState,
    /// As given.
    pub owner: Owner,
    /// What its start is a multiple of.
    pub align: Align,
}

/// What is known of a chunk, in O(1). live + reserved + retired + free = capacity (R6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkInfo {
    /// Its id.
    pub id: ChunkId,
    /// Its bytes, in whole units.
    pub capacity: ByteLen,
    /// Which blocks it is for.
    pub lifetime: Lifetime,
    /// Whether it is the buffer of a single block.
    pub dedicated: bool,
    /// The class of its blocks, where the heap is split by class.
    pub class: u8,
    /// Opening, ready, draining or closing.
    pub state: ChunkState,
    /// Bytes of live ranges.
    pub live: ByteLen,
    /// Bytes of reserved ranges.
    pub reserved: ByteLen,
    /// Bytes of retired ranges.
    pub retired: ByteLen,
    /// Bytes in no range.
    pub free: ByteLen,
    /// Bytes of the largest free room.
    pub largest_free: ByteLen,
    /// Count of ranges in any state.
    pub range_count: u32,
    /// The tick since which it is ready and empty.
    pub empty_since: Option<u64>,
}

impl ChunkInfo {
    /// The share of the free bytes outside the largest free room, in O(1): 0 where all are in one
    /// room, or where none is free, towards 1 as they are scattered.
    pub fn fragmentation(&self) -> f64 {
        fragmentation(self.free, self.largest_free)
    }
}

/// Bytes by state of range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ByState {
    pub(crate) live: ByteLen,
    pub(crate) reserved: ByteLen,
    pub(crate) retired: ByteLen,
}

impl ByState {
    pub(crate) fn of(&mut self, state: RangeState) -> &mut ByteLen {
        match state {
            RangeState::Live => &mut self.live,
            RangeState::Reserved => &mut self.reserved,
            RangeState::Retired => &mut self.retired,
        }
    }

    pub(crate) fn sum(&self) -> ByteLen {
        self.live + self.reserved + self.retired
    }
}

/// One chunk's bookkeeping.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) space: Space,
    pub(crate) lifetime: Lifetime,
    pub(crate) dedicated: bool,
    pub(crate) class: u8,
    pub(crate) state: ChunkState,
    pub(crate) bytes: ByState,
    /// Count of its ranges.
    pub(crate) ranges: u32,
    /// Bytes of the largest free room, as it was when the figures were last counted.
    pub(crate) largest: ByteLen,
    pub(crate) empty_since: Option<u64>,
    /// Where the heap has filed it.
    pub(crate) place: Option<Place>,
    /// By slot of the space: the key of the range that lives there.
    keys: Vec<RangeKey>,
}

impl Chunk {
    pub(crate) fn new(space: Space, lifetime: Lifetime, dedicated: bool, class: u8) -> Self {
        Self {
            largest: space.largest_free(),
            space,
            lifetime,
            dedicated,
            class,
            state: ChunkState::Opening,
            bytes: ByState::default(),
            ranges: 0,
            empty_since: None,
            place: None,
            keys: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges == 0
    }

    pub(crate) fn capacity(&self) -> ByteLen {
        self.space.capacity()
    }

    /// Bytes in no range.
    pub(crate) fn free(&self) -> ByteLen {
        self.capacity() - self.bytes.sum()
    }

    /// Whether its buffer is there and it holds nothing.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_empty() && matches!(self.state, ChunkState::Ready | ChunkState::Draining)
    }

    /// R6, in O(1): what the ranges take and what the space has free is the whole chunk.
    pub(crate) fn assert_conserved(&self) {
        let (taken, free) = (self.bytes.sum(), self.space.free_bytes());
        assert_eq!(
            taken + free,
            self.capacity(),
            "R6: {:?} + {free} free",
            self.bytes
        );
        assert_eq!(
            self.ranges,
            self.space.live_count(),
            "H1: ranges are counted"
        );
    }

    /// Whether new ranges may go here.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, ChunkState::Opening | ChunkState::Ready)
    }

    /// Whether it is an empty dynamic chunk that any block can go to.
    pub(crate) fn is_spare(&self) -> bool {
        self.is_open() && !self.dedicated && self.lifetime == Lifetime::Dynamic && self.is_empty()
    }

    /// Where it belongs in the pools; `None` where it takes no blocks or is dedicated.
    pub(crate) fn place_now(&self) -> Option<Place> {
        if self.dedicated || !self.is_open() {
            return None;
        }
        let stock = match self.state {
            ChunkState::Opening => Stock::Opening,
            _ if self.is_empty() => Stock::Empty,
            _ => Stock::Class(self.class),
        };
        let key = PoolKey {
            lifetime: self.lifetime,
            stock,
        };
        Some(Place::new(key, self.capacity(), self.free(), self.largest))
    }

    /// The key of the range in the slot of `id`.
    pub(crate) fn key(&self, id: RangeId) -> RangeKey {
        self.keys[id.index() as usize]
    }

    pub(crate) fn set_key(&mut self, id: RangeId, key: RangeKey) {
        let slot = id.index() as usize;
        if slot >= self.keys.len() {
            self.keys.resize(slot + 1, RangeKey::null());
        }
        self.keys[slot] = key;
    }

    /// The keys of its ranges, in address order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = RangeKey> {
        self.space
            .iter()
            .filter_map(|span| span.id)
            .map(|id| self.key(id))
    }

    /// Where its ranges lie, in address order, without a look at what [`Self::keys`] leads to.
    pub(crate) fn places(&self) -> impl Iterator<Item = ByteRange> {
        let spans = self.space.iter().filter(|span| span.id.is_some());
        spans.map(|span| span.range)
    }

    pub(crate) fn info(&self, id: ChunkId) -> ChunkInfo {
        ChunkInfo {
            id,
            capacity: self.capacity(),
            lifetime: self.lifetime,
            dedicated: self.dedicated,
            class: self.class,
            state: self.state,
            live: self.bytes.live,
            reserved: self.bytes.reserved,
            retired: self.bytes.retired,
            free: self.free(),
            largest_free: self.largest,
            range_count: self.ranges,
            empty_since: self.empty_since,
        }
    }
}

/// What the heap keeps of a range besides its place in the space.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) owner: Owner,
    pub(crate) id: RangeId,
    pub(crate) chunk: u32,
    pub(crate) align: u32,
    /// Its length in units; kept here so that a change of state touches nothing else.
    pub(crate) units: u32,
    pub(crate) state: RangeState,
}

/// The largest alignment that a range can ask for, in bytes.
pub(crate) const ALIGN_MAX: u64 = u32::MAX as u64;

impl Entry {
    pub(crate) fn align(&self) -> Align {
        Align::new(u64::from(self.align)).unwrap_or(Align::ONE)
    }

    pub(crate) fn info(&self, key: RangeKey, chunk: &Chunk) -> Option<RangeInfo> {
        Some(RangeInfo {
            key,
            chunk: ChunkId(self.chunk),
            range: chunk.space.get(self.id)?,
            state: self.state,
            owner: self.owner,
            align: self.align(),
        })
    }
}
