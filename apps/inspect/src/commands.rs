//! The command line: one module for each command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::outcome::{BAD_INPUT, BadInput, Outcome};

pub mod convert;
pub mod diff;
pub mod draw;
pub mod dump;
pub mod engine_args;
pub mod generate;
pub mod leaks;
pub mod plan;
pub mod record;
pub mod replay;
pub mod stats;

/// Look into a heap: record, replay and check traces, dump, draw, plan, compare.
///
/// Exit status: 0 fine, 1 findings (violations, leaks, differences), 2 usage or bad input.
#[derive(Debug, Parser)]
#[command(
    name = "geoheap-inspect",
    version,
    about,
    long_about,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run traces through the engine and tell what it did
    Replay(replay::Args),
    /// Run a program and record what it does with its heap
    Record(record::Args),
    /// Turn other programs' traces and dumps into geoheap's
    Convert(convert::Args),
    /// The heap's state at a frame of a trace
    Dump(dump::Args),
    /// Draw a heap
    Draw(draw::Args),
    /// The defragmentation plan for a heap, and its forecast
    Plan(plan::Args),
    /// What differs between two heaps
    Diff(diff::Args),
    /// A heap in figures
    Stats(stats::Args),
    /// What is left in a heap, by label and age
    Leaks(leaks::Args),
    /// Make a synthetic trace
    Gen(generate::Args),
}

impl Cli {
    /// Carries the command out.
    pub fn run(self) -> ExitCode {
        let outcome: Result<Outcome, BadInput> = match self.command {
            Command::Replay(args) => args.run(),
            Command::Record(args) => args.run(),
            Command::Convert(args) => args.run(),
            Command::Dump(args) => args.run(),
            Command::Draw(args) => args.run(),
            Command::Plan(args) => args.run(),
            Command::Diff(args) => args.run(),
            Command::Stats(args) => args.run(),
            Command::Leaks(args) => args.run(),
            Command::Gen(args) => args.run(),
        };
        match outcome {
            Ok(outcome) => outcome.into(),
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::from(BAD_INPUT)
            }
        }
    }
}
