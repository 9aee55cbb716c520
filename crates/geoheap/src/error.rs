//! One enum for each boundary at which an operation can fail.

mod request;

use core::fmt;
use std::time::Duration;

use geoheap_chunk_heap::LayoutError;
use geoheap_suballoc::{Align, ByteLen};

use crate::config::ConfigError;
use crate::draw_set::DrawSetId;
pub use crate::error::request::{FailReason, RequestError, WaitError};
use crate::handle::Handle;

/// Which bound of the mailbox was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailboxLimit {
    /// Requests waiting; the number is `mailbox_messages`.
    Messages(u64),
    /// Bytes of contents waiting; the number is `mailbox_bytes`.
    Bytes(u64),
}

impl fmt::Display for MailboxLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Messages(limit) => write!(f, "{limit} messages"),
            Self::Bytes(limit) => write!(f, "{limit} bytes"),
        }
    }
}

/// Why a request did not enter the mailbox. Nothing of it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The mailbox is full; try again after a tick.
    MailboxFull {
        /// The bound that was reached.
        limit: MailboxLimit,
    },
    /// The mailbox stayed full until the deadline.
    Deadline {
        /// How long the call waited.
        waited: Duration,
        /// The bound that was reached.
        limit: MailboxLimit,
    },
    /// The request alone is larger than the mailbox: raise `mailbox_bytes` or `mailbox_messages`,
    /// bring a block's parts one by one ([`Client::add_part`](crate::Client::add_part)), or split
    /// the batch.
    LargerThanMailbox {
        /// What the request needs, in the unit of the limit.
        needed: u64,
        /// The bound it exceeds.
        limit: MailboxLimit,
    },
    /// The geometry actor has ended.
    ShutDown,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MailboxFull { limit } => write!(f, "the mailbox is full ({limit})"),
            Self::Deadline { waited, limit } => {
                write!(
                    f,
                    "the mailbox stayed full ({limit}) for {} ms",
                    waited.as_millis()
                )
            }
            Self::LargerThanMailbox { needed, limit } => {
                let unit = match limit {
                    MailboxLimit::Messages(_) => "messages",
                    MailboxLimit::Bytes(_) => "bytes",
                };
                write!(
                    f,
                    "a request of {needed} {unit} can never enter a mailbox of {limit}; raise its \
                     limit, or bring the parts one by one"
                )
            }
            Self::ShutDown => f.write_str("the geometry manager was shut down"),
        }
    }
}

impl std::error::Error for SendError {}

/// Why a block was not added. Nothing of it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddError {
    /// The block has no parts.
    NoParts,
    /// A part or the whole layout is not valid.
    Layout(LayoutError),
    /// The block is larger than any buffer that the device makes or the budget allows.
    TooLarge {
        /// Bytes of the block, padding and spare room included.
        requested: ByteLen,
        /// Most bytes of one block here.
        max: ByteLen,
    },
    /// A staged part, or one on the GPU, has no memory to retain: use another source.
    StagedCannotRetain,
    /// The contents lie in staging, or in a buffer, of a device that is gone: make them again.
    StagedOnLostDevice,
    /// All handles are in use.
    HandlesExhausted {
        /// The configured number.
        handles_max: u32,
    },
    /// The device is gone, and not followed by another yet.
    DeviceLost,
    /// The mailbox did not take it.
    Send(SendError),
}

impl fmt::Display for AddError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoParts => f.write_str("a block needs at least one part"),
            Self::Layout(error) => write!(f, "{error}"),
            Self::TooLarge { requested, max } => {
                write!(
                    f,
                    "a block of {requested} bytes; at most {max} bytes are possible here"
                )
            }
            Self::StagedCannotRetain => f.write_str(
                "a part written into staging or made on the GPU has no memory to retain; give the \
                 block a reload callback, a read-back or no source",
            ),
            Self::StagedOnLostDevice => {
                f.write_str("the contents went with their device; stage or make them again")
            }
            Self::HandlesExhausted { handles_max } => {
                write!(
                    f,
                    "all {handles_max} handles are in use; raise `handles_max`"
                )
            }
            Self::DeviceLost => f.write_str("the device is lost"),
            Self::Send(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for AddError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Layout(error) => Some(error),
            Self::Send(error) => Some(error),
            _ => None,
        }
    }
}

impl From<SendError> for AddError {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

impl From<LayoutError> for AddError {
    fn from(error: LayoutError) -> Self {
        Self::Layout(error)
    }
}

/// Why a draw set was not made or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DrawSetError {
    /// The records of so many draws do not fit the staging memory that one set may have: make
    /// several sets, or raise [`Config::staging_bytes`](crate::Config::staging_bytes).
    TooMany {
        /// Draws asked for.
        requested: usize,
        /// Most draws of one set.
        max: u32,
    },
    /// The device has not the feature `INDIRECT_FIRST_INSTANCE`, so all draws of a set have to
    /// begin at instance 0.
    FirstInstance {
        /// The first block whose instances begin later.
        handle: Handle,
        /// Where they begin.
        first: u32,
    },
    /// This manager did not make that set.
    Unknown {
        /// What was asked for.
        id: DrawSetId,
    },
    /// The mailbox did not take it.
    Send(SendError),
}

impl fmt::Display for DrawSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { requested, max } => {
                write!(f, "{requested} draws in one set; the limit is {max}")
            }
            Self::FirstInstance { handle, first } => write!(
                f,
                "the draw of {handle} begins at instance {first}; this device takes 0 only"
            ),
            Self::Unknown { id } => write!(f, "{id} is of another manager, or of none"),
            Self::Send(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for DrawSetError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Send(error) => Some(error),
            _ => None,
        }
    }
}

impl From<SendError> for DrawSetError {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

/// What was not taken, given back whole, and why.
#[derive(Debug)]
pub struct Refused<T, E> {
    /// The caller's value, untouched; empty if the manager was shut down in the moment of sending,
    /// so that the value went with it ([`SendError::ShutDown`]).
    pub item: Box<T>,
    /// The reason.
    pub error: E,
}

impl<T, E: fmt::Display> fmt::Display for Refused<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)
    }
}

impl<T: fmt::Debug, E: std::error::Error> std::error::Error for Refused<T, E> {}

/// Why no manager was made.
#[derive(Debug)]
#[non_exhaustive]
pub enum CreateError {
    /// The settings cannot work.
    Config(ConfigError),
    /// The operating system gave no thread.
    Thread(std::io::Error),
    /// The file for retained copies could not be made: see
    /// [`Config::spill`](crate::Config::spill).
    SpillFile(std::io::Error),
}

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => write!(f, "{error}"),
            Self::Thread(error) => write!(f, "no thread for the geometry actor: {error}"),
            Self::SpillFile(error) => write!(f, "no file for retained copies: {error}"),
        }
    }
}

impl std::error::Error for CreateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::Thread(error) | Self::SpillFile(error) => Some(error),
        }
    }
}

impl From<ConfigError> for CreateError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

/// Why a block cannot stand in for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FallbackError {
    /// Only long-lived blocks can: anything else could be away when it is needed.
    NotLongLived {
        /// The handle.
        handle: Handle,
    },
    /// It is not in GPU memory in this version (yet).
    NotResident {
        /// The handle.
        handle: Handle,
    },
}

impl fmt::Display for FallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLongLived { handle } => {
                write!(f, "{handle} is not long-lived, so it cannot be a fallback")
            }
            Self::NotResident { handle } => write!(f, "the fallback {handle} is not resident"),
        }
    }
}

impl std::error::Error for FallbackError {}

/// Why a heap was not restored. It stays as it was, and the device that was to follow is dropped.
///
/// [`LostAgain`](Self::LostAgain) passes: try again. [`Config`](Self::Config),
/// [`Alignment`](Self::Alignment) and [`FirstInstance`](Self::FirstInstance) are of that device: a
/// heap's settings, the alignment of its parts and what its draw sets may hold stay what they were
/// when it was made, so only another adapter helps, or a new manager that is filled anew. To be
/// safe from that, set what the weakest device of the program can do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RestoreError {
    /// The present device works.
    NotLost,
    /// The device that was to follow is lost, too; this is what it said.
    LostAgain {
        /// Its own words; empty if it was silent.
        reason: String,
    },
    /// The settings cannot work on that device; the error names the field and the limit
    /// that is too low. A heap keeps its settings, so no further try with that device will do.
    Config(ConfigError),
    /// Parts are aligned as the first device demanded; that one demands more.
    Alignment {
        /// `uniform`, `storage` or `copied`.
        kind: &'static str,
        /// What parts are aligned to.
        present: Align,
        /// What the device demands.
        needed: Align,
    },
    /// The device has not the feature `INDIRECT_FIRST_INSTANCE`, which the one before had, so that
    /// draw sets may rely on it.
    FirstInstance,
    /// The manager was shut down.
    ShutDown,
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLost => f.write_str("the present device is not lost"),
            Self::LostAgain { reason } => write!(f, "the new device is lost, too: {reason}"),
            Self::Config(error) => write!(f, "the new device does not fit the heap: {error}"),
            Self::Alignment {
                kind,
                present,
                needed,
            } => write!(
                f,
                "the new device wants {kind} parts aligned to {needed} bytes; they are aligned to \
                 {present}"
            ),
            Self::FirstInstance => f.write_str(
                "the new device takes no draws that begin at a later instance, and the one before \
                 did",
            ),
            Self::ShutDown => f.write_str("the geometry manager was shut down"),
        }
    }
}

impl std::error::Error for RestoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            _ => None,
        }
    }
}

impl From<ConfigError> for RestoreError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}
