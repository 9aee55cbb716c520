//! One frame while actors record it: who has which run, and what is left of it.
//!
//! Runs are claimed from one counter, a claim being one addition. What a panic takes with it is
//! kept beside, to be claimed before that. The calling thread is the first actor; helpers enter
//! while it has not closed the frame, which it does when there is nothing left to claim, and then
//! it waits for those inside. So a helper that comes late delays nobody, and with no helper at all
//! the frame is recorded just the same.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::actor::render::scene::{Missing, Order, RecordError, Scene};
#[cfg(geoheap_shuttle)]
use crate::planted::{self, Bug};
use crate::sync::{AtomicBool, AtomicUsize, Condvar, Mutex, MutexGuard, Ordering, PoisonError};
use crate::ticket::FrameTicket;

/// Runs that an actor records in an even frame. One in so many is the most that a single dear run
/// at the very end can add.
const RUNS_PER_ACTOR: usize = 32;
const RUNS_PER_ACTOR_KEPT: usize = 8;
/// Longest run, where order does not matter: beyond it a claim costs nothing any more.
const RUN_ITEMS_MAX: usize = 256;

/// A frame's items, cut into runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Runs {
    items: usize,
    run_items: usize,
    order: Order,
}

impl Runs {
    pub(super) fn new(items: usize, order: Order, actors: usize) -> Self {
        let run_items = match order {
            Order::Any => (items / actors.saturating_mul(RUNS_PER_ACTOR)).min(RUN_ITEMS_MAX),
            Order::Kept => items / actors.saturating_mul(RUNS_PER_ACTOR_KEPT),
        };
        Self {
            items,
            run_items: run_items.max(1),
            order,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.items.div_ceil(self.run_items)
    }

    fn range(&self, run: usize) -> Range<usize> {
        let start = run * self.run_items;
        start..start.saturating_add(self.run_items).min(self.items)
    }
}

/// Something to claim.
#[derive(Clone, Copy, Debug)]
struct Run {
    index: usize,
    /// In a pass of its own.
    alone: bool,
}

/// What a helper enters with.
struct Open<Buf, S> {
    ticket: FrameTicket<Buf>,
    scene: Arc<S>,
}

struct State<Buf, S: Scene<Buf>> {
    /// As long as helpers may enter.
    open: Option<Open<Buf, S>>,
    /// Those inside.
    helpers: usize,
    /// Runs that a panic took with it.
    lost: Vec<Run>,
    missing: Vec<Missing>,
    /// Each with its first run.
    pieces: Vec<(usize, S::Piece)>,
}

/// A frame that is being recorded.
pub(super) struct Frame<Buf, S: Scene<Buf>> {
    runs: Runs,
    /// The first run that nobody has claimed.
    next: AtomicUsize,
    /// Whether there ever were lost runs.
    has_lost: AtomicBool,
    state: Mutex<State<Buf, S>>,
    /// Nobody is inside any more.
    left: Condvar,
}

/// What a helper does with a frame of whatever scene.
pub(super) trait Help: Send + Sync {
    /// Records along as long as there is something to claim.
    fn help(&self);
}

impl<Buf: Send + Sync + 'static, S: Scene<Buf>> Frame<Buf, S> {
    /// A frame of at least one run; with a ticket for helpers, if there are to be any.
    pub(super) fn new(runs: Runs, helpers: Option<(FrameTicket<Buf>, Arc<S>)>) -> Self {
        let open = helpers.map(|(ticket, scene)| Open { ticket, scene });
        Self {
            runs,
            next: AtomicUsize::new(0),
            has_lost: AtomicBool::new(false),
            state: Mutex::new(State {
                open,
                helpers: 0,
                lost: Vec::new(),
                missing: Vec::new(),
                pieces: Vec::new(),
            }),
            left: Condvar::new(),
        }
    }

    /// Records along until there is nothing to claim.
    pub(super) fn work(&self, scene: &S, ticket: &FrameTicket<Buf>) {
        let mut actor = Actor {
            frame: self,
            scene,
            ticket,
            pass: None,
            runs: Vec::new(),
        };
        loop {
            while let Some(run) = self.claim() {
                actor.record(run);
            }
            // A pass that cannot be ended leaves runs to be claimed again.
            if actor.end() {
                return;
            }
        }
    }

    /// The first actor's last step: waits for the helpers inside, and takes what all recorded.
    pub(super) fn close(&self) -> Result<Vec<S::Piece>, RecordError<S::Piece>> {
        let open = self.lock().open.take();
        if let Some(Open { ticket, scene }) = open {
            drop(scene);
            drop(ticket.finish());
        }
        let mut state = self.lock();
        #[cfg(geoheap_shuttle)]
        if planted::is(Bug::HelpersNotAwaited) {
            state.helpers = 0;
        }
        while state.helpers > 0 {
            let woken = self.left.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        let mut pieces = core::mem::take(&mut state.pieces);
        let missing = core::mem::take(&mut state.missing);
        debug_assert!(state.lost.is_empty(), "whoever gives runs back claims them");
        drop(state);
        pieces.sort_by_key(|(run, _)| *run);
        let pieces = pieces.into_iter().map(|(_, piece)| piece).collect();
        if missing.is_empty() {
            return Ok(pieces);
        }
        let missing = merged(missing);
        Err(RecordError::Panicked { missing, pieces })
    }

    fn lock(&self) -> MutexGuard<'_, State<Buf, S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next run. Nothing hangs on the order of these operations: a run's index is all that is
    /// handed over by the counter, and whoever gives runs back claims again afterwards.
    fn claim(&self) -> Option<Run> {
        if self.has_lost.load(Ordering::Relaxed)
            && let Some(run) = self.lock().lost.pop()
        {
            return Some(run);
        }
        #[cfg(not(geoheap_shuttle))]
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        #[cfg(geoheap_shuttle)]
        let index = if planted::is(Bug::TornClaim) {
            let index = self.next.load(Ordering::Relaxed);
            self.next.store(index + 1, Ordering::Relaxed);
            index
        } else {
            self.next.fetch_add(1, Ordering::Relaxed)
        };
        (index < self.runs.count()).then_some(Run {
            index,
            alone: self.runs.order == Order::Kept,
        })
    }

    fn give_back(&self, runs: impl Iterator<Item = Run>) {
        #[cfg(geoheap_shuttle)]
        if planted::is(Bug::LostRunsForgotten) {
            return;
        }
        self.lock().lost.extend(runs);
        self.has_lost.store(true, Ordering::Relaxed);
    }

    fn miss(&self, run: Run, payload: Box<dyn Any + Send>) {
        let missing = Missing {
            items: self.runs.range(run.index),
            message: message(payload),
        };
        self.lock().missing.push(missing);
    }

    /// Lets a helper in, if there is something to do.
    fn enter(&self) -> Option<Open<Buf, S>> {
        let mut state = self.lock();
        let open = state.open.as_ref()?;
        let is_claimed = self.next.load(Ordering::Relaxed) >= self.runs.count();
        if is_claimed && state.lost.is_empty() {
            return None;
        }
        let open = Open {
            ticket: open.ticket.fork(),
            scene: Arc::clone(&open.scene),
        };
        state.helpers += 1;
        Some(open)
    }

    fn leave(&self) {
        let mut state = self.lock();
        state.helpers -= 1;
        if state.helpers == 0 {
            self.left.notify_all();
        }
    }
}

impl<Buf: Send + Sync + 'static, S: Scene<Buf>> Help for Frame<Buf, S> {
    fn help(&self) {
        let Some(open) = self.enter() else { return };
        // It leaves whatever happens, and with nothing of the frame in its hands.
        let inside = Inside(self);
        let Open { ticket, scene } = open;
        self.work(&scene, &ticket);
        drop(scene);
        drop(ticket.finish());
        drop(inside);
    }
}

/// A helper's stay.
struct Inside<'f, Buf: Send + Sync + 'static, S: Scene<Buf>>(&'f Frame<Buf, S>);

impl<Buf: Send + Sync + 'static, S: Scene<Buf>> Drop for Inside<'_, Buf, S> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// One thread's part in a frame.
struct Actor<'f, Buf, S: Scene<Buf>> {
    frame: &'f Frame<Buf, S>,
    scene: &'f S,
    ticket: &'f FrameTicket<Buf>,
    pass: Option<S::Pass>,
    /// What the pass has; never empty while there is one.
    runs: Vec<Run>,
}

impl<Buf: Send + Sync + 'static, S: Scene<Buf>> Actor<'_, Buf, S> {
    fn record(&mut self, run: Run) {
        if run.alone {
            self.end();
        }
        let (scene, ticket, pass) = (self.scene, self.ticket, &mut self.pass);
        let items = self.frame.runs.range(run.index);
        let (first, count) = (items.start, items.len());
        let _span = tracing::trace_span!("record", first, count).entered();
        let recorded = catch_unwind(AssertUnwindSafe(|| {
            let pass = pass.get_or_insert_with(|| scene.begin(ticket));
            scene.record(pass, items, ticket);
        }));
        if let Err(payload) = recorded {
            self.frame.miss(run, payload);
            drop_quietly(self.pass.take());
            self.frame.give_back(self.runs.drain(..));
            return;
        }
        self.runs.push(run);
        if run.alone {
            self.end();
        }
    }

    /// Ends the pass, if there is one. Returns false if that failed.
    fn end(&mut self) -> bool {
        let Some(pass) = self.pass.take() else {
            return true;
        };
        let (scene, ticket) = (self.scene, self.ticket);
        match catch_unwind(AssertUnwindSafe(|| scene.end(pass, ticket))) {
            Ok(piece) => {
                let first = self.runs.drain(..).map(|run| run.index).min();
                let first = first.expect("a pass has a run");
                self.frame.lock().pieces.push((first, piece));
                true
            }
            Err(payload) => {
                // Which run was too much is seen when each has a pass of its own.
                if let [run] = self.runs[..] {
                    self.frame.miss(run, payload);
                } else {
                    drop_quietly(payload);
                    let alone = |run| Run { alone: true, ..run };
                    self.frame.give_back(self.runs.iter().copied().map(alone));
                }
                self.runs.clear();
                false
            }
        }
    }
}

/// Neighbours with one message become one.
fn merged(mut missing: Vec<Missing>) -> Vec<Missing> {
    missing.sort_by_key(|missing| missing.items.start);
    missing.dedup_by(|next, last| {
        let joins = last.items.end == next.items.start && last.message == next.message;
        if joins {
            last.items.end = next.items.end;
        }
        joins
    });
    missing
}

fn message(payload: Box<dyn Any + Send>) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    drop_quietly(payload);
    text.unwrap_or_else(|| String::from("no message"))
}

/// Drops what may panic as it goes: a torn pass, or what a panic threw.
fn drop_quietly<T>(torn: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(torn))) {
        // There is an end to everything.
        core::mem::forget(payload);
    }
}

#[cfg(test)]
mod tests;
