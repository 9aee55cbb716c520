//! Walks the whole heap and checks its invariants.

use std::collections::BTreeSet;

use geoheap_suballoc::ByteLen;

use super::ChunkHeap;
use crate::chunk::{ByState, Chunk, ChunkId, ChunkState, RangeState};
use crate::figures::HeapFigures;
use crate::pool::Pool;

impl ChunkHeap {
    /// Walks the heap and checks H1 to H7, in time linear in its ranges.
    ///
    /// # Panics
    /// When one does not hold.
    pub fn validate(&self) {
        let mut figures = HeapFigures::default();
        let (mut ranges, mut filed) = (0, 0);
        for (index, chunk) in (0..).zip(&self.chunks) {
            let Some(chunk) = chunk else {
                assert!(self.free_ids.contains(&index), "H6: id {index} is free");
                continue;
            };
            assert!(!self.free_ids.contains(&index), "H6: id {index} is taken");
            chunk.space.validate();
            chunk.assert_conserved();
            assert_eq!(
                chunk.largest,
                chunk.space.largest_free(),
                "H7: the largest free room of chunk {index} is known"
            );
            self.validate_ranges(index, chunk);
            self.validate_filing(index, chunk);
            ranges += chunk.ranges as usize;
            filed += usize::from(chunk.place.is_some());
            figures.add(chunk);
        }
        assert_eq!(ranges, self.ranges.len(), "H2: each key has its range");
        assert_eq!(
            filed,
            self.pools.values().map(Pool::len).sum(),
            "H4: nothing else is filed"
        );
        assert_eq!(
            figures, self.figures,
            "H7: figures are the sums over the chunks"
        );
        let idle = (0..).zip(&self.chunks);
        let idle = idle.filter(|(_, chunk)| chunk.as_ref().is_some_and(Chunk::is_idle));
        let idle: BTreeSet<u32> = idle.map(|(index, _)| index).collect();
        assert_eq!(idle, self.idle, "H4: idle chunks are known");
    }

    fn validate_ranges(&self, index: u32, chunk: &Chunk) {
        let mut bytes = ByState::default();
        let mut end = ByteLen::ZERO;
        for span in &chunk.space {
            let start = ByteLen::new(span.range.start.get());
            assert_eq!(start, end, "R6: ranges tile chunk {index} without overlap");
            end = start + span.range.len;
            let Some(id) = span.id else { continue };
            let entry = self.ranges.get(chunk.key(id));
            let entry = entry.unwrap_or_else(|| panic!("H2: the range at {start} has no key"));
            assert_eq!(
                (entry.chunk, entry.id),
                (index, id),
                "H2: a key leads back to its range"
            );
            let align = entry.align();
            assert!(
                align.divides(span.range.start),
                "H3: {start} is no multiple of {align}"
            );
            let len = self.config.unit_bytes * u64::from(entry.units);
            assert_eq!(
                len, span.range.len,
                "H1: the length of the range at {start}"
            );
            *bytes.of(entry.state) += len;
            let early = chunk.state == ChunkState::Opening && entry.state != RangeState::Reserved;
            assert!(!early, "H5: an opening chunk has reserved ranges only");
        }
        assert_eq!(
            end,
            chunk.capacity(),
            "R6: ranges tile chunk {index} to its end"
        );
        assert_eq!(bytes, chunk.bytes, "H1: bytes by state of chunk {index}");
        assert!(
            !chunk.dedicated || chunk.ranges <= 1,
            "H5: a dedicated chunk has one range"
        );
        let closing = chunk.state == ChunkState::Closing;
        assert!(
            !closing || chunk.is_empty(),
            "H6: closing chunk {index} is empty"
        );
    }

    fn validate_filing(&self, index: u32, chunk: &Chunk) {
        assert_eq!(
            chunk.place,
            chunk.place_now(),
            "H4: chunk {index} is filed where it belongs"
        );
        if let Some(place) = chunk.place {
            let pool = self.pools.get(&place.key);
            let found = pool.is_some_and(|pool| pool.has(place, index));
            assert!(found, "H4: chunk {index} is found in its pool");
        }
        assert_eq!(
            chunk.is_idle(),
            chunk.empty_since.is_some(),
            "H4: {}",
            ChunkId::new(index)
        );
        let idle = chunk.dedicated && chunk.is_open() && chunk.is_empty();
        let filed = self.idle_dedicated.contains(&(chunk.capacity(), index));
        assert_eq!(
            idle, filed,
            "H4: chunk {index} is listed as an idle dedicated one"
        );
    }
}
