//! `dump`: the heap's state at a frame of a trace.

use std::path::PathBuf;

use clap::ValueEnum;
use geoheap::HeapDump;

use super::engine_args::EngineArgs;
use crate::heap_convert;
use crate::outcome::{BadInput, Outcome};
use crate::output;
use crate::replay::{Played, session};

const EXAMPLES: &str = "Examples:
  geoheap-inspect dump flight.trace.gz --at-frame 300 -o heap.json
  geoheap-inspect dump flight.trace.gz --at-frame 300 | geoheap-inspect draw - -o heap.svg
  geoheap-inspect dump flight.trace.gz --at-frame 300 --format vma -o vma.json
  python3 GpuMemDumpVis.py vma.json -o vma.png

A running program writes the same with `Client::heap_dump`.";

/// How a dump is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// `geoheap-heap/1`, for the other commands.
    Geoheap,
    /// The format of AMD's allocators, for their `GpuMemDumpVis.py`.
    Vma,
}

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The trace; `-` reads the standard input
    trace: PathBuf,

    /// After so many frames, from 1; [default: at the end of the trace]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    at_frame: Option<u64>,

    /// Where to write it; packed with gzip if it ends in .gz [default: the standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Geoheap)]
    format: Format,

    #[command(flatten)]
    engine: EngineArgs,

    /// JSON; both formats are
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Carries it out.
    ///
    /// # Errors
    /// [`BadInput`].
    pub fn run(self) -> Result<Outcome, BadInput> {
        let dump = self.dump()?;
        let text = match self.format {
            Format::Geoheap => dump.to_json(),
            Format::Vma => geoheap_heap_dump::vma::to_json(&dump),
        };
        output::write(self.output.as_deref(), &text)?;
        Ok(Outcome::Fine)
    }

    fn dump(&self) -> Result<HeapDump, BadInput> {
        let mut reader = heap_convert::open(&self.trace)?;
        let (options, overrides) = (self.engine.options(), self.engine.overrides());
        let mut seen = None;
        let start = |preface: &_| session::on_virtual(preface, &options, overrides, false);
        let mut player = session::play(&mut reader, start, |player, played| {
            let due = match played {
                Played::Frame => self.at_frame == Some(player.tally().frames),
                // What follows is clearing up.
                Played::End => self.at_frame.is_none(),
                Played::Request => false,
            };
            if due {
                seen = Some(player.dump());
            }
            Ok(!due)
        })?;
        if let Some(dump) = seen {
            return Ok(dump);
        }
        let frames = player.tally().frames;
        if let Some(asked) = self.at_frame {
            let trace = self.trace.display();
            return Err(BadInput(format!(
                "{trace}: it has {frames} frames; frame {asked} was asked for"
            )));
        }
        player.finish();
        Ok(player.dump())
    }
}
