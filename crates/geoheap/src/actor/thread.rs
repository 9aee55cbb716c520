//! The geometry actor's own thread: when it ticks.

use std::time::Duration;

use geoheap_gpu_backend::Backend;

use crate::actor::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use crate::actor::driver::Driver;
use crate::actor::mailbox::Message;
use crate::manager::Leak;
use crate::report::{HeapEvent, Report};
use crate::sync::{Builder, Instant, JoinHandle, Ordering, sleep};

/// While nothing is under way, ticks are this many times rarer; a message wakes the actor.
const SLOW_FACTOR: u32 = 16;
/// Longest time in which the actor does not look whether it is to end.
const SLICE: Duration = Duration::from_millis(20);
/// Longest interval: what is longer is as good as for ever, and still a point in time.
const INTERVAL_MAX: Duration = Duration::from_hours(24);
/// Polls that shutdown waits for the device at most.
const SHUTDOWN_POLLS_MAX: u32 = 4096;

/// The actor's thread.
#[derive(Debug)]
pub(crate) struct ActorThread(JoinHandle<(Report, Vec<Leak>)>);

impl ActorThread {
    /// Starts it.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn spawn<B: Backend>(
        driver: Driver<B>,
        interval: Duration,
    ) -> std::io::Result<Self> {
        let builder = Builder::new().name("geoheap-geometry".into());
        builder.spawn(move || run(driver, interval)).map(Self)
    }

    /// Waits for its end; `None` if it panicked.
    pub(crate) fn join(self) -> Option<(Report, Vec<Leak>)> {
        self.0.join().ok()
    }
}

/// The caller's end of the event stream.
#[derive(Debug)]
pub(crate) struct EventQueue(Receiver<HeapEvent>);

impl EventQueue {
    /// All that is there.
    pub(crate) fn drain(&self) -> Vec<HeapEvent> {
        self.0.drain().collect()
    }
}

/// A bounded event stream.
pub(crate) fn event_queue(events_max: usize) -> (Sender<HeapEvent>, EventQueue) {
    let (sender, receiver) = bounded(events_max);
    (sender, EventQueue(receiver))
}

/// Runs until somebody asks to end. Ticks at each frame's end, and at the latest `interval` after
/// the tick before.
fn run<B: Backend>(mut driver: Driver<B>, interval: Duration) -> (Report, Vec<Leak>) {
    let receiver = driver.receiver();
    let shared = driver.shared();
    let mut last = Instant::now();
    let interval = interval.min(INTERVAL_MAX);
    while !shared.is_ending.load(Ordering::Acquire) {
        let settled = driver.is_settled();
        let wait = if settled {
            interval.saturating_mul(SLOW_FACTOR)
        } else {
            interval
        };
        let due = if driver.can_go_on() {
            if driver.take_messages() {
                break;
            }
            last.elapsed() >= interval
        } else if driver.has_appetite() {
            match receiver.recv_deadline(last + wait) {
                Ok(envelope) => {
                    // A frame whose note an earlier tick took needs no tick of its own.
                    let ended = matches!(&envelope.message, Message::FrameEnded);
                    let ended = ended && driver.has_notes();
                    if driver.take(envelope) {
                        break;
                    }
                    ended || last.elapsed() >= interval
                }
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => break,
            }
        } else {
            // A driver that has enough to do looks at contents again after the next tick: that is
            // what makes the mailbox's bounds press back.
            let rest = (last + interval).saturating_duration_since(Instant::now());
            sleep(rest.min(SLICE));
            true
        };
        if due {
            if driver.take_messages() {
                break;
            }
            let begun = Instant::now();
            driver.tick();
            last = Instant::now();
            driver.pace.note(last.saturating_duration_since(begun));
        }
    }
    driver.shut_down(SHUTDOWN_POLLS_MAX)
}
