//! When a pass is worth planning.

use core::cmp::Ordering;
use core::fmt;

use geoheap_suballoc::{Align, ByteLen};

use crate::layout::{ChunkView, Layout, RangeState, fraction};

/// The thresholds that start a pass. Start from [`Triggers::default`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Triggers {
    /// A chunk that is used to less than this fraction is ill-used. Default 0.20.
    pub chunk_use_below: f32,
    /// More free bytes than this many chunks hold, over all chunks in use, are too many. Default
    /// 1.5.
    pub free_over_chunks: f32,
    /// With fewer evacuable chunks than this nothing is worth a pass. Default 3.
    pub dynamic_chunks_min: usize,
    /// Gaps before the last part of a block are closed where they are more than this fraction of
    /// it. A block whose free room is one tail is left alone. Default 0.30.
    pub block_gaps_over: f32,
}

impl Default for Triggers {
    fn default() -> Self {
        Self {
            chunk_use_below: 0.20,
            free_over_chunks: 1.5,
            dynamic_chunks_min: 3,
            block_gaps_over: 0.30,
        }
    }
}

/// Why a pass is planned.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// A chunk is used to less than [`Triggers::chunk_use_below`].
    ChunkIllUsed {
        /// The chunk with the smallest use.
        chunk: u32,
        /// Live bytes of its capacity, a fraction.
        used: f64,
    },
    /// The chunks in use have more free bytes than [`Triggers::free_over_chunks`] allows.
    FreeAcross {
        /// Free bytes over the chunks counted.
        free: ByteLen,
        /// The capacity of the largest of them.
        chunk_capacity: ByteLen,
    },
    /// A placement failed though enough bytes are free. Given by the caller.
    AllocFailed {
        /// The length asked for.
        requested: ByteLen,
        /// The alignment asked for.
        align: Align,
    },
    /// A block has gaps that are worth closing.
    BlockGaps {
        /// The block's range, as the caller names it.
        key: u64,
        /// The chunk it lies in: all ranges with gaps in it are moved.
        chunk: u32,
    },
    /// Somebody asked for it. Given by the caller.
    Requested,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChunkIllUsed { chunk, used } => {
                write!(f, "chunk {chunk} is used to {:.1} %", used * 100.0)
            }
            Self::FreeAcross {
                free,
                chunk_capacity,
            } => write!(
                f,
                "{free} bytes are free across chunks of {chunk_capacity} ({:.2} chunks)",
                fraction(*free, *chunk_capacity)
            ),
            Self::AllocFailed { requested, align } => {
                write!(f, "no room for {requested} bytes aligned to {align}")
            }
            Self::BlockGaps { key, chunk } => {
                write!(f, "gaps in key {key} of chunk {chunk}")
            }
            Self::Requested => f.write_str("requested"),
        }
    }
}

/// What the triggers look at in a chunk: known without a walk over its ranges, but for
/// `has_fixed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkUse {
    /// The chunk.
    pub id: u32,
    /// Its bytes.
    pub capacity: ByteLen,
    /// Bytes of ranges that are not retired, fixed or not.
    pub live: ByteLen,
    /// Bytes in no range.
    pub free: ByteLen,
    /// Whether something in it must stay.
    pub has_fixed: bool,
}

impl Triggers {
    /// The first trigger that the layout sets off, or `None`. O(ranges).
    ///
    /// Only evacuable chunks count, so that long-lived ones never start a pass. Of these, spare
    /// ones (nothing live) and those with fixed ranges cannot be ill-used, and spare ones do not
    /// count as free space: they go or stay by a rule of their own.
    /// Blocks with gaps come last, in chunks that may be emptied or not.
    pub fn check(&self, layout: &Layout) -> Option<Reason> {
        let evacuable = layout.chunks.iter().filter(|chunk| chunk.evacuable);
        let of_chunks = self.check_uses(evacuable.map(|chunk| {
            let sums = chunk.summary();
            ChunkUse {
                id: chunk.id,
                capacity: chunk.capacity,
                live: sums.live,
                free: sums.free,
                has_fixed: chunk.has_fixed(),
            }
        }));
        of_chunks.or_else(|| self.check_gaps(layout))
    }

    fn check_gaps(&self, layout: &Layout) -> Option<Reason> {
        let evacuable = layout.chunks.iter().filter(|chunk| chunk.evacuable);
        if evacuable.count() < self.dynamic_chunks_min {
            return None;
        }
        let of_chunk = |chunk: &ChunkView| {
            let mut ranges = chunk.ranges.iter();
            let found = ranges.find(|view| view.has_gaps && view.state == RangeState::Movable)?;
            let (key, chunk) = (found.key, chunk.id);
            Some((chunk, Reason::BlockGaps { key, chunk }))
        };
        let found = layout.chunks.iter().filter_map(of_chunk);
        found.min_by_key(|(id, _)| *id).map(|(_, reason)| reason)
    }

    /// Whether gaps of so many bytes before the last part of a block of `len` are worth closing,
    /// or a part that would fit into its free bytes found no room that is large enough
    /// (`lacks_room`).
    pub fn has_gaps(&self, len: ByteLen, gaps: ByteLen, lacks_room: bool) -> bool {
        let is_over = compare(gaps, len, self.block_gaps_over).is_gt();
        !gaps.is_zero() && (lacks_room || is_over)
    }

    /// As [`Triggers::check`], from what is known of the evacuable chunks. O(chunks).
    ///
    /// With `has_fixed` false throughout, where nobody counted, it may name a reason that the
    /// layout does not give, but it never misses one: a caller who keeps sums builds the layout
    /// only when this says so.
    pub fn check_uses(&self, evacuable: impl Iterator<Item = ChunkUse>) -> Option<Reason> {
        let mut count = 0;
        let mut least: Option<(f64, u32)> = None;
        let mut is_ill_used = false;
        let (mut free, mut chunk_capacity) = (ByteLen::ZERO, ByteLen::ZERO);
        for chunk in evacuable {
            count += 1;
            if chunk.live.is_zero() {
                continue;
            }
            free = free.saturating_add(chunk.free);
            chunk_capacity = chunk_capacity.max(chunk.capacity);
            if chunk.has_fixed {
                continue;
            }
            is_ill_used |= compare(chunk.live, chunk.capacity, self.chunk_use_below).is_lt();
            let used = (fraction(chunk.live, chunk.capacity), chunk.id);
            if least.is_none_or(|least| used < least) {
                least = Some(used);
            }
        }
        if count < self.dynamic_chunks_min {
            return None;
        }
        match least {
            Some((used, chunk)) if is_ill_used => Some(Reason::ChunkIllUsed { chunk, used }),
            _ if compare(free, chunk_capacity, self.free_over_chunks).is_gt() => {
                Some(Reason::FreeAcross {
                    free,
                    chunk_capacity,
                })
            }
            _ => None,
        }
    }
}

/// Compares `part` with `threshold` times `whole`, with the threshold in steps of a millionth, so
/// that a threshold of 0.2 is a fifth and not the number that a float has for it.
fn compare(part: ByteLen, whole: ByteLen, threshold: f32) -> Ordering {
    const PARTS: u128 = 1_000_000;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates: a negative threshold or NaN is 0"
    )]
    let parts = (f64::from(threshold) * 1.0e6).round() as u64;
    let limit = u128::from(whole.get()) * u128::from(parts);
    (u128::from(part.get()) * PARTS).cmp(&limit)
}
