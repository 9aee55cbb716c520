//! Looks into heaps: records, replays and checks traces, dumps, draws and compares. `--help` says
//! how.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser as _;
use geoheap_inspect::commands::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
