//! What a dump holds. Every length and offset is in bytes.

use serde::{Deserialize, Serialize};

/// Name and version of the format: the value of the key `schema`.
pub const SCHEMA: &str = "geoheap-heap/1";

/// A heap at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeapDump {
    /// [`SCHEMA`].
    pub schema: String,
    /// Ticks so far.
    pub tick: u64,
    /// The last frame whose end was seen.
    pub frame: u64,
    /// The newest version.
    pub version: u64,
    /// Ranges start at multiples of it and are multiples of it long; at least 1.
    pub unit_bytes: u64,
    /// What the caller set, above 0; 0 only in a dump of other programs that tells none.
    pub budget_bytes: u64,
    /// GPU memory held: chunks, staging, records of draw sets, chunks not yet returned, and what
    /// the program holds outside under leases.
    pub held_bytes: u64,
    /// Of it, staging.
    pub staging_bytes: u64,
    /// By ascending id.
    pub chunks: Vec<ChunkDump>,
    /// By slot of the handle; resident or not.
    pub blocks: Vec<BlockDump>,
}

/// One chunk: a GPU buffer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChunkDump {
    /// Its id.
    pub id: u32,
    /// Bytes of its buffer.
    pub capacity: u64,
    /// Whose blocks it holds.
    pub lifetime: LifetimeDump,
    /// Whether it was made for one block.
    pub dedicated: bool,
    /// The class of its blocks, where the heap keeps kinds apart; else 0. Blocks move between
    /// chunks of one class only.
    pub class: u8,
    /// Where it is on its way.
    pub state: ChunkStateDump,
    /// Bytes that the newest version names.
    pub live: u64,
    /// Bytes that are being filled.
    pub reserved: u64,
    /// Bytes that only older versions name.
    pub retired: u64,
    /// The rest.
    pub free: u64,
    /// The longest free range.
    pub largest_free: u64,
    /// 1 - `largest_free` / `free`; 0 where nothing is free.
    pub fragmentation: f64,
    /// Every range that is not free, by offset.
    pub ranges: Vec<RangeDump>,
}

/// Where a chunk is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChunkStateDump {
    /// Its buffer is being made: ranges are reserved in it, none is live.
    Opening,
    /// In use.
    Open,
    /// In use, and takes nothing new: it is being evacuated.
    Draining,
    /// Empty for good; its buffer waits to be given back.
    Closing,
}

/// One range of a chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RangeDump {
    /// Start in the chunk.
    pub offset: u64,
    /// Length.
    pub size: u64,
    /// What it is.
    pub state: RangeStateDump,
    /// The block, if it still lives; a live range has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
}

/// What a range is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RangeStateDump {
    /// The newest version names it.
    Live,
    /// Being filled.
    Reserved,
    /// Only older versions name it.
    Retired,
}

/// Which chunks a block lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LifetimeDump {
    /// May be evicted and moved.
    Dynamic,
    /// Stays.
    LongLived,
}

/// Where a block's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockState {
    /// On their way for the first time.
    Pending,
    /// On the GPU.
    Resident,
    /// Not on the GPU; there is a source to come back from.
    Evicted,
    /// The device took them and there is no source.
    Lost,
    /// They could not be brought there.
    Failed,
}

/// Where the bytes of an evicted block come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceDump {
    /// Memory that the engine shares with the program.
    Retained,
    /// A callback that makes them again.
    Reload,
    /// The GPU: its bytes are copied back before it leaves.
    ReadBack,
    /// Nowhere: the block is never evicted.
    None,
}

/// One block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockDump {
    /// Slot and generation, such as `12v3`.
    pub handle: String,
    /// The chunk that it lies in, if it is resident.
    pub chunk: Option<u32>,
    /// Where it starts there.
    pub offset: Option<u64>,
    /// Its length, room between and behind its parts included.
    pub size: u64,
    /// It starts at a multiple of so many bytes, also after a move.
    pub alignment: u64,
    /// Where its bytes are.
    pub state: BlockState,
    /// Which chunks it lives in.
    pub lifetime: LifetimeDump,
    /// How often it is pinned.
    pub pins: u64,
    /// How many own it.
    pub owners: u64,
    /// 0 to 255; higher stays longer.
    pub priority: u8,
    /// Where its bytes come from once it was evicted.
    pub source: SourceDump,
    /// Counts its contents: an update raises it, a move does not.
    pub revision: u64,
    /// The version that first showed its present contents; 0 before there was one.
    pub version_written: u64,
    /// The frame that used it last, if one did.
    pub frame_last_used: Option<u64>,
    /// The longest room in it that a part could have.
    pub largest_hole: u64,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// By offset.
    pub parts: Vec<PartDump>,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartDump {
    /// Its id in the block, such as `0.1`: index and generation.
    pub id: String,
    /// Start in the block.
    pub offset: u64,
    /// Length of its contents.
    pub size: u64,
    /// The name of its kind.
    pub kind: String,
    /// It starts at a multiple of so many bytes, counted from the start of the chunk.
    pub alignment: u64,
}

impl ChunkDump {
    /// An open shared chunk with these ranges, its figures counted from them. Ranges that overlap
    /// or end behind the chunk give figures that [`HeapDump::check`] refuses.
    pub fn of_ranges(
        id: u32,
        capacity: u64,
        lifetime: LifetimeDump,
        ranges: Vec<RangeDump>,
    ) -> Self {
        let sum = |state| {
            let of_state = ranges.iter().filter(|range| range.state == state);
            of_state.fold(0_u64, |sum, range| sum.saturating_add(range.size))
        };
        let holes = || holes(capacity, &ranges).map(|(_, size)| size);
        let free = holes().fold(0, u64::saturating_add);
        let largest_free = holes().max().unwrap_or(0);
        Self {
            id,
            capacity,
            lifetime,
            dedicated: false,
            class: 0,
            state: ChunkStateDump::Open,
            live: sum(RangeStateDump::Live),
            reserved: sum(RangeStateDump::Reserved),
            retired: sum(RangeStateDump::Retired),
            free,
            largest_free,
            fragmentation: fragmentation(free, largest_free),
            ranges,
        }
    }

    /// Offset and length of each free range, by offset.
    pub fn holes(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        holes(self.capacity, &self.ranges)
    }
}

impl RangeDump {
    /// The first byte behind it.
    pub const fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }
}

impl PartDump {
    /// The first byte behind it, counted from the start of the block.
    pub const fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }
}

impl HeapDump {
    /// A heap of shared chunks for dynamic blocks, of `chunk_bytes` each, for tests of what reads
    /// heaps. Each number is the bytes of a block as [`BlockDump::resident`] makes it; they lie one
    /// behind the other, and are called `1v1`, `2v1` and so on.
    pub fn packed(chunk_bytes: u64, chunks: &[&[u64]]) -> Self {
        let mut dump = Self {
            schema: SCHEMA.to_owned(),
            unit_bytes: 16,
            ..Self::default()
        };
        for (id, sizes) in (0_u32..).zip(chunks) {
            let mut ranges = Vec::new();
            let mut offset = 0_u64;
            for &size in *sizes {
                let handle = format!("{}v1", dump.blocks.len() + 1);
                ranges.push(RangeDump {
                    offset,
                    size,
                    state: RangeStateDump::Live,
                    handle: Some(handle.clone()),
                });
                dump.blocks
                    .push(BlockDump::resident(handle, id, offset, size));
                offset = offset.saturating_add(size);
            }
            let lifetime = LifetimeDump::Dynamic;
            let chunk = ChunkDump::of_ranges(id, chunk_bytes, lifetime, ranges);
            dump.held_bytes = dump.held_bytes.saturating_add(chunk_bytes);
            dump.chunks.push(chunk);
        }
        dump
    }
}

impl BlockDump {
    /// A dynamic block with a retained source and one owner, that no frame has used, and that one
    /// part of vertices fills.
    pub fn resident(handle: String, chunk: u32, offset: u64, size: u64) -> Self {
        Self {
            handle,
            chunk: Some(chunk),
            offset: Some(offset),
            size,
            alignment: 4,
            state: BlockState::Resident,
            lifetime: LifetimeDump::Dynamic,
            pins: 0,
            owners: 1,
            priority: 128,
            source: SourceDump::Retained,
            revision: 0,
            version_written: 0,
            frame_last_used: None,
            largest_hole: 0,
            label: None,
            parts: vec![PartDump {
                id: "0.1".to_owned(),
                offset: 0,
                size,
                kind: "vertex".to_owned(),
                alignment: 4,
            }],
        }
    }

    /// The longest room in the block that no part takes.
    pub fn largest_gap(&self) -> u64 {
        let mut from = 0;
        let mut largest = 0;
        for part in &self.parts {
            largest = largest.max(part.offset.saturating_sub(from));
            from = part.end();
        }
        largest.max(self.size.saturating_sub(from))
    }

    /// Frames since it was last used, at `frame`; `None` if it never was.
    pub const fn age_frames(&self, frame: u64) -> Option<u64> {
        match self.frame_last_used {
            Some(used) => Some(frame.saturating_sub(used)),
            None => None,
        }
    }
}

/// The share of `free` bytes outside the `largest` free range; 0 where nothing is free.
#[expect(
    clippy::cast_precision_loss,
    reason = "a share: what is lost above 2^53 bytes is not seen in it"
)]
pub fn fragmentation(free: u64, largest: u64) -> f64 {
    if free == 0 {
        return 0.0;
    }
    free.saturating_sub(largest) as f64 / free as f64
}

fn holes(capacity: u64, ranges: &[RangeDump]) -> impl Iterator<Item = (u64, u64)> + '_ {
    let ends = core::iter::once(0).chain(ranges.iter().map(RangeDump::end));
    let starts = ranges.iter().map(|range| range.offset);
    ends.zip(starts.chain(core::iter::once(capacity)))
        .filter(|(end, start)| start > end)
        .map(|(end, start)| (end, start - end))
}
