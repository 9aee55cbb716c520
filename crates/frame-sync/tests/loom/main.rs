//! Every interleaving of a writer with readers, up to a bound on preemptions.
//!
//! `RUSTFLAGS="--cfg geoheap_loom" cargo test -p geoheap-frame-sync --release --test loom`
//!
//! Each model is also run with bugs planted in the crate, which it must catch: a model that cannot
//! fail shows nothing.

#![cfg(geoheap_loom)]

mod bitmaps;
mod device;
mod publish;
mod tokens;

use geoheap_frame_sync::planted::{Bug, plant};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A model: what it is called, and how many preemptions of a thread an execution may have.
struct Model {
    name: &'static str,
    preemptions: usize,
}

/// Prints what was explored, also when the model has caught a bug.
struct Explored {
    model: Model,
    planted: Option<Bug>,
    interleavings: Arc<AtomicUsize>,
}

impl Drop for Explored {
    fn drop(&mut self) {
        let Model { name, preemptions } = self.model;
        let count = self.interleavings.load(Ordering::Relaxed);
        // The harness swallows what `eprintln` prints.
        let mut err = std::io::stderr();
        let _ = match self.planted {
            None => writeln!(
                err,
                "loom: {name}: {count} interleavings, {preemptions} preemptions"
            ),
            Some(bug) => writeln!(err, "loom: {name}: {bug:?} planted: {count} interleavings"),
        };
    }
}

impl Model {
    /// Runs every interleaving of `model`, as the crate is.
    fn explore(self, model: impl Fn() + Sync + Send + 'static) {
        self.explore_with(None, model);
    }

    /// Runs every interleaving of `model`, up to the one that shows the planted bug.
    fn explore_with(self, planted: Option<Bug>, model: impl Fn() + Sync + Send + 'static) {
        plant(planted);
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(self.preemptions);
        let interleavings = Arc::new(AtomicUsize::new(0));
        let explored = Explored {
            model: self,
            planted,
            interleavings: Arc::clone(&interleavings),
        };
        builder.check(move || {
            interleavings.fetch_add(1, Ordering::Relaxed);
            model();
        });
        drop(explored);
    }
}
