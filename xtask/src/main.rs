#![forbid(unsafe_code)]
//! The project's automation: `cargo xtask demo`, `test`, `ci`, `compare`, `fuzz`, `soak` and
//! `tidy`.
//!
//! Each command does its own set-up, so that a clean clone on a fresh machine needs nothing else.
//! It is a program of the workspace rather than a script, and so it runs wherever Rust does.

mod ci;
mod cli;
mod compare;
mod demo;
mod fuzz;
mod install;
mod interleavings;
mod process;
mod replays;
mod report;
mod simulation;
mod suite;
mod tidy;
mod vulkan;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Task};
use crate::process::Failure;
use crate::workspace::Workspace;

fn main() -> ExitCode {
    match dispatch(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the chosen command.
fn dispatch(cli: Cli) -> Result<(), Failure> {
    let workspace = Workspace::load()?;
    let may_install = !cli.no_install;
    match cli.task {
        Task::Demo { args } => demo::run(&workspace, may_install, args),
        Task::Test { fast } => suite::run(&workspace, may_install, fast),
        Task::Ci { only, release } => ci::run(&workspace, may_install, &only, release),
        Task::Fuzz {
            target,
            seconds,
            minimise,
        } => {
            let options = fuzz::Options {
                target,
                seconds,
                minimise,
            };
            fuzz::run(&workspace, may_install, &options)
        }
        Task::Compare { what, args } => compare::run(&workspace, may_install, &what, &args),
        Task::Soak {
            minutes,
            gpu,
            faults,
            ticks,
            jobs,
        } => {
            let options = simulation::Options {
                minutes,
                gpu,
                faults,
                ticks,
                jobs,
            };
            simulation::soak(&workspace, &options)
        }
        Task::Tidy => tidy::run(&workspace),
    }
}
