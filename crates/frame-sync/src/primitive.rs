//! The synchronisation that the crate is built on: std's, loom's under `--cfg geoheap_loom`, or
//! shuttle's under `--cfg geoheap_shuttle`, whose `Arc` is std's.

#[cfg(geoheap_loom)]
pub(crate) use loom::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

#[cfg(geoheap_shuttle)]
pub(crate) use shuttle::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

#[cfg(not(any(geoheap_loom, geoheap_shuttle)))]
pub(crate) use core::sync::atomic::{AtomicBool, Ordering};
#[cfg(not(any(geoheap_loom, geoheap_shuttle)))]
pub(crate) use std::sync::{Arc, Mutex};

/// Tells loom who reads and who writes a replica, so that it finds a read and a write of which
/// neither comes before the other; nothing in other builds. The types already forbid it: what the
/// models show is that the order in which replicas change hands would be enough without them.
#[derive(Default)]
pub(crate) struct Watch {
    #[cfg(geoheap_loom)]
    accesses: std::sync::Arc<loom::cell::UnsafeCell<()>>,
}

#[cfg_attr(
    not(geoheap_loom),
    expect(
        clippy::unused_self,
        reason = "only loom's build has something to tell"
    )
)]
impl Watch {
    #[inline]
    pub(crate) fn read(&self) {
        #[cfg(geoheap_loom)]
        self.accesses.with(|_| ());
    }

    #[inline]
    pub(crate) fn write(&self) {
        #[cfg(geoheap_loom)]
        self.accesses.with_mut(|_| ());
    }

    /// A watch over the same accesses.
    #[cfg(geoheap_loom)]
    pub(crate) fn twin(&self) -> Self {
        Self {
            accesses: std::sync::Arc::clone(&self.accesses),
        }
    }
}
