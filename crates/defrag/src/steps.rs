//! The allowance of planning steps.

/// So many chunks that are passed over cost as much as a place that is tried.
const CHUNKS_A_STEP: usize = 16;

/// Steps of a range that is read: it lies anywhere in memory.
const STEPS_A_RANGE: usize = 3;

/// Steps taken so far, of so many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    pub(crate) taken: u32,
    pub(crate) max: u32,
}

impl Steps {
    /// Whether another search may begin. A search that has begun is finished, so that a small
    /// allowance is slow but never without effect.
    pub(crate) const fn are_left(self) -> bool {
        self.taken < self.max
    }

    /// Ranges were read.
    pub(crate) fn take_read(&mut self, ranges: usize) {
        self.take(ranges.saturating_mul(STEPS_A_RANGE));
    }

    /// Chunks were passed over.
    pub(crate) fn take_passed(&mut self, chunks: usize) {
        self.take(chunks / CHUNKS_A_STEP);
    }

    pub(crate) fn take(&mut self, steps: usize) {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.taken = self.taken.saturating_add(steps);
    }
}
