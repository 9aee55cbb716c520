//! How much of its caps a tick may use, so that it takes no longer than it should.
//!
//! A machine's speed is not known beforehand, and it changes. So the actor looks at what each tick
//! took: after one that took too long the next may do as much less as that one took more, at most
//! by half; after any other it may do a little more. Uploads, stream-ins, moves and planning steps
//! are all cut by the same share.

use std::time::Duration;

use crate::core::event::Share;

/// One part in so many is added after a tick in time.
const RISE: u64 = 16;

/// The share of a tick, from the time that ticks take.
#[derive(Debug)]
pub(crate) struct Pace {
    /// What a tick should take; `None` where nobody measures.
    goal: Option<Duration>,
    share: Share,
}

impl Pace {
    pub(crate) const fn new(goal: Option<Duration>) -> Self {
        Self {
            goal,
            share: Share::FULL,
        }
    }

    /// What the next tick may use.
    pub(crate) const fn share(&self) -> Share {
        self.share
    }

    /// The work of a tick took so long.
    pub(crate) fn note(&mut self, took: Duration) {
        let Some(goal) = self.goal else { return };
        let before = u64::from(self.share.thousandths());
        let after = if took > goal {
            let part = u128::from(before) * goal.as_nanos() / took.as_nanos();
            u64::try_from(part).unwrap_or(before).max(before / 2)
        } else {
            before + before / RISE + 1
        };
        self.share = Share::new(after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[track_caller]
    fn check(pace: &mut Pace, took: Duration, expected: u16) {
        pace.note(took);
        assert_eq!(pace.share().thousandths(), expected, "after {took:?}");
    }

    #[test]
    fn a_slow_tick_makes_the_next_ones_smaller() {
        let mut pace = Pace::new(Some(2 * MS));
        check(&mut pace, 2 * MS, 1_000);
        check(&mut pace, 3 * MS, 666);
        check(&mut pace, 200 * MS, 333);
        check(&mut pace, MS, 354);
        for _ in 0..8 {
            pace.note(200 * MS);
        }
        check(&mut pace, 200 * MS, Share::MIN.thousandths());
        for _ in 0..60 {
            pace.note(Duration::ZERO);
        }
        check(&mut pace, MS, 1_000);
    }

    #[test]
    fn a_machine_of_steady_speed_comes_near_its_goal() {
        // It takes 8 ms for all of the caps.
        let mut pace = Pace::new(Some(2 * MS));
        let mut shares = Vec::new();
        for _ in 0..200 {
            let share = pace.share().thousandths();
            shares.push(share);
            pace.note(8 * MS * u32::from(share) / 1_000);
        }
        let steady = &shares[20..];
        assert!(
            steady.iter().all(|share| (200..=270).contains(share)),
            "{steady:?}"
        );
    }

    #[test]
    fn who_does_not_measure_has_it_all() {
        let mut pace = Pace::new(None);
        check(&mut pace, 200 * MS, 1_000);
    }
}
