//! Messages that wait while the driver has enough to do, and which of those that come later may
//! pass them: what gives room back must not wait behind what wants room.

use std::collections::VecDeque;

use crate::actor::fixed_map::{FixedMap, fixed_map};
use crate::actor::mailbox::{Envelope, Message};
use crate::core::event::Request;
use crate::handle::Handle;

/// Messages in their order, and the blocks they are about.
#[derive(Debug)]
pub(crate) struct Backlog {
    queue: VecDeque<Envelope>,
    /// How many of them are about each block.
    subjects: FixedMap<Handle, u32>,
}

impl Backlog {
    pub(crate) fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            subjects: fixed_map(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// The oldest.
    pub(crate) fn pop(&mut self) -> Option<Envelope> {
        let envelope = self.queue.pop_front()?;
        for_each_subject(&envelope.message, |handle| {
            let count = self.subjects.get_mut(&handle);
            let count = count.expect("what waits is counted");
            *count -= 1;
            if *count == 0 {
                self.subjects.remove(&handle);
            }
        });
        Some(envelope)
    }

    /// Gives the message back if it may pass what waits, else keeps it.
    pub(crate) fn keep_or_pass(&mut self, envelope: Envelope) -> Option<Envelope> {
        if self.may_pass(&envelope.message) {
            return Some(envelope);
        }
        self.keep(envelope);
        None
    }

    /// Keeps the message behind those that wait.
    pub(crate) fn keep(&mut self, envelope: Envelope) {
        for_each_subject(&envelope.message, |handle| {
            *self.subjects.entry(handle).or_default() += 1;
        });
        self.queue.push_back(envelope);
    }

    /// Whatever makes room, and comes after all that was asked about the same block.
    fn may_pass(&self, message: &Message) -> bool {
        match message {
            Message::Request(Request::Unpin { handle }, _) => self.is_free(*handle),
            Message::Request(request, _) if self.is_free_remove(request) => true,
            Message::Batch(requests) => requests.iter().all(|request| self.is_free_remove(request)),
            // The note of a frame is heard by the next tick, which comes anyway.
            Message::Request(Request::SetBudget { .. } | Request::HoldOutside { .. }, _)
            | Message::Draws(..)
            | Message::FrameEnded
            | Message::Restore(_)
            | Message::Shutdown => true,
            _ => false,
        }
    }

    fn is_free_remove(&self, request: &Request) -> bool {
        matches!(request, Request::Remove { handle } if self.is_free(*handle))
    }

    fn is_free(&self, handle: Handle) -> bool {
        !self.subjects.contains_key(&handle)
    }
}

fn for_each_subject(message: &Message, mut each: impl FnMut(Handle)) {
    match message {
        Message::Request(request, _) => request.handle().into_iter().for_each(each),
        Message::Batch(requests) => {
            for request in requests {
                request.handle().into_iter().for_each(&mut each);
            }
        }
        Message::Draws(..)
        | Message::FrameEnded
        | Message::Map(_)
        | Message::Dump(_)
        | Message::Trace(..)
        | Message::Stage { .. }
        | Message::Restore(_)
        | Message::Shutdown => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::mailbox::Weight;
    use crate::payload::Contents;

    fn envelope(message: Message) -> Envelope {
        let weight = Weight::default();
        Envelope { message, weight }
    }

    fn block(bits: u64) -> Handle {
        Handle::from_bits(bits << 32 | bits)
    }

    /// Whether `message` passes what waits: an update of block 1.
    #[track_caller]
    fn check(message: Message, passes: bool) {
        let mut backlog = Backlog::new();
        let update = Request::Update {
            handle: block(1),
            contents: Contents::new(),
            in_place: false,
        };
        let kept = backlog.keep_or_pass(envelope(Message::Request(update, None)));
        assert!(kept.is_none(), "contents wait");
        let told = format!("{message:?}");
        let passed = backlog.keep_or_pass(envelope(message)).is_some();
        assert_eq!(passed, passes, "{told}");
        let mut waiting = 0;
        while backlog.pop().is_some() {
            waiting += 1;
        }
        assert_eq!(waiting, 2 - usize::from(passes), "nothing is lost");
        assert!(backlog.subjects.is_empty(), "and nothing stays counted");
    }

    #[test]
    fn only_what_makes_room_passes_and_never_its_own_block() {
        let one = |request| Message::Request(request, None);
        let remove = |bits| Request::Remove {
            handle: block(bits),
        };
        check(one(remove(2)), true);
        check(one(remove(1)), false);
        check(one(Request::Unpin { handle: block(2) }), true);
        check(one(Request::Unpin { handle: block(1) }), false);
        check(one(Request::Share { handle: block(2) }), false);
        let reply = crate::core::event::ReplyId(0);
        check(one(Request::Flush { reply }), false);
        check(Message::Batch(vec![remove(2), remove(3)]), true);
        check(Message::Batch(vec![remove(2), remove(1)]), false);
        let share = Request::Share { handle: block(2) };
        check(Message::Batch(vec![remove(2), share]), false);
    }
}
