//! The synchronisation that the engine is built on: std's, or shuttle's under
//! `--cfg geoheap_shuttle`.
//!
//! No other module names std's locks, atomics, threads or clock, so that the suite that explores
//! schedules runs the engine as it is. `Arc` is std's in both: whatever is counted is counted in
//! an instant, and no decision hangs on a count but frame-sync's, which loom goes through.

#[cfg(not(geoheap_shuttle))]
pub(crate) use std::{
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    },
    thread::{Builder, JoinHandle, sleep},
    time::Instant,
};

#[cfg(geoheap_shuttle)]
mod twin;
#[cfg(geoheap_shuttle)]
pub(crate) use twin::{
    AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Builder, Condvar, Instant, JoinHandle, Mutex,
    MutexGuard, Ordering, fence, let_pass, sleep,
};

pub(crate) use std::sync::PoisonError;
pub(crate) use std::thread::panicking;

/// A number that this program had not before. It only counts, so it is std's in both builds.
#[allow(
    unused_qualifications,
    reason = "under shuttle the short names are others"
)]
pub(crate) fn next_number() -> u32 {
    static NUMBERS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    NUMBERS.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
