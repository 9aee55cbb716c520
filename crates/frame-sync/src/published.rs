//! The one place where a version changes hands between the writer and the readers.
//!
//! Everything that is said about memory order in the crate's head comes down to the three
//! functions here and to `Arc`'s own uniqueness test. Under `--cfg geoheap_loom` and
//! `--cfg geoheap_shuttle` the place is a mutex around an `Arc`, held for a clone only, because
//! neither tool sees into arc-swap.

use crate::primitive::Arc;
#[cfg(geoheap_loom)]
use loom::sync::Mutex;
#[cfg(geoheap_shuttle)]
use shuttle::sync::Mutex;

/// A shared place that holds the current version.
pub(crate) struct Front<V> {
    #[cfg(not(any(geoheap_loom, geoheap_shuttle)))]
    place: arc_swap::ArcSwap<V>,
    #[cfg(any(geoheap_loom, geoheap_shuttle))]
    place: Mutex<Arc<V>>,
}

#[cfg(not(any(geoheap_loom, geoheap_shuttle)))]
impl<V> Front<V> {
    pub(crate) fn new(first: Arc<V>) -> Self {
        Self {
            place: arc_swap::ArcSwap::new(first),
        }
    }

    /// Takes a reference that may be kept for as long as one likes.
    pub(crate) fn load(&self) -> Arc<V> {
        self.place.load_full()
    }

    /// Looks at the current version without taking a counted reference.
    pub(crate) fn peek<A>(&self, look: impl FnOnce(&V) -> A) -> A {
        look(&self.place.load())
    }

    /// Puts in the next version and returns the one before.
    ///
    /// On return every reader that had begun to load the old version is counted in its `Arc`, and
    /// no further reader can reach it through this place. That is what makes a later uniqueness
    /// test on the returned `Arc` final.
    pub(crate) fn swap(&self, next: Arc<V>) -> Arc<V> {
        self.place.swap(next)
    }
}

#[cfg(any(geoheap_loom, geoheap_shuttle))]
impl<V> Front<V> {
    pub(crate) fn new(first: Arc<V>) -> Self {
        Self {
            place: Mutex::new(first),
        }
    }

    pub(crate) fn load(&self) -> Arc<V> {
        Arc::clone(&self.place.lock().expect("no holder of the lock panics"))
    }

    pub(crate) fn peek<A>(&self, look: impl FnOnce(&V) -> A) -> A {
        look(&self.place.lock().expect("no holder of the lock panics"))
    }

    pub(crate) fn swap(&self, next: Arc<V>) -> Arc<V> {
        core::mem::replace(
            &mut *self.place.lock().expect("no holder of the lock panics"),
            next,
        )
    }
}
