//! What superseded versions leave behind, and when it may be reused.

#[cfg(any(geoheap_loom, feature = "planted-bugs"))]
use crate::planted;
use crate::primitive::Arc;
use crate::token::Token;
use crate::version::Version;
use std::collections::VecDeque;

/// How far a superseded version has come on its way out of use (invariant F4).
enum Stage<T> {
    /// Its table is still among the replicas that a ticket may pin.
    Pinned,
    /// No ticket pins it any more (CPU-free); holds may.
    InFlight(Arc<Token<T>>),
    /// Nothing refers to it (GPU-free), and nothing ever will.
    Free,
}

/// How far a superseded version has come on its way out of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionStage {
    /// A ticket pins it: a frame records from it. Or it was superseded by the latest publish, and
    /// the publisher has not looked since.
    Pinned,
    /// Only holds are left: commands recorded from it are not done.
    InFlight,
}

/// A superseded version that is still in use, and what waits for it.
///
/// See [`Publisher::waiting`](crate::Publisher::waiting).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Waiting<'a, R> {
    /// The version.
    pub version: Version,
    /// What it waits for.
    pub stage: VersionStage,
    /// What later versions stopped naming, and only this version and older ones keep from being
    /// reused, in the order in which it was retired.
    pub items: &'a [R],
}

/// A superseded version, and those right after it that went out of use while it was not.
struct Entry<T, R> {
    version: Version,
    /// The last of them.
    last: Version,
    stage: Stage<T>,
    /// What the versions after these stopped naming.
    items: Vec<R>,
}

/// Superseded versions that are not reclaimed yet, oldest first.
///
/// A version that goes out of use behind one that is still in use becomes part of the older one's
/// entry: what it kept now waits for the older one alone. So there are as many entries as versions
/// in use, however long the oldest of them is held.
pub(crate) struct History<T, R> {
    entries: VecDeque<Entry<T, R>>,
    /// Items whose wait is over.
    ready: Vec<R>,
    /// Number of items in entries.
    waiting: usize,
}

impl<T, R> History<T, R> {
    pub(crate) fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            ready: Vec::new(),
            waiting: 0,
        }
    }

    /// Number of superseded versions that are in use, as of the latest look.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn oldest(&self) -> Option<Version> {
        self.entries.front().map(|entry| entry.version)
    }

    /// Number of items that wait or are ready.
    pub(crate) fn items(&self) -> usize {
        self.waiting + self.ready.len()
    }

    /// Notes that `version` was superseded by a version that stopped naming `items`.
    pub(crate) fn superseded(&mut self, version: Version, items: Vec<R>) {
        assert!(
            self.entries
                .back()
                .is_none_or(|entry| entry.last.next() == version),
            "F4: versions are superseded in the order in which they were published"
        );
        self.waiting += items.len();
        self.entries.push_back(Entry {
            version,
            last: version,
            stage: Stage::Pinned,
            items,
        });
    }

    pub(crate) fn waiting(&self) -> impl Iterator<Item = Waiting<'_, R>> {
        self.entries.iter().map(|entry| Waiting {
            version: entry.version,
            stage: match entry.stage {
                Stage::Pinned => VersionStage::Pinned,
                Stage::InFlight(_) => VersionStage::InFlight,
                Stage::Free => unreachable!("F4: each look takes out what is free"),
            },
            items: &entry.items,
        })
    }

    /// Makes items ready without a wait, because no version that counts ever named them.
    pub(crate) fn release_now(&mut self, mut items: Vec<R>) {
        self.ready.append(&mut items);
    }

    /// Notes that no ticket pins the token's version any more.
    pub(crate) fn cpu_free(&mut self, token: Arc<Token<T>>) {
        let at = self
            .entries
            .partition_point(|entry| entry.version < token.version);
        let entry = self
            .entries
            .get_mut(at)
            .filter(|entry| entry.version == token.version);
        let entry = entry.expect("F4: a superseded version stays in the history until reclaimed");
        assert!(
            matches!(entry.stage, Stage::Pinned),
            "F4: version {} becomes CPU-free once",
            token.version
        );
        entry.stage = Stage::InFlight(token);
    }

    /// Lets go of the tokens that nobody else holds, and makes ready the items of every version
    /// up to the oldest one that is still in use (rule R3).
    pub(crate) fn advance(&mut self) {
        for entry in &mut self.entries {
            if let Stage::InFlight(token) = &mut entry.stage
                && Arc::get_mut(token).is_some()
            {
                entry.stage = Stage::Free;
            }
        }
        #[cfg(any(geoheap_loom, feature = "planted-bugs"))]
        if planted::is(planted::Bug::FreedOutOfOrder) {
            for entry in &mut self.entries {
                if matches!(entry.stage, Stage::Free) {
                    self.waiting -= entry.items.len();
                    self.ready.append(&mut entry.items);
                }
            }
        }
        while let Some(entry) = self.entries.front_mut()
            && matches!(entry.stage, Stage::Free)
        {
            self.waiting -= entry.items.len();
            self.ready.append(&mut entry.items);
            self.entries.pop_front();
        }
        self.join_free();
    }

    /// Joins what is free to the entry before it, whose version is in use.
    fn join_free(&mut self) {
        let mut at = 1;
        while at < self.entries.len() {
            if !matches!(self.entries[at].stage, Stage::Free) {
                at += 1;
                continue;
            }
            let mut free = self.entries.remove(at).expect("the index is within bounds");
            let before = &mut self.entries[at - 1];
            before.items.append(&mut free.items);
            before.last = free.last;
        }
    }

    /// Moves out what is ready, in the order in which it was retired.
    pub(crate) fn drain_into(&mut self, out: &mut Vec<R>) {
        out.append(&mut self.ready);
    }

    /// The device is lost: every version here is void and nothing waits for it any more.
    pub(crate) fn make_void(&mut self) {
        for mut entry in self.entries.drain(..) {
            if let Stage::InFlight(token) = &entry.stage {
                token.make_void();
            }
            self.ready.append(&mut entry.items);
        }
        self.waiting = 0;
    }

    /// Checks invariant F4 against the versions whose tables are among the superseded replicas.
    pub(crate) fn validate(&self, pinned: &[Version], current: Version) {
        let waiting: usize = self.entries.iter().map(|entry| entry.items.len()).sum();
        assert_eq!(waiting, self.waiting, "F4: the history counts its items");
        let next = |entry: &Entry<T, R>| entry.last.next();
        let ends = self.entries.iter().map(next);
        let starts = self.entries.iter().skip(1).map(|entry| entry.version);
        assert!(
            ends.eq(starts.chain((!self.entries.is_empty()).then_some(current))),
            "F4: the history has no holes"
        );
        for entry in &self.entries {
            assert!(
                !matches!(entry.stage, Stage::Free),
                "F4: what is free waits with the version before it"
            );
            assert_eq!(
                matches!(entry.stage, Stage::Pinned),
                pinned.contains(&entry.version),
                "F4: version {} is pinned exactly if its table is in the ring",
                entry.version
            );
        }
    }
}
