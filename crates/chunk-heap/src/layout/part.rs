//! What goes into a block and what lies in it: specifications, ids, parts, and the errors.

use core::fmt;

use geoheap_suballoc::{Align, ByteLen, ByteRange};

use crate::kind::KindId;

/// A part as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartSpec {
    /// Its type; decides the alignment.
    pub kind: KindId,
    /// Bytes of its contents.
    pub len: ByteLen,
    /// Bytes of one element (a vertex, an index), 0 where the kind has none.
    pub stride: u32,
}

/// Names a part within its block. The generation is raised each time the index is used again, so
/// that an id of a part that is gone never finds another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartId {
    /// Dense, from 0 in the order of packing.
    pub index: u16,
    /// From 1.
    pub generation: u16,
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}

/// Whether new versions name a part's room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartState {
    /// It is where the part's bytes are.
    Live,
    /// Only older versions may still read it; it waits for [`BlockLayout::release`].
    ///
    /// [`BlockLayout::release`]: crate::BlockLayout::release
    Retired,
}

/// A room in a block, and the part it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The part.
    pub id: PartId,
    /// Its type.
    pub kind: KindId,
    /// Where it lies, counted from the start of the block; a whole number of 4-byte words.
    pub range: ByteRange,
    /// Bytes of its contents; up to 3 fewer than the room.
    pub used_len: ByteLen,
    /// Bytes of one element, 0 where the kind has none.
    pub stride: u32,
    /// What its start is a multiple of.
    pub align: Align,
    /// Live or retired.
    pub state: PartState,
}

/// What [`BlockLayout::resize`] did.
///
/// [`BlockLayout::resize`]: crate::BlockLayout::resize
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resized {
    /// Nothing: it has that length.
    Same,
    /// The part starts where it did; what it kept lies where it lay.
    InPlace,
    /// The part starts where it did. `tail`, which it gave up, is retired: older versions may
    /// read it, and it is given back with one [`BlockLayout::release`].
    ///
    /// [`BlockLayout::release`]: crate::BlockLayout::release
    Shrunk {
        /// The room given up.
        tail: Part,
    },
    /// The part lies elsewhere; `from`, where it lay, is retired, and is given back with one
    /// [`BlockLayout::release`]. The bytes are the caller's to bring over.
    ///
    /// [`BlockLayout::release`]: crate::BlockLayout::release
    Moved {
        /// The room it had.
        from: Part,
    },
}

/// Why a part id was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartError {
    /// The part was removed and its room released; the index may have another part by now.
    Stale {
        /// The id given.
        part: PartId,
    },
    /// No part ever had this id.
    Unknown {
        /// The id given.
        part: PartId,
    },
    /// The part was removed; its room waits for its release.
    AlreadyRemoved {
        /// The id given.
        part: PartId,
    },
    /// A release without a retired room of this part.
    NotRetired {
        /// The id given.
        part: PartId,
    },
}

impl fmt::Display for PartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale { part } => write!(f, "part {part} is gone"),
            Self::Unknown { part } => write!(f, "part {part} never was"),
            Self::AlreadyRemoved { part } => write!(f, "part {part} was removed already"),
            Self::NotRetired { part } => write!(f, "part {part} has no retired room"),
        }
    }
}

impl core::error::Error for PartError {}

/// Why a layout was not made or not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayoutError {
    /// A part, or a block, of no bytes.
    ZeroSize,
    /// A length that is no whole number of elements.
    Misaligned {
        /// The length given.
        len: ByteLen,
        /// Bytes of one element.
        stride: u32,
    },
    /// The table has no such kind.
    UnknownKind {
        /// The kind given.
        kind: KindId,
    },
    /// The kind does not take this stride.
    BadStride {
        /// The kind.
        kind: KindId,
        /// The stride given.
        stride: u32,
    },
    /// The least common multiple of the parts' alignments is over the limit (or over 64 bits:
    /// then `align` is the one that took it there).
    AlignmentTooLarge {
        /// The alignment needed, in bytes.
        align: u64,
        /// The limit.
        max: u64,
    },
    /// The part needs the block to start at a multiple of something it was not placed for: the
    /// block must be laid out anew ([`BlockLayout::grown`]).
    ///
    /// [`BlockLayout::grown`]: crate::BlockLayout::grown
    Realign {
        /// What the part's start must be a multiple of.
        needed: Align,
        /// What the block's start is a multiple of.
        has: Align,
    },
    /// A block has no id or no room left for a further part.
    TooManyParts {
        /// Rooms and ids a block can have.
        max: usize,
    },
    /// A block's length is over what a layout can describe.
    TooLarge {
        /// Bytes needed.
        needed: ByteLen,
        /// The limit.
        max: ByteLen,
    },
    /// No free room in the block takes it: the block must grow.
    NoRoom {
        /// Bytes needed.
        needed: ByteLen,
        /// The largest free room, before alignment.
        largest_room: ByteLen,
    },
    /// The part id was refused.
    Part(PartError),
}

impl LayoutError {
    /// Whether the same change would succeed through [`BlockLayout::grown`].
    ///
    /// [`BlockLayout::grown`]: crate::BlockLayout::grown
    pub fn must_grow(&self) -> bool {
        matches!(self, Self::NoRoom { .. } | Self::Realign { .. })
    }
}

impl From<PartError> for LayoutError {
    fn from(error: PartError) -> Self {
        Self::Part(error)
    }
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroSize => f.write_str("a part or block of no bytes"),
            Self::Misaligned { len, stride } => {
                write!(
                    f,
                    "{len} bytes are no whole number of elements of {stride} bytes"
                )
            }
            Self::UnknownKind { kind } => write!(f, "no kind {} in the table", kind.get()),
            Self::BadStride { kind, stride } => {
                write!(
                    f,
                    "kind {} does not take a stride of {stride} bytes",
                    kind.get()
                )
            }
            Self::AlignmentTooLarge { align, max } => {
                write!(
                    f,
                    "the parts need an alignment of {align} bytes together, over {max}"
                )
            }
            Self::Realign { needed, has } => write!(
                f,
                "the part needs alignment {}, the block was placed for {}",
                needed.get(),
                has.get()
            ),
            Self::TooManyParts { max } => write!(f, "a block has at most {max} parts"),
            Self::TooLarge { needed, max } => {
                write!(f, "a block of {needed} bytes is over the limit of {max}")
            }
            Self::NoRoom {
                needed,
                largest_room,
            } => {
                write!(
                    f,
                    "{needed} bytes do not fit the largest free room of {largest_room}"
                )
            }
            Self::Part(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for LayoutError {}
