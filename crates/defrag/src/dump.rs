//! Layouts from heap dumps, so that a program can hold the plans for its own heap to stored texts:
//! `docs/defrag.md` has an example.

use std::collections::BTreeMap;

use geoheap_heap_dump::{
    BlockDump, ChunkDump, ChunkStateDump, HandleName, HeapDump, LifetimeDump, RangeDump,
    RangeStateDump,
};
use geoheap_suballoc::{Align, ByteLen, ByteOffset, ByteRange};

use crate::layout::{ChunkView, Layout, RangeState, RangeView};
use crate::triggers::Triggers;

/// Chunks of a dump that exchange blocks with one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Whose blocks the chunks hold.
    pub lifetime: LifetimeDump,
    /// The class of the chunks.
    pub class: u8,
    /// The chunks. Keys are handles as numbers: [`HandleName::to_bits`].
    pub layout: Layout,
    /// The chunk that was being emptied.
    pub victim: Option<u32>,
}

/// How a dump is read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Which gaps are worth closing.
    pub triggers: Triggers,
    /// Long-lived blocks may move, among their own chunks. Default: they may not, and have no pool.
    pub with_long_lived: bool,
    /// A block that no frame used for more frames than this is cold, if it could come back.
    /// Default: none is.
    pub cold_after_frames: Option<u64>,
}

/// The chunks of a dump whose blocks may move, by lifetime and class. Pinned blocks, blocks whose
/// contents are being replaced, and ranges that are being filled stay where they are.
///
/// The dump must keep its rules ([`HeapDump::check`]).
pub fn pools(dump: &HeapDump, reading: &Reading) -> Vec<Pool> {
    let blocks = Blocks::new(dump, reading);
    let mut pools: BTreeMap<_, (Layout, Option<u32>)> = BTreeMap::new();
    for chunk in &dump.chunks {
        let may_move = chunk.lifetime == LifetimeDump::Dynamic || reading.with_long_lived;
        if may_move && !chunk.dedicated && chunk.state != ChunkStateDump::Closing {
            let (layout, victim) = pools.entry((chunk.lifetime, chunk.class)).or_default();
            layout.chunks.push(blocks.view(chunk));
            if chunk.state == ChunkStateDump::Draining {
                victim.get_or_insert(chunk.id);
            }
        }
    }
    let pools = pools.into_iter();
    let pools = pools.map(|((lifetime, class), (layout, victim))| Pool {
        lifetime,
        class,
        layout,
        victim,
    });
    pools.collect()
}

/// Blocks as plans see them.
struct Blocks<'a> {
    reading: &'a Reading,
    frame: u64,
    all: BTreeMap<&'a str, &'a BlockDump>,
    /// Blocks of which a range is being filled, sorted.
    busy: Vec<&'a str>,
}

impl<'a> Blocks<'a> {
    fn new(dump: &'a HeapDump, reading: &'a Reading) -> Self {
        let ranges = dump.chunks.iter().flat_map(|chunk| &chunk.ranges);
        let reserved = ranges.filter(|range| range.state == RangeStateDump::Reserved);
        let busy = reserved.filter_map(|range| range.handle.as_deref());
        let mut busy: Vec<&str> = busy.collect();
        busy.sort_unstable();
        let blocks = dump.blocks.iter();
        Self {
            reading,
            frame: dump.frame,
            all: blocks.map(|block| (block.handle.as_str(), block)).collect(),
            busy,
        }
    }

    fn view(&self, chunk: &ChunkDump) -> ChunkView {
        let ranges = chunk.ranges.iter();
        ChunkView {
            id: chunk.id,
            capacity: ByteLen::new(chunk.capacity),
            receives: chunk.state == ChunkStateDump::Open,
            evacuable: chunk.state != ChunkStateDump::Opening,
            ranges: ranges.map(|range| self.view_range(range)).collect(),
        }
    }

    fn view_range(&self, range: &RangeDump) -> RangeView {
        let handle = range.handle.as_deref();
        let block = handle.and_then(|handle| self.all.get(handle).copied());
        let state = match (range.state, block) {
            (RangeStateDump::Retired, _) => RangeState::Retired,
            (RangeStateDump::Live, Some(block)) if self.is_movable(block) => RangeState::Movable,
            _ => RangeState::Fixed,
        };
        let is_movable = state == RangeState::Movable;
        let align = block.and_then(|block| Align::new(block.alignment));
        RangeView {
            key: handle.map_or(0, key),
            range: ByteRange::new(ByteOffset::new(range.offset), ByteLen::new(range.size)),
            align: align.unwrap_or(Align::ONE),
            state,
            cold: is_movable && block.is_some_and(|block| self.is_cold(block)),
            has_gaps: is_movable && block.is_some_and(|block| self.has_gaps(block)),
        }
    }

    fn is_movable(&self, block: &BlockDump) -> bool {
        block.pins == 0 && self.busy.binary_search(&block.handle.as_str()).is_err()
    }

    fn is_cold(&self, block: &BlockDump) -> bool {
        let Some(frames) = self.reading.cold_after_frames else {
            return false;
        };
        let may_leave = block.lifetime == LifetimeDump::Dynamic
            && block.source != geoheap_heap_dump::SourceDump::None;
        let age = self
            .frame
            .saturating_sub(block.frame_last_used.unwrap_or(0));
        may_leave && age > frames
    }

    fn has_gaps(&self, block: &BlockDump) -> bool {
        let end = block.parts.iter().map(|part| part.offset + part.size).max();
        let used: u64 = block.parts.iter().map(|part| part.size).sum();
        let gaps = end.unwrap_or(0).saturating_sub(used);
        let (len, gaps) = (ByteLen::new(block.size), ByteLen::new(gaps));
        self.reading.triggers.has_gaps(len, gaps, false)
    }
}

/// The engine's number for a handle; 0 for what is none.
fn key(handle: &str) -> u64 {
    handle.parse().map_or(0, HandleName::to_bits)
}
