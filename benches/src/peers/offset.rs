//! `offset-allocator`: constant-time good fit in 256 bins.

use offset_allocator::{Allocation, Allocator as Bins};

use super::{Allocator, Setup, padded_units};

/// The Rust port of Aaltonen's `OffsetAllocator`. It counts in units and knows no alignment, so
/// that a caller who needs one asks for more and rounds up. (A caller with one alignment only would
/// rather make that the unit.)
pub struct Offset {
    bins: Bins,
    unit: u64,
}

impl core::fmt::Debug for Offset {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Offset").finish_non_exhaustive()
    }
}

impl Allocator for Offset {
    type Id = Allocation;
    const NAME: &'static str = "offset-allocator";

    fn new(setup: &Setup) -> Option<Self> {
        let units = u32::try_from(setup.capacity / setup.unit).ok()?;
        // Free ranges take nodes as live ones do.
        let nodes = setup.live_max.checked_mul(2)?;
        Some(Self {
            bins: Bins::with_max_allocs(units, nodes),
            unit: setup.unit,
        })
    }

    #[inline]
    fn alloc(&mut self, len: u64, align: u64) -> Option<Self::Id> {
        let units = u32::try_from(padded_units(len, align, self.unit)).ok()?;
        self.bins.allocate(units)
    }

    #[inline]
    fn free(&mut self, id: Allocation) {
        self.bins.free(id);
    }

    fn start(&self, id: &Allocation, align: u64) -> u64 {
        (u64::from(id.offset) * self.unit).next_multiple_of(align)
    }
}
