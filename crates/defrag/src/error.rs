//! Why a layout is refused.

use core::fmt;

use geoheap_suballoc::{ByteLen, ByteRange, Space};

/// Why a [`Layout`](crate::Layout) is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayoutError {
    /// Two chunks have the same id.
    DuplicateChunk {
        /// The id.
        chunk: u32,
    },
    /// A capacity or the unit is zero, or the capacity is above [`Space::CAPACITY_MAX`] or no
    /// multiple of the unit.
    BadCapacity {
        /// The chunk.
        chunk: u32,
        /// Its capacity.
        capacity: ByteLen,
        /// The unit of the goal.
        unit: ByteLen,
    },
    /// A range is empty, or its start or length is no multiple of the unit.
    Misaligned {
        /// The chunk.
        chunk: u32,
        /// The range.
        range: ByteRange,
        /// The unit of the goal.
        unit: ByteLen,
    },
    /// A range starts before the one listed ahead of it ends.
    Overlap {
        /// The chunk.
        chunk: u32,
        /// The range.
        range: ByteRange,
    },
    /// A range ends after its chunk.
    OutOfBounds {
        /// The chunk.
        chunk: u32,
        /// The range.
        range: ByteRange,
        /// The capacity of the chunk.
        capacity: ByteLen,
    },
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateChunk { chunk } => write!(f, "chunk {chunk} is listed twice"),
            Self::BadCapacity {
                chunk,
                capacity,
                unit,
            } => write!(
                f,
                "chunk {chunk} has a capacity of {capacity} bytes, which must be a positive \
                 multiple of the unit of {unit} bytes and at most {}",
                Space::CAPACITY_MAX
            ),
            Self::Misaligned { chunk, range, unit } => write!(
                f,
                "range {range} of chunk {chunk} must start at a multiple of {unit} bytes and have \
                 a positive multiple of them as length"
            ),
            Self::Overlap { chunk, range } => write!(
                f,
                "range {range} of chunk {chunk} overlaps the one listed before it, or is out of \
                 address order"
            ),
            Self::OutOfBounds {
                chunk,
                range,
                capacity,
            } => {
                write!(
                    f,
                    "range {range} of chunk {chunk} ends after its {capacity} bytes"
                )
            }
        }
    }
}

impl core::error::Error for LayoutError {}
