//! Errors, one type for each boundary.

use core::error::Error;
use core::fmt;

use geoheap_suballoc::{Align, ByteLen, ByteOffset};

/// Why a buffer was not created.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CreateError {
    /// A buffer of zero bytes was asked for.
    ZeroSize,
    /// The length is not a multiple of the copy alignment.
    Misaligned {
        /// Length asked for.
        len: ByteLen,
        /// Alignment that it has to have.
        align: Align,
    },
    /// The length is above the device's limit.
    TooLarge {
        /// Length asked for.
        requested: ByteLen,
        /// Largest length of a buffer.
        max: ByteLen,
    },
    /// The device has no memory for it. Nothing else was harmed.
    OutOfMemory {
        /// Length asked for.
        requested: ByteLen,
    },
    /// The device is gone.
    DeviceLost,
    /// The device refused for a reason of its own.
    Refused(String),
}

/// Why bytes were not staged, or a read-back was not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StageError {
    /// The staging memory is in use; some of it comes back with completed submissions.
    Full {
        /// Bytes asked for.
        requested: ByteLen,
        /// Bytes that would go now.
        free: ByteLen,
    },
    /// More than the staging limit in one piece; it has to be cut.
    TooLarge {
        /// Bytes asked for.
        requested: ByteLen,
        /// The staging limit.
        limit: ByteLen,
    },
    /// Offset or length is not a multiple of the copy alignment.
    Misaligned {
        /// Offset asked for.
        offset: ByteOffset,
        /// Length asked for.
        len: ByteLen,
        /// Alignment that both have to have.
        align: Align,
    },
    /// The range does not lie in the buffer (or in the lease).
    OutOfBounds {
        /// Offset asked for.
        offset: ByteOffset,
        /// Length asked for.
        len: ByteLen,
        /// Length of the buffer or lease.
        bounds: ByteLen,
    },
    /// The lease belongs to another backend.
    ForeignLease,
    /// The device has no memory for staging.
    OutOfMemory {
        /// Bytes asked for.
        requested: ByteLen,
    },
    /// The device is gone.
    DeviceLost,
    /// The device refused for a reason of its own.
    Refused(String),
}

/// Why memory was not leased.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaseError {
    /// A lease of zero bytes was asked for.
    ZeroSize,
    /// The length is not a multiple of the copy alignment.
    Misaligned {
        /// Length asked for.
        len: ByteLen,
        /// Alignment that it has to have.
        align: Align,
    },
    /// The staging memory is in use; some of it comes back with completed submissions.
    Full {
        /// Bytes asked for.
        requested: ByteLen,
        /// Bytes that would go now.
        free: ByteLen,
    },
    /// More than the staging limit.
    TooLarge {
        /// Bytes asked for.
        requested: ByteLen,
        /// The staging limit.
        limit: ByteLen,
    },
    /// The device has no memory for it.
    OutOfMemory {
        /// Bytes asked for.
        requested: ByteLen,
    },
    /// The device is gone.
    DeviceLost,
    /// The device refused for a reason of its own.
    Refused(String),
}

/// Why bytes were not written into a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaseWriteError {
    /// The range does not lie in the lease.
    OutOfBounds {
        /// Offset asked for.
        offset: ByteOffset,
        /// Length asked for.
        len: ByteLen,
        /// Length of the lease.
        bounds: ByteLen,
    },
    /// The lease was uploaded from, and can no longer be written.
    Sealed,
    /// The memory went with the device.
    DeviceLost,
}

/// Why a copy was not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CopyError {
    /// Source and destination are one buffer, which wgpu refuses even for disjoint ranges.
    SameBuffer,
    /// Offset or length is not a multiple of the copy alignment.
    Misaligned {
        /// Offset asked for.
        offset: ByteOffset,
        /// Length asked for.
        len: ByteLen,
        /// Alignment that both have to have.
        align: Align,
    },
    /// The range does not lie in its buffer.
    OutOfBounds {
        /// Offset asked for.
        offset: ByteOffset,
        /// Length asked for.
        len: ByteLen,
        /// Length of the buffer.
        bounds: ByteLen,
    },
    /// The device is gone.
    DeviceLost,
}

/// Why a batch was not submitted. Nothing of the batch was executed, and none of it is kept:
/// its read-backs fail, its staging memory comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubmitError {
    /// The device is gone.
    DeviceLost,
    /// The device refused the batch.
    Refused {
        /// The device's own words.
        message: String,
    },
}

fn misaligned(
    f: &mut fmt::Formatter<'_>,
    offset: ByteOffset,
    len: ByteLen,
    align: Align,
) -> fmt::Result {
    let align = align.get();
    write!(
        f,
        "offset {offset} and length {len} have to be multiples of {align} bytes"
    )
}

fn out_of_bounds(
    f: &mut fmt::Formatter<'_>,
    offset: ByteOffset,
    len: ByteLen,
    bounds: ByteLen,
) -> fmt::Result {
    write!(
        f,
        "{len} bytes at offset {offset} do not lie in {bounds} bytes"
    )
}

const LOST: &str = "the device is lost";

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroSize => f.write_str("a buffer of zero bytes was asked for"),
            Self::Misaligned { len, align } => {
                write!(
                    f,
                    "a buffer's length {len} has to be a multiple of {}",
                    align.get()
                )
            }
            Self::TooLarge { requested, max } => {
                write!(
                    f,
                    "a buffer of {requested} bytes is above the device's limit of {max}"
                )
            }
            Self::OutOfMemory { requested } => {
                write!(
                    f,
                    "the device has no memory for a buffer of {requested} bytes"
                )
            }
            Self::DeviceLost => f.write_str(LOST),
            Self::Refused(message) => write!(f, "the device refused a buffer: {message}"),
        }
    }
}

impl fmt::Display for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { requested, free } => {
                write!(
                    f,
                    "{requested} bytes of staging asked for, {free} are free now"
                )
            }
            Self::TooLarge { requested, limit } => {
                write!(
                    f,
                    "{requested} bytes in one piece, the staging limit is {limit}"
                )
            }
            Self::Misaligned { offset, len, align } => misaligned(f, *offset, *len, *align),
            Self::OutOfBounds {
                offset,
                len,
                bounds,
            } => out_of_bounds(f, *offset, *len, *bounds),
            Self::ForeignLease => f.write_str("the lease belongs to another backend"),
            Self::OutOfMemory { requested } => {
                write!(f, "the device has no memory to stage {requested} bytes")
            }
            Self::DeviceLost => f.write_str(LOST),
            Self::Refused(message) => write!(f, "the device refused to stage: {message}"),
        }
    }
}

impl fmt::Display for LeaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroSize => f.write_str("a lease of zero bytes was asked for"),
            Self::Misaligned { len, align } => {
                write!(
                    f,
                    "a lease's length {len} has to be a multiple of {}",
                    align.get()
                )
            }
            Self::Full { requested, free } => {
                write!(
                    f,
                    "a lease of {requested} bytes asked for, {free} are free now"
                )
            }
            Self::TooLarge { requested, limit } => {
                write!(
                    f,
                    "a lease of {requested} bytes, the staging limit is {limit}"
                )
            }
            Self::OutOfMemory { requested } => {
                write!(
                    f,
                    "the device has no memory for a lease of {requested} bytes"
                )
            }
            Self::DeviceLost => f.write_str(LOST),
            Self::Refused(message) => write!(f, "the device refused a lease: {message}"),
        }
    }
}

impl fmt::Display for LeaseWriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfBounds {
                offset,
                len,
                bounds,
            } => out_of_bounds(f, *offset, *len, *bounds),
            Self::Sealed => f.write_str("the lease was uploaded from and is sealed"),
            Self::DeviceLost => f.write_str(LOST),
        }
    }
}

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameBuffer => f.write_str("a copy within one buffer is not possible"),
            Self::Misaligned { offset, len, align } => misaligned(f, *offset, *len, *align),
            Self::OutOfBounds {
                offset,
                len,
                bounds,
            } => out_of_bounds(f, *offset, *len, *bounds),
            Self::DeviceLost => f.write_str(LOST),
        }
    }
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeviceLost => f.write_str(LOST),
            Self::Refused { message } => write!(f, "the device refused a batch: {message}"),
        }
    }
}

impl Error for CreateError {}
impl Error for StageError {}
impl Error for LeaseError {}
impl Error for LeaseWriteError {}
impl Error for CopyError {}
impl Error for SubmitError {}

impl From<CreateError> for StageError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::OutOfMemory { requested } => Self::OutOfMemory { requested },
            CreateError::TooLarge { requested, max } => Self::TooLarge {
                requested,
                limit: max,
            },
            CreateError::DeviceLost => Self::DeviceLost,
            other => Self::Refused(other.to_string()),
        }
    }
}

impl From<CreateError> for LeaseError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::OutOfMemory { requested } => Self::OutOfMemory { requested },
            CreateError::TooLarge { requested, max } => Self::TooLarge {
                requested,
                limit: max,
            },
            CreateError::DeviceLost => Self::DeviceLost,
            other => Self::Refused(other.to_string()),
        }
    }
}
