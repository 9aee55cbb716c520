//! Counts the bytes that allocators keep their books in.
#![expect(
    unsafe_code,
    reason = "an allocator of the process, and callbacks for C++, can be counted in no other way"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

static LIVE_BYTES: AtomicI64 = AtomicI64::new(0);
static PEAK_BYTES: AtomicI64 = AtomicI64::new(0);

/// The system's allocator, counted. A program that reports bytes installs it with
/// `#[global_allocator]`; without it, all counts are zero.
#[derive(Debug)]
pub struct Meter;

fn add(bytes: usize) {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    let live = LIVE_BYTES.fetch_add(bytes, Relaxed) + bytes;
    PEAK_BYTES.fetch_max(live, Relaxed);
}

fn subtract(bytes: usize) {
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
#[derive(Clone, Copy, Debug, Default)]
pub struct Account {
    bytes: i64,
    peak: i64,
}

impl Account {
    /// Books what `work` allocates.
    pub fn book<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let before = LIVE_BYTES.load(Relaxed);
        PEAK_BYTES.store(before, Relaxed);
        let result = work();
        self.peak = self
            .peak
            .max(self.bytes + PEAK_BYTES.load(Relaxed) - before);
        self.bytes += LIVE_BYTES.load(Relaxed) - before;
        result
    }

    /// The most bytes there ever were.
    pub fn peak_bytes(&self) -> u64 {
        self.peak.max(0).unsigned_abs()
    }
}

#[cfg(feature = "vma")]
pub(crate) use callbacks::callbacks;

#[cfg(feature = "vma")]
mod callbacks {
    use core::ffi::c_void;
    use std::alloc::{Layout, alloc, dealloc};

    use ash::vk;

    /// In front of what C++ gets, its layout's size and alignment are kept.
    const WORDS: usize = 2;
    const WORD: usize = size_of::<usize>();

    /// Room in front of a piece, a multiple of its alignment.
    const fn front(align: usize) -> usize {
        let kept = WORDS * WORD;
        if align > kept { align } else { kept }
    }

    unsafe extern "system" fn allocate(
        _: *mut c_void,
        size: usize,
        align: usize,
        _: vk::SystemAllocationScope,
    ) -> *mut c_void {
        let align = align.max(WORD);
        let Ok(layout) = Layout::from_size_align(front(align) + size, align) else {
            return core::ptr::null_mut();
        };
        // SAFETY: The layout is not empty, since there is room in front, in which both words lie.
        unsafe {
            let at = alloc(layout);
            if at.is_null() {
                return core::ptr::null_mut();
            }
            let piece = at.add(front(align));
            let piece: *mut c_void = piece.cast();
            let words: *mut usize = piece.cast();
            words.sub(1).write(layout.size());
            words.sub(2).write(align);
            piece
        }
    }

    unsafe extern "system" fn free(_: *mut c_void, piece: *mut c_void) {
        if piece.is_null() {
            return;
        }
        // SAFETY: `piece` came from `allocate`, which wrote both words in front of it.
        unsafe {
            let words = piece.cast::<usize>();
            let (size, align) = (words.sub(1).read(), words.sub(2).read());
            let layout = Layout::from_size_align_unchecked(size, align);
            dealloc(piece.cast::<u8>().sub(front(align)), layout);
        }
    }

    /// Callbacks that allocate where this program does, so that [`super::Meter`] sees it.
    pub(crate) fn callbacks() -> &'static vk::AllocationCallbacks<'static> {
        struct Shared(vk::AllocationCallbacks<'static>);
        // SAFETY: It is made of function pointers and null pointers, and never changed.
        unsafe impl Sync for Shared {}
        static CALLBACKS: Shared = Shared(vk::AllocationCallbacks {
            p_user_data: core::ptr::null_mut(),
            pfn_allocation: Some(allocate),
            pfn_reallocation: None,
            pfn_free: Some(free),
            pfn_internal_allocation: None,
            pfn_internal_free: None,
            _marker: core::marker::PhantomData,
        });
        &CALLBACKS.0
    }
}
