//! What the planner looks at: chunks, the ranges in them, and what may be done with each.

use core::fmt;

use geoheap_suballoc::{Align, ByteLen, ByteRange, Space};

/// Chunks between which ranges may move.
///
/// A caller that keeps kinds or lifetimes in chunks of their own makes one layout for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The chunks, each id once. Their order decides nothing.
    pub chunks: Vec<ChunkView>,
}

/// One chunk as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkView {
    /// The caller's name for it.
    pub id: u32,
    /// Its length in bytes, a multiple of [`Goal::unit`](crate::Goal::unit).
    pub capacity: ByteLen,
    /// Whether ranges may move into it.
    pub receives: bool,
    /// Whether it may be emptied: not so for long-lived, dedicated and pending chunks.
    pub evacuable: bool,
    /// What is not free, in address order.
    pub ranges: Vec<RangeView>,
}

/// One range of a chunk that is not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeView {
    /// The caller's name for it; the planner only repeats it.
    pub key: u64,
    /// Where it lies. Start and length are multiples of [`Goal::unit`](crate::Goal::unit).
    pub range: ByteRange,
    /// What its start must be a multiple of, wherever it lies.
    pub align: Align,
    /// What may be done with it.
    pub state: RangeState,
}

/// What may be done with a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RangeState {
    /// Live, and may move.
    Movable,
    /// Live or reserved, and must stay: pinned, or being written. Its chunk cannot be emptied now.
    Fixed,
    /// Goes away by itself: retired, or already being moved elsewhere. Until then nothing may be
    /// written over it, but its chunk can be emptied.
    Retired,
}

/// Why a [`Layout`] is refused.
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

/// Sums over the ranges of a chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Movable and fixed bytes.
    pub(crate) live: ByteLen,
    pub(crate) retired: ByteLen,
    pub(crate) free: ByteLen,
    pub(crate) fixed_count: u32,
}

impl ChunkView {
    /// Sums over the ranges, O(ranges).
    pub(crate) fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for range in &self.ranges {
            match range.state {
                RangeState::Movable => sums.live = sums.live.saturating_add(range.range.len),
                RangeState::Fixed => {
                    sums.live = sums.live.saturating_add(range.range.len);
                    sums.fixed_count += 1;
                }
                RangeState::Retired => sums.retired = sums.retired.saturating_add(range.range.len),
            }
        }
        sums.free = self
            .capacity
            .saturating_sub(sums.live)
            .saturating_sub(sums.retired);
        sums
    }

    fn check(&self, unit: ByteLen) -> Result<(), LayoutError> {
        let (chunk, capacity) = (self.id, self.capacity);
        let whole = |bytes: u64| bytes.checked_rem(unit.get()) == Some(0);
        if capacity.is_zero() || capacity > Space::CAPACITY_MAX || !whole(capacity.get()) {
            return Err(LayoutError::BadCapacity {
                chunk,
                capacity,
                unit,
            });
        }
        let mut free_from = 0;
        for &RangeView { range, .. } in &self.ranges {
            if range.len.is_zero() || !whole(range.start.get()) || !whole(range.len.get()) {
                return Err(LayoutError::Misaligned { chunk, range, unit });
            }
            if range.start.get() < free_from {
                return Err(LayoutError::Overlap { chunk, range });
            }
            match range.start.checked_add(range.len) {
                Some(end) if end.get() <= capacity.get() => free_from = end.get(),
                _ => {
                    return Err(LayoutError::OutOfBounds {
                        chunk,
                        range,
                        capacity,
                    });
                }
            }
        }
        Ok(())
    }
}

impl Layout {
    /// Checks what a plan relies on: ids are unique, capacities and ranges are whole units, and
    /// ranges are in address order, without overlap, and within their chunk. O(ranges).
    ///
    /// # Errors
    /// [`LayoutError`] for the first thing that is wrong.
    pub fn check(&self, unit: ByteLen) -> Result<(), LayoutError> {
        let mut ids: Vec<u32> = self.chunks.iter().map(|chunk| chunk.id).collect();
        ids.sort_unstable();
        if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(LayoutError::DuplicateChunk { chunk: pair[0] });
        }
        self.chunks.iter().try_for_each(|chunk| chunk.check(unit))
    }
}

/// `part` of `whole`, 0 where there is no whole.
pub(crate) fn fraction(part: ByteLen, whole: ByteLen) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a fraction for a threshold or a report: 52 bits are more than it needs"
    )]
    let (part, whole) = (part.get() as f64, whole.get() as f64);
    if whole > 0.0 { part / whole } else { 0.0 }
}
