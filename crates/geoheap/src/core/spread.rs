//! How much of what may wait goes in this tick, so that frames last alike.
//!
//! What comes in bursts is sent over the next [`SPREAD_TICKS`], the same amount in each: the least
//! that any tick can have at most, if nothing may wait for longer than that. So a tick sends the
//! mean of what came in the last few, and none of it waits longer, as far as there is room for it
//! and the tick's caps let it pass.

use crate::config::{WORD_BYTES, whole_words};
use crate::core::Core;
use crate::core::jobs::{Job, Jobs, Queue};

/// One part in so many of a tick's bytes is sent also where less is due.
const LEAST_SHARE: u64 = 8;
/// The most jobs of a queue that may have sent a part of their bytes.
const STARTED_MAX: usize = 16;
/// A byte that may wait is sent within so many ticks.
pub(super) const SPREAD_TICKS: usize = 8;

/// What the next ticks are to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spread {
    /// Bytes of this tick, of the next, and so on.
    due: [u64; SPREAD_TICKS],
}

impl Spread {
    /// What the present tick sends of the `waiting` bytes that nobody has sent. Called once a tick.
    /// What was due and not sent is shared out anew.
    pub(super) fn take(&mut self, waiting: u64) -> u64 {
        let planned: u64 = self.due.iter().sum();
        if waiting >= planned {
            self.share_out(waiting - planned);
        } else {
            self.call_off(planned - waiting);
        }
        let now = core::mem::take(&mut self.due[0]);
        self.due.rotate_left(1);
        now
    }

    /// All that was planned is sent otherwise, or waits no more.
    pub(super) fn forget(&mut self) {
        self.due = [0; SPREAD_TICKS];
    }

    fn share_out(&mut self, bytes: u64) {
        let ticks = SPREAD_TICKS as u64;
        let (each, more) = (bytes / ticks, bytes % ticks);
        for (due, nth) in self.due.iter_mut().zip(0..) {
            *due += each + u64::from(nth < more);
        }
    }

    /// Somebody else sent it, or its block is gone: the last ticks have less to do.
    fn call_off(&mut self, mut bytes: u64) {
        for due in self.due.iter_mut().rev() {
            let less = bytes.min(*due);
            *due -= less;
            bytes -= less;
        }
    }
}

impl Core {
    /// What this tick may send of what is not urgent. Where no frame is drawn, none is kept short
    /// by a long tick.
    pub(super) fn spread_bytes(&mut self, jobs: &Jobs) -> u64 {
        if !self.is_drawing() {
            self.spread.forget();
            return u64::MAX;
        }
        let placed = [jobs.back(), jobs.others()].map(|queue| self.unsent_bytes(queue));
        let wished = self.residency.missing_bytes(self.now());
        let waiting: u64 = placed.into_iter().sum();
        let due = self.spread.take(waiting + self.reloading_bytes + wished);
        // So little makes no frame longer.
        let least = self.config.tick_upload_bytes.get() / LEAST_SHARE;
        whole_words(due.max(least)).max(WORD_BYTES)
    }

    /// Bytes of the jobs in a queue that are not recorded. Only the first are looked at closely:
    /// jobs are recorded in order, and one after the other.
    fn unsent_bytes(&self, queue: &Queue) -> u64 {
        let sent = |job: &Job| {
            let record = self.record(job.handle)?;
            record.fill().map(|fill| fill.sent_bytes)
        };
        let sent: u64 = queue.iter().take(STARTED_MAX).filter_map(sent).sum();
        queue.bytes().saturating_sub(sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends what came tick by tick; returns what each tick sent, until nothing waits.
    fn sent(came: &[u64]) -> Vec<u64> {
        let mut spread = Spread::default();
        let (mut waiting, mut sent) = (0, Vec::new());
        let mut came = came.iter();
        loop {
            let next = came.next();
            waiting += next.unwrap_or(&0);
            if next.is_none() && waiting == 0 {
                return sent;
            }
            let now = spread.take(waiting);
            assert!(now <= waiting, "no more than there is");
            waiting -= now;
            sent.push(now);
        }
    }

    #[test]
    fn a_burst_takes_eight_ticks() {
        assert_eq!(sent(&[80]), [10; 8]);
        assert_eq!(sent(&[3]), [1, 1, 1], "what is little goes first");
        assert_eq!(sent(&[80, 0, 0, 0, 80])[..5], [10, 10, 10, 10, 20]);
        assert_eq!(sent(&[80, 0, 0, 0, 80]).len(), 12);
    }

    #[test]
    fn what_comes_evenly_is_sent_as_it_comes() {
        assert_eq!(sent(&[16; 40])[8..40], [16; 32]);
    }

    #[test]
    fn what_was_not_sent_is_shared_out_anew() {
        let mut spread = Spread::default();
        assert_eq!(spread.take(80), 10);
        // Nothing was sent: ten bytes more are shared out among eight ticks.
        assert_eq!(spread.take(80), 12);
        // Others sent most of it.
        assert_eq!(spread.take(5), 5);
        assert_eq!(spread.take(0), 0);
        assert_eq!(spread, Spread::default(), "nothing is planned any more");
    }

    #[test]
    fn nothing_is_planned_of_what_is_forgotten() {
        let mut spread = Spread::default();
        spread.take(80);
        spread.forget();
        assert_eq!(spread, Spread::default());
    }
}
