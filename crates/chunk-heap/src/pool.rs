//! Which chunk a block goes to: chunks filed by how full they are and by their largest free room.
//!
//! Placing into the densest chunk that fits lets the others empty out, so that they can be given
//! back. Exact order would mean a tree operation for each range; instead the used share is cut into
//! 8 steps, and a chunk is filed anew only when its step, or the size class of its largest free
//! room, changes. Finer steps do not serve better: among chunks that are about as dense, the one
//! with the tightest room leaves fewer rooms that are too short for the next range. Size classes
//! are those of two-level segregated fit (Masmano et al. 2004), four to an octave, here used for
//! chunks instead of free ranges.

use std::collections::BTreeSet;

use geoheap_suballoc::ByteLen;

use crate::chunk::Lifetime;

/// Steps of the used share.
const STEPS: usize = 8;

/// Which chunks are alternatives to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PoolKey {
    pub(crate) lifetime: Lifetime,
    pub(crate) stock: Stock,
}

/// Pools of one lifetime in the order in which they are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stock {
    /// Ready chunks that hold ranges of this class (0 where classes share chunks).
    Class(u8),
    /// Ready chunks without a range; they take any class.
    Empty,
    /// Chunks whose buffer is still being made: a range in one of them has to wait.
    Opening,
}

/// Where a chunk is filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) key: PoolKey,
    /// 0 is the densest step.
    step: u8,
    size_class: u8,
}

impl Place {
    pub(crate) fn new(key: PoolKey, capacity: ByteLen, free: ByteLen, largest: ByteLen) -> Self {
        Self {
            key,
            step: step(capacity, free),
            size_class: size_class(largest),
        }
    }
}

/// 0 for a full chunk to 7 for one that is used for less than an 8th.
#[expect(
    clippy::cast_possible_truncation,
    reason = "less than 8 by the minimum"
)]
fn step(capacity: ByteLen, free: ByteLen) -> u8 {
    let steps = STEPS as u64;
    // Half a word is far more than a buffer has, and dividing it is far cheaper than two words.
    let step = match free.get().checked_mul(steps) {
        Some(scaled) => scaled / capacity.get(),
        None => free.get() / capacity.get().div_ceil(steps),
    };
    step.min(steps - 1) as u8
}

/// Monotonous in `len`: the position of the highest bit and the two bits below it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "at most (63 - 1) * 4 + 3 = 251"
)]
pub(crate) fn size_class(len: ByteLen) -> u8 {
    let len = len.get();
    if len < 4 {
        return len as u8;
    }
    let high = len.ilog2();
    ((high - 1) * 4) as u8 + (len >> (high - 2) & 3) as u8
}

/// Chunks that are alternatives to each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pool {
    /// By step: size class of the largest free room, and chunk.
    steps: [BTreeSet<(u8, u32)>; STEPS],
    /// Bit n: step n has chunks.
    occupied: u8,
}

impl Pool {
    pub(crate) fn insert(&mut self, place: Place, chunk: u32) {
        let step = usize::from(place.step);
        let fresh = self.steps[step].insert((place.size_class, chunk));
        assert!(fresh, "H4: chunk {chunk} is filed once");
        self.occupied |= 1 << step;
    }

    pub(crate) fn remove(&mut self, place: Place, chunk: u32) {
        let step = usize::from(place.step);
        let found = self.steps[step].remove(&(place.size_class, chunk));
        assert!(found, "H4: chunk {chunk} is filed under its place");
        if self.steps[step].is_empty() {
            self.occupied &= !(1 << step);
        }
    }

    /// Chunks whose largest free room may hold `len`: the densest step first, in it the tightest
    /// size class, in that the lowest id.
    pub(crate) fn candidates(&self, len: ByteLen) -> impl Iterator<Item = u32> {
        let from = (size_class(len), 0);
        let mut rest = self.occupied;
        let steps = core::iter::from_fn(move || {
            let step = rest.trailing_zeros();
            rest &= rest.wrapping_sub(1);
            self.steps.get(step as usize)
        });
        steps.flat_map(move |set| set.range(from..).map(|&(_, chunk)| chunk))
    }

    pub(crate) fn has(&self, place: Place, chunk: u32) -> bool {
        self.steps[usize::from(place.step)].contains(&(place.size_class, chunk))
    }

    pub(crate) fn len(&self) -> usize {
        self.steps.iter().map(BTreeSet::len).sum()
    }
}

#[cfg(test)]
mod tests;
