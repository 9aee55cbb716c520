//! GPU memory that is not the engine's, and counts in its budget all the same.

use core::fmt;
use std::sync::Arc;

use geoheap_suballoc::ByteLen;

use crate::sync::{AtomicU64, Ordering};

/// A part of the budget for buffers of the program's own: a heap on the GPU, targets, staging. What
/// the engine holds and what is held outside stay below the budget together (R10). Given out by
/// [`Client::hold_outside`](crate::Client::hold_outside).
///
/// Dropped, it gives its bytes back with the next tick: drop it after the buffers.
#[must_use = "the bytes are given back when it is dropped"]
pub struct OutsideLease {
    bytes: ByteLen,
    returned: Returned,
}

impl OutsideLease {
    pub(crate) fn new(bytes: ByteLen, returned: &Returned) -> Self {
        Self {
            bytes,
            returned: returned.clone(),
        }
    }

    /// Bytes that it stands for.
    pub fn bytes(&self) -> ByteLen {
        self.bytes
    }
}

impl Drop for OutsideLease {
    fn drop(&mut self) {
        self.returned
            .0
            .fetch_add(self.bytes.get(), Ordering::Relaxed);
    }
}

impl fmt::Debug for OutsideLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutsideLease({} bytes)", self.bytes)
    }
}

/// Bytes of leases that were dropped, until the engine takes note. A sum and no message, as it
/// has to get through a full mailbox, and to be left behind by whoever comes after the engine.
#[derive(Clone, Debug)]
pub(crate) struct Returned(Arc<AtomicU64>);

impl Returned {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(0)))
    }

    /// Those since the last call.
    pub(crate) fn take(&self) -> ByteLen {
        ByteLen::new(self.0.swap(0, Ordering::Relaxed))
    }
}
