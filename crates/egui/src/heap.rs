//! A dump put in order for drawing: what lies in a chunk, by offset, and whose it is.

pub(crate) mod sorting;

use geoheap_heap_dump::{BlockDump, ChunkDump, HeapDump, RangeStateDump};

#[cfg(test)]
use self::sorting::Sorting;

/// A range of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// First byte.
    pub(crate) start: u64,
    /// One past the last byte, at most the chunk's capacity.
    pub(crate) end: u64,
    /// What it is.
    pub(crate) state: RangeStateDump,
    /// Whose it is, in [`HeapDump::blocks`]; of none that lives, for most retired ranges.
    pub(crate) block: Option<usize>,
}

/// A dump, and what is found in it once so that no frame has to.
#[derive(Debug, Default)]
pub(crate) struct Heap {
    dump: HeapDump,
    /// By chunk: by offset, without overlap.
    segments: Vec<Vec<Segment>>,
}

impl Heap {
    /// Puts a dump in order at once.
    #[cfg(test)]
    pub(crate) fn new(dump: HeapDump) -> Self {
        let mut sorting = Sorting::new(dump);
        while !sorting.advance(usize::MAX) {}
        sorting.into_heap()
    }

    /// The dump itself.
    pub(crate) const fn dump(&self) -> &HeapDump {
        &self.dump
    }

    /// The dump, to be let go of.
    pub(crate) fn into_dump(self) -> HeapDump {
        self.dump
    }

    /// The chunks.
    pub(crate) fn chunks(&self) -> &[ChunkDump] {
        &self.dump.chunks
    }

    /// What lies in the chunk at `nth`, by offset, without overlap (E1).
    pub(crate) fn segments(&self, nth: usize) -> &[Segment] {
        self.segments.get(nth).map_or(&[], Vec::as_slice)
    }

    /// The block that a segment belongs to.
    pub(crate) fn block_of(&self, segment: &Segment) -> Option<&BlockDump> {
        self.dump.blocks.get(segment.block?)
    }

    /// The place of the block with this handle in the dump, if it lives.
    pub(crate) fn position(&self, handle: &str) -> Option<usize> {
        let blocks = &self.dump.blocks;
        blocks.iter().position(|block| block.handle == handle)
    }

    /// Where a block lies: the chunk's place in the list, and its range.
    pub(crate) fn place_of(&self, block: &BlockDump) -> Option<(usize, Segment)> {
        let chunk = block.chunk?;
        let nth = self.dump.chunks.iter().position(|one| one.id == chunk)?;
        let segments = self.segments(nth);
        let at = segments.partition_point(|segment| segment.start < block.offset.unwrap_or(0));
        let segment = segments.get(at)?;
        (Some(segment.start) == block.offset).then_some((nth, *segment))
    }
}

#[cfg(test)]
pub(crate) mod tests;
