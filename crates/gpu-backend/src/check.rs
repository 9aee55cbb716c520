//! The checks that wgpu would make at the end of recording, made at the call.

use geoheap_suballoc::{Align, ByteLen, ByteOffset};

use crate::{CopyError, StageError};

/// What is wrong with a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RangeFault {
    Misaligned {
        offset: ByteOffset,
        len: ByteLen,
        align: Align,
    },
    OutOfBounds {
        offset: ByteOffset,
        len: ByteLen,
        bounds: ByteLen,
    },
}

/// Checks that a range is aligned and lies within `bounds`.
pub(crate) fn range(
    offset: ByteOffset,
    len: ByteLen,
    bounds: ByteLen,
    align: Align,
) -> Result<(), RangeFault> {
    let unit = align.get();
    if !offset.get().is_multiple_of(unit) || !len.get().is_multiple_of(unit) {
        return Err(RangeFault::Misaligned { offset, len, align });
    }
    match offset.get().checked_add(len.get()) {
        Some(end) if end <= bounds.get() => Ok(()),
        Some(_) | None => Err(RangeFault::OutOfBounds {
            offset,
            len,
            bounds,
        }),
    }
}

macro_rules! tells_of_ranges {
    ($($error:ty),+) => {$(
        impl From<RangeFault> for $error {
            fn from(fault: RangeFault) -> Self {
                match fault {
                    RangeFault::Misaligned { offset, len, align } => {
                        Self::Misaligned { offset, len, align }
                    }
                    RangeFault::OutOfBounds { offset, len, bounds } => {
                        Self::OutOfBounds { offset, len, bounds }
                    }
                }
            }
        }
    )+};
}
tells_of_ranges!(StageError, CopyError);
