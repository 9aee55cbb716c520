//! AMD's Vulkan Memory Allocator, whose virtual blocks need no device.
#![expect(unsafe_code, reason = "the interface of the binding to C++")]

use core::fmt;

use vk_mem::{
    VirtualAllocation, VirtualAllocationCreateFlags as Flags, VirtualAllocationCreateInfo,
    VirtualBlock, VirtualBlockCreateInfo,
};

use super::{Allocator, Setup};

/// Two-level segregated fit with its best fit.
pub struct Vma(Block);

/// The same with the strategy that takes the least time.
pub struct VmaFast(Block);

struct Block {
    block: VirtualBlock,
    flags: Flags,
}

impl Block {
    fn new(setup: &Setup, flags: Flags) -> Option<Self> {
        let info = VirtualBlockCreateInfo {
            size: setup.capacity,
            ..VirtualBlockCreateInfo::default()
        };
        let block = VirtualBlock::new(info).ok()?;
        Some(Self { block, flags })
    }

    #[inline]
    fn alloc(&mut self, len: u64, align: u64) -> Option<VirtualAllocation> {
        // Its alignments are powers of two: for a stride the caller asks for more.
        let (size, alignment) = if align.is_power_of_two() {
            (len, align)
        } else {
            (len + align - 1, 1)
        };
        let info = VirtualAllocationCreateInfo {
            size,
            alignment,
            user_data: 0,
            flags: self.flags,
        };
        // SAFETY: The length is not zero.
        let (allocation, _) = unsafe { self.block.allocate(info) }.ok()?;
        Some(allocation)
    }

    fn start(&self, allocation: &VirtualAllocation, align: u64) -> u64 {
        // SAFETY: It came from this block, and is live.
        let info = unsafe { self.block.get_allocation_info(allocation) };
        let start = info.expect("the allocation is live").offset;
        start.next_multiple_of(align)
    }

    #[inline]
    fn free(&mut self, mut allocation: VirtualAllocation) {
        // SAFETY: It came from this block, and is not used again.
        unsafe { self.block.free(&mut allocation) };
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: No allocation is used after this; a block must be empty when it goes.
        unsafe { self.block.clear() };
    }
}

macro_rules! peer {
    ($peer:ident, $name:literal, $flags:expr) => {
        impl Allocator for $peer {
            type Id = VirtualAllocation;
            const NAME: &'static str = $name;

            fn new(setup: &Setup) -> Option<Self> {
                Block::new(setup, $flags).map(Self)
            }

            #[inline]
            fn alloc(&mut self, len: u64, align: u64) -> Option<Self::Id> {
                self.0.alloc(len, align)
            }

            #[inline]
            fn free(&mut self, id: VirtualAllocation) {
                self.0.free(id);
            }

            fn start(&self, id: &VirtualAllocation, align: u64) -> u64 {
                self.0.start(id, align)
            }
        }

        impl fmt::Debug for $peer {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($peer)).finish_non_exhaustive()
            }
        }
    };
}

peer!(
    Vma,
    "vma",
    Flags::VMA_VIRTUAL_ALLOCATION_CREATE_STRATEGY_MIN_MEMORY_BIT
);
peer!(
    VmaFast,
    "vma-min-time",
    Flags::VMA_VIRTUAL_ALLOCATION_CREATE_STRATEGY_MIN_TIME_BIT
);
