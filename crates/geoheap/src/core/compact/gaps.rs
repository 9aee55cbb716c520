//! Blocks with gaps, and the jobs that lay them out anew.
//!
//! Parts that come and go leave gaps in their block. A block with too many of them gets a place of
//! the same length in another chunk, and a job that copies its parts there, tight: the same job
//! that takes a block elsewhere when it grows, so that what comes between is dealt with alike.

use std::sync::Arc;

use geoheap_chunk_heap::{BlockLayout, RangeKey};
use geoheap_defrag::Reason;

use crate::core::Core;
use crate::core::compact::pools::Pool;
use crate::core::fill::{Fill, Purpose, Target};
use crate::core::parts::present_pieces;
use crate::core::record::Record;
use crate::core::transfer::compact_layout;
use crate::handle::Handle;

impl Core {
    /// Parts of the block changed: it may have gaps now. Those that have none are found out when
    /// they are looked at.
    pub(crate) fn note_gaps(&mut self, handle: Handle) {
        let has_gaps = self
            .record(handle)
            .is_some_and(|record| self.has_gaps(record));
        if has_gaps {
            self.compaction.gappy.insert(handle);
        } else {
            self.compaction.gappy.remove(&handle);
        }
    }

    /// Whether the block's gaps are worth closing. O(1).
    fn has_gaps(&self, record: &Record) -> bool {
        let layout = &record.layout;
        let is_settled = layout.retired_bytes().is_zero() && record.fill().is_none();
        let triggers = &self.config.defrag.triggers;
        // Rooms that are retired become gaps, or do not: it is seen when they are free.
        is_settled && triggers.has_gaps(layout.len(), layout.gap_bytes(), false)
    }

    /// The block's layout without its gaps, if these are worth closing and it keeps its length.
    pub(super) fn tight_layout(&self, record: &Record) -> Option<Arc<BlockLayout>> {
        let tight = self
            .has_gaps(record)
            .then(|| compact_layout(self, &record.layout))?;
        (tight.len() == record.layout.len() && tight.gap_bytes() < record.layout.gap_bytes())
            .then_some(tight)
    }

    /// A block of the pool whose gaps are worth closing now.
    pub(super) fn gaps_in(&self, pool: Pool) -> Option<Reason> {
        self.compaction.gappy.iter().find_map(|&handle| {
            let record = self.record(handle)?;
            let info = self.heap.range(record.place?)?;
            let home = self.heap.chunk(info.chunk)?;
            let is_here = home.lifetime == pool.lifetime && home.class == pool.class;
            let is_due = is_here && !home.dedicated && record.is_movable();
            let may_close = is_due && self.tight_layout(record).is_some();
            may_close.then_some(Reason::BlockGaps {
                key: handle.to_bits(),
                chunk: info.chunk.get(),
            })
        })
    }

    /// Starts the job that takes a block to a place that is reserved, and lays it out there.
    pub(super) fn close_gaps(&mut self, handle: Handle, tight: Arc<BlockLayout>, to: RangeKey) {
        self.compaction.gappy.remove(&handle);
        let record = self
            .record(handle)
            .expect("the plan moves blocks that live");
        let pieces = present_pieces(&record.layout, &tight, None).collect();
        let order = self.next_seq();
        let mut fill = Fill::new(order, Purpose::Reshape, tight, pieces);
        fill.target = Target::Fresh(to);
        self.start_job(handle, fill);
        self.report.gaps_closed += 1;
    }
}
