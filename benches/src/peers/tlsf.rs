//! `rlsf`: two-level segregated fit over memory of its own, with its headers in that memory.
#![expect(
    unsafe_code,
    reason = "the peer hands out pointers, and takes them back on trust"
)]

use core::alloc::Layout;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::{Allocator, Setup};

/// The pool's header is a word, and so is each block's; a block is a multiple of four words.
type Pool = rlsf::Tlsf<'static, u32, u32, 28, 32>;

/// Real memory, as `rlsf` cannot do without. Its blocks carry headers, so that a block at a
/// multiple of 256 bytes takes more than its length.
pub struct Tlsf {
    pool: Pool,
    /// Kept for as long as the pool points into it.
    memory: *mut [MaybeUninit<u8>],
}

/// More memory than this is not set aside for a comparison.
const CAPACITY_MAX: u64 = 1 << 30;

const PAGE_BYTES: u64 = 4096 - 64;

impl Allocator for Tlsf {
    type Id = (NonNull<u8>, usize);
    const NAME: &'static str = "rlsf";

    fn new(setup: &Setup) -> Option<Self> {
        if setup.capacity > CAPACITY_MAX {
            return None;
        }
        let bytes = usize::try_from(setup.capacity).ok()?;
        let memory = Box::into_raw(Box::<[u8]>::new_uninit_slice(bytes));
        let mut pool = Pool::new();
        // SAFETY: The memory is this allocator's alone, until it drops it, and the pool with it.
        pool.insert_free_block(unsafe { &mut *memory });
        Some(Self { pool, memory })
    }

    fn prepare(&mut self) {
        // Blocks that cover all of the memory touch its pages with their headers.
        let mut blocks = Vec::new();
        while let Some(block) = self.alloc(PAGE_BYTES, 1) {
            blocks.push(block);
        }
        for block in blocks {
            self.free(block);
        }
    }

    #[inline]
    fn alloc(&mut self, len: u64, align: u64) -> Option<Self::Id> {
        // Its alignments are powers of two: for a stride the caller asks for more.
        let (len, align) = if align.is_power_of_two() {
            (len, align)
        } else {
            (len + align - 1, 1)
        };
        let len = usize::try_from(len).ok()?;
        let align = usize::try_from(align).ok()?;
        let at = self
            .pool
            .allocate(Layout::from_size_align(len, align).ok()?)?;
        Some((at, align))
    }

    #[inline]
    fn free(&mut self, (at, align): Self::Id) {
        // SAFETY: An id is made by `alloc` with this alignment, and cannot be copied by a player.
        unsafe { self.pool.deallocate(at, align) };
    }

    fn start(&self, (at, _): &Self::Id, _: u64) -> u64 {
        at.addr().get().wrapping_sub(self.memory.addr()) as u64
    }
}

impl Drop for Tlsf {
    fn drop(&mut self) {
        // SAFETY: It came from `Box::into_raw`, and nothing uses the pool after this.
        drop(unsafe { Box::from_raw(self.memory) });
    }
}

impl fmt::Debug for Tlsf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tlsf").finish_non_exhaustive()
    }
}
