//! Runs a scenario under many schedules.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use geoheap::planted::{Bug, plant};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

const SEED: u64 = 0x6765_6f68_6561_7021;
/// One more than the changes of priority that PCT puts into a schedule.
const PCT_DEPTH: usize = 3;
/// Steps of a schedule that has lost its way: nothing here takes a tenth of it.
const STEPS_MAX: usize = 40_000;
/// Bytes of a thread's stack.
const STACK_BYTES: usize = 0x4_0000;

/// What is explored, again and again.
pub(crate) type Scenario = fn();

thread_local! {
    /// What the panics of this thread said, while a bug is planted.
    static SAID: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
    static EXPLORED: Cell<usize> = const { Cell::new(0) };
}

fn run(scheduler: impl Scheduler + 'static, scenario: Scenario) {
    let mut config = Config::new();
    config.max_steps = MaxSteps::FailAfter(STEPS_MAX);
    config.stack_size = STACK_BYTES;
    config.silence_warnings = true;
    config
        .ungraceful_shutdown_config
        .immediately_return_on_panic = true;
    if SAID.with_borrow(Option::is_some) {
        config.failure_persistence = FailurePersistence::None;
    }
    Runner::new(scheduler, config).run(move || {
        EXPLORED.set(EXPLORED.get() + 1);
        scenario();
    });
}

/// The scenario holds under so many schedules of either kind.
pub(crate) fn explore(name: &str, schedules: usize, scenario: Scenario) {
    run(RandomScheduler::new_from_seed(SEED, schedules), scenario);
    run(
        PctScheduler::new_from_seed(SEED, PCT_DEPTH, schedules),
        scenario,
    );
    say(&format!(
        "{name}: {schedules} random and {schedules} PCT schedules explored"
    ));
}

/// Some schedule shows the bug by a panic that says one of what is `expected`.
#[track_caller]
pub(crate) fn catches(bug: Bug, expected: &[&str], schedules: usize, scenario: Scenario) {
    silence_planted();
    plant(Some(bug));
    SAID.set(Some(Vec::new()));
    EXPLORED.set(0);
    let found = catch_unwind(AssertUnwindSafe(|| {
        // Most bugs need few preemptions, but these at the right places.
        run(
            PctScheduler::new_from_seed(SEED, PCT_DEPTH, schedules),
            scenario,
        );
        run(RandomScheduler::new_from_seed(SEED, schedules), scenario);
    }));
    plant(None);
    let said = SAID.take().unwrap_or_default();
    assert!(found.is_err(), "{bug:?} was not seen");
    assert!(
        said.iter()
            .any(|text| expected.iter().any(|expected| text.contains(expected))),
        "{bug:?} shows as {expected:?}, not as {said:?}"
    );
    let explored = EXPLORED.get();
    say(&format!("the planted {bug:?} shows in schedule {explored}"));
}

/// Panics that are awaited are kept instead of printed.
fn silence_planted() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Shuttle's own hook comes with its first run, and would stand before this one.
        shuttle::check_random(|| {}, 1);
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let text = panic.to_string();
            let keep = |said: &mut Option<Vec<String>>| said.as_mut().map(|said| said.push(text));
            if SAID.with_borrow_mut(keep).is_none() {
                print(panic);
            }
        }));
    });
}

/// Past the capture of the tests' output.
fn say(text: &str) {
    // With nobody to read it, the tests are as good.
    let _ = writeln!(std::io::stderr(), "shuttle: {text}");
}
