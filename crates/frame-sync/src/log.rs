//! The changes that some replica has not seen yet.

use crate::table::Change;
use crate::version::Version;
use std::collections::VecDeque;

/// Changes that wait for the next publish.
pub(crate) struct Pending<S, E> {
    changes: Vec<Change<S, E>>,
    /// At this length a refused publish compacts the queue.
    compact_at: usize,
}

/// Below this length a queue is not worth compacting.
const COMPACT_MIN: usize = 1024;

impl<S, E> Pending<S, E> {
    pub(crate) fn new() -> Self {
        Self {
            changes: Vec::new(),
            compact_at: COMPACT_MIN,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.changes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(crate) fn push(&mut self, change: Change<S, E>) {
        self.changes.push(change);
    }

    /// Notes that a publish was refused: what waits is compacted each time it has doubled, so that
    /// it stays within twice the number of slots however long the readers stall.
    pub(crate) fn refused(&mut self) {
        if self.changes.len() >= self.compact_at {
            self.compact();
        }
    }

    /// Keeps only the latest change of each slot, with the latest extra that was set.
    fn compact(&mut self) {
        self.changes.reverse();
        self.changes.sort_by_key(|change| change.index);
        self.changes.dedup_by(|older, latest| {
            let same = older.index == latest.index;
            if same && latest.keeps_extra {
                latest.keeps_extra = older.keeps_extra;
                latest.extra = older.extra.take();
            }
            same
        });
        self.compact_at = (self.changes.len() * 2).max(COMPACT_MIN);
    }

    /// Takes out what waits; `empty` has room for what comes next.
    pub(crate) fn take(&mut self, empty: Vec<Change<S, E>>) -> Vec<Change<S, E>> {
        self.compact_at = COMPACT_MIN;
        core::mem::replace(&mut self.changes, empty)
    }
}

struct Batch<S, E> {
    version: Version,
    changes: Vec<Change<S, E>>,
}

/// The changes of the latest versions, oldest first (invariant F3).
pub(crate) struct Log<S, E> {
    batches: VecDeque<Batch<S, E>>,
    changes: usize,
    /// A table of this version or a newer one can be brought up to date from the log.
    floor: Version,
    /// The memory of a batch that was dropped; empty.
    spare: Vec<Change<S, E>>,
}

impl<S, E> Log<S, E> {
    pub(crate) fn new(floor: Version) -> Self {
        Self {
            batches: VecDeque::new(),
            changes: 0,
            floor,
            spare: Vec::new(),
        }
    }

    /// Adds the changes that lead from the version before to `version`.
    pub(crate) fn push(&mut self, version: Version, changes: Vec<Change<S, E>>) {
        debug_assert!(
            self.batches.back().map_or(self.floor, |last| last.version) < version,
            "F3: batches of the log rise in version"
        );
        self.changes += changes.len();
        self.batches.push_back(Batch { version, changes });
    }

    /// How many changes lead from `from` to the newest version; `None` if they are not all here.
    pub(crate) fn backlog(&self, from: Version) -> Option<usize> {
        (from >= self.floor).then(|| self.since(from).map(<[_]>::len).sum())
    }

    /// The changes after `from`, a batch for each version.
    pub(crate) fn since(&self, from: Version) -> impl Iterator<Item = &[Change<S, E>]> {
        let seen = self.batches.partition_point(|batch| batch.version <= from);
        self.batches
            .range(seen..)
            .map(|batch| batch.changes.as_slice())
    }

    /// Drops what every replica has seen, and the oldest of what exceeds `changes_max`.
    pub(crate) fn trim(&mut self, oldest_replica: Version, changes_max: usize) {
        while let Some(first) = self.batches.front()
            && (first.version <= oldest_replica || self.changes > changes_max)
        {
            self.changes -= first.changes.len();
            self.floor = first.version;
            let batch = self.batches.pop_front();
            // The memory of a batch that was an exception is not worth keeping.
            if let Some(mut batch) = batch.map(|batch| batch.changes) {
                let usual = 4 * batch.len().max(COMPACT_MIN);
                if batch.len() <= changes_max
                    && (self.spare.capacity()..=usual).contains(&batch.capacity())
                {
                    batch.clear();
                    self.spare = batch;
                }
            }
        }
    }

    /// Room for a batch, if one was dropped since the last call.
    pub(crate) fn take_spare(&mut self) -> Vec<Change<S, E>> {
        core::mem::take(&mut self.spare)
    }

    /// Number of changes in the log.
    pub(crate) fn len(&self) -> usize {
        self.changes
    }

    pub(crate) fn validate(&self, current: Version) {
        let count: usize = self.batches.iter().map(|batch| batch.changes.len()).sum();
        assert_eq!(count, self.changes, "F3: the log counts its changes");
        let rising = self.batches.iter().zip(self.batches.iter().skip(1));
        for (older, newer) in rising {
            assert_eq!(
                older.version.next(),
                newer.version,
                "F3: the log has no holes"
            );
        }
        let first = self.batches.front().map_or(current, |batch| batch.version);
        assert!(
            self.batches.is_empty() || self.floor.next() == first,
            "F3: the log begins right after its floor"
        );
        assert!(
            self.floor <= current,
            "F3: the log's floor is not ahead of the current version"
        );
    }
}

#[cfg(test)]
mod tests;
