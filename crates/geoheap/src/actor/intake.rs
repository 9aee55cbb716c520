//! What the driver takes out of the mailbox, and when.

use geoheap_gpu_backend::Backend;
use smallvec::SmallVec;

use crate::actor::driver::Driver;
use crate::actor::mailbox::{Envelope, Message, Weight};
use crate::actor::reply::Reply;
use crate::core::ahead::AHEAD;
use crate::core::event::Event;
use crate::handle::Handle;
#[cfg(geoheap_shuttle)]
use crate::planted::{self, Bug};
use crate::sync::Ordering;

impl<B: Backend> Driver<B> {
    /// Handles what waits, as far as the appetite goes; beyond that only what makes room. Returns
    /// whether somebody asked to end.
    pub(crate) fn take_messages(&mut self) -> bool {
        // No more than is there now: clients refill the mailbox as fast as it is emptied, and the
        // tick has to come too.
        let count = self.backlog.len() + self.inbox.receiver.len();
        let mut taken = Weight::default();
        let mut ends = false;
        for left in (1..=count).rev() {
            self.look_ahead(left);
            let Some(envelope) = self.next_message() else {
                continue;
            };
            taken += envelope.weight;
            ends = self.handle(envelope);
            if ends {
                break;
            }
            // Senders that wait need not wait for the last of them, but to tell them costs a lock.
            if taken.messages >= AHEAD as u64 {
                self.give_room(core::mem::take(&mut taken));
            }
        }
        for envelope in self.run.drain(..) {
            self.backlog.keep(envelope);
        }
        self.give_room(taken);
        ends
    }

    /// Takes out the next messages, `count` at most, and looks at what they are about, if they are
    /// to be handled as they come.
    fn look_ahead(&mut self, count: usize) {
        if !self.run.is_empty() || self.backlog.len() > 0 || !self.has_appetite() {
            return;
        }
        let mut subjects = SmallVec::<[Handle; AHEAD]>::new();
        for _ in 0..count.min(AHEAD) {
            let Ok(envelope) = self.inbox.receiver.try_recv() else {
                break;
            };
            if let Message::Request(request, _) = &envelope.message {
                subjects.extend(request.handle());
            }
            self.run.push_back(envelope);
        }
        self.core.look_ahead(&subjects);
    }

    /// The next message to handle: without appetite only one that may pass what waits.
    fn next_message(&mut self) -> Option<Envelope> {
        if !self.has_appetite() {
            let envelope = self.receive()?;
            return self.backlog.keep_or_pass(envelope);
        }
        let waiting = self.backlog.pop();
        waiting.or_else(|| self.receive())
    }

    /// The next message that nobody has seen.
    fn receive(&mut self) -> Option<Envelope> {
        let next = self.run.pop_front();
        next.or_else(|| self.inbox.receiver.try_recv().ok())
    }

    /// Handles one message, and gives the room back that it took in the mailbox. Returns whether
    /// it asks to end.
    pub(crate) fn take(&mut self, envelope: Envelope) -> bool {
        let weight = envelope.weight;
        let ends = self.handle(envelope);
        self.give_room(weight);
        ends
    }

    /// Room in the mailbox is free again.
    fn give_room(&mut self, weight: Weight) {
        self.inbox.gate.leave(weight);
        #[cfg(geoheap_shuttle)]
        if planted::is(Bug::ReserveRefilledLate) {
            self.refill_reserve();
        }
    }

    /// Handles one message, whose room in the mailbox stays taken. Returns whether it asks to end.
    fn handle(&mut self, envelope: Envelope) -> bool {
        let Envelope { message, weight } = envelope;
        self.since.taken_bytes += weight.bytes;
        let ends = matches!(message, Message::Shutdown);
        match message {
            Message::Request(request, reply) => {
                if let Some((id, sender)) = reply {
                    self.waiting.insert(id, sender);
                }
                self.record_request(&request);
                self.step(Event::Request(request));
            }
            Message::Batch(requests) => {
                for request in requests {
                    self.record_request(&request);
                    self.step(Event::Request(request));
                }
            }
            Message::Draws(id, draws) => self.change_draw_set(id, draws),
            Message::Map(reply) => {
                // A caller who went away needs no answer.
                let _ = reply.send(Reply::Map(Box::new(self.heap_map())));
            }
            Message::Dump(reply) => {
                let _ = reply.send(Reply::Dump(Box::new(self.dump())));
            }
            Message::Trace(path, reply) => {
                let _ = reply.send(self.change_recording(path.as_deref()));
            }
            Message::Stage { len, reply } => {
                let _ = reply.send(self.stage(len));
            }
            Message::Restore(reply) => {
                let answer = self.take_successor();
                let _ = reply.send(Reply::Restored(answer));
            }
            Message::FrameEnded => self.inbox.is_woken.store(false, Ordering::Release),
            Message::Shutdown => {}
        }
        #[cfg(geoheap_shuttle)]
        if planted::is(Bug::ReserveRefilledLate) {
            return ends;
        }
        // The reserve is full again before anybody can enter in the place of this message.
        self.refill_reserve();
        ends
    }

    pub(super) fn refill_reserve(&mut self) {
        let missing = self
            .inbox
            .reserve_target
            .saturating_sub(self.inbox.reserve.len());
        if missing == 0 {
            return;
        }
        let mut handles = Vec::new();
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        self.core.refill_reserve(missing, &mut handles);
        for handle in handles {
            // With no client left nobody needs handles.
            let _ = self.inbox.reserve.send(handle);
        }
    }
}
