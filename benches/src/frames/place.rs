//! What all tables hold: 32 bytes for each block, named by an index and a generation.

use geoheap::Handle;

/// A block's name, as a program keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Where the block stands in a table.
    pub index: u32,
    /// Which tenant of that index it is.
    pub generation: u32,
}

impl Key {
    /// The engine's name of a block.
    pub fn of(handle: Handle) -> Self {
        Self {
            index: handle.index(),
            generation: handle.generation(),
        }
    }

    /// Both as one number, for maps.
    pub const fn bits(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }

    /// As the engine knows it.
    pub fn handle(self) -> Handle {
        Handle::from_bits(self.bits())
    }
}

/// Where a block lies, with its first draw: what a renderer needs to draw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Place {
    /// Of the block that has the index now; 0 where there is none.
    pub generation: u32,
    /// Whether and how it can be drawn; the tables only carry it.
    pub state: u32,
    /// Its chunk.
    pub chunk: u32,
    /// Where it starts in the chunk, in words of four bytes.
    pub offset_words: u32,
    /// Its length, in words of four bytes.
    pub len_words: u32,
    /// Its first draw.
    pub base_vertex: i32,
    /// The draw's first index.
    pub first: u32,
    /// The draw's indices.
    pub count: u32,
}

const _: () = assert!(
    size_of::<Place>() == 32,
    "the payload is that of the engine"
);

impl Place {
    /// The place if it is the block's.
    #[inline]
    pub fn checked(self, key: Key) -> Option<Self> {
        (self.generation == key.generation).then_some(self)
    }

    /// What a lookup adds to the sum that is compared: chunk and start.
    #[inline]
    pub fn digest(&self) -> u64 {
        digest(self.chunk, u64::from(self.offset_words) * 4)
    }
}

/// As [`Place::digest`], of a start in bytes.
#[inline]
pub fn digest(chunk: u32, offset: u64) -> u64 {
    (u64::from(chunk) << 40) + offset
}

/// One block's new place.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// Which block.
    pub key: Key,
    /// Where it lies from the next version on.
    pub place: Place,
}
