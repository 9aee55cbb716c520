//! The command line.

use clap::{Parser, Subcommand, ValueEnum};

use crate::compare;

/// Automation of the geoheap workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) task: Task,

    /// Never call the package manager: print the command that is needed, and stop
    #[arg(long, global = true)]
    pub(crate) no_install: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Build the demo and fly: in a window where there is a display, else into pictures
    Demo {
        /// Passed on to geoheap-demo (`cargo xtask demo -- --help` lists them)
        #[arg(last = true, value_name = "DEMO ARGUMENTS")]
        args: Vec<String>,
    },
    /// Run every test of the workspace, doctests, benches' test mode and orders of threads included
    Test {
        /// Skip doctests, benches and the orders of threads; run fewer cases of each property
        #[arg(long)]
        fast: bool,
    },
    /// Run the checks that a change must pass beside the tests
    Ci {
        /// Run this step only; may be given several times
        #[arg(long, value_enum, value_name = "STEP")]
        only: Vec<Step>,

        /// Fly the demo in the release profile, without debug assertions
        #[arg(long)]
        release: bool,
    },
    /// Fuzz allocators, parsers and the engine's calls, from the committed inputs on
    Fuzz {
        /// The only target to run; all of them without it
        target: Option<String>,

        /// How long each target is fuzzed
        #[arg(long, default_value_t = 60)]
        seconds: u32,

        /// Then make what was found, minimised, the committed inputs
        #[arg(long)]
        minimise: bool,
    },
    /// Compare our crates with their peers, into target/compare
    Compare {
        /// What is compared
        #[arg(value_parser = compare::ALL)]
        what: String,

        /// Passed on to geoheap-compare, such as `--check`, or `--quick` to see whether it works
        /// (`cargo xtask compare frames -- --help` lists them)
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "ARGUMENTS"
        )]
        args: Vec<String>,
    },
    /// Simulate the engine over fresh seeds for a long time, and tell findings and memory
    Soak {
        /// How long, in minutes
        #[arg(long)]
        minutes: u64,

        /// The device that is simulated
        #[arg(long, default_value = "virtual", value_parser = ["virtual", "noop"])]
        gpu: String,

        /// Which faults happen
        #[arg(long, default_value = "swarm", value_parser = ["none", "swarm", "all"])]
        faults: String,

        /// Ticks of a run
        #[arg(long, default_value_t = 20_000)]
        ticks: u64,

        /// Runs at a time; all cores without it
        #[arg(long)]
        jobs: Option<usize>,
    },
    /// Check layering, manifests, sources and links
    Tidy,
}

/// A step of `cargo xtask ci`, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// `cargo fmt --check`
    Fmt,
    /// Layering, manifests, sources and links
    Tidy,
    /// Clippy without warnings
    Clippy,
    /// Documentation without warnings
    Docs,
    /// The examples' pictures, and a short headless flight with `--check`
    Demo,
    /// Two flights on the virtual GPU with one seed, and equal counts
    Lockstep,
    /// A recorded flight replayed to the same counts, and synthetic traces checked
    Replays,
    /// Flights under Vulkan's validation layer, and not a word from it
    Validation,
    /// Fixed and fresh seeds of the simulation, on the virtual GPU and on wgpu's noop device
    Simulation,
    /// Every bug that can be planted into the engine is found by the simulation
    Planted,
    /// Every short sequence of operations of `suballoc`
    SmallScope,
    /// A day of frames in `frame-sync`
    Endurance,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn arguments_after_two_dashes_reach_the_demo() {
        let cli = Cli::parse_from(["xtask", "demo", "--no-install", "--", "--frames", "3"]);
        assert!(
            cli.no_install,
            "the flag before the dashes is the command's own"
        );
        let Task::Demo { args } = cli.task else {
            panic!("parsed as another command")
        };
        assert_eq!(args, ["--frames", "3"]);
    }

    #[test]
    fn an_unknown_step_names_the_known_ones() {
        let error = Cli::try_parse_from(["xtask", "ci", "--only", "nothing"]).unwrap_err();
        let text = error.to_string();
        for step in Step::value_variants() {
            let name = step.to_possible_value().unwrap();
            assert!(text.contains(name.get_name()), "{text}");
        }
    }
}
