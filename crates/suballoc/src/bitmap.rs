//! Which bins are not empty: a bitmap in two levels, found by find-first-set.

const WORD_BITS: usize = u64::BITS as usize;

/// Words of words: with two of them the set has up to 8192 members.
const TOPS: usize = 2;
const WORDS: usize = TOPS * WORD_BITS;

/// A set of integers below [`Bitmap::LEN_MAX`] with O(1) insert, remove, first-from and last. A
/// bit of the top words stands for a word of the set that is not zero.
///
/// It has the same size for each space: an index that is masked needs no bounds check.
#[derive(Clone, Debug)]
pub(crate) struct Bitmap {
    tops: [u64; TOPS],
    words: [u64; WORDS],
}

/// The word of a member.
#[inline]
const fn word_of(bit: usize) -> usize {
    (bit / WORD_BITS) % WORDS
}

impl Bitmap {
    /// The greatest number of members.
    pub(crate) const LEN_MAX: usize = WORD_BITS * WORDS;

    /// An empty set.
    pub(crate) const fn new() -> Self {
        Self {
            tops: [0; TOPS],
            words: [0; WORDS],
        }
    }

    #[inline]
    pub(crate) const fn insert(&mut self, bit: usize) {
        let word = word_of(bit);
        self.words[word] |= 1 << (bit % WORD_BITS);
        self.tops[word / WORD_BITS] |= 1 << (word % WORD_BITS);
    }

    /// Removes `bit` if `gone`, without a branch on it.
    #[inline]
    pub(crate) const fn remove_if(&mut self, bit: usize, gone: bool) {
        let word = word_of(bit);
        self.words[word] &= !((gone as u64) << (bit % WORD_BITS));
        let empty = self.words[word] == 0;
        self.tops[word / WORD_BITS] &= !((empty as u64) << (word % WORD_BITS));
    }

    pub(crate) const fn contains(&self, bit: usize) -> bool {
        self.words[word_of(bit)] & (1 << (bit % WORD_BITS)) != 0
    }

    /// The least member that is at least `from`.
    #[inline]
    pub(crate) const fn first_from(&self, from: usize) -> Option<usize> {
        if from >= Self::LEN_MAX {
            return None;
        }
        let word = word_of(from);
        let here = self.words[word] & (u64::MAX << (from % WORD_BITS));
        if here != 0 {
            return Some(word * WORD_BITS + here.trailing_zeros() as usize);
        }
        let mut top = word / WORD_BITS;
        // Shifting in two steps keeps a top word's last shift below its width.
        let mut later = self.tops[top] & ((u64::MAX << (word % WORD_BITS)) << 1);
        if later == 0 {
            top += 1;
            if top == TOPS {
                return None;
            }
            later = self.tops[top];
            if later == 0 {
                return None;
            }
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

const _: () = assert!(TOPS == 2, "the search looks at two top words");

#[cfg(test)]
mod tests;
