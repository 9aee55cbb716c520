//! The heap as plans read it.

use geoheap_chunk_heap::{ChunkHeap, ChunkInfo, ChunkState, Lifetime, RangeState};
use geoheap_defrag::{ChunkSummary, RangeState as PlanState, RangeView, Source};
use geoheap_suballoc::ByteRange;

use super::heap::Block;

/// Sums from the heap's figures, ranges as they are asked for.
#[derive(Debug)]
pub struct HeapSource<'a> {
    /// The chunks.
    pub heap: &'a ChunkHeap,
    /// By number.
    pub blocks: &'a [Option<Block>],
}

/// Whether moves lead from and to a chunk.
pub fn is_planned(info: &ChunkInfo) -> bool {
    !info.dedicated && info.lifetime == Lifetime::Dynamic && info.state != ChunkState::Closing
}

impl Source for HeapSource<'_> {
    fn chunks(&self, out: &mut Vec<ChunkSummary>) {
        let chunks = self.heap.chunks().filter(is_planned);
        out.extend(chunks.map(|info| ChunkSummary {
            id: info.id.get(),
            capacity: info.capacity,
            live: info.live + info.reserved,
            free: info.free,
            largest_free: info.largest_free,
            range_count: info.range_count,
            receives: info.state == ChunkState::Ready,
            evacuable: true,
        }));
    }

    fn ranges(&self, chunk: u32, out: &mut Vec<RangeView>) {
        let ranges = self.heap.ranges(geoheap_chunk_heap::ChunkId::new(chunk));
        out.extend(ranges.map(|range| {
            let id = range.owner.0;
            let block = usize::try_from(id).ok();
            let block = block.and_then(|at| self.blocks.get(at)?.as_ref());
            let state = match (range.state, block) {
                (RangeState::Retired, _) => PlanState::Retired,
                (RangeState::Live, Some(block)) if block.place == range.key => block.state(),
                _ => PlanState::Fixed,
            };
            RangeView {
                state,
                ..RangeView::movable(id, range.range, range.align)
            }
        }));
    }

    fn places(&self, chunk: u32, out: &mut Vec<ByteRange>) {
        out.extend(self.heap.places(geoheap_chunk_heap::ChunkId::new(chunk)));
    }
}
