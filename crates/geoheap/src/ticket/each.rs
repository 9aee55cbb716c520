//! Lookups of many handles, with the memory's latency hidden.

use core::fmt;
use core::hint::black_box;

use crate::handle::Handle;
use crate::slot::Slot;
use crate::ticket::{Lookup, Lookups};

/// Handles of a run: their slots are a few kilobytes, and more than the memory answers at a time.
const RUN: usize = 64;

/// The answers for many handles: see [`Lookups::each`].
#[must_use = "an iterator that is not used looks nothing up"]
pub struct Each<'a, 'h, Buf> {
    pub(super) lookups: Lookups<'a, Buf>,
    pub(super) handles: &'h [Handle],
    /// How many of the handles' slots were touched.
    pub(super) touched: usize,
}

impl<Buf> fmt::Debug for Each<'_, '_, Buf> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Each")
            .field("handles", &self.handles)
            .finish_non_exhaustive()
    }
}

impl<'a, Buf> Iterator for Each<'a, '_, Buf> {
    type Item = Lookup<'a, Buf>;

    fn next(&mut self) -> Option<Self::Item> {
        let (handle, rest) = self.handles.split_first()?;
        if self.touched == 0 {
            let run = &self.handles[..self.handles.len().min(RUN)];
            touch(self.lookups.slots.slots(), run);
            self.touched = run.len();
        }
        self.touched -= 1;
        self.handles = rest;
        Some(self.lookups.get(*handle))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.handles.len(), Some(self.handles.len()))
    }

    /// All that is left, a run at a time.
    #[inline]
    fn fold<A, F: FnMut(A, Self::Item) -> A>(self, first: A, mut fold: F) -> A {
        let mut all = first;
        for run in self.handles.chunks(RUN) {
            // Asked once a run whether the device was lost: what a run finds then is safe to use,
            // and leads to commands that the device refuses.
            let slots = self.lookups.slots.slots();
            touch(slots, run);
            for handle in run {
                let slot = slots.get(handle.index() as usize);
                all = fold(all, self.lookups.answer(slot, *handle));
            }
        }
        all
    }
}

impl<Buf> ExactSizeIterator for Each<'_, '_, Buf> {}

/// Brings the slots of a run into the cache, unless they lie so close together that the processor
/// knows the next one by itself. That there is so little to do for each of them lets many be on
/// their way from memory at a time.
#[inline]
fn touch(slots: &[Slot], run: &[Handle]) {
    let (first, last) = (run[0].index(), run[run.len() - 1].index());
    if first.abs_diff(last) as usize <= 4 * RUN {
        return;
    }
    let generation = |handle: &Handle| {
        let slot = slots.get(handle.index() as usize);
        slot.map_or(0, |slot| slot.generation)
    };
    let touched = run.iter().map(generation).fold(0, |all, one| all | one);
    // Without a use the compiler would leave it out.
    black_box(touched);
}
