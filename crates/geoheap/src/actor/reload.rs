//! Reload callbacks run on a worker, so that a slow one delays nobody else's geometry.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::actor::channel::{Receiver, Sender, unbounded};
use crate::error::FailReason;
use crate::handle::Handle;
use crate::payload::{Payload, ReloadFn};
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

/// Its answer.
pub(crate) struct Done {
    pub(crate) handle: Handle,
    pub(crate) seq: u64,
    pub(crate) bytes: u64,
    pub(crate) result: Result<Vec<Payload>, FailReason>,
}

impl Job {
    /// Calls the callback; a panic in it is an error of that block, not of the engine.
    pub(crate) fn run(self) -> Done {
        let called = catch_unwind(AssertUnwindSafe(|| self.make.call(self.handle)));
        let result = match called {
            Ok(Ok(payloads)) => Ok(payloads),
            Ok(Err(message)) => Err(FailReason::Reload { message }),
            Err(_) => Err(FailReason::Reload {
                message: String::from("the callback panicked"),
            }),
        };
        Done {
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
    done: Vec<Done>,
    /// Callbacks that are held back, in order.
    held: VecDeque<Job>,
    is_held: bool,
}

impl Inline {
    fn start(&mut self, job: Job) {
        if self.is_held {
            self.held.push_back(job);
        } else {
            self.done.push(job.run());
        }
    }

    /// Holds callbacks back, as one that hangs holds back those behind it on the worker; or lets
    /// them go on.
    pub(crate) fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
        if !is_held {
            self.done.extend(self.held.drain(..).map(Job::run));
        }
    }
}

/// The worker thread. The core bounds what is under way by bytes, so the channels need no bound.
pub(crate) struct Worker {
    jobs: Sender<Job>,
    done: Receiver<Done>,
    thread: JoinHandle<()>,
}

impl Reloader {
    /// Starts the worker.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn worker() -> std::io::Result<Self> {
        let (jobs, jobs_in) = unbounded::<Job>();
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

    pub(crate) fn start(&mut self, job: Job) {
        match self {
            Self::Inline(inline) => inline.start(job),
            Self::Worker(worker) => {
                // The worker ends only when this side closes the channel.
                let sent = worker.jobs.send(job);
                assert!(
                    sent.is_ok(),
                    "the reload worker lives as long as the driver"
                );
            }
        }
    }

    /// Answers that have come.
    pub(crate) fn finished(&mut self) -> Vec<Done> {
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
