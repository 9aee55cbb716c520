//! Why a trace is refused, and where.

use std::borrow::Cow;
use std::fmt;

use crate::event::{BlockId, PartNo};
use crate::limits::{BLOCK_BYTES_MAX, LINE_BYTES_MAX, LIVE_BYTES_MAX, VERSION};

/// Characters of the trace that a message repeats at most.
const FOUND_CHARS_MAX: usize = 40;

/// A place in a text. Both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: u64,
    /// The byte of the line.
    pub column: u64,
}

/// Why a trace is refused, and where: `flight.trace:12:9: expected ..., found ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceError {
    /// What the trace is called: its file's name.
    pub file: String,
    /// Where; `None` only where no byte could be read, because there is no such file.
    pub position: Option<Position>,
    /// Why.
    pub problem: Problem,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for TraceError {}

/// What is wrong with a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Something else should stand here.
    Expected {
        /// What should.
        expected: Cow<'static, str>,
        /// What does, cut short where it is long; empty at the end of a line.
        found: String,
    },
    /// The first line names a version that this crate does not read.
    Version {
        /// The version.
        found: String,
    },
    /// A line is longer than [`LINE_BYTES_MAX`]. How long it is nobody knows: the rest is not read.
    LineTooLong,
    /// The last line has no end: the trace may have been cut off inside it.
    CutOff,
    /// The text is not UTF-8 here.
    NotUtf8,
    /// Reading failed, or what is packed is damaged.
    Unreadable(String),
    /// A word that may stand once stands twice.
    Twice(&'static str),
    /// Words that exclude each other.
    Excluded {
        /// This one.
        word: &'static str,
        /// With that one.
        by: &'static str,
    },
    /// No block of this number lives.
    UnknownBlock(BlockId),
    /// A block of this number lives already.
    BlockLives(BlockId),
    /// The block has no part of this number.
    UnknownPart(BlockId, PartNo),
    /// The block has a part of this number already.
    PartLives(BlockId, PartNo),
    /// The block has no other part.
    LastPart(BlockId, PartNo),
    /// More parts than a block can have.
    TooManyParts {
        /// So many.
        max: usize,
    },
    /// More pins or owners than can be counted.
    TooMany {
        /// Of these.
        what: &'static str,
        /// So many there would be.
        found: u64,
    },
    /// The block is not pinned.
    NotPinned(BlockId),
    /// The parts' bytes do not sum up to the bytes of the line.
    Sum {
        /// What they sum up to.
        sum: u64,
        /// What the line says.
        bytes: u64,
    },
    /// An update has other parts than the block.
    PartCount {
        /// Lengths that are given.
        given: usize,
        /// Parts that the block has.
        has: usize,
    },
    /// Written in place, and yet of other lengths.
    InPlaceLength {
        /// Bytes of the part that are given.
        given: u64,
        /// Bytes that it has.
        has: u64,
    },
    /// A part's length is not a multiple of its stride.
    NotAMultiple {
        /// The length.
        bytes: u64,
        /// The stride.
        stride: u32,
    },
    /// No way was found to share so many bytes out among the block's parts.
    NotShared {
        /// So many.
        bytes: u64,
    },
    /// Settings behind another event.
    LateConfig,
    /// The heap is taken down a second time.
    EndedTwice,
    /// The block would be larger than [`BLOCK_BYTES_MAX`].
    BlockBytes {
        /// Bytes that it would have.
        found: u64,
    },
    /// The live blocks together would be larger than [`LIVE_BYTES_MAX`].
    LiveBytes {
        /// Bytes that they would have.
        found: u64,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected { expected, found } if found.is_empty() => {
                write!(f, "expected {expected}, found the end of the line")
            }
            Self::Expected { expected, found } => write!(f, "expected {expected}, found `{found}`"),
            Self::Version { found } => {
                write!(
                    f,
                    "expected version {VERSION} of the format, found `{found}`"
                )
            }
            Self::LineTooLong => {
                write!(
                    f,
                    "expected a line of at most {LINE_BYTES_MAX} bytes, found a longer one"
                )
            }
            Self::CutOff => {
                f.write_str("expected the end of the line: the trace may be cut off here")
            }
            Self::NotUtf8 => f.write_str("expected UTF-8 text"),
            Self::Unreadable(why) => f.write_str(why),
            Self::Twice(word) => write!(f, "expected `{word}` at most once"),
            Self::Excluded { word, by } => write!(f, "expected no `{word}` beside `{by}`"),
            _ => self.fmt_order(f),
        }
    }
}

impl Problem {
    /// What no line can tell alone.
    fn fmt_order(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownBlock(BlockId(id)) => {
                write!(f, "expected a block that lives: {id} does not")
            }
            Self::BlockLives(BlockId(id)) => {
                write!(f, "expected a number that is free: block {id} lives")
            }
            Self::UnknownPart(BlockId(id), PartNo(no)) => {
                write!(f, "expected a part of block {id}: it has no part {no}")
            }
            Self::PartLives(BlockId(id), PartNo(no)) => {
                write!(
                    f,
                    "expected a number that is free: block {id} has a part {no}"
                )
            }
            Self::LastPart(BlockId(id), PartNo(no)) => write!(
                f,
                "expected a block that keeps a part: block {id} has part {no} only"
            ),
            Self::TooManyParts { max } => {
                write!(f, "expected a block with at most {max} parts")
            }
            Self::TooMany { what, found } => {
                write!(f, "expected at most {} {what}, found {found}", u32::MAX)
            }
            Self::NotPinned(BlockId(id)) => {
                write!(f, "expected a block that is pinned: {id} is not")
            }
            Self::Sum { sum, bytes } => {
                write!(f, "expected parts of {bytes} bytes together, found {sum}")
            }
            Self::PartCount { given, has } => write!(
                f,
                "expected a length for each part of the block, {has}, found {given}"
            ),
            Self::InPlaceLength { given, has } => write!(
                f,
                "expected the part's length, {has} bytes, as it is written in place, found {given}"
            ),
            Self::NotAMultiple { bytes, stride } => write!(
                f,
                "expected a multiple of the part's stride, {stride} bytes, found {bytes}"
            ),
            Self::NotShared { bytes } => write!(
                f,
                "expected a length that the parts can share by their strides, or `parts=` to say \
                 how, found {bytes}"
            ),
            Self::LateConfig => f.write_str("expected `config` before all other events"),
            Self::EndedTwice => f.write_str("expected at most one `end`"),
            Self::BlockBytes { found } => write!(
                f,
                "expected at most {BLOCK_BYTES_MAX} bytes in one block, found {found}"
            ),
            Self::LiveBytes { found } => write!(
                f,
                "expected at most {LIVE_BYTES_MAX} bytes in all blocks together, found {found}"
            ),
            _ => f.write_str("malformed"),
        }
    }
}

/// A problem at a byte of a line whose number the reader knows.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// Counted from 0.
    pub(crate) at: usize,
    pub(crate) problem: Problem,
}

impl Fault {
    #[cold]
    pub(crate) fn new(at: usize, problem: Problem) -> Self {
        Self { at, problem }
    }

    #[cold]
    pub(crate) fn expected(at: usize, what: impl Into<Cow<'static, str>>, found: &str) -> Self {
        let problem = Problem::Expected {
            expected: what.into(),
            found: shown(found),
        };
        Self::new(at, problem)
    }
}

/// What a message repeats of a word: no control characters, and not too much.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(FOUND_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    if shown.contains(char::is_control) {
        shown = shown.escape_debug().collect();
    }
    shown
}
