//! The news that the device is lost, and the scopes that keep its errors from panicking.

use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, PoisonError, RwLock};

/// A flag that says that the device is lost; clones share it.
///
/// It is also a gate. wgpu tears down a lost device's memory under the views that are mapped into
/// it, so whoever writes through a view holds the gate open, and the report waits for him (for
/// the length of one memcpy). After the report no view is touched.
#[derive(Clone, Debug)]
pub struct DeviceLoss(Arc<RwLock<Option<String>>>);

impl DeviceLoss {
    pub(super) fn new() -> Self {
        Self(Arc::new(RwLock::new(None)))
    }

    /// Reports that the device is lost; the first reason stays. Calls nothing of wgpu, so it may
    /// be called from the device-lost callback.
    pub fn report(&self, reason: &str) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            *known = Some(reason.to_owned());
        }
    }

    /// True once the loss was reported.
    pub fn is_lost(&self) -> bool {
        self.reason().is_some()
    }

    /// The reason, once there is one.
    pub fn reason(&self) -> Option<String> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Runs `f`, which must not call wgpu, unless the device is lost.
    pub(super) fn while_alive<T>(&self, f: impl FnOnce() -> T) -> Option<T> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.is_none().then(f)
    }
}

/// Runs `f` within error scopes of this thread and returns the first error that wgpu raised, the
/// most recoverable kind first. Without a scope wgpu panics.
pub(super) fn guarded<T>(device: &wgpu::Device, f: impl FnOnce() -> T) -> (T, Option<wgpu::Error>) {
    use wgpu::ErrorFilter::{Internal, OutOfMemory, Validation};
    let internal = device.push_error_scope(Internal);
    let validation = device.push_error_scope(Validation);
    let memory = device.push_error_scope(OutOfMemory);
    let value = f();
    // Scopes are popped in the reverse order of their pushes.
    let errors = [
        ready(memory.pop()),
        ready(validation.pop()),
        ready(internal.pop()),
    ];
    (value, errors.into_iter().flatten().next())
}

/// The value of a future that is ready at once, as wgpu's scopes are outside of browsers.
fn ready<T>(future: impl Future<Output = Option<T>>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => None,
    }
}
