#![forbid(unsafe_code)]
//! `geoheap-compare`: our crates against their peers, as a table and as JSON.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use geoheap_benches::compare::{
    Extent, bars, defrag, engine, frames, instructions, residency, suballoc,
};
use geoheap_benches::frames::workload::Workload;
use geoheap_benches::heaps;
use geoheap_benches::meter::{self, Meter};
use geoheap_benches::table::Table;
use geoheap_benches::workload::planning;

#[global_allocator]
static METER: Meter = Meter;

/// Our crates against their peers, in one run, turn by turn.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:\n  \
    geoheap-compare suballoc --out target/compare/suballoc.json\n  \
    geoheap-compare suballoc --only churns --only failures --check\n  \
    geoheap-compare suballoc --quick\n  \
    geoheap-compare frames --only lookup-random-1Mi --only storm\n  \
    geoheap-compare residency --only flights --check")]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Sub-allocation in one space, and heaps of many chunks
    Suballoc(Options),
    /// Lookups, publication, recording and uploads of frames
    Frames(FrameOptions),
    /// What is streamed in under a budget
    Residency(ResidencyOptions),
    /// What moves bring and cost
    Defrag(DefragOptions),
    /// The engine under load
    Engine(EngineOptions),
    /// Play one churn to one peer, for a profiler
    Play {
        /// churn-a, churn-b, ...
        workload: String,
        /// A peer's name as in the table, or `harness`
        peer: String,
        /// Frees, each followed by the allocations that bring the fill back
        steps: usize,
    },
}

#[derive(Debug, clap::Args)]
struct Options {
    /// Write the rows to this file, as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Measure these only; may be given several times
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
    /// Fewer steps than any figure should be quoted from
    #[arg(long)]
    quick: bool,
    /// Exit with status 1 where a bar is missed
    #[arg(long)]
    check: bool,
    /// Also find the smallest space for the planning problems in this folder (CSV files with
    /// the columns id,lower,upper,size)
    #[arg(long, value_name = "FOLDER")]
    plans: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct FrameOptions {
    /// Write the rows to this file, as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Measure these only; may be given several times
    #[arg(long, value_enum, value_name = "WORKLOAD")]
    only: Vec<Workload>,
    /// Smaller and fewer than any figure should be quoted from
    #[arg(long)]
    quick: bool,
    /// Exit with status 1 where a bar is missed
    #[arg(long)]
    check: bool,
}

#[derive(Debug, clap::Args)]
struct ResidencyOptions {
    /// Write the rows to this file, as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Measure these only; may be given several times
    #[arg(long, value_enum, value_name = "WORLDS")]
    only: Vec<Worlds>,
    /// Smaller and fewer than any figure should be quoted from
    #[arg(long)]
    quick: bool,
    /// Exit with status 1 where a bar is missed
    #[arg(long)]
    check: bool,
}

#[derive(Debug, clap::Args)]
struct DefragOptions {
    /// Write the rows to this file, as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Measure these only; may be given several times
    #[arg(long, value_enum, value_name = "HEAPS")]
    only: Vec<Heaps>,
    /// Smaller and fewer than any figure should be quoted from
    #[arg(long)]
    quick: bool,
    /// Exit with status 1 where a bar is missed
    #[arg(long)]
    check: bool,
}

/// What is compacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Heaps {
    /// A gigabyte that churns for long
    Churns,
    /// Recorded traces
    Traces,
    /// What a peer tests itself with
    Scenarios,
    /// A heap of many chunks
    Plans,
}

#[derive(Debug, clap::Args)]
struct EngineOptions {
    /// Write the rows to this file, as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Measure these only; may be given several times
    #[arg(long, value_enum, value_name = "LOAD")]
    only: Vec<Load>,
    /// Smaller and fewer than any figure should be quoted from
    #[arg(long)]
    quick: bool,
    /// Exit with status 1 where a bar is missed
    #[arg(long)]
    check: bool,
}

/// What the engine has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Load {
    /// Many blocks that come, change and go
    Books,
    /// Uploads
    Uploads,
}

/// What is streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Worlds {
    /// Recorded flights
    Flights,
    /// Made-up mixes
    Mixes,
}

/// Parts of the comparison, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Steady churns, then to the first failure
    Churns,
    /// Allocations that fail at a high fill
    Failures,
    /// The patterns that peers measure themselves with
    Patterns,
    /// A small and a large heap
    Many,
    /// Recorded traces
    Traces,
    /// Heaps of many chunks
    Heaps,
    /// Instructions for each operation, where there is valgrind
    Instructions,
}

/// The best that the planning problems can be packed into, in bytes.
const PLAN_BYTES: u64 = 1 << 20;

fn main() -> ExitCode {
    match Cli::parse().what {
        What::Suballoc(options) => status(compare(&options), options.check),
        What::Frames(options) => status(compare_frames(&options), options.check),
        What::Defrag(options) => status(compare_defrag(&options), options.check),
        What::Engine(options) => status(compare_engine(&options), options.check),
        What::Residency(options) => status(compare_residency(&options), options.check),
        What::Play {
            workload,
            peer,
            steps,
        } => {
            if instructions::play(&workload, &peer, steps) {
                return ExitCode::SUCCESS;
            }
            eprintln!("geoheap-compare: no workload {workload:?} or no peer {peer:?}");
            ExitCode::from(2)
        }
    }
}

/// What a comparison's count of missed bars, or its failure, comes to.
fn status(result: Result<usize, Box<dyn Error>>, is_checked: bool) -> ExitCode {
    match result {
        Ok(missed) if missed > 0 && is_checked => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("geoheap-compare: {error}");
            ExitCode::from(2)
        }
    }
}

/// Measures, prints and writes; returns how many bars are missed.
fn compare(options: &Options) -> Result<usize, Box<dyn Error>> {
    let extent = if options.quick {
        Extent::QUICK
    } else {
        Extent::FULL
    };
    let mut table = Table::default();
    for &part in Part::value_variants() {
        if !options.only.is_empty() && !options.only.contains(&part) {
            continue;
        }
        match part {
            Part::Churns => suballoc::churns(&mut table, &extent),
            Part::Failures => suballoc::failures(&mut table, &extent),
            Part::Patterns => suballoc::known_patterns(&mut table, &extent),
            Part::Many => suballoc::many_ranges(&mut table, &extent),
            Part::Traces => suballoc::traces(&mut table, &extent)?,
            Part::Heaps => heaps::compare(&mut table, extent.steps / 10, extent.seeds.min(3))?,
            Part::Instructions if options.quick => {}
            Part::Instructions => instructions::count(&mut table, &std::env::current_exe()?),
        }
    }
    if let Some(folder) = &options.plans {
        for script in planning::read_all(folder, PLAN_BYTES)? {
            suballoc::tightness(&mut table, &script);
        }
    }
    finish(
        &table,
        &bars::suballoc::ALL,
        options.only.is_empty(),
        options.out.as_deref(),
    )
}

/// Measures, prints and writes; returns how many bars are missed.
fn compare_frames(options: &FrameOptions) -> Result<usize, Box<dyn Error>> {
    // Threads allocate at the same time here, and no bytes are booked.
    meter::stop();
    let extent = if options.quick {
        frames::Extent::QUICK
    } else {
        frames::Extent::FULL
    };
    let mut table = Table::default();
    let is_whole = options.only.is_empty();
    frames::run(&mut table, &extent, &|one| {
        is_whole || options.only.contains(&one)
    });
    finish(&table, &bars::frames::ALL, is_whole, options.out.as_deref())
}

/// Counts, prints and writes; returns how many bars are missed.
fn compare_residency(options: &ResidencyOptions) -> Result<usize, Box<dyn Error>> {
    let extent = if options.quick {
        residency::Extent::QUICK
    } else {
        residency::Extent::FULL
    };
    let mut table = Table::default();
    let is_whole = options.only.is_empty();
    let is_wanted = |worlds| is_whole || options.only.contains(&worlds);
    if is_wanted(Worlds::Flights) {
        residency::flights(&mut table, &extent)?;
    }
    if is_wanted(Worlds::Mixes) {
        residency::mixes(&mut table, &extent);
    }
    let bars = [&bars::residency::FLIGHTS[..], &bars::residency::MIXES].concat();
    // A quick one has not all budgets.
    let is_whole = is_whole && !options.quick;
    finish(&table, &bars, is_whole, options.out.as_deref())
}

/// Counts, prints and writes; returns how many bars are missed.
fn compare_defrag(options: &DefragOptions) -> Result<usize, Box<dyn Error>> {
    let extent = if options.quick {
        defrag::Extent::QUICK
    } else {
        defrag::Extent::FULL
    };
    let mut table = Table::default();
    let is_whole = options.only.is_empty();
    let is_wanted = |heaps| is_whole || options.only.contains(&heaps);
    if is_wanted(Heaps::Churns) {
        defrag::churns(&mut table, &extent);
    }
    if is_wanted(Heaps::Traces) {
        defrag::traces(&mut table, &extent)?;
    }
    if is_wanted(Heaps::Scenarios) {
        defrag::scenarios(&mut table);
    }
    if is_wanted(Heaps::Plans) {
        defrag::plans(&mut table, &extent);
    }
    finish(&table, &bars::defrag::ALL, is_whole, options.out.as_deref())
}

/// Measures, prints and writes; returns how many bars are missed.
fn compare_engine(options: &EngineOptions) -> Result<usize, Box<dyn Error>> {
    let extent = if options.quick {
        engine::Extent::QUICK
    } else {
        engine::Extent::FULL
    };
    let mut table = Table::default();
    let is_whole = options.only.is_empty();
    let is_wanted = |load| is_whole || options.only.contains(&load);
    if is_wanted(Load::Books) {
        engine::books(&mut table, &extent);
    }
    if is_wanted(Load::Uploads) {
        engine::uploads(&mut table, &extent);
    }
    finish(&table, &bars::engine::ALL, is_whole, options.out.as_deref())
}

/// Judges and writes; returns how many bars are missed.
fn finish(
    table: &Table,
    bars: &[bars::Bar],
    is_whole: bool,
    out: Option<&Path>,
) -> Result<usize, Box<dyn Error>> {
    println!();
    let missed = bars::judge(table, bars, is_whole);
    if let Some(path) = out {
        table.write(path)?;
        println!("\nwritten to {}", path.display());
    }
    Ok(missed)
}
