//! The open batch: copies in the order of the calls, neighbours merged.

use std::sync::Arc;

use crate::ReadId;
use crate::driver::{Batch, CopyCommand, CopySource, CopyTarget, Driver, LeaseRef, Read, SlotId};
use crate::lease::Charge;

#[derive(Debug)]
pub(super) struct OpenBatch<D: Driver> {
    pub(super) clears: Vec<D::Buffer>,
    pub(super) reads: Vec<Read<D>>,
    /// One for each read-back.
    pub(super) charges: Vec<Arc<Charge>>,
    copies: Vec<CopyCommand<D>>,
}

/// What stays counted as staging until a batch has been executed.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) reads: Vec<(ReadId, Arc<Charge>)>,
    pub(super) leases: Vec<LeaseRef>,
}

impl<D: Driver> OpenBatch<D> {
    pub(super) fn new() -> Self {
        Self {
            clears: Vec::new(),
            reads: Vec::new(),
            charges: Vec::new(),
            copies: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.clears.is_empty() && self.copies.is_empty()
    }

    /// Adds a copy; true if it was merged into the last one.
    pub(super) fn push(&mut self, driver: &D, copy: CopyCommand<D>) -> bool {
        if let Some(last) = self.copies.last_mut()
            && continues(driver, last, &copy)
        {
            last.len += copy.len;
            return true;
        }
        self.copies.push(copy);
        false
    }

    pub(super) fn close(self, slots: Vec<(SlotId, D::Slot)>) -> (Batch<D>, Held) {
        let mut leases: Vec<LeaseRef> = Vec::new();
        for copy in &self.copies {
            if let CopySource::Lease(lease) = &copy.src
                && !leases.last().is_some_and(|last| last.is(&lease.0))
            {
                leases.push(lease.clone());
            }
        }
        let ids = self.reads.iter().map(|read| read.id);
        let held = Held {
            reads: ids.zip(self.charges).collect(),
            leases,
        };
        let batch = Batch {
            clears: self.clears,
            copies: self.copies,
            slots,
            reads: self.reads,
        };
        (batch, held)
    }
}

fn continues<D: Driver>(driver: &D, last: &CopyCommand<D>, next: &CopyCommand<D>) -> bool {
    let same_source = match (&last.src, &next.src) {
        (CopySource::Slot(a), CopySource::Slot(b)) => a == b,
        (CopySource::Lease(a), CopySource::Lease(b)) => a.is(&b.0),
        (CopySource::Buffer(a), CopySource::Buffer(b)) => driver.same_buffer(a, b),
        _ => false,
    };
    let same_target = match (&last.dst, &next.dst) {
        (CopyTarget::Buffer(a), CopyTarget::Buffer(b)) => driver.same_buffer(a, b),
        _ => false,
    };
    same_source
        && same_target
        && last.src_offset + last.len == next.src_offset
        && last.dst_offset + last.len == next.dst_offset
}
