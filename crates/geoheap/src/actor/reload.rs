//! Reload callbacks run on a worker, so that a slow one delays nobody else's geometry; so do the
//! writes of copies that are put into a file.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::actor::channel::{Receiver, Sender, unbounded};
use crate::actor::spill::SpillJob;
use crate::core::event::Event;
use crate::error::FailReason;
use crate::handle::Handle;
use crate::payload::ReloadFn;
#[cfg(geoheap_shuttle)]
use crate::planted::{self, Bug};
use crate::sync::{Builder, JoinHandle};

/// A callback to call.
pub(crate) struct Job {
    pub(crate) handle: Handle,
    pub(crate) seq: u64,
    pub(crate) bytes: u64,
    pub(crate) make: ReloadFn,
}

/// What the worker does.
pub(crate) enum Work {
    /// A callback is called.
    Reload(Job),
    /// Copies are written into a file.
    Spill(SpillJob),
}

impl Work {
    fn run(self) -> Event {
        match self {
            Self::Reload(job) => job.run(),
            Self::Spill(job) => job.run(),
        }
    }
}

impl Job {
    /// Calls the callback; a panic in it is an error of that block, not of the engine.
    fn run(self) -> Event {
        let called = catch_unwind(AssertUnwindSafe(|| self.make.call(self.handle)));
        let result = match called {
            Ok(Ok(payloads)) => Ok(payloads),
            Ok(Err(message)) => Err(FailReason::Reload { message }),
            Err(_) => Err(FailReason::Reload {
                message: String::from("the callback panicked"),
            }),
        };
        Event::Reloaded {
            handle: self.handle,
            seq: self.seq,
            bytes: self.bytes,
            result,
        }
    }
}

/// Where callbacks run.
pub(crate) enum Reloader {
    /// In the tick that asks for them.
    Inline(Inline),
    /// On a thread.
    Worker(Worker),
}

/// Callbacks that run in the tick.
#[derive(Default)]
pub(crate) struct Inline {
    done: Vec<Event>,
    /// Callbacks that are held back, in order.
    held: VecDeque<Work>,
    is_held: bool,
}

impl Inline {
    fn start(&mut self, work: Work) {
        if self.is_held {
            self.held.push_back(work);
        } else {
            self.done.push(work.run());
        }
    }

    /// Holds callbacks back, as one that hangs holds back those behind it on the worker; or lets
    /// them go on.
    pub(crate) fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
        if !is_held {
            self.done.extend(self.held.drain(..).map(Work::run));
        }
    }
}

/// The worker thread. The core bounds what is under way by bytes, so the channels need no bound.
pub(crate) struct Worker {
    jobs: Sender<Work>,
    done: Receiver<Event>,
    thread: JoinHandle<()>,
}

impl Reloader {
    /// Starts the worker.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn worker() -> std::io::Result<Self> {
        let (jobs, jobs_in) = unbounded::<Work>();
        let (done_out, done) = unbounded();
        let thread = Builder::new()
            .name("geoheap-reload".into())
            .spawn(move || {
                while let Ok(job) = jobs_in.recv() {
                    if done_out.send(job.run()).is_err() {
                        return;
                    }
                }
            })?;
        Ok(Self::Worker(Worker { jobs, done, thread }))
    }

    pub(crate) fn start(&mut self, work: Work) {
        match self {
            Self::Inline(inline) => inline.start(work),
            Self::Worker(worker) => {
                // The worker ends only when this side closes the channel.
                let sent = worker.jobs.send(work);
                assert!(
                    sent.is_ok(),
                    "the reload worker lives as long as the driver"
                );
            }
        }
    }

    /// Answers that have come.
    pub(crate) fn finished(&mut self) -> Vec<Event> {
        match self {
            Self::Inline(inline) => core::mem::take(&mut inline.done),
            Self::Worker(worker) => worker.done.drain().collect(),
        }
    }

    /// Ends and joins the worker; callbacks that wait are not called any more.
    pub(crate) fn join(self) {
        if let Self::Worker(Worker { jobs, done, thread }) = self {
            #[cfg(geoheap_shuttle)]
            let _kept = planted::is(Bug::JobsKeptOpen).then(|| jobs.clone());
            drop(jobs);
            drop(done);
            let ended = thread.join();
            assert!(ended.is_ok(), "callbacks that panic are caught");
        }
    }
}
