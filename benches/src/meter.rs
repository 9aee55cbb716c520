//! Counts the bytes that allocators keep their books in.
#![expect(
    unsafe_code,
    reason = "an allocator of the process, and the C heap, can be counted in no other way"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

static LIVE_BYTES: AtomicI64 = AtomicI64::new(0);
static PEAK_BYTES: AtomicI64 = AtomicI64::new(0);
static IS_STOPPED: AtomicBool = AtomicBool::new(false);

/// Ends all counting. Threads that allocate at the same time would contend for the counts, which
/// where time is measured between them is worse than the few nanoseconds that each count takes.
pub fn stop() {
    IS_STOPPED.store(true, Relaxed);
}

/// The system's allocator, counted. A program that reports bytes installs it with
/// `#[global_allocator]`; without it, all counts are zero.
#[derive(Debug)]
pub struct Meter;

/// Does `work` uncounted: what is measured in nanoseconds should not pay for it.
pub fn paused<R>(work: impl FnOnce() -> R) -> R {
    let was_stopped = IS_STOPPED.swap(true, Relaxed);
    let result = work();
    IS_STOPPED.store(was_stopped, Relaxed);
    result
}

fn add(bytes: usize) {
    if IS_STOPPED.load(Relaxed) {
        return;
    }
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    let live = LIVE_BYTES.fetch_add(bytes, Relaxed) + bytes;
    PEAK_BYTES.fetch_max(live, Relaxed);
}

fn subtract(bytes: usize) {
    if IS_STOPPED.load(Relaxed) {
        return;
    }
    LIVE_BYTES.fetch_sub(i64::try_from(bytes).unwrap_or(i64::MAX), Relaxed);
}

// SAFETY: All calls go to the system's allocator as they are.
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: As the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: As the caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        subtract(layout.size());
        // SAFETY: As the caller promised.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // The old bytes go first: where a vector grows in place, both are never there.
        subtract(layout.size());
        add(size);
        // SAFETY: As the caller promised.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// The bytes that one allocator keeps its books in, over turns that it takes with others.
///
/// What Rust allocates is counted at each call, what C++ does at the end of each turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Account {
    bytes: i64,
    peak: i64,
    c_bytes: i64,
    c_peak: i64,
}

impl Account {
    /// Books what `work` allocates.
    pub fn book<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let c_before = c_heap_bytes();
        let before = LIVE_BYTES.load(Relaxed);
        PEAK_BYTES.store(before, Relaxed);
        let result = work();
        self.peak = self
            .peak
            .max(self.bytes + PEAK_BYTES.load(Relaxed) - before);
        self.bytes += LIVE_BYTES.load(Relaxed) - before;
        self.c_bytes += c_heap_bytes() - c_before;
        self.c_peak = self.c_peak.max(self.c_bytes);
        result
    }

    /// Bytes that Rust's side has allocated and not given back.
    pub const fn bytes(&self) -> i64 {
        self.bytes
    }

    /// The most bytes there ever were.
    pub fn peak_bytes(&self) -> u64 {
        self.peak.max(self.c_peak).max(0).unsigned_abs()
    }
}

/// Bytes that the C heap has given out, which C++ and the system's allocator share; 0 where the
/// platform does not tell.
fn c_heap_bytes() -> i64 {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: It takes nothing and returns a structure of numbers.
        let info = unsafe { libc::mallinfo2() };
        i64::try_from(info.uordblks + info.hblkhd).unwrap_or(i64::MAX)
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    0
}
