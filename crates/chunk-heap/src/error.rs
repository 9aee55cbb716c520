//! Why an operation on the heap was refused. Nothing is changed then.

use core::fmt;

use geoheap_suballoc::{Align, ByteLen, ByteOffset, ByteRange};

use crate::chunk::{ChunkId, ChunkState, Lifetime, RangeKey, RangeState};

/// Why no range was reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReserveError {
    /// No chunk has room. After [`ChunkHeap::open_chunk`] with these values (and the request's
    /// class) the same request succeeds.
    ///
    /// [`ChunkHeap::open_chunk`]: crate::ChunkHeap::open_chunk
    NeedsChunk {
        /// Bytes of the chunk to open.
        capacity: ByteLen,
        /// Its lifetime.
        lifetime: Lifetime,
        /// Whether it is for this block alone.
        dedicated: bool,
    },
    /// No buffer can hold the block.
    TooLarge {
        /// Bytes asked for, in whole units.
        requested: ByteLen,
        /// The longest block there can be.
        max: ByteLen,
    },
    /// A block of no bytes.
    ZeroSize,
    /// An alignment over the limit.
    AlignmentTooLarge {
        /// The alignment asked for.
        align: Align,
        /// The limit in bytes.
        max: u64,
    },
}

/// Why a range was not reserved at a given place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlaceError {
    /// There is no such chunk.
    NoChunk {
        /// The id given.
        chunk: ChunkId,
    },
    /// The chunk takes no ranges now.
    NotOpen {
        /// The chunk.
        chunk: ChunkId,
        /// Draining or closing.
        state: ChunkState,
    },
    /// The chunk is for blocks of another lifetime or class, or for another block alone.
    WrongChunk {
        /// The chunk.
        chunk: ChunkId,
        /// Its lifetime.
        lifetime: Lifetime,
        /// Its class.
        class: u8,
        /// Whether it is for one block alone.
        dedicated: bool,
    },
    /// A block of no bytes.
    ZeroSize,
    /// The start is no multiple of the alignment or of the heap's unit.
    Misaligned {
        /// The start given.
        start: ByteOffset,
        /// The alignment.
        align: Align,
    },
    /// An alignment over the limit.
    AlignmentTooLarge {
        /// The alignment asked for.
        align: Align,
        /// The limit in bytes.
        max: u64,
    },
    /// The range would end behind the chunk.
    OutOfBounds {
        /// The start given.
        start: ByteOffset,
        /// The length given.
        len: ByteLen,
        /// Bytes of the chunk.
        capacity: ByteLen,
    },
    /// A part of the range is taken.
    Occupied {
        /// The range asked for.
        requested: ByteRange,
        /// The first range that is in the way.
        taken: ByteRange,
    },
}

/// Why a chunk was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The capacity is less than one unit.
    TooSmall {
        /// Bytes asked for.
        capacity: ByteLen,
        /// Bytes of a unit.
        min: ByteLen,
    },
    /// The capacity is over the limit.
    TooLarge {
        /// Bytes asked for.
        capacity: ByteLen,
        /// The limit.
        max: ByteLen,
    },
    /// All ids are taken.
    TooManyChunks {
        /// How many there are.
        max: u32,
    },
}

/// Why an operation on a chunk was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChunkError {
    /// There is no such chunk.
    NoChunk {
        /// The id given.
        chunk: ChunkId,
    },
    /// The chunk is not where this operation starts from.
    WrongState {
        /// The chunk.
        chunk: ChunkId,
        /// Its state.
        state: ChunkState,
    },
}

/// Why an operation on a range was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RangeError {
    /// The range was released or cancelled, its chunk failed, or it never was.
    Stale {
        /// The key given.
        key: RangeKey,
    },
    /// The range is not in the state from which this operation starts.
    WrongState {
        /// Its state.
        state: RangeState,
        /// The state needed.
        needed: RangeState,
    },
    /// Its chunk's buffer is still being made, so that nothing can be in it.
    ChunkOpening {
        /// The chunk.
        chunk: ChunkId,
    },
}

/// Why a range was not taken over to chunks of another lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LifetimeError {
    /// There is no such range, or it is retired.
    Range(RangeError),
    /// It has to move, and no room was reserved for it.
    Reserve(ReserveError),
}

impl From<RangeError> for LifetimeError {
    fn from(error: RangeError) -> Self {
        Self::Range(error)
    }
}

impl From<ReserveError> for LifetimeError {
    fn from(error: ReserveError) -> Self {
        Self::Reserve(error)
    }
}

impl fmt::Display for LifetimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(error) => error.fmt(f),
            Self::Reserve(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for ReserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedsChunk {
                capacity,
                lifetime,
                dedicated,
            } => {
                let sort = if *dedicated { "dedicated " } else { "" };
                write!(
                    f,
                    "no room; needs a {sort}{lifetime:?} chunk of {capacity} bytes"
                )
            }
            Self::TooLarge { requested, max } => {
                write!(f, "a block of {requested} bytes is over the limit of {max}")
            }
            Self::ZeroSize => f.write_str("a block of no bytes"),
            Self::AlignmentTooLarge { align, max } => {
                write!(f, "alignment {align} is over the limit of {max} bytes")
            }
        }
    }
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChunk { chunk } => write!(f, "no chunk {chunk}"),
            Self::NotOpen { chunk, state } => {
                write!(f, "chunk {chunk} is {state:?} and takes no ranges")
            }
            Self::WrongChunk {
                chunk,
                lifetime,
                class,
                dedicated,
            } => {
                let sort = if *dedicated { "dedicated " } else { "" };
                write!(
                    f,
                    "chunk {chunk} is for {sort}{lifetime:?} blocks of class {class}"
                )
            }
            Self::ZeroSize => f.write_str("a block of no bytes"),
            Self::Misaligned { start, align } => {
                write!(
                    f,
                    "start {start} is no multiple of {align} and of the heap's unit"
                )
            }
            Self::AlignmentTooLarge { align, max } => {
                write!(f, "alignment {align} is over the limit of {max} bytes")
            }
            Self::OutOfBounds {
                start,
                len,
                capacity,
            } => {
                write!(
                    f,
                    "{len} bytes at {start} end behind the chunk's {capacity}"
                )
            }
            Self::Occupied { requested, taken } => {
                write!(f, "{requested} is asked for, but {taken} is taken")
            }
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { capacity, min } => {
                write!(
                    f,
                    "a chunk of {capacity} bytes is less than a unit of {min}"
                )
            }
            Self::TooLarge { capacity, max } => {
                write!(f, "a chunk of {capacity} bytes is over the limit of {max}")
            }
            Self::TooManyChunks { max } => write!(f, "all {max} chunk ids are taken"),
        }
    }
}

impl fmt::Display for ChunkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChunk { chunk } => write!(f, "no chunk {chunk}"),
            Self::WrongState { chunk, state } => {
                write!(
                    f,
                    "chunk {chunk} is {state:?}, which this operation does not start from"
                )
            }
        }
    }
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale { key } => write!(f, "range {key:?} is gone"),
            Self::WrongState { state, needed } => {
                write!(
                    f,
                    "the range is {state:?}, the operation needs it {needed:?}"
                )
            }
            Self::ChunkOpening { chunk } => write!(f, "chunk {chunk} has no buffer yet"),
        }
    }
}

impl core::error::Error for LifetimeError {}
impl core::error::Error for ReserveError {}
impl core::error::Error for PlaceError {}
impl core::error::Error for OpenError {}
impl core::error::Error for ChunkError {}
impl core::error::Error for RangeError {}
