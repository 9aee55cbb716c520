//! A dump put in order for drawing: what lies in a chunk, by offset, and whose it is.

use std::collections::HashMap;

use geoheap_heap_dump::{BlockDump, ChunkDump, HeapDump, RangeStateDump};

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
    /// Puts a dump in order. What does not fit in its chunk is cut off, what overlaps is left out:
    /// a dump may come from anywhere.
    pub(crate) fn new(dump: HeapDump) -> Self {
        let by_handle: HashMap<&str, usize> = dump
            .blocks
            .iter()
            .enumerate()
            .map(|(nth, block)| (block.handle.as_str(), nth))
            .collect();
        let segments = dump
            .chunks
            .iter()
            .map(|chunk| segments_of(chunk, &by_handle))
            .collect();
        Self { dump, segments }
    }

    /// The dump itself.
    pub(crate) const fn dump(&self) -> &HeapDump {
        &self.dump
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

fn segments_of(chunk: &ChunkDump, by_handle: &HashMap<&str, usize>) -> Vec<Segment> {
    let mut segments: Vec<Segment> = chunk
        .ranges
        .iter()
        .map(|range| Segment {
            start: range.offset.min(chunk.capacity),
            end: range.offset.saturating_add(range.size).min(chunk.capacity),
            state: range.state,
            block: range
                .handle
                .as_deref()
                .and_then(|handle| by_handle.get(handle).copied()),
        })
        .collect();
    segments.sort_by_key(|segment| (segment.start, segment.end));
    let mut end = 0;
    segments.retain(|segment| {
        let fits = segment.start >= end && segment.end > segment.start;
        if fits {
            end = segment.end;
        }
        fits
    });
    segments
}

#[cfg(test)]
pub(crate) mod tests;
