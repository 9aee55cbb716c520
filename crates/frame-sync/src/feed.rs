//! Which slots changed from one version to another, for tables that are kept elsewhere.

use crate::bitmap::Bitmap;
use crate::version::Version;
use std::collections::VecDeque;
use std::sync::Arc as BatchArc;

/// With changes to more than this part of the table, a table elsewhere is better filled anew.
const CHANGES_PART_MAX: usize = 4;

/// The slots that one version set, ascending, each once.
type Batch = BatchArc<[u32]>;

/// What the latest versions set, as the publisher keeps it (invariant F9).
pub(crate) struct Feed {
    versions_max: usize,
    /// A batch for each of the latest versions, oldest first.
    batches: VecDeque<Batch>,
    /// Number of indices in all batches.
    indices: usize,
    /// For sorting; empty between two calls.
    seen: Bitmap,
}

impl Feed {
    pub(crate) fn new(versions_max: u32) -> Self {
        Self {
            versions_max: versions_max as usize,
            batches: VecDeque::new(),
            indices: 0,
            seen: Bitmap::default(),
        }
    }

    /// Adds what the next version sets, a version of `slots` slots.
    pub(crate) fn push(&mut self, set: impl Iterator<Item = u32>, slots: usize) {
        if self.versions_max == 0 {
            return;
        }
        self.seen.reach(slots);
        let distinct = set
            .map(|index| usize::from(self.seen.insert(index as usize)))
            .sum::<usize>();
        let indices_max = slots / CHANGES_PART_MAX;
        if distinct > indices_max {
            self.clear();
        } else {
            let mut batch = Vec::with_capacity(distinct);
            batch.extend(self.seen.iter());
            self.batches.push_back(batch.into());
            self.indices += distinct;
        }
        self.seen.clear();
        while self.batches.len() > self.versions_max || self.indices > indices_max {
            let oldest = self.batches.pop_front();
            self.indices -= oldest.map_or(0, |batch| batch.len());
        }
    }

    /// Forgets everything: what came before has nothing to do with the next version.
    pub(crate) fn clear(&mut self) {
        self.batches.clear();
        self.indices = 0;
    }

    /// The feed as of the newest version, never to change again.
    pub(crate) fn window(&self) -> Window {
        Window {
            batches: self.batches.iter().map(BatchArc::clone).collect(),
        }
    }
}

/// The feed of one version.
pub(crate) struct Window {
    batches: Box<[Batch]>,
}

impl Window {
    /// What was set after `older`, up to `version`, to which the window belongs.
    pub(crate) fn since(&self, older: Version, version: Version) -> Changes<'_> {
        let batches = version
            .get()
            .checked_sub(older.get())
            .and_then(|missed| usize::try_from(missed).ok())
            .and_then(|missed| self.batches.len().checked_sub(missed))
            .map(|known| &self.batches[known..]);
        batches.map_or(Changes::All, |batches| {
            Changes::Slots(ChangedSlots { batches })
        })
    }
}

/// The answer of [`Ticket::changed_since`](crate::Ticket::changed_since).
#[derive(Clone, Copy, Debug)]
pub enum Changes<'a> {
    /// Any slot may differ: the question reaches back too far, or over the loss of a device, or
    /// there were so many changes that a whole copy is cheaper.
    All,
    /// Only these were set.
    Slots(ChangedSlots<'a>),
}

/// The slots that were set between two versions.
#[derive(Clone, Copy, Debug)]
pub struct ChangedSlots<'a> {
    /// A batch for each version, oldest first.
    batches: &'a [Batch],
}

impl<'a> ChangedSlots<'a> {
    /// The slots that were set, version by version from the oldest on and ascending within each. A
    /// slot that several versions set comes up as often.
    pub fn iter(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.batches.iter().flat_map(|batch| batch.iter().copied())
    }

    /// How many slots [`iter`](Self::iter) names, repeated ones counted each time.
    pub fn len(&self) -> usize {
        self.batches.iter().map(|batch| batch.len()).sum()
    }

    /// True if nothing was set.
    pub fn is_empty(&self) -> bool {
        self.batches.iter().all(|batch| batch.is_empty())
    }

    /// The slots that were set, ascending, each once.
    ///
    /// The versions' lists are merged (a stable sort that finds the runs), O(n log v) for n indices
    /// of v versions.
    #[expect(
        clippy::stable_sort_primitive,
        reason = "the stable sort merges ascending runs, the unstable one does not"
    )]
    pub fn to_sorted(&self) -> Vec<u32> {
        let mut sorted = Vec::with_capacity(self.len());
        sorted.extend(self.iter());
        sorted.sort();
        sorted.dedup();
        sorted
    }
}

#[cfg(test)]
mod tests;
