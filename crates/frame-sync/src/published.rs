//! The one place where a version changes hands between the writer and the readers.
//!
//! Everything that is said about memory order in the crate's head comes down to the three
//! functions here and to `Arc`'s own uniqueness test, so the mechanism below can be replaced
//! (say, by a mutex around an `Arc`) without touching another module.

use arc_swap::ArcSwap;
use std::sync::Arc;

/// A shared place that holds the current version.
pub(crate) struct Front<V> {
    place: ArcSwap<V>,
}

impl<V> Front<V> {
    pub(crate) fn new(first: Arc<V>) -> Self {
        Self {
            place: ArcSwap::new(first),
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
