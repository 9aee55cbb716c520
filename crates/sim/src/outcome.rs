//! One run from its options to what came of it.

use core::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use geoheap::{HeapDump, Report};

use crate::fault::FaultClass;
use crate::finding::{Check, Finding};
use crate::gpu::{Gpu, Noop, OnVirtual};
use crate::options::{GpuKind, Options};
use crate::world::World;

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was run.
    pub options: Options,
    /// The first rule that was broken.
    pub finding: Option<Finding>,
    /// One number for all that happened; the same for each run of these options (C10).
    pub hash: u64,
    /// Events of the timeline.
    pub events: u64,
    /// The last of them, a line each.
    pub timeline: Vec<String>,
    /// Classes of faults that were on.
    pub classes: Vec<FaultClass>,
    /// The engine's own figures at the end.
    pub report: Report,
    /// The heap when something was found, for `geoheap-inspect` to look into.
    pub heap: Option<HeapDump>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(finding) = &self.finding else {
            return write!(
                f,
                "{}: nothing found, hash {:016x}",
                self.options, self.hash
            );
        };
        for line in &self.timeline {
            writeln!(f, "{line}")?;
        }
        let classes: Vec<_> = self.classes.iter().map(|class| class.name()).collect();
        writeln!(f, "\n{finding}")?;
        writeln!(f, "faults that were on: {}", classes.join(", "))?;
        write!(f, "again: {}", self.options.command())
    }
}

/// Runs the simulation. A panic of the engine is a finding.
pub fn run(options: &Options) -> Outcome {
    #[cfg(feature = "planted-bugs")]
    geoheap::planted::plant(options.plant);
    let outcome = match options.gpu {
        GpuKind::Virtual => run_on::<OnVirtual>(options),
        GpuKind::Noop => run_on::<Noop>(options),
    };
    #[cfg(feature = "planted-bugs")]
    geoheap::planted::plant(None);
    outcome
}

fn run_on<G: Gpu>(options: &Options) -> Outcome {
    let mut world = match World::<G>::new(options) {
        Ok(world) => world,
        Err(message) => return not_begun(options, &message),
    };
    let ran = catch_unwind(AssertUnwindSafe(|| world.run()));
    let finding = match ran {
        Ok(Ok(())) => None,
        Ok(Err(finding)) => Some(finding),
        Err(panic) => Some(Finding {
            check: Check::Panic,
            tick: world.timeline().tick(),
            message: words_of(panic.as_ref()),
        }),
    };
    let timeline = world.timeline();
    let mut outcome = Outcome {
        options: options.clone(),
        hash: timeline.hash(),
        events: timeline.count(),
        timeline: timeline.last(),
        classes: world.plan().classes(),
        report: world.report(),
        heap: None,
        finding,
    };
    // What broke may break again when it is taken down.
    let is_broken = outcome.finding.is_some();
    if is_broken {
        let heap = catch_unwind(AssertUnwindSafe(|| world.heap_dump()));
        outcome.heap = heap.ok().flatten();
    }
    let ended = catch_unwind(AssertUnwindSafe(|| world.end()));
    if !is_broken {
        outcome.finding = match ended {
            Ok(finding) => finding,
            Err(panic) => Some(Finding {
                check: Check::Panic,
                tick: u64::MAX,
                message: words_of(panic.as_ref()),
            }),
        };
    }
    outcome
}

fn not_begun(options: &Options, message: &str) -> Outcome {
    Outcome {
        options: options.clone(),
        finding: Some(Finding {
            check: Check::Panic,
            tick: 0,
            message: format!("the settings of this seed were refused: {message}"),
        }),
        hash: 0,
        events: 0,
        timeline: Vec::new(),
        classes: Vec::new(),
        report: Report::default(),
        heap: None,
    }
}

fn words_of(panic: &(dyn core::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
    words.unwrap_or("a panic without words").to_owned()
}
