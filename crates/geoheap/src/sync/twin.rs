//! The same on shuttle's primitives. Time is a counter that moves when it is looked at, by a
//! little or by much as shuttle draws it, so that whatever depends on time goes both ways.

use core::cell::Cell;
use core::ops::Add;
use core::time::Duration;
use std::sync::{LockResult, PoisonError};

use shuttle::rand::Rng;

pub(crate) use shuttle::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
pub(crate) use shuttle::thread::{Builder, JoinHandle, sleep};

/// A look at the clock takes this long, and now and then `LONG_STEP`.
const STEP: Duration = Duration::from_micros(1);
const LONG_STEP: Duration = Duration::from_millis(2);
/// One look in so many takes long.
const LONG_STEP_ODDS: u32 = 4;
/// One wait in so many lasts as long as it may, each time that it could end.
const PASS_ODDS: u32 = 4;

std::thread_local! {
    /// All threads of a schedule run on the thread that explores it.
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

fn is_drawn(odds: u32) -> bool {
    shuttle::rand::thread_rng().gen_ratio(1, odds)
}

fn advance(by: Duration) {
    NOW.set(NOW.get() + by);
}

/// A point in the counted time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(Duration);

impl Instant {
    pub(crate) fn now() -> Self {
        advance(if is_drawn(LONG_STEP_ODDS) {
            LONG_STEP
        } else {
            STEP
        });
        Self(NOW.get())
    }

    pub(crate) fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }

    pub(crate) fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0 + time)
    }
}

/// Whether a wait for something that has not come ends now; if so, it is `deadline`.
pub(crate) fn let_pass(deadline: Instant) -> bool {
    let passes = is_drawn(PASS_ODDS);
    if passes {
        NOW.set(NOW.get().max(deadline.0));
    }
    passes
}

/// As std's, but that a wait with a limit either ends at once, the time being over, or lasts until
/// somebody notifies. So a notification that is lost shows as a deadlock.
#[derive(Debug, Default)]
pub(crate) struct Condvar(shuttle::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(guard)
    }

    pub(crate) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        time: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, bool)> {
        if is_drawn(PASS_ODDS) {
            advance(time);
            return Ok((guard, true));
        }
        match self.0.wait(guard) {
            Ok(guard) => Ok((guard, false)),
            Err(poisoned) => Err(PoisonError::new((poisoned.into_inner(), false))),
        }
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}
