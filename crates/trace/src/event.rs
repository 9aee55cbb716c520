//! The words of a trace: one event for each line.

use smallvec::SmallVec;

/// A block, by the trace's own number. A number may be given again once its block is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub u64);

/// A part of a block, by the trace's own number. The parts that a block is added with have the
/// numbers 0, 1, 2 and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartNo(pub u32);

/// What a part, or a block of one part, is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Vertices.
    #[default]
    Vertex,
    /// Indices of 2 or 4 bytes; which, the stride says.
    Index,
    /// Shader constants for a uniform binding.
    Uniform,
    /// Data for a storage binding.
    Storage,
    /// Vertices and 16-bit indices: two parts, see [`Add::parts`].
    Mesh,
}

/// Which chunks a block lives in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LifetimeName {
    /// May be evicted and moved.
    #[default]
    Dynamic,
    /// Stays.
    Long,
}

/// Where the bytes of an evicted block come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SourceName {
    /// Memory that the engine shares with the program.
    #[default]
    Retained,
    /// A callback that makes them again.
    Reload,
    /// The GPU: its bytes are copied back before it leaves.
    ReadBack,
    /// Nowhere: the block is never evicted.
    None,
}

/// One typed part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// Bytes, above zero.
    pub bytes: u64,
    /// Never [`Kind::Mesh`].
    pub kind: Kind,
    /// Starts at a multiple of so many bytes, beside what its kind and stride ask for; 1 if the
    /// trace does not say.
    pub align: u32,
    /// Bytes from one element to the next; 0 if the trace does not say.
    pub stride: u32,
}

/// A block on its way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Add<'a> {
    /// Its number.
    pub id: BlockId,
    /// Its parts, at least one, numbered from 0.
    pub parts: SmallVec<[Part; 2]>,
    /// Bytes of room behind the parts.
    pub spare: u64,
    /// Which chunks it lives in.
    pub lifetime: LifetimeName,
    /// 0 to 255; `None` if the trace does not say.
    pub priority: Option<u8>,
    /// Where its bytes come from once it was evicted.
    pub source: SourceName,
    /// A name for reports and pictures.
    pub label: Option<&'a str>,
}

impl Add<'_> {
    /// A dynamic block without spare room and label, of a retained source.
    pub fn new(id: BlockId, parts: SmallVec<[Part; 2]>) -> Self {
        Self {
            id,
            parts,
            spare: 0,
            lifetime: LifetimeName::default(),
            priority: None,
            source: SourceName::default(),
            label: None,
        }
    }

    /// Bytes of all parts.
    pub fn bytes(&self) -> u64 {
        self.parts
            .iter()
            .fold(0, |sum, part| sum.saturating_add(part.bytes))
    }
}

/// Settings of the recorded heap that shape what it does, where they are not the defaults. Bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Of a shared chunk.
    pub chunk_bytes: Option<u64>,
    /// Of a shared chunk for long-lived blocks.
    pub long_chunk_bytes: Option<u64>,
    /// Of staging at most.
    pub staging_bytes: Option<u64>,
    /// Uploaded in one tick at most.
    pub tick_upload_bytes: Option<u64>,
}

/// One line of a trace. What it borrows is the line's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A frame ended. With `lag`, from here on the commands of so many frames before this one are
    /// still being executed.
    Frame {
        /// `None` if it stays as it was.
        lag: Option<u32>,
    },
    /// So many ticks of the engine in which no frame ended.
    Tick {
        /// At least 1, at most [`TICKS_MAX`](crate::TICKS_MAX).
        count: u32,
    },
    /// The recorded program took its heap down here: what follows is clearing up.
    End,
    /// Settings; before everything else.
    Config(Settings),
    /// A block is added.
    Add(Add<'a>),
    /// A part is added to a block.
    Part {
        /// The block.
        id: BlockId,
        /// The part's number, not in use in this block.
        no: PartNo,
        /// The part.
        part: Part,
    },
    /// A part gets other contents, maybe of another length.
    PartUpdate {
        /// The block.
        id: BlockId,
        /// The part.
        no: PartNo,
        /// Its length from now on, above zero.
        bytes: u64,
    },
    /// A part is removed; a block keeps at least one.
    PartRemove {
        /// The block.
        id: BlockId,
        /// The part.
        no: PartNo,
    },
    /// All parts of a block get other contents.
    Update {
        /// The block.
        id: BlockId,
        /// Bytes of each part from now on, in the order of their numbers.
        parts: SmallVec<[u64; 2]>,
        /// Written over the old contents where they lie; the lengths are the same.
        in_place: bool,
    },
    /// One owner gives a block up; with the last one it goes.
    Remove(BlockId),
    /// A block gets one more owner.
    Share(BlockId),
    /// The frame that is being made looks a block up.
    Use(BlockId),
    /// A block stays where it is until it is unpinned as often.
    Pin(BlockId),
    /// One pin less.
    Unpin(BlockId),
    /// A block's priority.
    Priority(BlockId, u8),
    /// Which chunks a block lives in from now on.
    Lifetime(BlockId, LifetimeName),
    /// A block's name.
    Label(BlockId, &'a str),
    /// Somebody waits until a block is resident.
    Await(BlockId),
    /// Evict a block now.
    Evict(BlockId),
    /// Frames will soon look at a block.
    Prefetch(BlockId),
    /// The budget, in bytes.
    Budget(u64),
    /// Compact now.
    Compact,
    /// Give empty chunks back now.
    Trim,
}
