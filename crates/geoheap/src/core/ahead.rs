//! A look at what the next requests are about, before the first of them is carried out.
//!
//! In a large heap a request takes its time for memory that is in no cache, one piece after the
//! other: the record leads to its range, that to its chunk's books. A look at many records first,
//! then at all their ranges, has the pieces of many requests on their way at once. It changes
//! nothing.

use core::hint::black_box;

use geoheap_chunk_heap::RangeKey;
use geoheap_residency::EntryId;
use smallvec::SmallVec;

use crate::core::event::Retired;
use crate::core::fill::{Fill, Target};
use crate::core::record::Record;
use crate::core::{Core, entry};
use crate::handle::Handle;

/// How many are looked at together: more than a processor waits for at a time, and few enough that
/// all of it is still in the nearest cache afterwards.
pub(crate) const AHEAD: usize = 32;

impl Core {
    /// Looks at blocks and at where their jobs bring them; more than [`AHEAD`] are not worth it.
    pub(crate) fn look_ahead(&self, handles: &[Handle]) {
        let mut places = SmallVec::<[RangeKey; 2 * AHEAD]>::new();
        let mut entries = SmallVec::<[EntryId; AHEAD]>::new();
        for handle in handles {
            black_box(self.tenant_of(handle.index()));
            let Some(record) = self.record(*handle) else {
                continue;
            };
            places.extend(record.place);
            entries.push(entry(*handle));
            if let Some(fill) = record.fill()
                && let Target::Fresh(place) = fill.target
            {
                places.push(place);
            }
        }
        self.residency.look_ahead(&entries);
        self.heap.look_ahead(&places);
    }

    /// Looks at what is about to be released.
    pub(super) fn look_ahead_of_release(&self, items: &[Retired]) {
        let mut places = SmallVec::<[RangeKey; AHEAD]>::new();
        for item in items {
            if let Retired::Range(range) = item {
                places.push(*range);
            }
        }
        self.heap.look_ahead(&places);
    }

    /// Looks at jobs that are about to be recorded.
    pub(super) fn look_ahead_at_jobs(&self, handles: impl Iterator<Item = Handle>) {
        for handle in handles {
            let fill = self.record(handle).and_then(Record::fill);
            black_box(fill.map(Fill::is_recorded));
        }
    }
}
