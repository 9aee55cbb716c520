//! Version tokens: the small thing that stays alive until the GPU has finished.

use crate::primitive::{Arc, AtomicBool, Ordering};
use crate::version::{DeviceEpoch, Version};
use core::fmt;
use std::sync::Arc as PayloadArc;

/// What remains of a version when its table has been given back: its number and its payload.
pub(crate) struct Token<T> {
    pub(crate) version: Version,
    pub(crate) epoch: DeviceEpoch,
    void: AtomicBool,
    /// The caller's own `Arc`, on whose count nothing here depends.
    payload: PayloadArc<T>,
}

impl<T> Token<T> {
    pub(crate) fn new(version: Version, epoch: DeviceEpoch, payload: PayloadArc<T>) -> Self {
        Self {
            version,
            epoch,
            void: AtomicBool::new(false),
            payload,
        }
    }

    /// Another token for the same version, which the holds know nothing of.
    #[cfg(any(geoheap_loom, feature = "planted-bugs"))]
    pub(crate) fn twin(&self) -> Self {
        Self::new(self.version, self.epoch, PayloadArc::clone(&self.payload))
    }

    pub(crate) fn payload(&self) -> &T {
        &self.payload
    }

    /// Marks the version as one of a lost device.
    ///
    /// Relaxed is enough: the flag guards no other memory. A reader that was told of the loss
    /// through any channel sees the flag by coherence, and one that was not told may see it later.
    pub(crate) fn make_void(&self) {
        self.void.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_void(&self) -> bool {
        self.void.load(Ordering::Relaxed)
    }
}

/// Keeps a version's bytes in use without keeping its table: what travels with recorded commands.
///
/// Move it into the callback that the queue calls, or drops, when the commands are done. Dropping
/// the last hold and ticket of a version puts it out of use; the publisher notices with its next
/// [`collect`](crate::Publisher::collect). The drop itself only counts down: memory is freed on the
/// publisher's thread. (After the publisher is gone, or the device was lost, it may be freed here.)
///
/// ```
/// fn shareable<X: Send + Sync + Clone>() {}
/// shareable::<geoheap_frame_sync::Hold<u32>>();
/// ```
#[must_use = "dropping a hold says that the commands recorded from its version are done"]
pub struct Hold<T> {
    token: Arc<Token<T>>,
}

impl<T> Hold<T> {
    pub(crate) fn new(token: Arc<Token<T>>) -> Self {
        Self { token }
    }

    /// The version that is held.
    pub fn version(&self) -> Version {
        self.token.version
    }

    /// The device that the version belongs to.
    pub fn epoch(&self) -> DeviceEpoch {
        self.token.epoch
    }

    /// True once the device of this version was lost.
    pub fn is_void(&self) -> bool {
        self.token.is_void()
    }

    /// The payload of the version, the same object for every ticket and hold of it.
    pub fn payload(&self) -> &T {
        self.token.payload()
    }
}

impl<T> Clone for Hold<T> {
    fn clone(&self) -> Self {
        Self {
            token: Arc::clone(&self.token),
        }
    }
}

impl<T> fmt::Debug for Hold<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold")
            .field("version", &self.version())
            .field("epoch", &self.epoch())
            .field("void", &self.is_void())
            .finish_non_exhaustive()
    }
}
