//! Contents for the blocks of a trace, which says how long they are and not what is in them.
//!
//! All contents are stretches of one memory that is made once, so that a trace of terabytes needs
//! no more than that. Which stretch, follows from the block, the part and how often it was
//! written; two contents of one heap are all but never the same.

use std::sync::OnceLock;

use crate::generate::random::mix;

/// Bytes of the longest content: as much as a buffer of the virtual GPU holds.
pub(super) const LEN_MAX: u64 = 256 << 20;

/// Contents start at any of so many places.
const STARTS: u64 = 1 << 20;
/// Bytes from one place to the next.
const STEP: u64 = 16;

/// What contents are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fabric {
    /// Zeros that are never looked at: the device keeps where bytes came from, not the bytes.
    Blank,
    /// Numbers that no two stretches have in common, for a device that keeps bytes.
    Pattern,
}

impl Fabric {
    /// The contents of `len` bytes, at most [`LEN_MAX`], of a part's `nth` writing.
    pub fn content(self, block: u64, part: u32, nth: u64, len: u64) -> &'static [u8] {
        let key = mix(block ^ mix(u64::from(part) ^ mix(nth)));
        let start = at((key % STARTS) * STEP);
        let memory = match self {
            Self::Blank => blank(),
            Self::Pattern => pattern(len),
        };
        &memory[start..start + at(len.min(LEN_MAX))]
    }
}

fn at(number: u64) -> usize {
    usize::try_from(number).expect("below 2^29")
}

/// Never touched, so that the system need not give it.
fn blank() -> &'static [u8] {
    static MEMORY: OnceLock<Vec<u8>> = OnceLock::new();
    MEMORY.get_or_init(|| vec![0; at(STARTS * STEP + LEN_MAX)])
}

/// A pattern long enough for `len` bytes from any start: most contents are short, and a long
/// pattern takes its time.
fn pattern(len: u64) -> &'static [u8] {
    static SHORT: OnceLock<Vec<u8>> = OnceLock::new();
    static LONG: OnceLock<Vec<u8>> = OnceLock::new();
    const SHORT_LEN: u64 = 16 << 20;
    if len <= SHORT_LEN {
        SHORT.get_or_init(|| numbers(STARTS * STEP + SHORT_LEN))
    } else {
        LONG.get_or_init(|| numbers(STARTS * STEP + LEN_MAX))
    }
}

fn numbers(len: u64) -> Vec<u8> {
    (0..len / 8)
        .flat_map(|nth| mix(nth).to_le_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_differ_and_stay() {
        let fabric = Fabric::Pattern;
        let one = fabric.content(1, 0, 0, 100);
        assert_eq!(one, fabric.content(1, 0, 0, 100), "the same content again");
        assert_ne!(one, fabric.content(1, 0, 1, 100), "another writing");
        assert_ne!(one, fabric.content(1, 1, 0, 100), "another part");
        assert_ne!(one, fabric.content(2, 0, 0, 100), "another block");
        assert_eq!(fabric.content(3, 0, 0, 7).len(), 7, "as long as asked for");
    }

    #[test]
    fn blank_contents_have_addresses_of_their_own() {
        let one = Fabric::Blank.content(1, 0, 0, LEN_MAX);
        let two = Fabric::Blank.content(2, 0, 0, LEN_MAX);
        assert_ne!(
            one.as_ptr(),
            two.as_ptr(),
            "what a device keeps of them differs"
        );
    }
}
