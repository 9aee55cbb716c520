//! Wishes: what frames asked for and did not find, in the order in which to stream it back.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use ahash::{AHashMap, RandomState};

use crate::{EntryId, Frame, Priority};

#[derive(Clone, Copy, Debug)]
struct Wish {
    bytes: u64,
    priority: Priority,
    frame: Frame,
}

/// The wishes that are open, at most one for each entry.
#[derive(Clone, Debug)]
pub(crate) struct Wishes {
    /// Never iterated: its order must not decide anything.
    by_id: AHashMap<u32, Wish>,
    best_first: BTreeSet<(Reverse<Priority>, Reverse<Frame>, EntryId)>,
    oldest_first: BTreeSet<(Frame, EntryId)>,
    bytes_of_frame: BTreeMap<Frame, u64>,
    bytes: u64,
}

impl Wishes {
    pub(crate) fn new() -> Self {
        // Fixed seeds: the same run does the same work each time.
        let seeds = RandomState::with_seeds(1, 2, 3, 4);
        Self {
            by_id: AHashMap::with_hasher(seeds),
            best_first: BTreeSet::new(),
            oldest_first: BTreeSet::new(),
            bytes_of_frame: BTreeMap::new(),
            bytes: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Files a wish; an older one of the same entry takes the newer frame, bytes and priority.
    pub(crate) fn insert(&mut self, id: EntryId, bytes: u64, priority: Priority, frame: Frame) {
        let frame = self.remove(id).map_or(frame, |old| old.max(frame));
        // Bytes are a caller's number: a sum beyond u64 is cut off here, by lowering the wish.
        let bytes = bytes.min(u64::MAX - self.bytes);
        self.by_id.insert(
            id.get(),
            Wish {
                bytes,
                priority,
                frame,
            },
        );
        self.best_first
            .insert((Reverse(priority), Reverse(frame), id));
        self.oldest_first.insert((frame, id));
        *self.bytes_of_frame.entry(frame).or_insert(0) += bytes;
        self.bytes += bytes;
    }

    /// Drops a wish and returns its frame.
    pub(crate) fn remove(&mut self, id: EntryId) -> Option<Frame> {
        let Wish {
            bytes,
            priority,
            frame,
        } = self.by_id.remove(&id.get())?;
        self.best_first
            .remove(&(Reverse(priority), Reverse(frame), id));
        self.oldest_first.remove(&(frame, id));
        self.bytes -= bytes;
        let sum = self.bytes_of_frame.get_mut(&frame);
        assert!(sum.is_some(), "K5: frame {frame} of a wish has a sum");
        if let Some(sum) = sum {
            *sum -= bytes;
            let mut rest = self.oldest_first.range((frame, EntryId(0))..);
            if rest.next().is_none_or(|&(next, _)| next != frame) {
                self.bytes_of_frame.remove(&frame);
            }
        }
        Some(frame)
    }

    /// Drops wishes older than `oldest` and returns how many.
    pub(crate) fn expire(&mut self, oldest: Frame) -> usize {
        let mut expired = 0;
        while let Some(&(frame, id)) = self.oldest_first.first()
            && frame < oldest
        {
            self.remove(id);
            expired += 1;
        }
        expired
    }

    /// Bytes wished for in `oldest` and later frames.
    pub(crate) fn bytes_since(&self, oldest: Frame) -> u64 {
        self.bytes_of_frame
            .range(oldest..)
            .map(|(_, bytes)| bytes)
            .sum()
    }

    /// Appends the best wishes that are not older than `oldest`; see `Residency::wishes`.
    pub(crate) fn best(
        &self,
        oldest: Frame,
        cap_bytes: u64,
        cap_count: usize,
        out: &mut Vec<EntryId>,
    ) -> u64 {
        let mut taken = 0_u64;
        let open = self
            .best_first
            .iter()
            .filter(|(_, Reverse(frame), _)| *frame >= oldest);
        for (nth, &(_, _, id)) in open.enumerate().take(cap_count) {
            let bytes = self.by_id.get(&id.get()).map_or(0, |wish| wish.bytes);
            let fits = taken.checked_add(bytes).is_some_and(|sum| sum <= cap_bytes);
            if cap_bytes == 0 || (!fits && nth > 0) {
                break;
            }
            taken = taken.saturating_add(bytes);
            out.push(id);
        }
        taken
    }

    /// Asserts that the indexes tell the same.
    pub(crate) fn validate(&self) {
        assert_eq!(
            self.by_id.len(),
            self.best_first.len(),
            "K5: each wish is ordered once"
        );
        assert_eq!(
            self.by_id.len(),
            self.oldest_first.len(),
            "K5: each wish is dated once"
        );
        let mut bytes = 0;
        for &(Reverse(priority), Reverse(frame), id) in &self.best_first {
            let wish = self.by_id.get(&id.get());
            assert!(
                wish.is_some_and(|w| w.priority == priority && w.frame == frame),
                "K5: wish {id} is ordered by its own priority and frame"
            );
            assert!(
                self.oldest_first.contains(&(frame, id)),
                "K5: wish {id} is dated"
            );
            bytes += wish.map_or(0, |wish| wish.bytes);
        }
        assert_eq!(
            bytes, self.bytes,
            "K5: wished bytes are the sum over wishes"
        );
        assert_eq!(
            bytes,
            self.bytes_of_frame.values().sum::<u64>(),
            "K5: wished bytes are the sum over frames"
        );
    }
}
