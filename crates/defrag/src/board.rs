//! What a plan has read so far: the sums of all chunks, by id, and ranges on demand.

use geoheap_suballoc::{Align, ByteLen, ByteRange};

use crate::error::LayoutError;
use crate::layout::{RangeView, check_capacity, check_ranges, fraction};
use crate::source::{ChunkSummary, Source};

/// The heap as plans see it. Chunks are named by their index in `chunks`.
pub(crate) struct Board<'a> {
    source: &'a dyn Source,
    pub(crate) unit: ByteLen,
    /// By ascending id, so that the caller's order decides nothing (D8).
    pub(crate) chunks: Vec<ChunkSummary>,
}

impl<'a> Board<'a> {
    pub(crate) fn read(source: &'a dyn Source, unit: ByteLen) -> Result<Self, LayoutError> {
        let mut chunks = Vec::new();
        source.chunks(&mut chunks);
        chunks.sort_unstable_by_key(|chunk| chunk.id);
        if let Some(pair) = chunks.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(LayoutError::DuplicateChunk { chunk: pair[0].id });
        }
        for chunk in &chunks {
            check_capacity(chunk.id, chunk.capacity, unit)?;
        }
        Ok(Self {
            source,
            unit,
            chunks,
        })
    }

    pub(crate) fn find(&self, id: u32) -> Option<usize> {
        self.chunks.binary_search_by_key(&id, |chunk| chunk.id).ok()
    }

    /// The ranges of a chunk, checked (D1).
    pub(crate) fn ranges(&self, at: usize) -> Result<Vec<RangeView>, LayoutError> {
        let chunk = &self.chunks[at];
        let mut ranges = Vec::with_capacity(chunk.range_count as usize);
        self.source.ranges(chunk.id, &mut ranges);
        let places = ranges.iter().map(|view| view.range);
        check_ranges(chunk.id, chunk.capacity, self.unit, places)?;
        Ok(ranges)
    }

    /// Where the ranges of a chunk lie, checked (D1).
    pub(crate) fn places(&self, at: usize, places: &mut Vec<ByteRange>) -> Result<(), LayoutError> {
        let chunk = &self.chunks[at];
        places.clear();
        self.source.places(chunk.id, places);
        check_ranges(chunk.id, chunk.capacity, self.unit, places.iter().copied())
    }

    /// What places of a range are multiples of; `None` where no number is.
    pub(crate) fn align(&self, align: Align) -> Option<Align> {
        Align::new(self.unit.get()).and_then(|unit| unit.lcm(align))
    }

    /// Live bytes of the capacity, a fraction.
    pub(crate) fn used(&self, at: usize) -> f64 {
        fraction(self.chunks[at].live, self.chunks[at].capacity)
    }

    /// Bytes that are not live as a fraction of all capacity, without the chunk that is `returned`
    /// and the bytes that leave the heap with it; its other live bytes lie in the others then.
    pub(crate) fn free_fraction(&self, returned: Option<usize>, evicted: ByteLen) -> f64 {
        let (mut live, mut capacity) = (ByteLen::ZERO, ByteLen::ZERO);
        for (at, chunk) in self.chunks.iter().enumerate() {
            live = live.saturating_add(chunk.live);
            if Some(at) != returned {
                capacity = capacity.saturating_add(chunk.capacity);
            }
        }
        let live = live.saturating_sub(evicted);
        fraction(capacity.saturating_sub(live), capacity)
    }
}
