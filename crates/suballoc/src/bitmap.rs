//! Which bins are not empty: a bitmap in two levels.

use alloc::vec;
use alloc::vec::Vec;

const WORD_BITS: usize = u64::BITS as usize;

/// A set of small integers with O(1) insert, remove, first-from and last. The upper level is one
/// `u128` with a bit for each word that is not zero, which bounds the set to 8192 members.
#[derive(Clone, Debug)]
pub(crate) struct Bitmap {
    summary: u128,
    words: Vec<u64>,
}

impl Bitmap {
    /// The greatest number of members.
    pub(crate) const LEN_MAX: usize = WORD_BITS * u128::BITS as usize;

    /// An empty set over `0..len`.
    pub(crate) fn new(len: usize) -> Self {
        assert!(
            len <= Self::LEN_MAX,
            "S4: {len} bins are more than one summary word can mark"
        );
        Self {
            summary: 0,
            words: vec![0; len.div_ceil(WORD_BITS)],
        }
    }

    pub(crate) fn insert(&mut self, bit: usize) {
        let word = bit / WORD_BITS;
        self.words[word] |= 1 << (bit % WORD_BITS);
        self.summary |= 1 << word;
    }

    pub(crate) fn remove(&mut self, bit: usize) {
        let word = bit / WORD_BITS;
        self.words[word] &= !(1 << (bit % WORD_BITS));
        if self.words[word] == 0 {
            self.summary &= !(1 << word);
        }
    }

    pub(crate) fn contains(&self, bit: usize) -> bool {
        self.words[bit / WORD_BITS] & (1 << (bit % WORD_BITS)) != 0
    }

    /// The least member that is at least `from`.
    pub(crate) fn first_from(&self, from: usize) -> Option<usize> {
        let word = from / WORD_BITS;
        let here = *self.words.get(word)? & (u64::MAX << (from % WORD_BITS));
        if here != 0 {
            return Some(word * WORD_BITS + here.trailing_zeros() as usize);
        }
        // Shifting in two steps keeps the last word's shift below the width of the summary.
        let later = self.summary & ((u128::MAX << word) << 1);
        if later == 0 {
            return None;
        }
        let word = later.trailing_zeros() as usize;
        Some(word * WORD_BITS + self.words[word].trailing_zeros() as usize)
    }

    /// The greatest member.
    pub(crate) fn last(&self) -> Option<usize> {
        if self.summary == 0 {
            return None;
        }
        let word = self.summary.ilog2() as usize;
        Some(word * WORD_BITS + self.words[word].ilog2() as usize)
    }
}

#[cfg(test)]
mod tests;
