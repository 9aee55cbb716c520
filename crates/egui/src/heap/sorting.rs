//! Puts a dump in order, a bounded amount of work at a time, so that no frame has to wait for a
//! large heap; and lets go of the one before in the same way.

use std::collections::HashMap;

use geoheap_heap_dump::{ChunkDump, HeapDump};

use super::{Heap, Segment};

/// A dump on its way to being a [`Heap`].
#[derive(Debug)]
pub(crate) struct Sorting {
    dump: HeapDump,
    /// The place of a chunk in the list, by its id.
    places: HashMap<u32, usize>,
    /// Blocks that were given to their chunks so far.
    given: usize,
    /// By chunk: offsets and places of its blocks.
    blocks: Vec<Vec<(u64, usize)>>,
    segments: Vec<Vec<Segment>>,
    /// Segments that belong to a block which lies elsewhere, by its handle: places that it left or
    /// is on its way to.
    strays: HashMap<String, Vec<(usize, usize)>>,
    /// Blocks that were compared with them so far.
    compared: usize,
}

impl Sorting {
    /// Begins.
    pub(crate) fn new(dump: HeapDump) -> Self {
        let chunks = dump.chunks.iter().enumerate();
        Self {
            places: chunks.map(|(nth, chunk)| (chunk.id, nth)).collect(),
            given: 0,
            blocks: vec![Vec::new(); dump.chunks.len()],
            segments: Vec::with_capacity(dump.chunks.len()),
            strays: HashMap::new(),
            compared: 0,
            dump,
        }
    }

    /// Goes on for about so many blocks and ranges, but for at least one chunk; true when all is in
    /// order (E6).
    pub(crate) fn advance(&mut self, mut units: usize) -> bool {
        while units > 0 {
            let done = if self.given < self.dump.blocks.len() {
                self.give(units)
            } else if self.segments.len() < self.dump.chunks.len() {
                self.sort_chunk()
            } else if !self.strays.is_empty() && self.compared < self.dump.blocks.len() {
                self.compare(units)
            } else {
                return true;
            };
            units = units.saturating_sub(done);
        }
        false
    }

    /// Gives blocks to their chunks.
    fn give(&mut self, units: usize) -> usize {
        let end = self.dump.blocks.len().min(self.given.saturating_add(units));
        for nth in self.given..end {
            let block = &self.dump.blocks[nth];
            if let (Some(chunk), Some(offset)) = (block.chunk, block.offset)
                && let Some(&place) = self.places.get(&chunk)
            {
                self.blocks[place].push((offset, nth));
            }
        }
        let done = end - self.given;
        self.given = end;
        done
    }

    fn sort_chunk(&mut self) -> usize {
        let place = self.segments.len();
        let chunk = &self.dump.chunks[place];
        let blocks = &mut self.blocks[place];
        blocks.sort_unstable();
        let mut segments = Vec::with_capacity(chunk.ranges.len());
        for (nth, segment) in segments_of(chunk) {
            let at = blocks.partition_point(|(offset, _)| *offset < chunk.ranges[nth].offset);
            let here = blocks[at..]
                .iter()
                .take_while(|(offset, _)| *offset == chunk.ranges[nth].offset);
            let handle = chunk.ranges[nth].handle.as_deref();
            let is_it = |nth: &usize| Some(self.dump.blocks[*nth].handle.as_str()) == handle;
            let block = here.map(|(_, nth)| *nth).find(is_it);
            if let (None, Some(handle)) = (block, handle) {
                let stray = (place, segments.len());
                self.strays
                    .entry(handle.to_owned())
                    .or_default()
                    .push(stray);
            }
            segments.push(Segment { block, ..segment });
        }
        self.segments.push(segments);
        let done = chunk.ranges.len() + blocks.len() + 1;
        self.blocks[place] = Vec::new();
        done
    }

    /// Finds the blocks of strays.
    fn compare(&mut self, units: usize) -> usize {
        let end = self
            .dump
            .blocks
            .len()
            .min(self.compared.saturating_add(units));
        for nth in self.compared..end {
            let strays = self.strays.get(&self.dump.blocks[nth].handle);
            for &(place, segment) in strays.into_iter().flatten() {
                self.segments[place][segment].block = Some(nth);
            }
        }
        let done = end - self.compared;
        self.compared = end;
        done
    }

    /// The heap, as far as it is in order.
    pub(crate) fn into_heap(self) -> Heap {
        Heap {
            dump: self.dump,
            segments: self.segments,
        }
    }
}

/// A chunk's segments by offset, each with the place of its range; what does not fit in the chunk
/// is cut off, what overlaps is left out (E1).
fn segments_of(chunk: &ChunkDump) -> Vec<(usize, Segment)> {
    let ranges = chunk.ranges.iter().enumerate();
    let mut segments: Vec<(usize, Segment)> = ranges
        .map(|(nth, range)| {
            let segment = Segment {
                start: range.offset.min(chunk.capacity),
                end: range.end().min(chunk.capacity),
                state: range.state,
                block: None,
            };
            (nth, segment)
        })
        .collect();
    segments.sort_by_key(|(_, segment)| (segment.start, segment.end));
    let mut end = 0;
    segments.retain(|(_, segment)| {
        let fits = segment.start >= end && segment.end > segment.start;
        if fits {
            end = segment.end;
        }
        fits
    });
    segments
}

/// Dumps that nobody needs any more: each is thousands of strings.
#[derive(Debug, Default)]
pub(crate) struct Bin {
    dumps: Vec<HeapDump>,
}

impl Bin {
    /// Takes a dump.
    pub(crate) fn put(&mut self, dump: HeapDump) {
        self.dumps.push(dump);
    }

    /// Frees about so many blocks and ranges, but for at least one chunk.
    pub(crate) fn empty(&mut self, mut units: usize) {
        while units > 0
            && let Some(dump) = self.dumps.last_mut()
        {
            if let Some(chunk) = dump.chunks.pop() {
                units = units.saturating_sub(chunk.ranges.len() + 1);
                continue;
            }
            let left = dump.blocks.len().saturating_sub(units);
            units -= dump.blocks.len() - left;
            dump.blocks.truncate(left);
            if dump.blocks.is_empty() {
                self.dumps.pop();
            }
        }
    }

    /// Whether nothing is left.
    #[cfg(test)]
    pub(crate) const fn is_empty(&self) -> bool {
        self.dumps.is_empty()
    }
}
