//! Our allocator and those that programs use today, behind one trait.

mod null;
mod offset;
mod ours;
mod range;
mod records;
mod tlsf;
#[cfg(feature = "vma")]
mod vma;

pub use null::Null;
pub use offset::Offset;
pub use ours::Ours;
pub use range::Ranges;
pub use records::Records;
pub use tlsf::Tlsf;
#[cfg(feature = "vma")]
pub use vma::{Vma, VmaFast};

/// What an allocator is set up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Bytes of the space.
    pub capacity: u64,
    /// All lengths are multiples of this.
    pub unit: u64,
    /// Live ranges there can be, for allocators that must know beforehand.
    pub live_max: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            capacity: 16 << 20,
            unit: 256,
            live_max: 1 << 16,
        }
    }
}

/// An allocator of ranges in one space.
pub trait Allocator: Sized {
    /// What a program must keep of a range: what frees it, from which the allocator can tell where
    /// it lies.
    type Id;
    /// The name in the tables.
    const NAME: &'static str;

    /// An empty space; `None` where this allocator cannot have it.
    fn new(setup: &Setup) -> Option<Self>;

    /// What must be done once and is not to be timed.
    fn prepare(&mut self) {}

    /// A range of `len` bytes at a multiple of `align` bytes.
    fn alloc(&mut self, len: u64, align: u64) -> Option<Self::Id>;

    /// Gives a range back.
    fn free(&mut self, id: Self::Id);

    /// Where a range starts that was asked for with this alignment, in bytes.
    fn start(&self, id: &Self::Id, align: u64) -> u64;
}

/// What an allocator without alignments must ask for to be sure of one, in units.
const fn padded_units(len: u64, align: u64, unit: u64) -> u64 {
    let units = len.div_ceil(unit);
    if unit.is_multiple_of(align) {
        return units;
    }
    // Every start is a multiple of the unit; the worst one is a unit behind an aligned place.
    units + (align / gcd(align, unit)) - 1
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests;
