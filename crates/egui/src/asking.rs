//! Asks the engine for the heap's state now and then: one question at a time, and never waits.

use geoheap::{Client, Pending, RequestError};
use geoheap_heap_dump::HeapDump;

/// Seconds between two looks at the heap, at least.
const EVERY_S: f64 = 0.4;
/// The engine is left alone for so many times as long as its last answer took, and for so long at
/// most.
const REST: f64 = 4.0;
const REST_MAX_S: f64 = 2.0;

/// A question and when the next is due.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    open: Option<(f64, Pending<HeapDump>)>,
    next_s: f64,
}

impl Asking {
    /// The heap's state if it has come, and asks for the next one when that is due (E5). `now_s`
    /// is egui's time.
    pub(crate) fn take(
        &mut self,
        now_s: f64,
        client: &Client,
    ) -> Option<Result<HeapDump, RequestError>> {
        if let Some((asked_s, pending)) = &mut self.open {
            let answer = pending.try_take()?;
            let took_s = (now_s - *asked_s).max(0.0);
            self.next_s = now_s + (took_s * REST).clamp(EVERY_S, REST_MAX_S);
            self.open = None;
            return Some(answer);
        }
        // A clock that was set back does not stop the questions.
        if now_s >= self.next_s || now_s + 60.0 < self.next_s {
            match client.heap_dump() {
                Ok(pending) => self.open = Some((now_s, pending)),
                Err(_) => self.next_s = now_s + EVERY_S,
            }
        }
        None
    }

    /// Forgets an open question, and asks at once when it is taken again.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}
