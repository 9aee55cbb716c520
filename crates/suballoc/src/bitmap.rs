//! Which bins are not empty: a bitmap in two levels, found by find-first-set.

use alloc::vec;
use alloc::vec::Vec;

const WORD_BITS: usize = u64::BITS as usize;

/// Words of words: with two of them the set has up to 8192 members.
const TOPS: usize = 2;

/// A set of small integers with O(1) insert, remove, first-from and last. A bit of the top words
/// stands for a word of the set that is not zero.
#[derive(Clone, Debug)]
pub(crate) struct Bitmap {
    tops: [u64; TOPS],
    words: Vec<u64>,
}

impl Bitmap {
    /// The greatest number of members.
    pub(crate) const LEN_MAX: usize = WORD_BITS * WORD_BITS * TOPS;

    /// An empty set over `0..len`.
    pub(crate) fn new(len: usize) -> Self {
        assert!(
            len <= Self::LEN_MAX,
            "S4: {len} bins are more than the top words can mark"
        );
        Self {
            tops: [0; TOPS],
            words: vec![0; len.div_ceil(WORD_BITS)],
        }
    }

    #[inline]
    pub(crate) fn insert(&mut self, bit: usize) {
        let word = bit / WORD_BITS;
        self.words[word] |= 1 << (bit % WORD_BITS);
        self.tops[word / WORD_BITS] |= 1 << (word % WORD_BITS);
    }

    /// Removes `bit` if `gone`, without a branch on it.
    #[inline]
    pub(crate) fn remove_if(&mut self, bit: usize, gone: bool) {
        let word = bit / WORD_BITS;
        self.words[word] &= !(u64::from(gone) << (bit % WORD_BITS));
        let empty = self.words[word] == 0;
        self.tops[word / WORD_BITS] &= !(u64::from(empty) << (word % WORD_BITS));
    }

    pub(crate) fn contains(&self, bit: usize) -> bool {
        self.words[bit / WORD_BITS] & (1 << (bit % WORD_BITS)) != 0
    }

    /// The least member that is at least `from`.
    #[inline]
    pub(crate) fn first_from(&self, from: usize) -> Option<usize> {
        let word = from / WORD_BITS;
        let here = *self.words.get(word)? & (u64::MAX << (from % WORD_BITS));
        if here != 0 {
            return Some(word * WORD_BITS + here.trailing_zeros() as usize);
        }
        let mut top = word / WORD_BITS;
        // Shifting in two steps keeps a top word's last shift below its width.
        let mut later = self.tops[top] & ((u64::MAX << (word % WORD_BITS)) << 1);
        while later == 0 {
            top += 1;
            later = *self.tops.get(top)?;
        }
        let word = top * WORD_BITS + later.trailing_zeros() as usize;
        Some(word * WORD_BITS + self.words[word].trailing_zeros() as usize)
    }

    /// The greatest member.
    pub(crate) fn last(&self) -> Option<usize> {
        let top = self.tops.iter().rposition(|&top| top != 0)?;
        let word = top * WORD_BITS + self.tops[top].ilog2() as usize;
        Some(word * WORD_BITS + self.words[word].ilog2() as usize)
    }
}

#[cfg(test)]
mod tests;
