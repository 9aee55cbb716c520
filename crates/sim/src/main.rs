//! `geoheap-sim`: one run, a range of seeds, or as many as fit into some minutes.
#![forbid(unsafe_code)]

mod args;
mod memory;
mod show;
mod sweep;

use std::path::Path;
use std::process::ExitCode;

use geoheap_sim::{Outcome, Shrunk, run, shrink};

use args::Args;

/// Runs that shrinking may take.
const SHRINK_RUNS_MAX: u32 = 200;

fn main() -> ExitCode {
    let args = Args::of_process();
    // A panic of the engine is a finding, and told as one.
    std::panic::set_hook(Box::new(|_| {}));
    let found = if args.is_sweep() {
        match sweep::sweep(&args) {
            Ok(found) => found,
            Err(message) => {
                eprintln!("geoheap-sim: {message}");
                return ExitCode::from(2);
            }
        }
    } else {
        one(&args)
    };
    ExitCode::from(u8::from(found))
}

/// One run; whether something was found.
fn one(args: &Args) -> bool {
    let outcome = run(&args.options());
    let is_found = outcome.finding.is_some();
    if let Some(path) = &args.dump {
        dump(path, &outcome);
    }
    if args.json {
        println!("{}", show::outcome_json(&outcome));
        return is_found;
    }
    println!("{outcome}");
    if is_found && !args.no_shrink {
        println!("\nmaking it smaller ...");
        let Shrunk { outcome, runs } = shrink(&outcome, SHRINK_RUNS_MAX);
        println!("the smallest of {runs} further runs:\n\n{outcome}");
    }
    is_found
}

/// Writes the heap of a finding, or says why not.
fn dump(path: &Path, outcome: &Outcome) {
    let name = path.display();
    match &outcome.heap {
        Some(heap) => {
            if let Err(error) = std::fs::write(path, heap.to_json()) {
                eprintln!("geoheap-sim: {name}: {error}");
            }
        }
        None if outcome.finding.is_some() => {
            eprintln!("geoheap-sim: {name} is not written: the heap could not be looked into");
        }
        None => eprintln!("geoheap-sim: {name} is not written: nothing was found"),
    }
}
