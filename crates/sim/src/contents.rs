//! Contents that say whose they are: each word of a run's contents is another number.
//!
//! Contents are words that count up by one from a base that no other contents of the run have. So
//! each word that a read sees names the block, the part, the contents and the place in them, and a
//! word that was moved to a wrong place by even four bytes is told from the right one.

use core::fmt;
use std::collections::BTreeMap;

use geoheap::Payload;

/// Bytes of a word.
pub(crate) const WORD: u64 = 4;

/// Words from here on are not contents: freed ranges are filled with them.
const POISON: u32 = 0xF000_0000;

/// Names contents of a run: what was given for one part at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Base(u32);

/// Whose contents they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) block: u32,
    pub(crate) part: u32,
    /// Which contents of that part, from 0 on in the order of the requests.
    pub(crate) nth: u32,
    /// Bytes of them.
    pub(crate) len: u64,
}

/// All contents made so far.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    next: u32,
    made: BTreeMap<Base, Stamp>,
}

/// What a word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Never written.
    Zero,
    /// Of a range that was freed.
    Poison,
    /// So many bytes into these contents.
    Of(Stamp, u64),
    /// Nothing that this run wrote.
    Foreign(u32),
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero => f.write_str("zeros"),
            Self::Poison => f.write_str("bytes of a freed range"),
            Self::Of(stamp, at) => write!(
                f,
                "byte {at} of contents {} of block {} part {}",
                stamp.nth, stamp.block, stamp.part
            ),
            Self::Foreign(word) => write!(f, "the word {word:#x}, which nobody wrote"),
        }
    }
}

impl Contents {
    /// A place in the sequence of words for `stamp`.
    pub(crate) fn make(&mut self, stamp: Stamp) -> Base {
        let words = u32::try_from(stamp.len.div_ceil(WORD)).expect("lengths of one run are small");
        // Zero is what was never written. Contents of sixteen gigabytes before are long gone.
        if self.next == 0 || self.next >= POISON - words {
            self.next = 1;
        }
        let base = Base(self.next);
        // One word stays unused, so that running on into the next contents is seen.
        self.next += words + 1;
        let end = Base(self.next);
        while let Some((&old, _)) = self.made.range(base..end).next() {
            self.made.remove(&old);
        }
        self.made.insert(base, stamp);
        base
    }

    /// The contents that begin with `word`.
    pub(crate) fn beginning_with(&self, word: u32) -> Option<(Base, Stamp)> {
        self.made
            .get_key_value(&Base(word))
            .map(|(base, stamp)| (*base, *stamp))
    }

    /// What a word says.
    pub(crate) fn name(&self, word: u32) -> Word {
        if word == 0 {
            return Word::Zero;
        }
        if word >= POISON {
            return Word::Poison;
        }
        match self.made.range(..=Base(word)).next_back() {
            Some((base, stamp)) if u64::from(word - base.0) * WORD < stamp.len => {
                Word::Of(*stamp, u64::from(word - base.0) * WORD)
            }
            _ => Word::Foreign(word),
        }
    }
}

impl Base {
    /// The bytes of contents of `len` bytes.
    pub(crate) fn bytes(self, len: u64) -> Vec<u8> {
        let words = u32::try_from(len.div_ceil(WORD)).expect("lengths of one run are small");
        let mut bytes: Vec<u8> = (self.0..self.0 + words)
            .flat_map(u32::to_le_bytes)
            .collect();
        bytes.truncate(usize::try_from(len).expect("lengths of one run are small"));
        bytes
    }

    /// The same, to be handed over.
    pub(crate) fn payload(self, len: u64) -> Payload {
        self.bytes(len).into()
    }

    /// Where the contents are not what they should be: the first byte of the first wrong word.
    pub(crate) fn first_difference(self, seen: &[u8]) -> Option<usize> {
        let mut word = self.0;
        for (nth, chunk) in seen.chunks(4).enumerate() {
            if chunk != &word.to_le_bytes()[..chunk.len()] {
                return Some(nth * 4);
            }
            word += 1;
        }
        None
    }
}

/// What freed ranges are filled with; `salt` tells one from another in a debugger.
pub(crate) fn poison_word(salt: u64) -> u32 {
    POISON | (u32::try_from(salt & 0x0FFF_FFFF).expect("28 bits fit a word"))
}

/// The word at a place; the last one may be cut short.
pub(crate) fn word_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    let cut = &bytes[at..bytes.len().min(at + 4)];
    word[..cut.len()].copy_from_slice(cut);
    u32::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_names_its_place() {
        let mut contents = Contents::default();
        let stamp = |block| Stamp {
            block,
            part: 0,
            nth: 3,
            len: 10,
        };
        let (one, two) = (contents.make(stamp(1)), contents.make(stamp(2)));
        let bytes = two.bytes(10);
        assert_eq!(bytes.len(), 10, "lengths need not be whole words");
        assert_eq!(
            two.first_difference(&bytes),
            None,
            "what was written is there"
        );
        assert_eq!(
            one.first_difference(&bytes),
            Some(0),
            "it is not the other one's"
        );
        let mut late = bytes.clone();
        late[9] ^= 1;
        assert_eq!(two.first_difference(&late), Some(8), "the last word counts");
        let (base, found) = contents
            .beginning_with(word_at(&bytes, 0))
            .expect("it was made");
        assert_eq!(
            (base, found.block),
            (two, 2),
            "a first word names its contents"
        );
        let third = contents.name(word_at(&two.bytes(12), 8));
        assert_eq!(third, Word::Of(stamp(2), 8), "each word names its place");
        assert_eq!(contents.name(0), Word::Zero, "zeros");
        assert_eq!(contents.name(poison_word(77)), Word::Poison, "poison");
        assert_eq!(
            contents.name(5_000),
            Word::Foreign(5_000),
            "nobody wrote it"
        );
    }
}
