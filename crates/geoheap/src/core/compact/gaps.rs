//! Blocks with gaps, and the jobs that lay them out anew.
//!
//! Parts that come and go leave gaps in their block. A block with too many of them gets a place of
//! the same length in another chunk, and a job that copies its parts there, tight: the same job
//! that takes a block elsewhere when it grows, so that what comes between is dealt with alike.

use geoheap_chunk_heap::RangeKey;
use geoheap_defrag::Reason;

use crate::core::compact::pools::Pool;
use crate::core::fill::{Fill, Purpose, Target};
use crate::core::parts::present_pieces;
use crate::core::record::Record;
use crate::core::transfer::compact_layout;
use crate::core::{Core, sure};
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
    pub(super) fn has_gaps(&self, record: &Record) -> bool {
        let layout = &record.layout;
        let is_tight = layout.retired_bytes().is_zero();
        let triggers = &self.config.defrag.triggers;
        // Rooms that are retired become gaps, or do not: it is seen when they are free.
        is_tight && triggers.has_gaps(layout.len(), layout.gap_bytes(), false)
    }

    /// A block of the pool whose gaps are worth closing now.
    pub(super) fn gaps_in(&self, pool: &Pool) -> Option<Reason> {
        self.compaction.gappy.iter().find_map(|&handle| {
            let record = self.record(handle)?;
            let info = self.heap.range(record.place?)?;
            let home = self.heap.chunk(info.chunk)?;
            let is_here = home.lifetime == pool.lifetime && home.class == pool.class;
            let is_due = is_here && !home.dedicated && record.is_movable();
            let may_close = is_due && record.fill().is_none() && self.has_gaps(record);
            may_close.then_some(Reason::BlockGaps {
                key: handle.to_bits(),
                chunk: info.chunk.get(),
            })
        })
    }

    /// Starts the job that takes a block to a place that is reserved, and lays it out there.
    pub(super) fn close_gaps(&mut self, handle: Handle, to: RangeKey) {
        self.compaction.gappy.remove(&handle);
        let record = self
            .record(handle)
            .expect("the plan moves blocks that live");
        if record.fill().is_some() {
            // Another job takes it elsewhere already.
            sure(self.heap.cancel(to));
            return;
        }
        let layout = compact_layout(self, &record.layout);
        let pieces = present_pieces(&record.layout, &layout, None).collect();
        let order = self.next_seq();
        self.start_job(handle, Fill::new(order, Purpose::Reshape, layout, pieces));
        let info = self.heap.range(to);
        let fill = self.own(handle).fill_mut().expect("it was started");
        fill.target = Target::Fresh(to);
        let seq = fill.seq;
        let place = info.map(|info| (info.chunk, info.range.start));
        self.jobs.set_target(seq, place);
        self.report.gaps_closed += 1;
    }
}
