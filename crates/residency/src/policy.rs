//! [`Residency`]: the calls, and who may leave.

use crate::recency::{Bucket, Entry, Rank, Recency};
use crate::wishes::Wishes;
use crate::{
    Config, ConfigError, Degraded, EntryError, EntryId, Frame, Now, Pressure, Priority, Tick,
};

/// Who is resident, who may leave first, and what should come back.
///
/// See the crate's head for the mechanism and the numbered invariants.
#[derive(Clone, Debug)]
pub struct Residency {
    config: Config,
    recency: Recency,
    wishes: Wishes,
}

/// What is known of one resident entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryInfo {
    /// Its bytes.
    pub bytes: u64,
    /// Its class.
    pub priority: Priority,
    /// The newest frame that used it, but not before the one in which it came; `None` if it was
    /// never used while resident.
    pub last_used: Option<Frame>,
    /// The tick in which it became resident.
    pub since: Tick,
    /// How often it is pinned.
    pub pins: u16,
    /// Whether it is exempt from eviction.
    pub exempt: bool,
}

/// Sums for a report, all kept up to date by each call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Number of resident entries.
    pub entries: usize,
    /// Their bytes.
    pub resident_bytes: u64,
    /// Bytes of those that are pinned or exempt.
    pub held_bytes: u64,
    /// Number of open wishes, expired ones that were not dropped yet included.
    pub wishes: usize,
    /// Their bytes.
    pub wished_bytes: u64,
}

impl Residency {
    /// Starts with nothing resident.
    ///
    /// # Errors
    /// [`ConfigError`] for water marks out of order or an empty index space.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config,
            recency: Recency::new(),
            wishes: Wishes::new(),
        })
    }

    /// The policy's numbers.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// `id` is resident from `now` on, with `bytes` and never used so far. An open wish for it is
    /// fulfilled and dropped. Amortised O(1).
    ///
    /// # Errors
    /// [`EntryError::AlreadyResident`], [`EntryError::ZeroBytes`], [`EntryError::IdOutOfRange`],
    /// [`EntryError::TooManyBytes`].
    pub fn insert(
        &mut self,
        id: EntryId,
        bytes: u64,
        priority: Priority,
        now: Now,
    ) -> Result<(), EntryError> {
        let entries_max = self.config.entries_max;
        if id.get() >= entries_max {
            return Err(EntryError::IdOutOfRange { id, entries_max });
        }
        if self.is_resident(id) {
            return Err(EntryError::AlreadyResident { id });
        }
        self.check_bytes(id, bytes, 0)?;
        let rank = Rank::fresh(priority.get(), now.frame.get(), now.tick.get());
        self.recency.insert(id.get(), bytes, now.tick.get(), rank);
        self.wishes.remove(id);
        Ok(())
    }

    /// `id` is resident no more, whether it was evicted or removed; pins on it are dropped.
    /// Returns its bytes. O(1).
    ///
    /// # Errors
    /// [`EntryError::NotResident`].
    pub fn remove(&mut self, id: EntryId) -> Result<u64, EntryError> {
        self.entry(id)?;
        Ok(self.recency.remove(id.get()))
    }

    /// `id` has `bytes` from now on; its place in the order stays. Returns the bytes before. O(1).
    ///
    /// # Errors
    /// [`EntryError::NotResident`], [`EntryError::ZeroBytes`], [`EntryError::TooManyBytes`].
    pub fn resize(&mut self, id: EntryId, bytes: u64) -> Result<u64, EntryError> {
        let old = self.entry(id)?.bytes;
        self.check_bytes(id, bytes, old)?;
        self.recency.resize(id.get(), bytes);
        Ok(old)
    }

    /// `frame` used `id`. Returns whether it is resident: notes of what a frame used arrive late,
    /// so an entry that has left meanwhile is no error. Frames may arrive in any order. O(1) where
    /// the touch before was of the same frame and class, else O(log frames).
    pub fn touch(&mut self, id: EntryId, frame: Frame) -> bool {
        let Some(rank) = self.recency.rank(id.get()) else {
            return false;
        };
        if !rank.is_used() || rank.frame < frame.get() {
            self.recency.rerank(id.get(), rank.used_in(frame.get()));
        }
        true
    }

    /// Puts `id` into another class; its recency stays. O(log frames).
    ///
    /// # Errors
    /// [`EntryError::NotResident`].
    pub fn set_priority(&mut self, id: EntryId, priority: Priority) -> Result<(), EntryError> {
        let rank = self
            .recency
            .rank(id.get())
            .ok_or(EntryError::NotResident { id })?;
        if rank.priority != priority.get() {
            self.recency.rerank(id.get(), rank.in_class(priority.get()));
        }
        Ok(())
    }

    /// Adds a pin: `id` is no victim until each pin is taken away again. O(log frames).
    ///
    /// # Errors
    /// [`EntryError::NotResident`], [`EntryError::TooManyPins`].
    pub fn pin(&mut self, id: EntryId) -> Result<(), EntryError> {
        let &Entry { pins, exempt, .. } = self.entry(id)?;
        let more = pins
            .checked_add(1)
            .ok_or(EntryError::TooManyPins { id, max: u16::MAX })?;
        self.recency.set_holds(id.get(), more, exempt);
        Ok(())
    }

    /// Takes a pin away; the entry joins the end of its frame's line. O(log frames).
    ///
    /// # Errors
    /// [`EntryError::NotResident`], [`EntryError::NotPinned`].
    pub fn unpin(&mut self, id: EntryId) -> Result<(), EntryError> {
        let &Entry { pins, exempt, .. } = self.entry(id)?;
        let fewer = pins.checked_sub(1).ok_or(EntryError::NotPinned { id })?;
        self.recency.set_holds(id.get(), fewer, exempt);
        Ok(())
    }

    /// Exempts `id` from eviction (long-lived), or ends that. O(log frames).
    ///
    /// # Errors
    /// [`EntryError::NotResident`].
    pub fn set_exempt(&mut self, id: EntryId, exempt: bool) -> Result<(), EntryError> {
        let pins = self.entry(id)?.pins;
        self.recency.set_holds(id.get(), pins, exempt);
        Ok(())
    }

    /// Whether `id` is resident.
    pub fn is_resident(&self, id: EntryId) -> bool {
        self.recency.get(id.get()).is_some()
    }

    /// What is known of `id`, or `None` if it is not resident.
    pub fn get(&self, id: EntryId) -> Option<EntryInfo> {
        let entry = self.recency.get(id.get())?;
        let rank = self.recency.rank(id.get())?;
        Some(EntryInfo {
            bytes: entry.bytes,
            priority: Priority(rank.priority),
            last_used: rank.is_used().then_some(Frame(rank.frame)),
            since: Tick(entry.since),
            pins: entry.pins,
            exempt: entry.exempt,
        })
    }

    /// Appends to `out` who should leave so that at least `need_bytes` come free, first the one to
    /// leave first, and returns the bytes found: less than asked for where too few may leave.
    ///
    /// The order is: lower priority first; then the longer unused, where a never used entry counts
    /// as used in the frame it came, but before those that really were; then the earlier tick for
    /// never used ones, and the order of the calls for the rest. Left out are entries that are
    /// pinned, exempt, used within [`Config::protect_frames`], or resident for less than
    /// [`Config::min_resident_ticks`]. The batch is no larger than needed: without its last entry
    /// it would be too small. Nothing changes until the caller removes them.
    ///
    /// Costs O(victims + frames with entries), plus entries too young among those long unused.
    pub fn victims(&self, need_bytes: u64, now: Now, out: &mut Vec<EntryId>) -> u64 {
        let mut found = 0;
        for bucket in self.open_buckets(now) {
            if self.all_young(bucket, now) {
                continue;
            }
            for (id, entry) in self.recency.entries_of(bucket) {
                if found >= need_bytes {
                    return found;
                }
                if self.is_old_enough(entry.since, now) {
                    out.push(EntryId(id));
                    found += entry.bytes;
                }
            }
            if found >= need_bytes {
                break;
            }
        }
        found
    }

    /// Bytes that [`victims`](Self::victims) could find at most. O(frames with entries), plus the
    /// entries of buckets in which some are too young.
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
    /// [`Config::protect_frames`], pinned, or exempt. O(classes * frames of the window).
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
            class = priority
                .checked_add(1)
                .and_then(|next| self.next_class(next));
        }
        sum
    }

    /// A frame missed `id`: it should come back. A newer wish of the same entry replaces the
    /// bytes and the class of the older one and keeps the newer frame. Returns whether the wish
    /// was taken: not for a resident entry, nor one of 0 bytes, nor an index out of range.
    pub fn wish(&mut self, id: EntryId, bytes: u64, priority: Priority, frame: Frame) -> bool {
        if bytes == 0 || id.get() >= self.config.entries_max || self.is_resident(id) {
            return false;
        }
        self.wishes.insert(id, bytes, priority, frame);
        true
    }

    /// Drops the wish for `id`, as when it is being streamed in or was removed for good. Returns
    /// whether there was one.
    pub fn unwish(&mut self, id: EntryId) -> bool {
        self.wishes.remove(id).is_some()
    }

    /// Appends to `out` what to stream in next, best first: higher priority, then the more
    /// recently wished, then the smaller index. Returns the bytes appended.
    ///
    /// Takes at most `cap_count` entries and `cap_bytes` bytes and stops at the first that does
    /// not fit, so that small entries never overtake a large one for ever. An entry larger than
    /// `cap_bytes` is appended only as the first, and nothing at all where `cap_bytes` is 0.
    /// Wishes older than [`Config::wish_max_age_frames`] are left out.
    pub fn wishes(
        &self,
        cap_bytes: u64,
        cap_count: usize,
        now: Now,
        out: &mut Vec<EntryId>,
    ) -> u64 {
        self.wishes
            .best(self.wishes_from(now), cap_bytes, cap_count, out)
    }

    /// Drops the wishes that are too old and returns how many; call it about once a tick. Without
    /// it they are ignored all the same, but keep their memory.
    pub fn expire_wishes(&mut self, now: Now) -> usize {
        self.wishes.expire(self.wishes_from(now))
    }

    /// Bytes of all resident entries.
    pub const fn resident_bytes(&self) -> u64 {
        self.recency.bytes()
    }

    /// All sums at once, O(1).
    pub fn figures(&self) -> Figures {
        Figures {
            entries: self.recency.len(),
            resident_bytes: self.recency.bytes(),
            held_bytes: self.recency.held_bytes(),
            wishes: self.wishes.len(),
            wished_bytes: self.wishes.bytes(),
        }
    }

    /// Compares the bytes that the caller holds (which include what this crate does not see, such
    /// as spare room and staging) with the water marks of `budget_bytes`.
    pub fn evaluate(&self, held_bytes: u64, budget_bytes: u64) -> Pressure {
        Pressure::evaluate(
            held_bytes,
            budget_bytes,
            self.config.low_water,
            self.config.high_water,
        )
    }

    /// Whether the frames of the protect window need more than `budget_bytes`: what of it is
    /// resident ([`working_set_bytes`](Self::working_set_bytes)) and what they wished for.
    pub fn degraded(&self, budget_bytes: u64, now: Now) -> Option<Degraded> {
        let missing_bytes = self.wishes.bytes_since(Frame(self.protected_from(now)));
        let working_set_bytes = self.working_set_bytes(now).saturating_add(missing_bytes);
        (working_set_bytes > budget_bytes).then_some(Degraded {
            working_set_bytes,
            missing_bytes,
            budget_bytes,
        })
    }

    /// Walks all entries and wishes, O(n log n).
    ///
    /// # Panics
    /// If an invariant K1 to K5 does not hold.
    pub fn validate(&self) {
        self.recency.validate();
        self.wishes.validate();
    }

    fn entry(&self, id: EntryId) -> Result<&Entry, EntryError> {
        self.recency
            .get(id.get())
            .ok_or(EntryError::NotResident { id })
    }

    /// Refuses bytes of 0 and a sum beyond u64, where `old` bytes of the sum go away.
    fn check_bytes(&self, id: EntryId, bytes: u64, old: u64) -> Result<(), EntryError> {
        if bytes == 0 {
            return Err(EntryError::ZeroBytes { id });
        }
        let resident = self.recency.bytes();
        match (resident - old).checked_add(bytes) {
            Some(_) => Ok(()),
            None => Err(EntryError::TooManyBytes {
                id,
                requested: bytes,
                resident,
            }),
        }
    }

    /// The smallest class from `priority` on that has entries which are not held.
    fn next_class(&self, priority: u8) -> Option<u8> {
        let mut buckets = self.recency.buckets_from(Rank::lowest(false, priority, 0));
        buckets
            .next()
            .filter(|bucket| !bucket.rank.held)
            .map(|bucket| bucket.rank.priority)
    }

    /// Buckets whose entries may leave unless they are too young, in the order of leaving.
    fn open_buckets(&self, now: Now) -> impl Iterator<Item = &Bucket> {
        let all = self.recency.buckets_from(Rank::lowest(false, 0, 0));
        all.take_while(|bucket| !bucket.rank.held)
            .filter(move |bucket| !self.is_protected(bucket, now))
    }

    /// The oldest frame of the protect window; without a window, the one after the present one.
    const fn protected_from(&self, now: Now) -> u64 {
        match self.config.protect_frames.checked_sub(1) {
            Some(before) => now.frame.get().saturating_sub(before),
            None => now.frame.get().saturating_add(1),
        }
    }

    /// The oldest frame whose wishes still count.
    const fn wishes_from(&self, now: Now) -> Frame {
        Frame(
            now.frame
                .get()
                .saturating_sub(self.config.wish_max_age_frames),
        )
    }

    /// Only uses protect: never used entries age by ticks alone, so that a loading screen which
    /// renders no frame can still replace what it loaded.
    const fn is_protected(&self, bucket: &Bucket, now: Now) -> bool {
        bucket.rank.is_used()
            && self.config.protect_frames > 0
            && bucket.rank.frame >= self.protected_from(now)
    }

    const fn is_old_enough(&self, since: u64, now: Now) -> bool {
        now.tick.get().saturating_sub(since) >= self.config.min_resident_ticks
    }

    /// Whether a bucket surely has only entries that are too young.
    const fn all_young(&self, bucket: &Bucket, now: Now) -> bool {
        !self.is_old_enough(bucket.since_min, now)
    }
}
