//! A replica's contents: one flat array of slots, and beside it the rarely read extras.

use crate::bitmap::Pool;
use crate::feed::Window;
use crate::primitive::{Arc, AtomicBool, Ordering, Watch};
use crate::token::Token;
use crate::version::{DeviceEpoch, Version};
use core::hint::black_box;
use std::sync::Arc as PoolArc;

/// Changes that are looked at together: more than a processor waits for at a time.
const RUN: usize = 64;

/// One queued change of one slot.
pub(crate) struct Change<S, E> {
    pub(crate) index: u32,
    pub(crate) slot: S,
    /// Without effect if `keeps_extra`.
    pub(crate) extra: Option<E>,
    /// The slot keeps the extra that it had.
    pub(crate) keeps_extra: bool,
}

/// The table of one replica, equal to the state of `version` (invariant F2).
#[repr(C)]
pub(crate) struct Table<S, E> {
    slots: Vec<S>,
    /// Never longer than `slots`; only as long as the highest slot that ever had an extra.
    extras: Vec<Option<E>>,
    pub(crate) version: Version,
    pub(crate) epoch: DeviceEpoch,
    watch: Watch,
}

/// A table as readers see it, together with the token of its version.
///
/// The order of the fields and the alignment put all that a lookup reads beside the slot itself
/// into one cache line, which nobody writes while the version lives. In particular the counts of
/// the `Arc` around it, which other threads' tickets change, lie in the line before.
#[repr(C, align(64))]
pub(crate) struct Published<S, E, T> {
    /// Says what the token's flag says.
    void: AtomicBool,
    pub(crate) table: Table<S, E>,
    pub(crate) token: Arc<Token<T>>,
    /// Where the bitmaps of the version's tickets come from.
    pub(crate) pool: PoolArc<Pool>,
    /// What the versions up to this one set.
    pub(crate) feed: Window,
}

impl<S, E, T> Published<S, E, T> {
    pub(crate) fn new(
        table: Table<S, E>,
        token: Arc<Token<T>>,
        pool: PoolArc<Pool>,
        feed: Window,
    ) -> Self {
        Self {
            void: AtomicBool::new(token.is_void()),
            table,
            token,
            pool,
            feed,
        }
    }

    /// Marks the version as one of a lost device; relaxed for the reason given at the token.
    pub(crate) fn make_void(&self) {
        self.token.make_void();
        self.void.store(true, Ordering::Relaxed);
    }

    pub(crate) fn void_flag(&self) -> &AtomicBool {
        &self.void
    }

    pub(crate) fn is_void(&self) -> bool {
        self.void.load(Ordering::Relaxed)
    }
}

impl<S, E> Table<S, E> {
    /// A table of no slots, for a replica that was given up with its device.
    pub(crate) fn vacant(epoch: DeviceEpoch) -> Self {
        Self {
            version: Version::ZERO,
            epoch,
            slots: Vec::new(),
            extras: Vec::new(),
            watch: Watch::default(),
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn slots(&self) -> &[S] {
        self.watch.read();
        &self.slots
    }

    pub(crate) fn slot(&self, index: u32) -> Option<&S> {
        self.watch.read();
        self.slots.get(index as usize)
    }

    pub(crate) fn extra(&self, index: u32) -> Option<&E> {
        self.watch.read();
        self.extras.get(index as usize)?.as_ref()
    }

    /// Bytes that the two arrays occupy, without what extras point to.
    pub(crate) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<S>() + self.extras.capacity() * size_of::<Option<E>>()
    }
}

impl<S: Copy + Default, E: Clone> Table<S, E> {
    /// Sets every slot to its default, as in version zero, and makes room for `capacity` slots.
    pub(crate) fn reset(&mut self, capacity: usize) {
        self.watch.write();
        self.slots.clear();
        self.extras.clear();
        self.grow(capacity);
    }

    /// Makes room for `capacity` slots; new ones have the default value. Never shrinks.
    pub(crate) fn grow(&mut self, capacity: usize) {
        if capacity > self.slots.len() {
            self.slots.resize(capacity, S::default());
        }
    }

    /// Reserves memory for `capacity` slots, and says whether there was enough.
    pub(crate) fn try_reserve(&mut self, capacity: usize) -> bool {
        self.slots
            .try_reserve_exact(capacity.saturating_sub(self.slots.len()))
            .is_ok()
    }

    pub(crate) fn copy_from(&mut self, other: &Self) {
        other.watch.read();
        self.watch.write();
        self.slots.clear();
        self.slots.extend_from_slice(&other.slots);
        self.extras.clone_from(&other.extras);
    }

    /// A copy that loom takes for the table itself.
    #[cfg(geoheap_loom)]
    pub(crate) fn twin(&self) -> Self {
        Self {
            slots: self.slots.clone(),
            extras: self.extras.clone(),
            version: self.version,
            epoch: self.epoch,
            watch: self.watch.twin(),
        }
    }

    /// Applies changes in order; the caller has grown the table so that every index exists.
    pub(crate) fn apply(&mut self, changes: &[Change<S, E>]) {
        self.watch.write();
        for run in changes.chunks(RUN) {
            self.look_ahead(run);
            self.apply_run(run);
        }
    }

    /// Looks at what is about to change, all of it side by side, so that no change waits for the
    /// memory of the one before it.
    fn look_ahead(&self, changes: &[Change<S, E>]) {
        for change in changes {
            let index = change.index as usize;
            black_box(self.slots[index]);
            if !change.keeps_extra {
                black_box(self.extras.get(index).is_some_and(Option::is_some));
            }
        }
    }

    fn apply_run(&mut self, changes: &[Change<S, E>]) {
        for change in changes {
            let index = change.index as usize;
            self.slots[index] = change.slot;
            if change.keeps_extra {
                continue;
            }
            if let Some(place) = self.extras.get_mut(index) {
                place.clone_from(&change.extra);
            } else if change.extra.is_some() {
                // As many as there are slots in the end, and no more.
                self.extras
                    .reserve_exact(self.slots.len() - self.extras.len());
                self.extras.resize(index + 1, None);
                self.extras[index].clone_from(&change.extra);
            }
        }
    }
}

#[cfg(test)]
mod tests;
