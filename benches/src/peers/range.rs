//! `range-alloc`: best fit, the lowest among equals, by a walk over all free ranges.

use core::ops::Range;

use range_alloc::RangeAllocator;

use super::{Allocator, Setup};

/// A sorted list of free ranges.
#[derive(Debug)]
pub struct Ranges {
    ranges: RangeAllocator<u64>,
    unit: u64,
}

impl Allocator for Ranges {
    type Id = Range<u64>;
    const NAME: &'static str = "range-alloc";

    fn new(setup: &Setup) -> Option<Self> {
        Some(Self {
            ranges: RangeAllocator::new(0..setup.capacity),
            unit: setup.unit,
        })
    }

    #[inline]
    fn alloc(&mut self, len: u64, align: u64) -> Option<Range<u64>> {
        let len = len.next_multiple_of(self.unit);
        if self.unit.is_multiple_of(align) {
            return self.ranges.allocate_range(len).ok();
        }
        self.ranges.allocate_range_aligned(len, align).ok()
    }

    #[inline]
    fn free(&mut self, id: Range<u64>) {
        self.ranges.free_range(id);
    }

    fn start(&self, id: &Range<u64>, _: u64) -> u64 {
        id.start
    }
}
