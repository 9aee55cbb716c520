//! Who may leave, and in which order.

use crate::recency::{Bucket, Rank};
use crate::{EntryId, Now, Priority, Residency, Worth};

/// One class above the highest.
const CLASSES: u16 = 1 << u8::BITS;

/// Who is asked to leave.
#[derive(Clone, Copy, Debug)]
struct Reach {
    /// Only classes below this one.
    below: u16,
    /// Also what frames use now.
    in_use: bool,
    /// Also what frames used lately.
    recent: bool,
}

impl Residency {
    /// Appends to `out` who should leave so that at least `need_bytes` come free, first the one to
    /// leave first, and returns the bytes found: less than asked for where too few may leave.
    ///
    /// The order is: lower priority first; then what was not used within
    /// [`Config::recent_frames`](crate::Config::recent_frames) before what was; then what the
    /// policy holds worth less; then the longer unused, where a never used entry counts as used in
    /// the frame it came, but before those that really were; then the earlier tick for never used ones, and the later of the calls for the
    /// rest. Left out are entries that are pinned, exempt, used within
    /// [`Config::protect_frames`](crate::Config::protect_frames), or resident for less than
    /// [`Config::min_resident_ticks`](crate::Config::min_resident_ticks). The batch is no larger
    /// than needed: without its last entry it would be too small. Nothing changes until the caller
    /// evicts them.
    ///
    /// Costs O(victims + buckets * log buckets) for the classes it comes to, plus entries too young
    /// among those of little worth. There is a bucket for each group and frame of last use that has
    /// an entry.
    pub fn victims(&self, need_bytes: u64, now: Now, out: &mut Vec<EntryId>) -> u64 {
        let reach = Reach {
            below: CLASSES,
            in_use: false,
            recent: true,
        };
        self.first_to_leave(reach, need_bytes, now, out)
    }

    /// As [`victims`](Self::victims), but what was used within
    /// [`Config::recent_frames`](crate::Config::recent_frames) stays: for demands that no frame
    /// makes, or that can wait.
    pub fn victims_not_recent(&self, need_bytes: u64, now: Now, out: &mut Vec<EntryId>) -> u64 {
        let reach = Reach {
            below: CLASSES,
            in_use: false,
            recent: false,
        };
        self.first_to_leave(reach, need_bytes, now, out)
    }

    /// Appends to `out` who should make way for an entry of class `priority`, so that at least
    /// `need_bytes` come free, and returns the bytes found. They are of lower classes throughout;
    /// what frames use now is no exception, since what they draw should be what is worth most.
    ///
    /// Strictly lower: among equals only recency decides ([`victims`](Self::victims)), so that no
    /// two entries ever push each other out in turn. The order is that of
    /// [`victims`](Self::victims), as are the costs; pinned, exempt and too young entries are left
    /// out here as well.
    pub fn victims_below(
        &self,
        priority: Priority,
        need_bytes: u64,
        now: Now,
        out: &mut Vec<EntryId>,
    ) -> u64 {
        let reach = Reach {
            below: priority.get().into(),
            in_use: true,
            recent: true,
        };
        self.first_to_leave(reach, need_bytes, now, out)
    }

    /// Whether any entry that is neither pinned nor exempt is of a lower class than `priority`.
    /// O(log buckets).
    pub fn has_below(&self, priority: Priority) -> bool {
        self.next_class(0)
            .is_some_and(|class| class < priority.get())
    }

    /// Whether `id` makes way for an entry of class `priority`: one of
    /// [`victims_below`](Self::victims_below). O(1).
    pub fn makes_way(&self, id: EntryId, priority: Priority, now: Now) -> bool {
        let rank = self.recency.rank(id.get());
        let is_below = rank.is_some_and(|rank| !rank.held && rank.priority < priority.get());
        let entry = self.recency.get(id.get());
        is_below && entry.is_some_and(|entry| self.is_old_enough(entry.since, now))
    }

    fn first_to_leave(
        &self,
        reach: Reach,
        need_bytes: u64,
        now: Now,
        out: &mut Vec<EntryId>,
    ) -> u64 {
        let mut found = 0;
        let mut class = self.next_class(0);
        while let Some(priority) = class.filter(|class| u16::from(*class) < reach.below) {
            for bucket in self.least_worth_first(priority, reach, now) {
                for (id, entry) in self.recency.entries_of(bucket) {
                    if found >= need_bytes {
                        return found;
                    }
                    if self.is_old_enough(entry.since, now) {
                        out.push(EntryId(id));
                        found += entry.bytes;
                    }
                }
            }
            if found >= need_bytes {
                return found;
            }
            class = self.class_above(priority);
        }
        found
    }

    /// The buckets of a class whose entries may leave, in the order of leaving.
    fn least_worth_first(
        &self,
        priority: u8,
        reach: Reach,
        now: Now,
    ) -> impl Iterator<Item = &Bucket> {
        let lowest = Rank::lowest(false, priority, 0);
        let of_class = self.recency.buckets_from(lowest);
        let of_class = of_class.take_while(move |b| !b.rank.held && b.rank.priority == priority);
        let open = of_class.filter(|b| {
            let stays = !reach.in_use && self.is_protected(b, now);
            let stays = stays || (!reach.recent && self.is_recent(b, now));
            !stays && !self.all_young(b, now)
        });
        let key = |b: &Bucket| (self.is_recent(b, now), self.worth(b, now));
        let mut ranked: Vec<((bool, Worth), &Bucket)> = open.map(|b| (key(b), b)).collect();
        // Equal worth leaves them in the order of frames, that of the buckets.
        ranked.sort_by_key(|(key, _)| *key);
        ranked.into_iter().map(|(_, bucket)| bucket)
    }

    fn worth(&self, bucket: &Bucket, now: Now) -> Worth {
        let age_frames = now.frame.get().saturating_sub(bucket.rank.frame);
        self.policy.worth(bucket.rank.group, age_frames)
    }

    /// Bytes that [`victims`](Self::victims) could find at most. O(buckets), plus the entries of
    /// those in which some are too young.
    pub fn evictable_bytes(&self, now: Now) -> u64 {
        let mut sum = 0;
        for bucket in self.open_buckets(now) {
            sum += if self.is_old_enough(bucket.since_max, now) {
                bucket.bytes
            } else if self.all_young(bucket, now) {
                0
            } else {
                let entries = self.recency.entries_of(bucket);
                let old = entries.filter(|(_, entry)| self.is_old_enough(entry.since, now));
                old.map(|(_, entry)| entry.bytes).sum()
            };
        }
        sum
    }

    /// Resident bytes that must stay whatever the pressure: used within
    /// [`Config::protect_frames`](crate::Config::protect_frames), pinned, or exempt. O(classes *
    /// buckets of the window).
    pub fn working_set_bytes(&self, now: Now) -> u64 {
        let mut sum = self.recency.held_bytes();
        let oldest = self.protected_from(now);
        let mut class = self.next_class(0);
        while let Some(priority) = class {
            let window = self
                .recency
                .buckets_from(Rank::lowest(false, priority, oldest));
            let window = window.take_while(|b| !b.rank.held && b.rank.priority == priority);
            sum += window
                .filter(|b| self.is_protected(b, now))
                .map(|b| b.bytes)
                .sum::<u64>();
            class = self.class_above(priority);
        }
        sum
    }

    /// The smallest class from `priority` on that has entries which are not held.
    fn next_class(&self, priority: u8) -> Option<u8> {
        let mut buckets = self.recency.buckets_from(Rank::lowest(false, priority, 0));
        buckets
            .next()
            .filter(|bucket| !bucket.rank.held)
            .map(|bucket| bucket.rank.priority)
    }

    fn class_above(&self, priority: u8) -> Option<u8> {
        let next = priority.checked_add(1)?;
        self.next_class(next)
    }

    /// Buckets whose entries may leave unless they are too young.
    fn open_buckets(&self, now: Now) -> impl Iterator<Item = &Bucket> {
        let all = self.recency.buckets_from(Rank::lowest(false, 0, 0));
        all.take_while(|bucket| !bucket.rank.held)
            .filter(move |bucket| !self.is_protected(bucket, now))
    }

    /// The oldest frame of the protect window; without a window, the one after the present one.
    pub(crate) const fn protected_from(&self, now: Now) -> u64 {
        match self.config.protect_frames.checked_sub(1) {
            Some(before) => now.frame.get().saturating_sub(before),
            None => now.frame.get().saturating_add(1),
        }
    }

    /// Only uses protect: never used entries age by ticks alone, so that a loading screen which
    /// renders no frame can still replace what it loaded.
    const fn is_protected(&self, bucket: &Bucket, now: Now) -> bool {
        bucket.rank.is_used()
            && self.config.protect_frames > 0
            && bucket.rank.frame >= self.protected_from(now)
    }

    const fn is_recent(&self, bucket: &Bucket, now: Now) -> bool {
        let leaves_in = bucket.rank.frame.saturating_add(self.config.recent_frames);
        bucket.rank.is_used() && leaves_in > now.frame.get()
    }

    const fn is_old_enough(&self, since: u64, now: Now) -> bool {
        now.tick.get().saturating_sub(since) >= self.config.min_resident_ticks
    }

    /// Whether a bucket surely has only entries that are too young.
    const fn all_young(&self, bucket: &Bucket, now: Now) -> bool {
        !self.is_old_enough(bucket.since_min, now)
    }
}
