//! What can be refused, with the numbers needed to act on it.

use core::error::Error;
use core::fmt;

use crate::bytes::{Align, ByteLen, ByteOffset, ByteRange};
use crate::nodes::RangeId;

/// Why a space cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpaceError {
    /// A space must have at least one unit.
    ZeroCapacity,
    /// A unit must be at least one byte.
    ZeroUnit,
    /// The capacity must be a whole multiple of the unit.
    PartialUnit {
        /// The capacity asked for.
        capacity: ByteLen,
        /// The unit asked for.
        unit: ByteLen,
    },
    /// The capacity is above [`Space::CAPACITY_MAX`](crate::Space::CAPACITY_MAX).
    TooLarge {
        /// The capacity asked for.
        requested: ByteLen,
        /// The largest capacity.
        max: ByteLen,
    },
    /// More live ranges are asked for than [`Space::LIVE_MAX`](crate::Space::LIVE_MAX).
    TooManyRanges {
        /// The number asked for.
        requested: u32,
        /// The greatest number.
        max: u32,
    },
}

/// Why a range cannot be allocated. The space is as it was (S9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AllocError {
    /// A range must have at least one byte.
    ZeroSize,
    /// The range is longer than the space, or would end after it: no free will make room.
    TooLarge {
        /// The end of the range asked for: its length where no start was given.
        requested: ByteLen,
        /// The capacity of the space.
        capacity: ByteLen,
    },
    /// A given start must be a multiple of the unit.
    Misaligned {
        /// The start asked for.
        start: ByteOffset,
        /// The unit of the space.
        unit: ByteLen,
    },
    /// No free range holds the request now.
    NoSpace {
        /// The length asked for, rounded up to the unit.
        requested: ByteLen,
        /// The alignment asked for.
        align: Align,
        /// All free bytes.
        free: ByteLen,
        /// The longest free range. It may be longer than the request and yet too short for it
        /// together with the padding in front.
        largest_free: ByteLen,
    },
    /// As many ranges are live as the space may have.
    TooManyRanges {
        /// How many that is.
        max: u32,
    },
    /// A part of the range asked for is live.
    Occupied {
        /// The range asked for, rounded up to the unit.
        requested: ByteRange,
        /// The first live range in it.
        live: ByteRange,
    },
}

/// Why an id cannot be freed. The space is as it was (S9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FreeError {
    /// The range of this id was freed before (S7).
    Stale {
        /// The id.
        id: RangeId,
    },
    /// This space never issued the id.
    Unknown {
        /// The id.
        id: RangeId,
    },
}

/// Why a range cannot be resized where it lies. The space is as it was (S9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResizeError {
    /// The range of this id was freed before (S7).
    Stale {
        /// The id.
        id: RangeId,
    },
    /// This space never issued the id.
    Unknown {
        /// The id.
        id: RangeId,
    },
    /// A range must keep at least one byte.
    ZeroSize,
    /// The range would have to grow by more than is free behind it.
    NoRoom {
        /// The length asked for.
        requested: ByteLen,
        /// The longest that the range could be now.
        available: ByteLen,
    },
    /// A grow must not ask for less than there is, nor a shrink for more.
    WrongWay {
        /// The length asked for.
        requested: ByteLen,
        /// The present length.
        current: ByteLen,
    },
}

impl fmt::Display for SpaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroCapacity => f.write_str("a space must have at least one unit"),
            Self::ZeroUnit => f.write_str("a unit must be at least one byte"),
            Self::PartialUnit { capacity, unit } => {
                write!(
                    f,
                    "the capacity of {capacity} bytes is no multiple of the unit of {unit}"
                )
            }
            Self::TooLarge { requested, max } => {
                write!(
                    f,
                    "a space of {requested} bytes is asked for, the most is {max}"
                )
            }
            Self::TooManyRanges { requested, max } => {
                write!(f, "{requested} ranges are asked for, the most is {max}")
            }
        }
    }
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroSize => f.write_str("a range must have at least one byte"),
            Self::TooLarge {
                requested,
                capacity,
            } => {
                write!(
                    f,
                    "a range up to {requested} bytes is asked for, the whole space has {capacity}"
                )
            }
            Self::Misaligned { start, unit } => {
                write!(
                    f,
                    "the start {start} is no multiple of the unit of {unit} bytes"
                )
            }
            Self::NoSpace {
                requested,
                align,
                free,
                largest_free,
            } => write!(
                f,
                "no free range holds {requested} bytes aligned to {align}: \
                 {free} bytes are free, {largest_free} at most in one range"
            ),
            Self::TooManyRanges { max } => {
                write!(f, "{max} ranges are live, and no more are allowed")
            }
            Self::Occupied { requested, live } => {
                write!(f, "the range {requested} is asked for, but {live} is live")
            }
        }
    }
}

impl fmt::Display for FreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale { id } => write!(f, "the range of id {id} was freed before"),
            Self::Unknown { id } => write!(f, "the id {id} names no range that this space had"),
        }
    }
}

impl fmt::Display for ResizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale { id } => write!(f, "the range of id {id} was freed before"),
            Self::Unknown { id } => write!(f, "the id {id} names no range that this space had"),
            Self::ZeroSize => f.write_str("a range must keep at least one byte"),
            Self::NoRoom {
                requested,
                available,
            } => {
                write!(
                    f,
                    "{requested} bytes are asked for, the range has room for {available}"
                )
            }
            Self::WrongWay { requested, current } => write!(
                f,
                "{requested} bytes are asked for, the range has {current}: \
                 shrink it to less, grow it to more"
            ),
        }
    }
}

impl From<FreeError> for ResizeError {
    fn from(error: FreeError) -> Self {
        match error {
            FreeError::Stale { id } => Self::Stale { id },
            FreeError::Unknown { id } => Self::Unknown { id },
        }
    }
}

impl Error for SpaceError {}
impl Error for AllocError {}
impl Error for FreeError {}
impl Error for ResizeError {}
