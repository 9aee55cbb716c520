//! Handles and part ids as a dump writes them.

use core::fmt;
use core::str::FromStr;

/// A block's handle as a dump writes it, `12v3`: slot and generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandleName {
    /// The slot.
    pub slot: u32,
    /// The generation, at least 1.
    pub generation: u32,
}

/// A part's id as a dump writes it, `0.1`: index in the block and generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartName {
    /// The index.
    pub index: u16,
    /// The generation, at least 1.
    pub generation: u16,
}

/// A text that is no handle or part id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadName {
    expected: &'static str,
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)
    }
}

impl core::error::Error for BadName {}

impl HandleName {
    /// One number for both, as the engine's `Handle::to_bits` gives it.
    pub const fn to_bits(self) -> u64 {
        (self.generation as u64) << 32 | self.slot as u64
    }
}

impl fmt::Display for HandleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}v{}", self.slot, self.generation)
    }
}

impl FromStr for HandleName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let parsed = split(text, 'v').map(|(slot, generation)| Self { slot, generation });
        parsed.ok_or(BadName {
            expected: "a slot, `v`, and a generation from 1 on, such as `12v3`",
        })
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}

impl FromStr for PartName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let parsed = split(text, '.').and_then(|(index, generation)| {
            Some(Self {
                index: index.try_into().ok()?,
                generation: generation.try_into().ok()?,
            })
        });
        parsed.ok_or(BadName {
            expected: "an index, `.`, and a generation from 1 on, both of 16 bits, such as `0.1`",
        })
    }
}

/// Two numbers as they are printed: without sign or leading zeros, the second at least 1.
fn split(text: &str, at: char) -> Option<(u32, u32)> {
    let (first, second) = text.split_once(at)?;
    let number = |digits: &str| {
        let plain = digits == "0" || !digits.starts_with(['0', '+']);
        plain.then(|| digits.parse::<u32>().ok()).flatten()
    };
    let pair = (number(first)?, number(second)?);
    (pair.1 > 0).then_some(pair)
}
