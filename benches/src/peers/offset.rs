//! `offset-allocator`: constant-time good fit in 256 bins.

use offset_allocator::{Allocation, Allocator as Bins};

use super::{Allocator, Setup, padded_units};

/// The Rust port of Aaltonen's `OffsetAllocator`. It counts in units and knows no alignment, so
/// that a caller who needs one asks for more and rounds up.
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
    type Id = (Allocation, u32);
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
        let allocation = self.bins.allocate(units)?;
        Some((allocation, u32::try_from(align).ok()?))
    }

    #[inline]
    fn free(&mut self, (allocation, _): Self::Id) {
        self.bins.free(allocation);
    }

    fn start(&self, (allocation, align): &Self::Id) -> u64 {
        let start = u64::from(allocation.offset) * self.unit;
        start.next_multiple_of(u64::from(*align))
    }
}
