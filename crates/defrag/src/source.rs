//! Where a plan reads: sums of all chunks, and the ranges of the few that it looks into.

use geoheap_suballoc::{ByteLen, ByteRange};

use crate::layout::RangeView;

/// What is known of a chunk without a look at its ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkSummary {
    /// The caller's name for it.
    pub id: u32,
    /// Its bytes, a multiple of [`Goal::unit`](crate::Goal::unit).
    pub capacity: ByteLen,
    /// Bytes of ranges that are not retired, those that must stay among them.
    pub live: ByteLen,
    /// Bytes in no range.
    pub free: ByteLen,
    /// Bytes of the longest room without a range.
    pub largest_free: ByteLen,
    /// Count of its ranges.
    pub range_count: u32,
    /// Whether ranges may move into it.
    pub receives: bool,
    /// Whether it may be emptied: not so for dedicated and pending chunks.
    pub evacuable: bool,
}

/// A heap that a plan is made for, read as far as the plan needs it: a heap that keeps sums of its
/// chunks is not walked through for each plan.
///
/// A [`Layout`](crate::Layout) is one. The sums must be those of the ranges; a plan checks the
/// ranges that it reads.
pub trait Source {
    /// The chunks between which ranges may move, each id once, in any order. O(chunks).
    fn chunks(&self, out: &mut Vec<ChunkSummary>);

    /// The ranges of a chunk that are not free, in address order.
    fn ranges(&self, chunk: u32, out: &mut Vec<RangeView>);

    /// Only where the ranges of [`Self::ranges`] lie, for chunks that others move into.
    fn places(&self, chunk: u32, out: &mut Vec<ByteRange>) {
        let mut ranges = Vec::new();
        self.ranges(chunk, &mut ranges);
        out.extend(ranges.iter().map(|view| view.range));
    }
}
