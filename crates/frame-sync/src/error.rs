//! What can go wrong, with the numbers needed to act on it.

use crate::version::Version;
use core::error::Error;
use core::fmt;
use smallvec::SmallVec;

/// Why [`ring`](crate::ring) refused its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RingError {
    /// The number of replicas is outside of what a ring can work with.
    Replicas {
        /// What was asked for.
        requested: usize,
        /// The fewest that allow a publish beside a reader.
        min: usize,
        /// The most that are looked through at each publish.
        max: usize,
    },
    /// With so few versions alive no publish could ever succeed.
    VersionsAlive {
        /// What was asked for.
        requested: u32,
        /// The lowest limit that works.
        min: u32,
    },
    /// There is not enough memory for the replicas.
    OutOfMemory {
        /// Slots of one replica.
        slots: u32,
        /// Number of replicas.
        replicas: usize,
    },
}

impl fmt::Display for RingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replicas {
                requested,
                min,
                max,
            } => {
                write!(f, "a ring needs {min} to {max} replicas, not {requested}")
            }
            Self::VersionsAlive { requested, min } => {
                write!(
                    f,
                    "at least {min} versions must be allowed alive, not {requested}"
                )
            }
            Self::OutOfMemory { slots, replicas } => {
                write!(f, "no memory for {replicas} replicas of {slots} slots")
            }
        }
    }
}

impl Error for RingError {}

/// Why [`publish`](crate::Publisher::publish) put nothing out; everything queued stays queued, and
/// the call can be repeated at the next tick.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// Every replica beside the current one is pinned by a ticket.
    Stalled {
        /// The versions that tickets pin, ascending.
        held: SmallVec<[Version; 8]>,
        /// Number of changes that wait.
        pending_changes: usize,
    },
    /// Too many versions wait to be reclaimed behind the oldest one in use.
    Backpressure {
        /// The version that everything waits for.
        oldest: Version,
        /// Versions from the oldest in use up to the current one.
        alive: usize,
        /// The configured limit.
        limit: usize,
    },
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stalled {
                held,
                pending_changes,
            } => {
                write!(f, "no replica is free: tickets pin versions")?;
                for version in held {
                    write!(f, " {version}")?;
                }
                write!(f, "; {pending_changes} changes wait")
            }
            Self::Backpressure {
                oldest,
                alive,
                limit,
            } => write!(
                f,
                "{alive} versions are alive, the limit is {limit}; version {oldest} is the oldest \
                 in use"
            ),
        }
    }
}

impl Error for PublishError {}
