//! Queue and planted faults of the virtual device.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::work::{Executed, Poison, Work};

/// A test that panicked with the lock held has failed already; the others may go on.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts calls and fails the planted ones.
#[derive(Debug, Default)]
pub(super) struct Faults {
    calls: u64,
    planted: BTreeSet<u64>,
}

impl Faults {
    /// The `n`-th call from now fails, counted from 1; 0 is taken as 1.
    pub(super) fn plant(&mut self, n: u64) {
        self.planted.insert(self.calls + n.max(1));
    }

    /// Calls so far.
    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    pub(super) fn is_due(&mut self) -> bool {
        self.calls += 1;
        self.planted.remove(&self.calls)
    }
}

/// The queue, what was executed of it, and what was asked of both.
#[derive(Debug)]
pub(super) struct Device {
    latency_polls: u64,
    clock_polls: u64,
    pub(super) is_stalled: bool,
    pub(super) is_manual: bool,
    pub(super) lost: Option<String>,
    /// Each with the poll at which it is due.
    queue: VecDeque<(u64, Work)>,
    /// Batches that were queued, and those of them that were executed.
    batches_queued: u64,
    batches_executed: u64,
    /// Executed batches that nobody has let out, and those that the next poll tells of.
    untold: VecDeque<Executed>,
    told: Vec<Executed>,
    /// Ranges to be poisoned once so many batches were executed; ascending.
    poisons: VecDeque<(u64, Poison)>,
    pub(super) creation_faults: Faults,
    pub(super) staging_faults: Faults,
    pub(super) submit_faults: Faults,
    pub(super) next_buffer: u64,
}

/// What a device leaves when it is lost. Reads hold what may use the device's control when it is
/// dropped, so this is dropped without the lock.
#[derive(Debug)]
#[expect(dead_code, reason = "held for its drop alone")]
pub(super) struct Wreck(
    VecDeque<(u64, Work)>,
    VecDeque<Executed>,
    Vec<Executed>,
    VecDeque<(u64, Poison)>,
);

impl Device {
    pub(super) fn new(latency_polls: u32) -> Self {
        Self {
            latency_polls: u64::from(latency_polls),
            clock_polls: 0,
            is_stalled: false,
            is_manual: false,
            lost: None,
            queue: VecDeque::new(),
            batches_queued: 0,
            batches_executed: 0,
            untold: VecDeque::new(),
            told: Vec::new(),
            poisons: VecDeque::new(),
            creation_faults: Faults::default(),
            staging_faults: Faults::default(),
            submit_faults: Faults::default(),
            next_buffer: 0,
        }
    }

    pub(super) fn set_latency(&mut self, latency_polls: u32) {
        self.latency_polls = u64::from(latency_polls);
    }

    pub(super) fn enqueue(&mut self, work: Work) {
        self.batches_queued += u64::from(work.is_batch());
        self.queue
            .push_back((self.clock_polls + self.latency_polls, work));
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn queued_commands(&self) -> usize {
        self.queue
            .iter()
            .map(|(_, work)| work.commands_left())
            .sum()
    }

    pub(super) fn untold(&self) -> usize {
        self.untold.len()
    }

    /// One poll passes: what it tells of earlier work, and the work that is due, in order. With
    /// `wait`, a manual device is driven to its end.
    pub(super) fn advance(&mut self, wait: bool) -> (Vec<Executed>, VecDeque<Work>) {
        let mut due = VecDeque::new();
        if self.is_stalled {
            return (Vec::new(), due);
        }
        self.clock_polls += 1;
        if self.is_manual && !wait {
            return (core::mem::take(&mut self.told), due);
        }
        self.tell(self.untold.len());
        let (now, is_manual) = (self.clock_polls, self.is_manual);
        while let Some((_, work)) = self.queue.pop_front_if(|(at, _)| is_manual || *at <= now) {
            due.push_back(work);
        }
        (core::mem::take(&mut self.told), due)
    }

    /// The front of the queue, for its next command.
    pub(super) fn take_front(&mut self) -> Option<(u64, Work)> {
        self.queue.pop_front()
    }

    /// What is left of the front, unless the device was lost meanwhile; then it comes back.
    pub(super) fn put_front(&mut self, at: u64, work: Work) -> Option<Work> {
        if self.lost.is_some() {
            return Some(work);
        }
        self.queue.push_front((at, work));
        None
    }

    /// Keeps an executed batch until it is let out, unless the device was lost meanwhile.
    pub(super) fn keep_untold(&mut self, executed: Executed) {
        if self.lost.is_none() {
            self.untold.push_back(executed);
        }
    }

    /// Lets the next `batches` out to the next poll; says how many there were.
    pub(super) fn tell(&mut self, batches: usize) -> usize {
        let count = batches.min(self.untold.len());
        self.told.extend(self.untold.drain(..count));
        count
    }

    /// A batch was executed: the poisons that waited for it.
    pub(super) fn batch_executed(&mut self) -> Vec<Poison> {
        self.batches_executed += 1;
        let executed = self.batches_executed;
        let mut due = Vec::new();
        while let Some((_, poison)) = self.poisons.pop_front_if(|(after, _)| *after <= executed) {
            due.push(poison);
        }
        due
    }

    /// Keeps a poison until the batches queued so far were executed; gives it back where all
    /// were.
    pub(super) fn hold_poison(&mut self, poison: Poison) -> Option<Poison> {
        if self.batches_executed >= self.batches_queued || self.lost.is_some() {
            return Some(poison);
        }
        self.poisons.push_back((self.batches_queued, poison));
        None
    }

    /// The device goes; so does its queue, unexecuted, and what it had not told.
    pub(super) fn lose(&mut self, reason: &str) -> Wreck {
        if self.lost.is_none() {
            self.lost = Some(reason.to_owned());
        }
        Wreck(
            core::mem::take(&mut self.queue),
            core::mem::take(&mut self.untold),
            core::mem::take(&mut self.told),
            core::mem::take(&mut self.poisons),
        )
    }
}
