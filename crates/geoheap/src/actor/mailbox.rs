//! The way into the geometry actor: bounded in messages and in bytes, with handles given out at
//! the sender's side.
//!
//! A sender first gets a permit for what the request weighs, then a handle from the reserve, then
//! sends. The driver refills the reserve before it gives permits back, so whoever has a permit
//! finds a handle, unless all handles are in use: adding never makes a round trip.
//!
//! Whatever somebody waits for enters under the gate's lock, so that the gate is a true end: what
//! passed before it closed is found by the driver, which empties the mailbox afterwards, and
//! nothing enters later. A message that came in between would lie in the channel as long as a
//! client lives, and its sender wait for an answer as long.

use core::ops::AddAssign;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use geoheap_frame_sync::{Usage, Version};
use geoheap_suballoc::ByteLen;

use crate::actor::channel::{Receiver, Sender, TrySendError, bounded, unbounded};
use crate::actor::reply::Reply;
use crate::core::event::{ReplyId, Request};
use crate::draw_set::{DrawSetId, SetDraw};
use crate::error::{MailboxLimit, SendError};
use crate::handle::Handle;
#[cfg(geoheap_shuttle)]
use crate::planted::{self, Bug};
use crate::sync::{
    AtomicBool, AtomicU64, Condvar, Instant, Mutex, MutexGuard, Ordering, PoisonError,
};

/// Somebody who waits for an answer.
pub(crate) type ReplyTo = (ReplyId, Sender<Reply>);

/// What the geometry actor receives.
#[derive(Debug)]
pub(crate) enum Message {
    /// For the core.
    Request(Request, Option<ReplyTo>),
    /// For the core, in one step.
    Batch(Vec<Request>),
    /// A draw set is made or replaced, or removed if it has no draws to be.
    Draws(DrawSetId, Option<Vec<SetDraw>>),
    /// A frame is over: there is a note of it, and a tick is due.
    FrameEnded,
    /// The heap map.
    Map(Sender<Reply>),
    /// The heap's state.
    Dump(Sender<Reply>),
    /// Record into a file from now on, or no more.
    Trace(Option<PathBuf>, Sender<Reply>),
    /// A piece of staging.
    Stage { len: ByteLen, reply: Sender<Reply> },
    /// A backend was left for the driver, to follow the lost one.
    Restore(Sender<Reply>),
    /// End.
    Shutdown,
}

/// Notes that wait for the actor at most; while it does not tick, later ones are dropped.
const NOTES_MAX: usize = 256;

/// How a ticket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// By `finish`.
    Finished,
    /// It was dropped.
    Dropped,
    /// It was dropped by a panic.
    Panicked,
}

/// What a frame, or a worker's share of one, used. Notes have a way of their own: they must not
/// wait behind contents that wait for room.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) frame: u64,
    /// What it saw: a block that came later to one of the slots that it used is another.
    pub(crate) version: Version,
    pub(crate) outcome: Outcome,
    pub(crate) ends_frame: bool,
    pub(crate) usage: Usage,
    pub(crate) hidden_uses: u64,
    pub(crate) stale_lookups: u64,
}

impl Note {
    /// The note of a ticket that was not finished: it ends no frame, and uses nothing.
    pub(crate) fn unfinished(frame: u64, outcome: Outcome) -> Self {
        Self {
            frame,
            version: Version::default(),
            outcome,
            ends_frame: false,
            usage: Usage::default(),
            hidden_uses: 0,
            stale_lookups: 0,
        }
    }
}

/// A message and what it weighs in the mailbox.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) message: Message,
    pub(crate) weight: Weight,
}

/// What a message takes of the mailbox's bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

impl AddAssign for Weight {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }
}

/// How long a sender is ready to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    None,
    For(Duration),
    Forever,
}

#[derive(Debug, Default)]
struct Load {
    weight: Weight,
    closed: bool,
    /// Senders that wait for room: to wake nobody costs a system call, too.
    waiting: u32,
}

/// The bounds, and who waits for them.
#[derive(Debug)]
pub(crate) struct Gate {
    load: Mutex<Load>,
    changed: Condvar,
    limit: Weight,
    /// Nobody but the waiting thread itself could make room: see `Threading::CallerDriven`.
    never_wait: bool,
}

impl Gate {
    fn new(limit: Weight, never_wait: bool) -> Self {
        Self {
            load: Mutex::default(),
            changed: Condvar::new(),
            limit,
            never_wait,
        }
    }

    /// Takes `weight` of the bounds.
    pub(crate) fn enter(&self, weight: Weight, patience: Patience) -> Result<(), SendError> {
        self.entered(weight, patience).map(drop)
    }

    /// Takes `weight` of the bounds; the gate cannot be closed while the answer is kept.
    fn entered(
        &self,
        weight: Weight,
        patience: Patience,
    ) -> Result<MutexGuard<'_, Load>, SendError> {
        self.check_alone(weight)?;
        let mut start = None;
        let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if load.closed {
                return Err(SendError::ShutDown);
            }
            let Some(limit) = self.exceeded(&load, weight) else {
                load.weight += weight;
                return Ok(load);
            };
            let left = match patience {
                Patience::None => return Err(SendError::MailboxFull { limit }),
                _ if self.never_wait => return Err(SendError::MailboxFull { limit }),
                Patience::Forever => None,
                Patience::For(time) => {
                    let waited = start.get_or_insert_with(Instant::now).elapsed();
                    if waited >= time {
                        return Err(SendError::Deadline { waited, limit });
                    }
                    Some(time.saturating_sub(waited))
                }
            };
            load = self.wait(load, left);
        }
    }

    /// Waits for a change of `load`, at most as long as `left`, if given.
    fn wait<'a>(
        &self,
        mut load: MutexGuard<'a, Load>,
        left: Option<Duration>,
    ) -> MutexGuard<'a, Load> {
        load.waiting += 1;
        let mut load = match left {
            None => {
                let woken = self.changed.wait(load);
                woken.unwrap_or_else(PoisonError::into_inner)
            }
            Some(left) => {
                let woken = self.changed.wait_timeout(load, left);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        load.waiting -= 1;
        load
    }

    /// A request that could not enter an empty mailbox would wait for ever.
    fn check_alone(&self, weight: Weight) -> Result<(), SendError> {
        if weight.messages > self.limit.messages {
            let limit = MailboxLimit::Messages(self.limit.messages);
            return Err(SendError::LargerThanMailbox {
                needed: weight.messages,
                limit,
            });
        }
        if weight.bytes > self.limit.bytes {
            let limit = MailboxLimit::Bytes(self.limit.bytes);
            return Err(SendError::LargerThanMailbox {
                needed: weight.bytes,
                limit,
            });
        }
        Ok(())
    }

    fn exceeded(&self, load: &Load, weight: Weight) -> Option<MailboxLimit> {
        if load.weight.messages + weight.messages > self.limit.messages {
            return Some(MailboxLimit::Messages(self.limit.messages));
        }
        if load.weight.bytes + weight.bytes > self.limit.bytes {
            return Some(MailboxLimit::Bytes(self.limit.bytes));
        }
        None
    }

    /// Gives `weight` back.
    pub(crate) fn leave(&self, weight: Weight) {
        if weight == Weight::default() {
            return;
        }
        #[cfg(geoheap_shuttle)]
        if planted::is(Bug::NotifiedTooEarly) {
            self.changed.notify_all();
        }
        let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(
            load.weight.messages >= weight.messages && load.weight.bytes >= weight.bytes,
            "a mailbox gives back what was taken: {load:?} - {weight:?}"
        );
        load.weight.messages -= weight.messages;
        load.weight.bytes -= weight.bytes;
        let somebody_waits = load.waiting > 0;
        drop(load);
        #[cfg(geoheap_shuttle)]
        if planted::is(Bug::NotifiedTooEarly) {
            return;
        }
        // Who comes to wait from now on has seen the room.
        if somebody_waits {
            self.changed.notify_all();
        }
    }

    /// Calls `send` while the gate cannot be closed.
    fn pass<R>(&self, send: impl FnOnce() -> R) -> Result<R, SendError> {
        #[cfg(geoheap_shuttle)]
        if planted::is(Bug::SentBesideTheGate) {
            return Ok(send());
        }
        let load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        if load.closed {
            return Err(SendError::ShutDown);
        }
        Ok(send())
    }

    /// Refuses everybody from now on, those that wait too. What passed lies in the mailbox.
    pub(crate) fn close(&self) {
        self.load
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closed = true;
        self.changed.notify_all();
    }
}

/// The senders' end.
#[derive(Clone, Debug)]
pub(crate) struct Mailbox {
    sender: Sender<Envelope>,
    notes: Sender<Note>,
    /// Notes that found no room.
    notes_lost: Arc<AtomicU64>,
    /// A frame's end is in the mailbox already: one wakes the actor as well as many.
    is_woken: Arc<AtomicBool>,
    gate: Arc<Gate>,
    reserve: Receiver<Handle>,
    reserve_back: Sender<Handle>,
    next_reply: Arc<AtomicU64>,
}

/// The driver's end.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) receiver: Receiver<Envelope>,
    pub(crate) notes: Receiver<Note>,
    pub(crate) notes_lost: Arc<AtomicU64>,
    /// To be cleared by whoever takes the end of a frame out.
    pub(crate) is_woken: Arc<AtomicBool>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) reserve: Sender<Handle>,
    /// Handles kept ready, so many as messages can wait.
    pub(crate) reserve_target: usize,
}

impl Drop for Inbox {
    /// Whoever waits for room or for an answer learns that there will be none, also if the actor
    /// panicked.
    fn drop(&mut self) {
        self.gate.close();
        drop(self.receiver.drain());
    }
}

/// Both ends of a mailbox of the given bounds.
pub(crate) fn mailbox(messages: u32, bytes: ByteLen, never_wait: bool) -> (Mailbox, Inbox) {
    let (sender, receiver) = unbounded();
    let (notes_in, notes) = bounded(NOTES_MAX);
    let (notes_lost, is_woken) = (Arc::default(), Arc::default());
    let (reserve_in, reserve) = unbounded();
    let limit = Weight {
        messages: u64::from(messages),
        bytes: bytes.get(),
    };
    let gate = Arc::new(Gate::new(limit, never_wait));
    let mailbox = Mailbox {
        sender,
        notes: notes_in,
        notes_lost: Arc::clone(&notes_lost),
        is_woken: Arc::clone(&is_woken),
        gate: Arc::clone(&gate),
        reserve,
        reserve_back: reserve_in.clone(),
        next_reply: Arc::new(AtomicU64::new(0)),
    };
    let inbox = Inbox {
        receiver,
        notes,
        notes_lost,
        is_woken,
        gate,
        reserve: reserve_in,
        reserve_target: messages as usize,
    };
    (mailbox, inbox)
}

impl Mailbox {
    /// Waits for room of `weight`, as long as `patience` lasts. The permit goes back by itself
    /// unless it is sent.
    pub(crate) fn permit(
        &self,
        weight: Weight,
        patience: Patience,
    ) -> Result<Permit<'_>, SendError> {
        self.gate.enter(weight, patience)?;
        Ok(Permit {
            mailbox: self,
            weight,
        })
    }

    /// Waits for room, as long as it takes, and sends: a permit that is used at once.
    pub(crate) fn send_weighed(&self, message: Message, weight: Weight) -> Result<(), SendError> {
        let passed = self.gate.entered(weight, Patience::Forever)?;
        #[cfg(geoheap_shuttle)]
        let passed = (!planted::is(Bug::SentBesideTheGate)).then_some(passed);
        let sent = self.sender.send(Envelope { message, weight });
        drop(passed);
        if sent.is_err() {
            self.gate.leave(weight);
        }
        #[cfg(geoheap_shuttle)]
        if planted::is(Bug::PermitGivenBackTwice) {
            self.gate.leave(weight);
        }
        sent.map_err(|_| SendError::ShutDown)
    }

    /// A number for somebody who waits for an answer.
    pub(crate) fn reply_id(&self) -> ReplyId {
        ReplyId(self.next_reply.fetch_add(1, Ordering::Relaxed))
    }

    /// Puts handles back that were taken for a request that was not sent.
    pub(crate) fn give_back(&self, handles: &[Handle]) {
        for handle in handles {
            // With the actor gone nobody needs handles.
            let _ = self.reserve_back.send(*handle);
        }
    }

    /// Notes of frames that found no room so far.
    pub(crate) fn notes_lost(&self) -> u64 {
        self.notes_lost.load(Ordering::Relaxed)
    }

    /// Sends the note of a frame or of a share of one; the end of a frame wakes the actor. Never
    /// waits: an actor that does not tick loses notes, which decide who leaves, not what is safe.
    pub(crate) fn note(&self, note: Note) {
        let ends_frame = note.ends_frame;
        // After shutdown nobody evicts any more, so nobody needs the note.
        if let Err(TrySendError::Full(_)) = self.notes.try_send(note) {
            self.notes_lost.fetch_add(1, Ordering::Relaxed);
        }
        // The flag is taken after the note is there, and cleared before the notes are read.
        if ends_frame && !self.is_woken.swap(true, Ordering::AcqRel) {
            // Nobody waits for what comes of it, so it need not pass the gate.
            let _ = self.sender.send(Envelope {
                message: Message::FrameEnded,
                weight: Weight::default(),
            });
        }
    }

    /// Sends what weighs nothing: questions about the heap, and the end.
    pub(crate) fn send_unweighed(&self, message: Message) -> Result<(), SendError> {
        let envelope = Envelope {
            message,
            weight: Weight::default(),
        };
        self.send(envelope)
    }

    fn send(&self, envelope: Envelope) -> Result<(), SendError> {
        let sent = self.gate.pass(|| self.sender.send(envelope))?;
        sent.map_err(|_| SendError::ShutDown)
    }
}

/// Room in the mailbox.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    mailbox: &'a Mailbox,
    weight: Weight,
}

impl Permit<'_> {
    /// A handle from the reserve; `None` if all are in use.
    pub(crate) fn handle(&self) -> Option<Handle> {
        self.mailbox.reserve.try_recv().ok()
    }

    /// Sends a message that weighs `weight` of this permit.
    pub(crate) fn send(&mut self, message: Message, weight: Weight) -> Result<(), SendError> {
        debug_assert!(
            weight.messages <= self.weight.messages && weight.bytes <= self.weight.bytes,
            "a message weighs no more than its permit"
        );
        let envelope = Envelope { message, weight };
        self.mailbox.send(envelope)?;
        #[cfg(geoheap_shuttle)]
        if planted::is(Bug::PermitGivenBackTwice) {
            return Ok(());
        }
        self.weight.messages -= weight.messages;
        self.weight.bytes -= weight.bytes;
        Ok(())
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.mailbox.gate.leave(self.weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::reply::{Pending, read_map};
    use crate::error::RequestError;

    #[test]
    fn an_actor_that_is_gone_keeps_nobody_waiting() {
        let (mailbox, inbox) = mailbox(1, ByteLen::new(8), false);
        let weight = Weight {
            messages: 1,
            bytes: 8,
        };
        let held = mailbox.permit(weight, Patience::None).expect("it is empty");
        let other = mailbox.clone();
        let waits = std::thread::spawn(move || other.permit(weight, Patience::Forever).map(drop));
        // Whichever comes first, the wait or the end: neither leaves the thread waiting.
        drop(inbox);
        let refused = waits.join().expect("it does not panic");
        assert_eq!(refused, Err(SendError::ShutDown));
        drop(held);
    }

    #[test]
    fn a_question_that_comes_too_late_is_refused() {
        let (mailbox, inbox) = mailbox(1, ByteLen::new(8), false);
        let ask = || {
            let (reply, pending) = Pending::new(read_map);
            (mailbox.send_unweighed(Message::Map(reply)), pending)
        };
        let (sent, mut pending) = ask();
        assert_eq!(sent, Ok(()), "the actor is there");
        drop(inbox);
        let answer = pending.try_take();
        assert!(
            matches!(answer, Some(Err(RequestError::ShutDown))),
            "the message goes with the actor, not with the last client: {answer:?}"
        );
        let (sent, _) = ask();
        assert_eq!(sent, Err(SendError::ShutDown), "nobody is there");
    }
}
