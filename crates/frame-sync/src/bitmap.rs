//! A flat bitmap with a summary, and the pool that spares the making of one for each frame.

#[cfg(geoheap_loom)]
use crate::planted;
use crate::primitive::Mutex;
use core::iter::FusedIterator;
// The words and the figures are core's atomics in every build: loom looks into the pool's lock,
// through which alone a bitmap gets from one thread to another.
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

const WORD_BITS: usize = u64::BITS as usize;
/// Slots that one word of the summary covers.
const PART_SLOTS: usize = WORD_BITS * WORD_BITS;

/// Bitmaps that a pool keeps at most; those given back beyond it are freed.
pub(crate) const POOL_MAX: usize = 32;

/// One bit for each slot, and one summary bit for each word that has a bit.
///
/// Whoever has a bitmap has it alone, so that a load and a store make a mark. They are relaxed
/// atomics rather than cells only to let a finished set be read by several threads.
#[derive(Debug, Default)]
pub(crate) struct Bitmap {
    words: Box<[AtomicU64]>,
    summary: Box<[AtomicU64]>,
}

/// A bitmap as a loop holds it, without the way to it.
#[derive(Clone, Copy)]
pub(crate) struct Words<'a> {
    words: &'a [AtomicU64],
    summary: &'a [AtomicU64],
}

impl Words<'_> {
    /// Sets the bit of `index`, if the bitmap reaches so far.
    ///
    /// Only one thread at a time may call it; otherwise marks would be lost.
    #[inline]
    pub(crate) fn mark(self, index: usize) {
        let at = index / WORD_BITS;
        if let Some(word) = self.words.get(at) {
            let bits = word.load(Relaxed);
            // Measured, this branch costs less than to write the summary with every mark.
            if bits == 0
                && let Some(part) = self.summary.get(at / WORD_BITS)
            {
                part.store(part.load(Relaxed) | 1 << (at % WORD_BITS), Relaxed);
            }
            word.store(bits | 1 << (index % WORD_BITS), Relaxed);
        }
    }
}

impl Bitmap {
    /// An empty bitmap for indices below `slots`.
    pub(crate) fn new(slots: usize) -> Self {
        let mut bitmap = Self::default();
        bitmap.reach(slots);
        bitmap
    }

    /// Makes room for indices below `slots`; never shrinks.
    pub(crate) fn reach(&mut self, slots: usize) {
        fn grow(array: &mut Box<[AtomicU64]>, len: usize) {
            let mut longer = core::mem::take(array).into_vec();
            longer.resize_with(len, AtomicU64::default);
            *array = longer.into_boxed_slice();
        }
        let words = slots.div_ceil(WORD_BITS);
        if words > self.words.len() {
            grow(&mut self.words, words);
            grow(&mut self.summary, slots.div_ceil(PART_SLOTS));
        }
    }

    #[inline]
    pub(crate) fn as_words(&self) -> Words<'_> {
        Words {
            words: &self.words,
            summary: &self.summary,
        }
    }

    /// Sets the bit of `index`, which the bitmap reaches, and says whether it was clear.
    pub(crate) fn insert(&mut self, index: usize) -> bool {
        let is_new = !self.contains(index);
        self.as_words().mark(index);
        is_new
    }

    pub(crate) fn contains(&self, index: usize) -> bool {
        let word = self.words.get(index / WORD_BITS);
        word.is_some_and(|word| word.load(Relaxed) >> (index % WORD_BITS) & 1 == 1)
    }

    /// The words that have a bit, ascending, each with its number.
    pub(crate) fn words(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let parts = self.summary.iter().enumerate();
        let numbers = parts.flat_map(|(at, part)| {
            Bits(part.load(Relaxed)).map(move |bit| at * WORD_BITS + bit as usize)
        });
        numbers.map(|at| (at, self.words[at].load(Relaxed)))
    }

    /// The set bits, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let first = |at: usize| u32::try_from(at * WORD_BITS).expect("an index is a u32");
        self.words()
            .flat_map(move |(at, word)| Bits(word).map(move |bit| first(at) + bit))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.summary.iter().all(|part| part.load(Relaxed) == 0)
    }

    /// Adds the bits of another bitmap.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.reach(other.words.len() * WORD_BITS);
        for (at, word) in other.words() {
            *self.words[at].get_mut() |= word;
            *self.summary[at / WORD_BITS].get_mut() |= 1 << (at % WORD_BITS);
        }
    }

    /// Clears every bit, at a cost that follows the bits and not the size.
    pub(crate) fn clear(&mut self) {
        for (at, part) in self.summary.iter_mut().enumerate() {
            for bit in Bits(core::mem::take(part.get_mut())) {
                *self.words[at * WORD_BITS + bit as usize].get_mut() = 0;
            }
        }
    }
}

/// The positions of the set bits of a word, ascending.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

impl FusedIterator for Bits {}

/// Empty bitmaps that wait for the next frame (invariant F8).
///
/// Nobody waits for it: where another thread has the lock, a bitmap is made or freed instead.
#[derive(Debug)]
pub(crate) struct Pool {
    spare: Mutex<Vec<Bitmap>>,
    made: AtomicU64,
    reused: AtomicU64,
}

impl Pool {
    pub(crate) fn new() -> Self {
        Self {
            // Room for all of them, so that nothing is allocated under the lock.
            spare: Mutex::new(Vec::with_capacity(POOL_MAX)),
            made: AtomicU64::new(0),
            reused: AtomicU64::new(0),
        }
    }

    /// An empty bitmap for indices below `slots`.
    pub(crate) fn take(&self, slots: usize) -> Bitmap {
        let spare = self.spare.try_lock().ok().and_then(|mut spare| spare.pop());
        if let Some(mut bitmap) = spare {
            self.reused.fetch_add(1, Relaxed);
            bitmap.reach(slots);
            bitmap
        } else {
            self.made.fetch_add(1, Relaxed);
            Bitmap::new(slots)
        }
    }

    /// Clears a bitmap and keeps it, if there is room.
    pub(crate) fn give_back(&self, mut bitmap: Bitmap) {
        #[cfg(geoheap_loom)]
        if planted::is(planted::Bug::DirtyBitmap) {
            return self.keep(bitmap);
        }
        bitmap.clear();
        self.keep(bitmap);
    }

    fn keep(&self, bitmap: Bitmap) {
        if let Ok(mut spare) = self.spare.try_lock()
            && spare.len() < POOL_MAX
        {
            spare.push(bitmap);
        }
    }

    /// How many bitmaps were made, and how often one was reused.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.made.load(Relaxed), self.reused.load(Relaxed))
    }
}

#[cfg(test)]
mod tests;
