//! The driver's end: what still waits is carried out or refused, and nobody is left without answer.

use geoheap_gpu_backend::Backend;

use crate::actor::driver::Driver;
use crate::actor::mailbox::{Envelope, Message};
use crate::actor::reply::Reply;
use crate::core::event::{Answer, Request};
use crate::error::RequestError;
use crate::manager::Leak;
use crate::report::Report;

impl<B: Backend> Driver<B> {
    /// Ends: refuses whoever comes or waits, lets the device finish, joins the reload worker.
    pub(crate) fn shut_down(mut self, polls_max: u32) -> (Report, Vec<Leak>) {
        self.inbox.gate.close();
        self.record_end();
        while let Some(envelope) = self.backlog.pop() {
            self.take_last(envelope);
        }
        while let Ok(envelope) = self.inbox.receiver.try_recv() {
            self.take_last(envelope);
        }
        self.tick();
        let leaks = self.core.leaks();
        let mut out = Vec::new();
        self.core.abandon(&mut out);
        for effect in out {
            let none = self.carry_out(effect);
            debug_assert!(none.is_none(), "answers have no consequences");
        }
        self.backend.wait_idle(polls_max);
        self.poll_backend();
        self.free_unused();
        self.refresh_report();
        let mut report = self.report();
        self.shared.add_frames(&mut report);
        self.end_recording();
        self.reloader.join();
        (report, leaks)
    }

    /// The end has come: what gives something up is still done, so that it is not told as a leak.
    fn take_last(&mut self, envelope: Envelope) {
        let Envelope { message, weight } = envelope;
        match message {
            Message::Request(Request::Remove { .. } | Request::Unpin { .. }, _) => {
                self.take(Envelope { message, weight });
            }
            Message::Batch(requests) => {
                let removes = requests
                    .into_iter()
                    .filter(|request| matches!(request, Request::Remove { .. }))
                    .collect();
                let message = Message::Batch(removes);
                self.take(Envelope { message, weight });
            }
            _ => self.refuse(Envelope { message, weight }),
        }
    }

    fn refuse(&mut self, envelope: Envelope) {
        let Envelope { message, weight } = envelope;
        let reply = match message {
            Message::Request(_, reply) => reply.map(|(_, sender)| sender),
            Message::Map(sender)
            | Message::Dump(sender)
            | Message::Trace(_, sender)
            | Message::Restore(sender)
            | Message::Stage { reply: sender, .. } => Some(sender),
            Message::Batch(_) | Message::Draws(..) | Message::FrameEnded | Message::Shutdown => {
                None
            }
        };
        if let Some(sender) = reply {
            let _ = sender.send(Reply::Answer(Answer::Refused(RequestError::ShutDown)));
        }
        self.inbox.gate.leave(weight);
    }
}
