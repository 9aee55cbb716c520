//! [`Residency`]: the calls.

use crate::policy::{History, Policy};
use crate::recency::{Entry, PINS_MAX, Rank, Recency};
use crate::wishes::Wishes;
use crate::{
    Config, ConfigError, Degraded, EntryError, EntryId, Frame, Now, Pressure, Priority, Tick,
};

/// Who is resident, who may leave first, and what should come back.
///
/// See the crate's head for the mechanism and the numbered invariants.
#[derive(Clone, Debug)]
pub struct Residency {
    pub(crate) config: Config,
    pub(crate) policy: Box<dyn Policy>,
    pub(crate) recency: Recency,
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
    /// Starts with nothing resident, and the policy of [`Config::policy`].
    ///
    /// # Errors
    /// [`ConfigError`] for water marks out of order or an empty index space.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Self::with_policy(config, config.policy.build())
    }

    /// Starts with nothing resident and a policy of the caller's.
    ///
    /// # Errors
    /// As [`Residency::new`].
    pub fn with_policy(config: Config, policy: Box<dyn Policy>) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config,
            policy,
            recency: Recency::new(),
            wishes: Wishes::new(),
        })
    }

    /// Makes room for indices below `count`, 40 bytes each, so that a caller who knows how many
    /// there will be pays for no more.
    pub fn reserve(&mut self, count: usize) {
        self.recency.reserve(count);
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
        let (tick, frame) = (now.tick.get(), now.frame.get());
        let history = if let Some((_, history)) = self.recency.memory(id.get()) {
            history
        } else {
            self.policy.came(now.frame);
            let none = History::default();
            self.recency.remember(id.get(), frame, none);
            none
        };
        let group = self.policy.group(history);
        let rank = Rank::fresh(priority.get(), frame, tick, group);
        self.recency.insert(id.get(), bytes, tick, rank);
        self.wishes.remove(id);
        Ok(())
    }

    /// `id` is resident no more and may come back: its uses are remembered. Pins on it are dropped.
    /// Returns its bytes. O(1).
    ///
    /// # Errors
    /// [`EntryError::NotResident`].
    pub fn evict(&mut self, id: EntryId) -> Result<u64, EntryError> {
        self.entry(id)?;
        Ok(self.recency.remove(id.get()))
    }

    /// `id` is no more, resident or not: all that is known of it is dropped, an open wish too, and
    /// the index is free for another entry. Returns its bytes if it was resident. O(1), with a wish
    /// O(log wishes).
    pub fn remove(&mut self, id: EntryId) -> Option<u64> {
        let bytes = self.evict(id).ok();
        self.recency.forget(id.get());
        self.unwish(id);
        bytes
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
    /// so an entry that has left meanwhile is no error, and its use is remembered for when it is
    /// back. Frames may arrive in any order. O(1) where the touch of that group before was of the
    /// same frame and class, else O(log buckets).
    pub fn touch(&mut self, id: EntryId, frame: Frame) -> bool {
        if id.get() >= self.config.entries_max {
            return false;
        }
        let rank = self.recency.rank(id.get());
        let after = self.note_use(id, frame, rank);
        let Some(rank) = rank else { return false };
        if !rank.is_used() || rank.frame < frame.get() {
            let group = self.policy.group(after);
            self.recency
                .rerank(id.get(), rank.used_in(frame.get(), group));
        }
        true
    }

    /// Tells the policy of a use, unless it is an old one. Returns the history that follows.
    fn note_use(&mut self, id: EntryId, frame: Frame, rank: Option<Rank>) -> History {
        let Some((last, history)) = self.recency.memory(id.get()) else {
            self.policy.came(frame);
            let after = self.policy.used(History::default(), 0, frame);
            self.recency.remember(id.get(), frame.get(), after);
            return after;
        };
        let is_first = history == History::default() && rank.is_some_and(|rank| !rank.is_used());
        if frame.get() <= last && !is_first {
            return history;
        }
        let age_frames = frame.get().saturating_sub(last);
        let after = self.policy.used(history, age_frames, frame);
        self.recency
            .remember(id.get(), last.max(frame.get()), after);
        after
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
        let (pins, exempt) = self.holds(id)?;
        if pins == PINS_MAX {
            return Err(EntryError::TooManyPins { id, max: PINS_MAX });
        }
        self.recency.set_holds(id.get(), pins + 1, exempt);
        Ok(())
    }

    /// Takes a pin away; the entry joins the end of its frame's line. O(log frames).
    ///
    /// # Errors
    /// [`EntryError::NotResident`], [`EntryError::NotPinned`].
    pub fn unpin(&mut self, id: EntryId) -> Result<(), EntryError> {
        let (pins, exempt) = self.holds(id)?;
        let fewer = pins.checked_sub(1).ok_or(EntryError::NotPinned { id })?;
        self.recency.set_holds(id.get(), fewer, exempt);
        Ok(())
    }

    /// Exempts `id` from eviction (long-lived), or ends that. O(log frames).
    ///
    /// # Errors
    /// [`EntryError::NotResident`].
    pub fn set_exempt(&mut self, id: EntryId, exempt: bool) -> Result<(), EntryError> {
        let (pins, _) = self.holds(id)?;
        self.recency.set_holds(id.get(), pins, exempt);
        Ok(())
    }

    /// Whether `id` is resident.
    pub fn is_resident(&self, id: EntryId) -> bool {
        self.recency.get(id.get()).is_some()
    }

    /// Looks at entries and their neighbours in line, all of them side by side, and changes
    /// nothing: whoever goes on with one after the other then waits for no memory. Best with a few
    /// dozens.
    pub fn look_ahead(&self, ids: &[EntryId]) {
        self.recency.look_ahead(ids.iter().map(|id| id.get()));
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
            pins: entry.pins(),
            exempt: entry.is_exempt(),
        })
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
        let missing_bytes = self.missing_bytes(now);
        let working_set_bytes = self.working_set_bytes(now).saturating_add(missing_bytes);
        (working_set_bytes > budget_bytes).then_some(Degraded {
            working_set_bytes,
            missing_bytes,
            budget_bytes,
        })
    }

    /// Bytes that the frames of the protect window wished for and that are still wished for.
    /// O(frames of the window).
    pub fn missing_bytes(&self, now: Now) -> u64 {
        self.wishes.bytes_since(Frame(self.protected_from(now)))
    }

    /// Walks all entries and wishes, O(n log n).
    ///
    /// # Panics
    /// If an invariant K1 to K5 does not hold.
    pub fn validate(&self) {
        self.recency.validate();
        self.wishes.validate();
    }

    fn holds(&self, id: EntryId) -> Result<(u16, bool), EntryError> {
        let entry = self.entry(id)?;
        Ok((entry.pins(), entry.is_exempt()))
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

    /// The oldest frame whose wishes still count.
    const fn wishes_from(&self, now: Now) -> Frame {
        Frame(
            now.frame
                .get()
                .saturating_sub(self.config.wish_max_age_frames),
        )
    }
}
