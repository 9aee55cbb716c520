//! Flies over a real landscape that outgrows its GPU budget. `--help` says how.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser as _;
use geoheap_demo::cli::Args;
use geoheap_demo::headless::{self, RunError};
use geoheap_demo::prepare::{check_budget, prepare};
use geoheap_demo::render::device::GpuErrors;
use geoheap_demo::{driver_log, window};
use tracing_subscriber::EnvFilter;

/// The status for input that cannot be used; the command line's own errors have it too.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let mut args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let errors = GpuErrors::default();
    driver_log::listen(&errors);
    let events = if args.is_headless() {
        None
    } else {
        window::connect()
            .inspect_err(|reason| eprintln!("no display ({reason}); flying without a window"))
            .ok()
    };
    args.headless |= events.is_none();
    let prepared = match check_budget(&args).and_then(|()| prepare(&args)) {
        Ok(prepared) => prepared,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(BAD_INPUT);
        }
    };
    let outcome = match events {
        Some(events) => window::run(events, args.size, prepared, &errors),
        None => headless::run(&args, &prepared, &errors).map(|report| {
            eprintln!("pictures and report.json are in {}", args.out.display());
            print!("{}", report.to_json());
        }),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            failure(&error)
        }
    }
}

fn failure(error: &RunError) -> ExitCode {
    if error.is_bad_input() {
        ExitCode::from(BAD_INPUT)
    } else {
        ExitCode::FAILURE
    }
}
