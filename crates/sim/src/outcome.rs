//! One run from its options to what came of it.

use core::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use geoheap::{HeapDump, Report};

use crate::fault::{FaultClass, FaultPlan};
use crate::finding::{Check, Finding};
use crate::gpu::{Gpu, Noop, OnVirtual};
use crate::options::{Faults, GpuKind, Options};
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

/// Names the engine and the simulation as they are in this build: the version, and the hash of a
/// short run, which is another when one of them acts otherwise.
pub fn engine() -> String {
    let outcome = run(&Options {
        faults: Faults::All,
        ..Options::new(0, 300)
    });
    format!("{} {:016x}", env!("CARGO_PKG_VERSION"), outcome.hash)
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
    let mut world = match caught(|| World::<G>::new(options)) {
        Ok(Ok(world)) => world,
        Ok(Err(message)) => {
            return not_begun(
                options,
                format!("the settings of this seed were refused: {message}"),
            );
        }
        Err(message) => return not_begun(options, message),
    };
    let ran = caught(|| world.run());
    let timeline = world.timeline();
    let tick = timeline.tick();
    let mut outcome = Outcome {
        options: options.clone(),
        hash: timeline.hash(),
        events: timeline.count(),
        timeline: timeline.last(),
        classes: world.plan().classes(),
        report: Report::default(),
        heap: None,
        finding: match ran {
            Ok(Ok(())) => None,
            Ok(Err(finding)) => Some(finding),
            Err(message) => Some(panicked(tick, message)),
        },
    };
    match caught(|| world.report()) {
        Ok(report) => outcome.report = report,
        Err(message) => drop(outcome.finding.get_or_insert(panicked(tick, message))),
    }
    // What broke may break again when it is looked into or taken down.
    if outcome.finding.is_some() {
        outcome.heap = caught(|| world.heap_dump()).ok().flatten();
    }
    let ended = caught(|| world.end());
    let ended = ended.unwrap_or_else(|message| Some(panicked(tick, message)));
    outcome.finding = outcome.finding.or(ended);
    outcome
}

/// What was done, or the words of the panic that came of it.
fn caught<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(act)).map_err(|panic| words_of(panic.as_ref()))
}

fn panicked(tick: u64, message: String) -> Finding {
    Finding {
        check: Check::Panic,
        tick,
        message,
    }
}

fn not_begun(options: &Options, message: String) -> Outcome {
    Outcome {
        options: options.clone(),
        finding: Some(panicked(0, message)),
        hash: 0,
        events: 0,
        timeline: Vec::new(),
        classes: FaultPlan::new(options).classes(),
        report: Report::default(),
        heap: None,
    }
}

fn words_of(panic: &(dyn core::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
    words.unwrap_or("a panic without words").to_owned()
}

#[cfg(test)]
mod tests {
    use geoheap::{ByteLen, InFlight, VirtualBuffer, VirtualGpu};

    use super::*;
    use crate::gpu::{DeviceSetting, Executed, ReadRange};
    use crate::random::Random;

    /// A device that cannot be made.
    #[derive(Clone, Debug)]
    struct Never;

    impl Gpu for Never {
        type Backend = VirtualGpu;
        type Buffer = VirtualBuffer;

        fn make(_: &DeviceSetting) -> (VirtualGpu, Self) {
            // Without the panic hook, which would write about it.
            std::panic::resume_unwind(Box::new("no device today"))
        }

        fn submit_reads(
            &self,
            _: u64,
            _: Vec<ReadRange<VirtualBuffer>>,
            _: InFlight<VirtualBuffer>,
        ) {
        }

        fn executed(&self) -> Vec<Executed<VirtualBuffer>> {
            Vec::new()
        }

        fn is_same(_: &VirtualBuffer, _: &VirtualBuffer) -> bool {
            false
        }

        fn advance(&self, _: &mut Random, _: bool) {}

        fn hurry(&self) {}

        fn lose(&self) {}

        fn poison(&self, _: &VirtualBuffer, _: core::ops::Range<u64>, _: u32) {}

        fn fail_submit(&self, _: u64) {}

        fn held_bytes(&self) -> Option<ByteLen> {
            None
        }
    }

    #[test]
    fn a_panic_before_the_first_tick_is_a_finding() {
        let outcome = run_on::<Never>(&Options::new(1, 5));
        let finding = outcome.finding.expect("there was a panic");
        assert_eq!(finding, panicked(0, String::from("no device today")));
    }
}
