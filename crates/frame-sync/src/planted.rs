//! Bugs that can be planted, so that the models are seen to catch them.
//!
//! The module exists under `--cfg geoheap_loom` only, and so does every line that asks it; with the
//! feature `planted-bugs`, which is for simulations, also those that need no second thread.

use core::cell::Cell;

/// A mistake in the order of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A replica is recycled without the test that no ticket pins it.
    PinnedRecycled,
    /// Whether tickets pin a version is judged before it is swapped out rather than after.
    JudgedBeforeSwap,
    /// A version's token is judged before its table. A ticket that turns into a hold in between is
    /// missed, just as if `finish` had given back the table before it took the hold.
    TokenBeforeTable,
    /// What a version retired comes out when that version is out of use, whatever the older ones.
    FreedOutOfOrder,
    /// Bitmaps go back to the pool without being cleared.
    DirtyBitmap,
    /// The loss of a device forgets the version that is current.
    CurrentNotVoid,
    /// What a ticket leaves for its commands keeps nothing.
    TokenForgotten,
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Plants a bug, or none, for the models that this thread runs from now on.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

#[cfg(geoheap_loom)]
pub(crate) fn is_any() -> bool {
    PLANTED.get().is_some()
}
