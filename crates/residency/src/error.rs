//! What can be wrong with a configuration and with a call.

use std::fmt;

use crate::EntryId;

/// Why a [`Config`](crate::Config) is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The water marks are not `0 < low <= high <= 1`.
    WaterMarks {
        /// The low mark as given, a fraction of the budget.
        low: f32,
        /// The high mark as given, a fraction of the budget.
        high: f32,
    },
    /// No index would be allowed at all.
    NoEntries,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WaterMarks { low, high } => write!(
                f,
                "water marks must be 0 < low <= high <= 1, but low is {low} and high is {high}"
            ),
            Self::NoEntries => f.write_str("entries_max is 0: no entry could ever be resident"),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Why a call on one entry is refused; nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryError {
    /// The entry is already resident.
    AlreadyResident {
        /// The entry.
        id: EntryId,
    },
    /// The entry is not resident.
    NotResident {
        /// The entry.
        id: EntryId,
    },
    /// The index is above the configured bound.
    IdOutOfRange {
        /// The entry.
        id: EntryId,
        /// Number of indices allowed ([`Config::entries_max`](crate::Config::entries_max)).
        entries_max: u32,
    },
    /// An entry of no bytes can neither be evicted usefully nor streamed in.
    ZeroBytes {
        /// The entry.
        id: EntryId,
    },
    /// The sum of all resident bytes would no longer fit a `u64`.
    TooManyBytes {
        /// The entry.
        id: EntryId,
        /// The bytes asked for.
        requested: u64,
        /// The bytes resident now.
        resident: u64,
    },
    /// The entry has as many pins as can be counted.
    TooManyPins {
        /// The entry.
        id: EntryId,
        /// The largest count.
        max: u16,
    },
    /// The entry has no pin to take away.
    NotPinned {
        /// The entry.
        id: EntryId,
    },
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyResident { id } => write!(f, "entry {id} is already resident"),
            Self::NotResident { id } => write!(f, "entry {id} is not resident"),
            Self::IdOutOfRange { id, entries_max } => write!(
                f,
                "entry {id} is out of range: the configuration allows {entries_max} indices"
            ),
            Self::ZeroBytes { id } => write!(f, "entry {id} has 0 bytes"),
            Self::TooManyBytes {
                id,
                requested,
                resident,
            } => write!(
                f,
                "entry {id} with {requested} bytes does not fit the count beside {resident} \
                 resident bytes"
            ),
            Self::TooManyPins { id, max } => {
                write!(
                    f,
                    "entry {id} already has {max} pins, the most that are counted"
                )
            }
            Self::NotPinned { id } => write!(f, "entry {id} is not pinned"),
        }
    }
}

impl std::error::Error for EntryError {}
