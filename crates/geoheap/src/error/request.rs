//! Why a request was not carried out, why a block is not resident, why no answer came.

use core::fmt;
use std::time::Duration;

use geoheap_chunk_heap::{LayoutError, PartError, PartId};
use geoheap_suballoc::ByteLen;

use crate::config::ConfigError;
use crate::handle::Handle;

/// Why a request about a block was not carried out. The block keeps the contents that it had; but
/// an update in place that fails after a part of it was submitted leaves that part.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RequestError {
    /// The handle names no block: it was removed, or never was one (R7).
    Stale {
        /// The handle.
        handle: Handle,
    },
    /// The part is not one of the block's.
    Part {
        /// The part.
        part: PartId,
        /// What is wrong with it.
        error: PartError,
    },
    /// The new layout is not valid.
    Layout(LayoutError),
    /// New contents have another number of parts than the block.
    PartCount {
        /// Parts of the block.
        expected: usize,
        /// Parts given.
        given: usize,
    },
    /// `update_in_place` needs the same lengths.
    LengthDiffers {
        /// Bytes of the part.
        expected: ByteLen,
        /// Bytes given.
        given: ByteLen,
    },
    /// The block's bytes are neither in GPU memory nor retained.
    NotResident {
        /// The handle.
        handle: Handle,
    },
    /// The block is larger than any place it could have.
    TooLarge {
        /// Bytes asked for.
        requested: ByteLen,
        /// Most bytes of one block here.
        max: ByteLen,
    },
    /// A staged part, or one on the GPU, has no memory to retain.
    StagedCannotRetain,
    /// A piece of no bytes was asked for.
    ZeroSize,
    /// A pinned block stays until its last pin is taken off.
    Pinned {
        /// The handle.
        handle: Handle,
    },
    /// A long-lived block is never evicted; make it dynamic first.
    LongLived {
        /// The handle.
        handle: Handle,
    },
    /// A block without a source could not come back, so it is never evicted.
    NoSource {
        /// The handle.
        handle: Handle,
    },
    /// `unpin` without a pin.
    NotPinned {
        /// The handle.
        handle: Handle,
    },
    /// Staging memory can never hold a piece of that size: raise `staging_bytes`.
    StagingTooSmall {
        /// Bytes asked for.
        requested: ByteLen,
        /// All there is, or all that is lent out.
        limit: ByteLen,
    },
    /// Staging memory has no room for a piece of that size now; it comes back with the uploads that
    /// are under way, in a few ticks.
    StagingFull {
        /// Bytes asked for.
        requested: ByteLen,
        /// Bytes free.
        free: ByteLen,
    },
    /// The block cannot be made resident.
    Failed {
        /// The handle.
        handle: Handle,
        /// Why.
        reason: FailReason,
    },
    /// The device has no memory for a piece of staging, though the budget would allow it.
    OutOfMemory {
        /// Bytes asked for.
        requested: ByteLen,
    },
    /// The budget is not possible.
    Budget(ConfigError),
    /// The budget would leave too little beside what is held outside of the engine.
    BudgetOutside {
        /// What was asked for.
        budget: ByteLen,
        /// What is held outside, or was asked for.
        outside: ByteLen,
        /// What has to be left.
        min: ByteLen,
    },
    /// So much of the budget cannot be held outside of the engine.
    OutsideTooLarge {
        /// What was asked for.
        requested: ByteLen,
        /// What the engine can do without, beside what is held outside already.
        max: ByteLen,
        /// The budget.
        budget: ByteLen,
    },
    /// A trace could not be begun, or not be written to its end.
    TraceNotWritten {
        /// What the system says.
        message: String,
    },
    /// The block's contents went with a device and it has no source: bring new ones with
    /// [`Client::update`](crate::Client::update).
    Lost {
        /// The handle.
        handle: Handle,
    },
    /// The contents lie in staging, or in a buffer, of a device that is gone: make them again.
    StagedOnLostDevice,
    /// The device is gone, and not followed by another yet.
    DeviceLost,
    /// The manager was shut down before the request was done.
    ShutDown,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale { handle } => write!(f, "handle {handle} names no block any more"),
            Self::Part { error, .. } => write!(f, "{error}"),
            Self::Layout(error) => write!(f, "{error}"),
            Self::PartCount { expected, given } => {
                write!(f, "the block has {expected} parts; {given} were given")
            }
            Self::LengthDiffers { expected, given } => {
                write!(
                    f,
                    "an update in place keeps lengths: {expected} bytes, {given} given"
                )
            }
            Self::NotResident { handle } => {
                write!(f, "the bytes of {handle} are neither resident nor retained")
            }
            Self::TooLarge { requested, max } => {
                write!(
                    f,
                    "a block of {requested} bytes; at most {max} bytes are possible here"
                )
            }
            Self::StagedCannotRetain => f.write_str(
                "a part written into staging or made on the GPU has no memory to retain",
            ),
            Self::ZeroSize => f.write_str("a piece of staging needs at least one byte"),
            Self::Pinned { handle } => write!(f, "{handle} is pinned, so it stays"),
            Self::LongLived { handle } => write!(f, "{handle} is long-lived, so it stays"),
            Self::NoSource { handle } => {
                write!(f, "{handle} has no source to come back from, so it stays")
            }
            Self::NotPinned { handle } => write!(f, "{handle} is not pinned"),
            Self::StagingTooSmall { requested, limit } => {
                write!(
                    f,
                    "staging has {limit} bytes in all; {requested} were asked for"
                )
            }
            Self::StagingFull { requested, free } => {
                write!(
                    f,
                    "staging has {free} bytes free; {requested} were asked for"
                )
            }
            Self::Failed { handle, reason } => write!(f, "{handle} failed: {reason}"),
            Self::TraceNotWritten { message } => write!(f, "the trace was not written: {message}"),
            Self::OutOfMemory { requested } => {
                write!(f, "the device has no memory to stage {requested} bytes")
            }
            Self::Budget(error) => write!(f, "{error}"),
            Self::BudgetOutside { .. } | Self::OutsideTooLarge { .. } => self.fmt_outside(f),
            Self::Lost { handle } => write!(
                f,
                "the contents of {handle} went with the device; update it to bring new ones"
            ),
            Self::StagedOnLostDevice => {
                f.write_str("the contents went with their device; stage or make them again")
            }
            Self::DeviceLost => f.write_str("the device is lost"),
            Self::ShutDown => f.write_str("the geometry manager was shut down"),
        }
    }
}

impl RequestError {
    /// What is wrong with bytes that are held outside.
    fn fmt_outside(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BudgetOutside {
                budget,
                outside,
                min,
            } => write!(
                f,
                "a budget of {budget} bytes, {outside} of them held outside, leaves less than the \
                 {min} bytes that the engine needs"
            ),
            Self::OutsideTooLarge {
                requested,
                max,
                budget,
            } => write!(
                f,
                "{requested} bytes held outside are more than the {max} that the engine can do \
                 without of its budget of {budget} bytes"
            ),
            other => unreachable!("nothing of it is held outside: {other:?}"),
        }
    }
}

impl std::error::Error for RequestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Part { error, .. } => Some(error),
            Self::Layout(error) => Some(error),
            Self::Budget(error) => Some(error),
            _ => None,
        }
    }
}

impl From<LayoutError> for RequestError {
    fn from(error: LayoutError) -> Self {
        Self::Layout(error)
    }
}

/// Why a block could not be made resident.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailReason {
    /// The device has no memory for its buffer, also after evicting what could go.
    OutOfMemory {
        /// Bytes of the buffer.
        requested: ByteLen,
    },
    /// The reload callback gave an error, or panicked.
    Reload {
        /// What it said.
        message: String,
    },
    /// The reload callback gave other lengths than the block has.
    ReloadLength {
        /// Bytes of the parts.
        expected: ByteLen,
        /// Bytes given.
        given: ByteLen,
    },
    /// There was no room under the budget for many ticks: what is resident is long-lived, pinned,
    /// in use, or has no source; or the block is larger than the budget allows. A block with a
    /// source of which a waiting caller is told so is evicted, not failed: it comes back when there
    /// is room.
    NoRoom {
        /// Bytes of the block.
        requested: ByteLen,
        /// The budget.
        budget: ByteLen,
    },
    /// Its bytes could not be handed to the device, or did not come back from it.
    Transfer {
        /// How often that was tried.
        attempts: u32,
    },
    /// The device refused the buffer.
    Refused {
        /// Its message.
        message: String,
    },
}

impl fmt::Display for FailReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory { requested } => {
                write!(
                    f,
                    "the device has no memory for a buffer of {requested} bytes"
                )
            }
            Self::Reload { message } => write!(f, "the reload callback failed: {message}"),
            Self::ReloadLength { expected, given } => {
                write!(
                    f,
                    "the reload callback gave {given} bytes instead of {expected}"
                )
            }
            Self::NoRoom { requested, budget } => {
                write!(
                    f,
                    "no room for {requested} bytes under a budget of {budget} bytes"
                )
            }
            Self::Transfer { attempts } => {
                write!(
                    f,
                    "the device did not take its bytes in {attempts} attempts"
                )
            }
            Self::Refused { message } => write!(f, "the device refused the buffer: {message}"),
        }
    }
}

/// Why an answer did not come.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WaitError {
    /// Not within the time given; the request goes on.
    TimedOut {
        /// That time.
        waited: Duration,
    },
    /// The request was refused or failed.
    Request(RequestError),
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut { waited } => write!(f, "no answer after {} ms", waited.as_millis()),
            Self::Request(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for WaitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Request(error) => Some(error),
            Self::TimedOut { .. } => None,
        }
    }
}

impl From<RequestError> for WaitError {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}
