//! What orders the entries of a class: the trait, and the plainest order that it can have.

use core::fmt;

use crate::units::{Frame, Group, Worth};

/// What a policy remembers of an entry from one use to the next, also while it is away: two bytes,
/// to be read by the policy alone. The default is what is remembered of an entry never used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct History(pub [u8; 2]);

/// Orders the entries of one class of priority: the one worth least leaves first.
///
/// A policy sees uses and says what entries are worth; it holds no entries. What it remembers of
/// each is its [`History`]; entries of equal history are in one [`Group`] and differ by age alone,
/// so that victims are found without asking for each. It reads no clock and draws no random number:
/// the same calls must give the same answers.
///
/// Pins, exemptions, priorities, the protect window and the least resident time are not its matter.
///
/// ```
/// use geoheap_residency::{Config, Frame, Group, History, Policy, Residency, Worth};
///
/// /// The most recently used leaves first: best where one loop is longer than the memory.
/// #[derive(Clone, Debug)]
/// struct Mru;
///
/// impl Policy for Mru {
///     fn used(&mut self, history: History, _age: u64, _now: Frame) -> History {
///         history
///     }
///
///     fn group(&self, _history: History) -> Group {
///         Group(0)
///     }
///
///     fn worth(&self, _group: Group, age_frames: u64) -> Worth {
///         Worth(age_frames)
///     }
///
///     fn boxed(&self) -> Box<dyn Policy> {
///         Box::new(self.clone())
///     }
/// }
///
/// let residency = Residency::with_policy(Config::default(), Box::new(Mru))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Policy: fmt::Debug + Send + Sync {
    /// An entry without a history came in `now`. Most policies need not know.
    fn came(&mut self, now: Frame) {
        let _ = now;
    }

    /// The entry of `history` was used in frame `now`, `age_frames` after its use before, or after
    /// it came if it was never used. Returns its history from now on.
    ///
    /// Each entry is told at most once in a frame. Entries that are away are told too: their uses
    /// are misses.
    fn used(&mut self, history: History, age_frames: u64, now: Frame) -> History;

    /// The group of entries of this history.
    fn group(&self, history: History) -> Group;

    /// What entries of `group` are worth that were used `age_frames` before the present frame, 0 in
    /// the present one. Between two uses of whatever entries it stays the same.
    fn worth(&self, group: Group, age_frames: u64) -> Worth;

    /// A copy, so that a [`Residency`](crate::Residency) can be cloned.
    fn boxed(&self) -> Box<dyn Policy>;
}

impl Clone for Box<dyn Policy> {
    fn clone(&self) -> Self {
        self.boxed()
    }
}

/// Least recently used: the longest unused leaves first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lru;

impl Policy for Lru {
    fn used(&mut self, history: History, _age_frames: u64, _now: Frame) -> History {
        history
    }

    fn group(&self, _history: History) -> Group {
        Group(0)
    }

    fn worth(&self, _group: Group, age_frames: u64) -> Worth {
        Worth(u64::MAX - age_frames)
    }

    fn boxed(&self) -> Box<dyn Policy> {
        Box::new(*self)
    }
}

/// The policies of this crate, for a [`Config`](crate::Config).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PolicyKind {
    /// [`HitDensity`](crate::HitDensity), which learns when entries are used again.
    #[default]
    HitDensity,
    /// [`Lru`].
    Lru,
}

impl PolicyKind {
    /// A fresh policy of this kind.
    pub fn build(self) -> Box<dyn Policy> {
        match self {
            Self::HitDensity => Box::new(crate::HitDensity::default()),
            Self::Lru => Box::new(Lru),
        }
    }
}
