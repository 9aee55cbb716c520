//! A pool of threads that prepare a frame's commands together.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::ticket::FrameTicket;

type Task = Box<dyn FnOnce() + Send>;

/// Threads that record shares of a frame, each on its own fork of the frame's ticket.
pub struct RenderActors {
    tasks: Option<flume::Sender<Task>>,
    threads: Vec<JoinHandle<()>>,
}

impl fmt::Debug for RenderActors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenderActors")
            .field("threads", &self.threads.len())
            .finish_non_exhaustive()
    }
}

/// Why a frame was not recorded.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecordError {
    /// A share panicked. The other shares were recorded to their end, and the pool lives on.
    Panicked {
        /// Which share.
        share: usize,
        /// What the panic said.
        message: String,
    },
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked { share, message } => {
                write!(f, "recording share {share} panicked: {message}")
            }
        }
    }
}

impl std::error::Error for RecordError {}

impl RenderActors {
    /// Starts `count` threads, at least one.
    ///
    /// # Errors
    /// What the operating system says when it gives no thread.
    pub fn new(count: usize) -> std::io::Result<Self> {
        let (tasks, tasks_in) = flume::unbounded::<Task>();
        let mut actors = Self {
            tasks: Some(tasks),
            threads: Vec::new(),
        };
        for nth in 0..count.max(1) {
            let tasks_in = tasks_in.clone();
            let run = move || tasks_in.iter().for_each(|task| task());
            let thread = std::thread::Builder::new()
                .name(format!("geoheap-render-{nth}"))
                .spawn(run)?;
            actors.threads.push(thread);
        }
        Ok(actors)
    }

    /// Count of threads.
    pub fn count(&self) -> usize {
        self.threads.len()
    }

    /// Records `shares` shares of a frame and waits for all of them; the results come in the order
    /// of the shares. Threads take shares as they get free, so more shares than threads even out
    /// unequal ones.
    ///
    /// # Errors
    /// [`RecordError::Panicked`] for the first share that panicked.
    pub fn record<Buf, R>(
        &self,
        ticket: &FrameTicket<Buf>,
        shares: usize,
        record: impl Fn(usize, &FrameTicket<Buf>) -> R + Send + Sync + 'static,
    ) -> Result<Vec<R>, RecordError>
    where
        Buf: Send + Sync + 'static,
        R: Send + 'static,
    {
        let tasks = self
            .tasks
            .as_ref()
            .expect("the pool runs until it is dropped");
        let (record, (results, results_in)) = (Arc::new(record), flume::unbounded());
        for share in 0..shares {
            let (record, results, fork) = (Arc::clone(&record), results.clone(), ticket.fork());
            let task = move || {
                let recorded = catch_unwind(AssertUnwindSafe(|| record(share, &fork)));
                // The version is held by what the share recorded, not by the end of its lookups.
                drop(fork.finish());
                // Nobody waits any more if the frame was given up.
                let _ = results.send((share, recorded));
            };
            let sent = tasks.send(Box::new(task));
            assert!(sent.is_ok(), "the pool's threads live as long as the pool");
        }
        drop(results);
        let mut recorded: Vec<_> = results_in.iter().collect();
        recorded.sort_by_key(|(share, _)| *share);
        assert_eq!(recorded.len(), shares, "every share ends, also by a panic");
        recorded
            .into_iter()
            .map(|(share, result)| {
                result.map_err(|panic| RecordError::Panicked {
                    share,
                    message: panic_message(panic.as_ref()),
                })
            })
            .collect()
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| String::from("no message"))
}

impl Drop for RenderActors {
    fn drop(&mut self) {
        self.tasks = None;
        for thread in self.threads.drain(..) {
            // Panics of tasks are caught, so a thread ends only when the channel closes.
            let _ = thread.join();
        }
    }
}
