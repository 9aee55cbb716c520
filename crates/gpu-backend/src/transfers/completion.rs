//! What is on its way, and the order in which its end is told.

use std::collections::VecDeque;
use std::sync::Arc;

use geoheap_suballoc::ByteLen;

use super::Transfers;
use super::batching::Held;
use crate::driver::{Driver, LeaseRef, Signal};
use crate::lease::Charge;
use crate::{BackendEvent, ReadId, ReleaseId, SubmissionId};

#[derive(Debug)]
struct InFlight {
    id: SubmissionId,
    done: bool,
    reads: Vec<(ReadId, Arc<Charge>)>,
    /// Held for their drop alone.
    #[expect(
        dead_code,
        reason = "keeps the leased memory counted until the entry goes"
    )]
    leases: Vec<LeaseRef>,
}

#[derive(Debug)]
struct PendingRelease {
    id: ReleaseId,
    bytes: ByteLen,
    after: SubmissionId,
}

#[cfg(test)]
mod tests;

/// Submissions, releases and events in order.
#[derive(Debug)]
pub(super) struct Ledger {
    in_flight: VecDeque<InFlight>,
    releases: VecDeque<PendingRelease>,
    next_submission: u64,
    next_release: u64,
    events: Vec<BackendEvent>,
    loss_told: bool,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            in_flight: VecDeque::new(),
            releases: VecDeque::new(),
            next_submission: 0,
            next_release: 0,
            events: Vec::new(),
            loss_told: false,
        }
    }

    /// The number that the open batch will have.
    pub(super) fn next_submission(&self) -> SubmissionId {
        SubmissionId(self.next_submission)
    }

    pub(super) fn submitted(&mut self, held: Held) {
        let id = self.next_submission();
        self.next_submission += 1;
        let Held { reads, leases } = held;
        self.in_flight.push_back(InFlight {
            id,
            done: false,
            reads,
            leases,
        });
    }

    /// The batch was not accepted. Its number is not used again: wgpu may still call what was
    /// deferred in the encoder of a submit that it refused.
    pub(super) fn refused(&mut self) {
        self.next_submission += 1;
    }

    pub(super) fn release(&mut self, bytes: ByteLen) -> ReleaseId {
        let id = ReleaseId(self.next_release);
        self.next_release += 1;
        if self.loss_told {
            return id;
        }
        let after = self.next_submission();
        self.releases.push_back(PendingRelease { id, bytes, after });
        id
    }

    pub(super) fn announce(&mut self, event: BackendEvent) {
        if !self.loss_told {
            self.events.push(event);
        }
    }

    pub(super) fn take_events(&mut self, out: &mut Vec<BackendEvent>) {
        out.append(&mut self.events);
    }

    fn done(&mut self, id: SubmissionId) {
        if let Some(entry) = self.in_flight.iter_mut().find(|entry| entry.id == id) {
            entry.done = true;
        }
    }

    fn read(&mut self, id: ReadId, bytes: Option<Vec<u8>>) {
        for entry in &mut self.in_flight {
            if let Some(index) = entry.reads.iter().position(|(read, _)| *read == id) {
                drop(entry.reads.remove(index));
                self.events.push(match bytes {
                    Some(bytes) => BackendEvent::ReadBack { id, bytes },
                    None => BackendEvent::ReadFailed { id },
                });
                return;
            }
        }
    }

    /// Tells of the submissions at the front that are done and answered (invariant G2), and of
    /// the releases that came before them (G3).
    /// Without an open batch, releases wait for nothing else: what others have on the queue is none
    /// of theirs.
    fn advance(&mut self, none_open: bool) {
        while self
            .in_flight
            .front()
            .is_some_and(|front| front.done && front.reads.is_empty())
        {
            if let Some(front) = self.in_flight.pop_front() {
                self.events.push(BackendEvent::Completed(front.id));
                self.release_until(Some(front.id));
            }
        }
        if none_open && self.in_flight.is_empty() {
            self.release_until(None);
        }
    }

    fn release_until(&mut self, completed: Option<SubmissionId>) {
        let is_due =
            |pending: &PendingRelease| completed.is_none_or(|completed| pending.after <= completed);
        while self.releases.front().is_some_and(is_due) {
            if let Some(pending) = self.releases.pop_front() {
                self.events
                    .push(BackendEvent::Released(pending.id, pending.bytes));
            }
        }
    }

    /// Answers all that is open, and then tells of the loss, once.
    fn lose(&mut self, reason: String, unsubmitted: Vec<ReadId>) {
        if self.loss_told {
            return;
        }
        let in_flight = self.in_flight.drain(..).flat_map(|entry| entry.reads);
        let reads: Vec<_> = in_flight.map(|(id, _)| id).chain(unsubmitted).collect();
        for id in reads {
            self.events.push(BackendEvent::ReadFailed { id });
        }
        self.release_until(None);
        self.events.push(BackendEvent::DeviceLost { reason });
        self.loss_told = true;
    }
}

impl<D: Driver> Transfers<D> {
    /// Hears the driver; true if nothing is on its way any more.
    pub(super) fn observe(&mut self, wait: bool) -> bool {
        let mut signals = Vec::new();
        if self.driver.lost().is_none() {
            self.driver.poll(wait, &mut signals);
        }
        for signal in signals {
            match signal {
                Signal::Done(id) => self.ledger.done(id),
                Signal::SlotBack(id, memory) => self.ring.give_back(id, Some(memory)),
                Signal::SlotGone(id) => self.ring.give_back(id, None),
                Signal::Read(id, bytes) => self.ledger.read(id, bytes),
                Signal::Error(message) => {
                    self.counters.errors += 1;
                    self.ledger.announce(BackendEvent::Error { message });
                }
            }
        }
        // The open batch may still name a released buffer, and then keeps it alive.
        if self.driver.lost().is_none() {
            self.ledger.advance(self.open.is_empty());
        }
        if let Some(reason) = self.driver.lost() {
            let open = core::mem::replace(&mut self.open, super::OpenBatch::new());
            self.ledger
                .lose(reason, open.reads.iter().map(|read| read.id).collect());
            self.ring.clear();
        }
        self.ring.settle();
        self.ledger.in_flight.is_empty()
    }
}
