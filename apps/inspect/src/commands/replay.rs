//! `replay`: runs traces through the engine.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueEnum;
use geoheap::{Backend, Report};
use geoheap_trace::{Input, Reader};

use super::engine_args::EngineArgs;
use crate::device;
use crate::outcome::{BadInput, Outcome};
use crate::output;
use crate::picture_file::PictureKind;
use crate::replay::session::{self, Preface};
use crate::replay::{Played, Player, ReplayReport, Series, Stage, Tally, plot, write_row};
use crate::{heap_convert, heap_file};

const EXAMPLES: &str = "Examples:
  geoheap-inspect replay flight.trace.gz
  geoheap-inspect replay flight.trace.gz --budget 64MiB --check --plot flight.svg
  geoheap-inspect replay flight.trace.gz --no-defrag --json
  geoheap-inspect gen churn --events 10000000 | geoheap-inspect replay -

Traces of geoheap, mesh traces and minimalloc problems are told apart by their first line, and
unpacked where they are packed with gzip. `-` reads the standard input.

Without --budget and without a `budget` line the heap takes what the trace needs, and nothing is
evicted.";

/// What holds the geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendName {
    /// A GPU made of plain memory.
    Virtual,
    /// A GPU through wgpu; a software driver serves as well.
    Wgpu,
}

/// Who leaves when room is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PolicyName {
    /// The least recently used.
    Lru,
}

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Traces, each for an engine of its own
    #[arg(required = true, value_name = "TRACE")]
    traces: Vec<PathBuf>,

    #[command(flatten)]
    engine: EngineArgs,

    /// Who is evicted
    #[arg(long, value_enum, default_value_t = PolicyName::Lru)]
    policy: PolicyName,

    /// What holds the geometry
    #[arg(long, value_enum, default_value_t = BackendName::Virtual)]
    backend: BackendName,

    /// Compare the contents of every block that a frame uses, and look for overlaps and lost bytes
    /// after every frame
    #[arg(long)]
    check: bool,

    /// Write a table with a row for each frame
    #[arg(long, value_name = "FILE.csv")]
    series: Option<PathBuf>,

    /// Draw bytes, moves and evictions over the frames, as SVG or, if it ends in .png, as PNG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,

    /// Print the figures as JSON: an object, or a list of them for several traces
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Carries it out.
    ///
    /// # Errors
    /// [`BadInput`].
    pub fn run(self) -> Result<Outcome, BadInput> {
        let several = self.traces.len() > 1;
        if several && (self.series.is_some() || self.plot.is_some()) {
            let why = "--series and --plot are of one trace; give one, or leave them out";
            return Err(BadInput::new(why));
        }
        if let Some(path) = &self.plot {
            PictureKind::of(path)?;
        }
        let PolicyName::Lru = self.policy;
        let mut reports = Vec::new();
        for trace in &self.traces {
            let (report, told) = self.replay(trace)?;
            for violation in &told {
                eprintln!("{}: {violation}", trace.display());
            }
            if !self.json {
                let name = if several {
                    format!("{}\n", trace.display())
                } else {
                    String::new()
                };
                output::write(None, &format!("{name}{report}\n"))?;
            }
            reports.push(report);
        }
        if self.json {
            match reports.as_slice() {
                [one] => heap_file::say_json(one)?,
                all => heap_file::say_json(&all)?,
            }
        }
        let findings = reports.iter().any(ReplayReport::has_findings);
        Ok(if findings {
            Outcome::Findings
        } else {
            Outcome::Fine
        })
    }

    fn replay(&self, trace: &Path) -> Result<(ReplayReport, Vec<String>), BadInput> {
        let reader = heap_convert::open(trace)?;
        let (options, overrides) = (self.engine.options(), self.engine.overrides());
        match self.backend {
            BackendName::Virtual => {
                let start = |preface: &Preface| {
                    session::on_virtual(preface, &options, overrides, self.check)
                };
                self.play(reader, start, "virtual".to_owned())
            }
            BackendName::Wgpu => {
                let (device, queue, name) = device::open()?;
                let start = |preface: &Preface| {
                    session::on_wgpu((device, queue), preface, &options, overrides, self.check)
                };
                self.play(reader, start, name)
            }
        }
    }

    fn play<B: Backend, S: Stage<B>>(
        &self,
        mut reader: Reader<Input>,
        start: impl FnOnce(&Preface) -> Result<Player<B, S>, BadInput>,
        device: String,
    ) -> Result<(ReplayReport, Vec<String>), BadInput> {
        let mut series = Series::default();
        let mut table = self.series.as_deref().map(Table::create).transpose()?;
        // What follows the end of the recorded program is clearing up, and not of the figures.
        let mut ended: Option<Report> = None;
        let started = Instant::now();
        let mut player = session::play(&mut reader, start, |player, played| {
            match played {
                Played::Frame if ended.is_none() => {
                    let report = player.report();
                    series.add(&report);
                    if let Some(table) = &mut table {
                        table.add(&player.tally(), &report)?;
                    }
                }
                Played::Frame | Played::Request => {}
                Played::End => ended = Some(player.report()),
            }
            Ok(true)
        })?;
        let finished = player.finish();
        let elapsed = started.elapsed();
        let heap = ended.unwrap_or(finished);
        series.note_peaks(&heap);
        if let Some(table) = table {
            table.finish()?;
        }
        if let Some(path) = &self.plot {
            PictureKind::of(path)?.write(path, &plot::svg(&series))?;
        }
        let (violations, told) = player.violations();
        let violations = self.check.then_some(violations);
        let tally = player.tally();
        let nanos = elapsed.as_nanos();
        let report = ReplayReport::new(device, &tally, &heap, &series, violations, nanos);
        Ok((report, told))
    }
}

/// The table of `--series`.
struct Table<'p> {
    path: &'p Path,
    out: BufWriter<File>,
}

impl<'p> Table<'p> {
    fn create(path: &'p Path) -> Result<Self, BadInput> {
        let file = File::create(path);
        let file = file.map_err(|error| BadInput(format!("{}: {error}", path.display())))?;
        let mut out = BufWriter::new(file);
        let head = writeln!(out, "{}", Series::HEAD);
        let table = Self { path, out };
        head.map_err(|error| table.refused(&error))?;
        Ok(table)
    }

    fn add(&mut self, tally: &Tally, report: &Report) -> Result<(), BadInput> {
        let written = write_row(&mut self.out, tally, report);
        written.map_err(|error| self.refused(&error))
    }

    fn finish(mut self) -> Result<(), BadInput> {
        let flushed = self.out.flush();
        flushed.map_err(|error| self.refused(&error))
    }

    fn refused(&self, error: &std::io::Error) -> BadInput {
        BadInput(format!("{}: {error}", self.path.display()))
    }
}
