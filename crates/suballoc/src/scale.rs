//! Between bytes at the interface and whole units inside.

use crate::bytes::{Align, ByteLen, ByteOffset, ByteRange, gcd};

/// The unit of a space. A power of two divides by shifting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    unit_bytes: u64,
    shift: Option<u32>,
}

impl Scale {
    /// A unit of `unit_bytes`, which must not be zero.
    pub(crate) const fn new(unit_bytes: u64) -> Self {
        let shift = if unit_bytes.is_power_of_two() {
            Some(unit_bytes.trailing_zeros())
        } else {
            None
        };
        Self { unit_bytes, shift }
    }

    #[inline]
    pub(crate) const fn unit(self) -> ByteLen {
        ByteLen::new(self.unit_bytes)
    }

    /// The fewest units that hold `len`.
    #[inline]
    pub(crate) const fn units_up(self, len: ByteLen) -> u64 {
        match self.shift {
            // A sum of the quotient and one more bit cannot overflow, unlike `len + unit - 1`.
            Some(shift) => {
                let whole = len.get() >> shift;
                let rest = len.get() & (self.unit_bytes - 1);
                whole + (rest != 0) as u64
            }
            None => len.get().div_ceil(self.unit_bytes),
        }
    }

    /// The unit at which `offset` lies; `None` where it lies inside a unit.
    pub(crate) fn unit_at(self, offset: ByteOffset) -> Option<u64> {
        let whole = offset.get() / self.unit_bytes;
        (whole * self.unit_bytes == offset.get()).then_some(whole)
    }

    /// The distance in units between two aligned places: a unit's start is a multiple of `align`
    /// exactly where its index is a multiple of this.
    #[inline]
    pub(crate) const fn step(self, align: Align) -> u64 {
        let mask = align.get() - 1;
        if align.get() & mask == 0 && self.unit_bytes & mask == 0 {
            return 1;
        }
        self.step_beyond(align)
    }

    /// As [`Self::step`], where `align` is not a power of two that divides the unit.
    #[inline(never)]
    const fn step_beyond(self, align: Align) -> u64 {
        match self.shift {
            // The common divisor with a power of two is a power of two.
            Some(shift) => {
                let twos = align.get().trailing_zeros();
                align.get() >> if twos < shift { twos } else { shift }
            }
            None => align.get() / gcd(align.get(), self.unit_bytes),
        }
    }

    #[inline]
    pub(crate) const fn len(self, units: u64) -> ByteLen {
        ByteLen::new(units * self.unit_bytes)
    }

    #[inline]
    pub(crate) const fn range(self, start: u64, units: u64) -> ByteRange {
        ByteRange::new(ByteOffset::new(start * self.unit_bytes), self.len(units))
    }
}
