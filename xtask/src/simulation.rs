//! `cargo xtask soak` and the step `simulation` of CI: many runs of `geoheap-sim`.

use crate::process::{Failure, cargo, run as run_command};
use crate::workspace::Workspace;

/// Seeds that every change runs, and those that nobody ran before.
const FIXED_SEEDS: u64 = 200;
const FRESH_SEEDS: u64 = 50;
/// Of the fixed ones, so many run on wgpu's noop device too.
const NOOP_SEEDS: u64 = 25;

/// Ticks of a run in CI: all seeds together take less than three minutes on two cores.
const CI_TICKS: &str = "1000";

/// What `cargo xtask soak` is told.
#[derive(Debug)]
pub(crate) struct Options {
    /// How long.
    pub(crate) minutes: u64,
    /// The device, in the simulation's words.
    pub(crate) gpu: String,
    /// Which faults, in its words.
    pub(crate) faults: String,
    /// Ticks of a run.
    pub(crate) ticks: u64,
    /// Runs at a time; all cores without it.
    pub(crate) jobs: Option<usize>,
}

/// Runs fresh seeds for some minutes in one process, with a progress bar and a summary.
///
/// # Errors
/// When something is found.
pub(crate) fn soak(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    let mut command = cargo(&workspace.root);
    command.args(["run", "--release", "-p", "geoheap-sim", "--"]);
    command.args(arguments(options));
    run_command(&mut command)
}

fn arguments(options: &Options) -> Vec<String> {
    let mut words = vec![
        format!("--minutes={}", options.minutes),
        format!("--gpu={}", options.gpu),
        format!("--faults={}", options.faults),
        format!("--ticks={}", options.ticks),
    ];
    words.extend(options.jobs.map(|jobs| format!("--jobs={jobs}")));
    words
}

/// Runs the fixed seeds and some fresh ones, which are printed.
///
/// # Errors
/// When something is found.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    for [seeds, gpu] in ci_runs() {
        eprintln!("{seeds} on the {gpu} device");
        let mut command = cargo(&workspace.root);
        command.args(["run", "--release", "-p", "geoheap-sim", "--"]);
        command.args([&seeds, "--ticks", CI_TICKS, "--gpu", &gpu]);
        run_command(&mut command)?;
    }
    Ok(())
}

/// The seeds and the device of each run in CI, in the simulation's words.
fn ci_runs() -> [[String; 2]; 3] {
    [
        [format!("--seeds=0..{FIXED_SEEDS}"), "virtual".to_owned()],
        [format!("--fresh={FRESH_SEEDS}"), "virtual".to_owned()],
        [format!("--seeds=0..{NOOP_SEEDS}"), "noop".to_owned()],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_run_on_fixed_and_fresh_seeds() {
        let words = ci_runs().map(|words| words.join(" "));
        let expected = [
            "--seeds=0..200 virtual",
            "--fresh=50 virtual",
            "--seeds=0..25 noop",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn a_soak_is_told_to_the_simulation() {
        let mut options = Options {
            minutes: 120,
            gpu: "noop".to_owned(),
            faults: "swarm".to_owned(),
            ticks: 900,
            jobs: None,
        };
        let words = "--minutes=120 --gpu=noop --faults=swarm --ticks=900";
        assert_eq!(arguments(&options).join(" "), words);
        options.jobs = Some(2);
        assert_eq!(arguments(&options).join(" "), format!("{words} --jobs=2"));
    }
}
