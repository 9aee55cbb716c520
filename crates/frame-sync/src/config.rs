//! How a ring is laid out, and what it tells of itself.

use crate::error::RingError;

/// Fewest replicas: the current one and one to write the next version into.
const REPLICAS_MIN: usize = 2;
/// Most replicas; each publish looks through all of them.
const REPLICAS_MAX: usize = 64;

/// How a ring is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingConfig {
    /// Number of replicas K, 2 to 64. Tickets may pin K - 2 superseded versions at once without
    /// ever stalling a publish. Memory is K times the table.
    pub replicas: usize,
    /// Slots that each replica has from the start; more come as they are set.
    pub slots_initial: u32,
    /// Most versions in use at a time, the current one among them, at least 2. Beyond it a publish
    /// is refused, so that frames that never end are reported rather than fed. Versions between
    /// two in use that nobody uses do not count.
    pub versions_alive_max: u32,
    /// How many versions back [`Ticket::changed_since`](crate::Ticket::changed_since) can name
    /// what was set; 0 for callers who never ask. Each costs a publish some nanoseconds, and four
    /// bytes for each of its changes, up to a byte for each slot in all.
    pub feed_versions: u32,
}

impl Default for RingConfig {
    /// Four replicas, 1024 slots, 64 versions alive, a feed of 32.
    fn default() -> Self {
        Self {
            replicas: 4,
            slots_initial: 1024,
            versions_alive_max: 64,
            feed_versions: 32,
        }
    }
}

impl RingConfig {
    /// Refuses what could never work.
    pub(crate) fn check(&self) -> Result<(), RingError> {
        if !(REPLICAS_MIN..=REPLICAS_MAX).contains(&self.replicas) {
            let (requested, min, max) = (self.replicas, REPLICAS_MIN, REPLICAS_MAX);
            return Err(RingError::Replicas {
                requested,
                min,
                max,
            });
        }
        if self.versions_alive_max < 2 {
            let requested = self.versions_alive_max;
            return Err(RingError::VersionsAlive { requested, min: 2 });
        }
        Ok(())
    }
}

/// Counts of a ring since it was made, and its state as of the latest publish or collect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RingFigures {
    /// Successful publishes.
    pub publishes: u64,
    /// Publishes that failed because every replica was pinned.
    pub stalls: u64,
    /// Publishes that failed because too many versions were alive.
    pub backpressures: u64,
    /// Changes written into replicas; each change counts once for every replica it reaches.
    pub changes_replayed: u64,
    /// Times a replica was copied as a whole.
    pub full_copies: u64,
    /// Bitmaps made for what tickets mark as used. When there are enough for the frames that are
    /// recorded or evaluated at a time, one is made only where two threads ask in the same moment.
    pub bitmaps_made: u64,
    /// Times a bitmap of an earlier frame was used again.
    pub bitmaps_reused: u64,
    /// Versions in use, the current one among them.
    pub versions_alive: usize,
    /// Items retired and not collected yet.
    pub retired_items: usize,
    /// Changes that wait for the next publish.
    pub pending_changes: usize,
    /// Changes kept for replicas that have not seen them.
    pub log_changes: usize,
    /// Slots of the current version.
    pub slots: usize,
    /// Bytes of the replicas that no ticket pins, the current one included.
    pub table_bytes: usize,
}
