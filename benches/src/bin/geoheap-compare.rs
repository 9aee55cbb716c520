#![forbid(unsafe_code)]
//! `geoheap-compare`: our crates against their peers, as a table and as JSON.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use geoheap_benches::compare::{
    Extent, bars, defrag, engine, frames, gpu_bitset, instructions, residency, suballoc,
};
use geoheap_benches::frames::workload::Workload;
use geoheap_benches::gpu_bitset::rig::Rig;
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
    Suballoc(SuballocOptions),
    /// Lookups, publication, recording and uploads of frames
    Frames(Options<Workload>),
    /// What is streamed in under a budget
    Residency(Options<Worlds>),
    /// What moves bring and cost
    Defrag(Options<Heaps>),
    /// The engine under load
    Engine(Options<Load>),
    /// Geometry placed on the GPU
    GpuBitset(Options<OnGpu>),
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

/// What each comparison is told; `P` are its parts.
#[derive(Debug, clap::Args)]
struct Options<P: ValueEnum + Send + Sync + 'static> {
    /// Write the rows to this file, as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Measure these only; may be given several times
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<P>,
    /// Smaller and fewer than any figure should be quoted from
    #[arg(long)]
    quick: bool,
    /// Exit with status 1 where a bar is missed
    #[arg(long)]
    check: bool,
}

impl<P: ValueEnum + PartialEq + Send + Sync + 'static> Options<P> {
    /// Whether no part is left out.
    fn is_whole(&self) -> bool {
        self.only.is_empty()
    }

    fn is_wanted(&self, part: &P) -> bool {
        self.is_whole() || self.only.contains(part)
    }

    /// How much is measured.
    fn extent<E>(&self, quick: E, full: E) -> E {
        if self.quick { quick } else { full }
    }

    /// Judges and writes; returns how many bars are missed. Where not all was measured that there
    /// are bars for, those without a row are left out.
    fn finish(
        &self,
        table: &Table,
        bars: &[bars::Bar],
        is_whole: bool,
    ) -> Result<usize, Box<dyn Error>> {
        println!();
        let missed = if self.quick && !self.check {
            println!("no bar is judged: they are for whole runs");
            0
        } else {
            bars::judge(table, bars, is_whole)
        };
        if let Some(path) = &self.out {
            table.write(path)?;
            println!("\nwritten to {}", path.display());
        }
        Ok(missed)
    }
}

#[derive(Debug, clap::Args)]
struct SuballocOptions {
    #[command(flatten)]
    common: Options<Part>,
    /// Also find the smallest space for the planning problems in this folder (CSV files with
    /// the columns id,lower,upper,size)
    #[arg(long, value_name = "FOLDER")]
    plans: Option<PathBuf>,
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

/// What the engine has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Load {
    /// Many blocks that come, change and go
    Books,
    /// Uploads
    Uploads,
}

/// What the GPU has to place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnGpu {
    /// Batches of one request to 65 536
    Batches,
    /// Many bytes
    Copies,
    /// Batches in heaps of several fills
    Fills,
    /// The tests of a survey of allocators on GPUs
    Survey,
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
        What::Suballoc(options) => status(compare_suballoc(&options), options.common.check),
        What::Frames(options) => status(compare_frames(&options), options.check),
        What::Defrag(options) => status(compare_defrag(&options), options.check),
        What::Engine(options) => status(compare_engine(&options), options.check),
        What::GpuBitset(options) => status(compare_gpu_bitset(&options), options.check),
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
fn compare_suballoc(options: &SuballocOptions) -> Result<usize, Box<dyn Error>> {
    let SuballocOptions { common, plans } = options;
    let extent = common.extent(Extent::QUICK, Extent::FULL);
    let mut table = Table::default();
    for part in Part::value_variants() {
        if !common.is_wanted(part) {
            continue;
        }
        match part {
            Part::Churns => suballoc::churns(&mut table, &extent),
            Part::Failures => suballoc::failures(&mut table, &extent),
            Part::Patterns => suballoc::known_patterns(&mut table, &extent),
            Part::Many => suballoc::many_ranges(&mut table, &extent),
            Part::Traces => suballoc::traces(&mut table, &extent)?,
            Part::Heaps => heaps::compare(&mut table, extent.steps / 10, extent.seeds.min(3))?,
            Part::Instructions if common.quick => {}
            Part::Instructions => instructions::count(&mut table, &std::env::current_exe()?),
        }
    }
    if let Some(folder) = plans {
        for script in planning::read_all(folder, PLAN_BYTES)? {
            suballoc::tightness(&mut table, &script);
        }
    }
    common.finish(&table, bars::suballoc::ALL, common.is_whole())
}

/// Measures, prints and writes; returns how many bars are missed.
fn compare_frames(options: &Options<Workload>) -> Result<usize, Box<dyn Error>> {
    // Threads allocate at the same time here, and no bytes are booked.
    meter::stop();
    let extent = options.extent(frames::Extent::QUICK, frames::Extent::FULL);
    let mut table = Table::default();
    frames::run(&mut table, &extent, &|one| options.is_wanted(&one));
    options.finish(&table, bars::frames::ALL, options.is_whole())
}

/// Counts, prints and writes; returns how many bars are missed.
fn compare_residency(options: &Options<Worlds>) -> Result<usize, Box<dyn Error>> {
    let extent = options.extent(residency::Extent::QUICK, residency::Extent::FULL);
    let mut table = Table::default();
    if options.is_wanted(&Worlds::Flights) {
        residency::flights(&mut table, &extent)?;
    }
    if options.is_wanted(&Worlds::Mixes) {
        residency::mixes(&mut table, &extent);
    }
    let bars = [bars::residency::FLIGHTS, bars::residency::MIXES].concat();
    // A quick one has not all budgets.
    options.finish(&table, &bars, options.is_whole() && !options.quick)
}

/// Counts, prints and writes; returns how many bars are missed.
fn compare_defrag(options: &Options<Heaps>) -> Result<usize, Box<dyn Error>> {
    let extent = options.extent(defrag::Extent::QUICK, defrag::Extent::FULL);
    let mut table = Table::default();
    if options.is_wanted(&Heaps::Churns) {
        defrag::churns(&mut table, &extent);
    }
    if options.is_wanted(&Heaps::Traces) {
        defrag::traces(&mut table, &extent)?;
    }
    if options.is_wanted(&Heaps::Scenarios) {
        defrag::scenarios(&mut table);
    }
    if options.is_wanted(&Heaps::Plans) {
        defrag::plans(&mut table, &extent);
    }
    options.finish(&table, bars::defrag::ALL, options.is_whole())
}

/// Measures, prints and writes; returns how many bars are missed.
fn compare_engine(options: &Options<Load>) -> Result<usize, Box<dyn Error>> {
    let extent = options.extent(engine::Extent::QUICK, engine::Extent::FULL);
    let mut table = Table::default();
    if options.is_wanted(&Load::Books) {
        engine::books(&mut table, &extent);
    }
    if options.is_wanted(&Load::Uploads) {
        engine::uploads(&mut table, &extent);
    }
    options.finish(&table, bars::engine::ALL, options.is_whole())
}

/// Measures, prints and writes; returns how many bars are missed.
fn compare_gpu_bitset(options: &Options<OnGpu>) -> Result<usize, Box<dyn Error>> {
    meter::stop();
    let extent = options.extent(gpu_bitset::Extent::QUICK, gpu_bitset::Extent::FULL);
    let rig = Rig::new().ok_or("placing on the GPU needs Vulkan")?;
    println!("on {}", rig.adapter());
    let mut table = Table::default();
    if options.is_wanted(&OnGpu::Batches) {
        gpu_bitset::batches(&mut table, &rig, &extent)?;
    }
    if options.is_wanted(&OnGpu::Copies) {
        gpu_bitset::copies(&mut table, &rig, &extent)?;
    }
    if options.is_wanted(&OnGpu::Fills) {
        gpu_bitset::fills(&mut table, &rig, &extent)?;
    }
    if options.is_wanted(&OnGpu::Survey) {
        gpu_bitset::survey(&mut table, &rig, &extent)?;
    }
    options.finish(
        &table,
        bars::gpu_bitset::ALL,
        options.is_whole() && !options.quick,
    )
}
