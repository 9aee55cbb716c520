//! The blocks of a dump by their handles.

use std::collections::BTreeMap;

use geoheap_heap_dump::{BlockDump, HeapDump, RangeStateDump};

/// Finds blocks, and those of which a range is being filled.
#[derive(Debug)]
pub struct BlockIndex<'a> {
    all: BTreeMap<&'a str, &'a BlockDump>,
    /// Sorted.
    busy: Vec<&'a str>,
}

impl<'a> BlockIndex<'a> {
    /// Of all blocks.
    pub fn new(dump: &'a HeapDump) -> Self {
        let ranges = dump.chunks.iter().flat_map(|chunk| &chunk.ranges);
        let reserved = ranges.filter(|range| range.state == RangeStateDump::Reserved);
        let mut busy: Vec<&str> = reserved
            .filter_map(|range| range.handle.as_deref())
            .collect();
        busy.sort_unstable();
        let blocks = dump.blocks.iter();
        Self {
            all: blocks.map(|block| (block.handle.as_str(), block)).collect(),
            busy,
        }
    }

    /// The block of a handle.
    pub fn get(&self, handle: &str) -> Option<&'a BlockDump> {
        self.all.get(handle).copied()
    }

    /// All blocks, by handle.
    pub fn iter(&self) -> impl Iterator<Item = &'a BlockDump> {
        self.all.values().copied()
    }

    /// Whether a range is being filled for the block: its contents are being replaced.
    pub fn is_busy(&self, block: &BlockDump) -> bool {
        self.busy.binary_search(&block.handle.as_str()).is_ok()
    }
}
