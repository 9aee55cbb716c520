//! Threads that wait for work, so that peers record in parallel without starting threads.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

type Task = Box<dyn FnOnce() + Send>;

/// A fixed number of threads, each with a share of its own.
pub struct Crew {
    tasks: Vec<Sender<Task>>,
    threads: Vec<JoinHandle<()>>,
}

impl fmt::Debug for Crew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crew")
            .field("threads", &self.threads.len())
            .finish_non_exhaustive()
    }
}

impl Crew {
    /// Starts so many threads.
    pub fn new(count: usize) -> Self {
        let (mut tasks, mut threads) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let (sender, receiver): (_, Receiver<Task>) = mpsc::channel();
            tasks.push(sender);
            threads.push(thread::spawn(move || {
                for task in receiver {
                    task();
                }
            }));
        }
        Self { tasks, threads }
    }

    /// Does the share of each thread, told which it is and of how many; in their order.
    pub fn run<R: Send + 'static>(
        &self,
        work: impl Fn(usize, usize) -> R + Send + Sync + 'static,
    ) -> Vec<R> {
        let (work, shares) = (Arc::new(work), self.tasks.len());
        let (results, done) = mpsc::channel();
        for (share, tasks) in self.tasks.iter().enumerate() {
            let (work, results) = (Arc::clone(&work), results.clone());
            let task: Task = Box::new(move || {
                // Nobody waits any more if another share panicked.
                let _ = results.send((share, work(share, shares)));
            });
            tasks.send(task).expect("threads live as long as the crew");
        }
        drop(results);
        let mut results: Vec<(usize, R)> = done.iter().collect();
        assert_eq!(results.len(), shares, "no share panics");
        results.sort_unstable_by_key(|(share, _)| *share);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.tasks.clear();
        for thread in self.threads.drain(..) {
            // A share that panicked was told of when it did.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_its_share() {
        let crew = Crew::new(3);
        for round in 0..4 {
            let done = crew.run(move |share, shares| (share, shares, round));
            assert_eq!(done, [(0, 3, round), (1, 3, round), (2, 3, round)]);
        }
    }
}
