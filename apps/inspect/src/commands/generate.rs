//! `gen`: synthetic traces.

use std::io;
use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::ValueEnum as _;
use clap::builder::RangedI64ValueParser;
use geoheap::ByteLen;
use geoheap_trace::{BLOCK_BYTES_MAX, Event, LIVE_BYTES_MAX};
use serde::Serialize;

use crate::generate::{Kind, Limit, Shape, Sink, generate};
use crate::outcome::{BadInput, Outcome};
use crate::pending_file::PendingFile;
use crate::progress::Progress;
use crate::summary::Summary;
use crate::{heap_file, output};

/// Frames of a trace whose length nobody gave.
const FRAMES: u64 = 1000;

const EXAMPLES: &str = "\
Examples:
  geoheap-inspect gen flight -o flight.trace.gz
  geoheap-inspect gen churn --events 10000000 --blocks 100000 -o churn.trace
  geoheap-inspect gen zipf --frames 2000 --seed 7 | geoheap-inspect replay - --budget 64MiB

The same kind, seed and sizes give the same bytes, on every machine.";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// How the heap is used
    #[arg(value_enum)]
    kind: Kind,
    /// Where the random numbers begin
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Length in events, frames' ends included
    #[arg(long, value_name = "N", conflicts_with = "frames")]
    events: Option<NonZeroU64>,
    /// Length in frames [default: 1000]
    #[arg(long, value_name = "N")]
    frames: Option<NonZeroU64>,
    /// Blocks that live at a time, about
    #[arg(long, value_name = "N", default_value = "4096", value_parser = count())]
    blocks: u32,
    /// Blocks that a frame adds, uses or removes, about
    #[arg(long, value_name = "N", default_value = "64", value_parser = count())]
    per_frame: u32,
    /// The smallest block
    #[arg(long, value_name = "SIZE", default_value = "4KiB")]
    size_min: ByteLen,
    /// The largest block; all powers of two between are equally likely
    #[arg(long, value_name = "SIZE", default_value = "256KiB")]
    size_max: ByteLen,
    /// Where to: a file, packed if it ends in `.gz`, or `-` for the standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Tell what was made as JSON (schema `geoheap-gen/1`); needs a file to write to
    #[arg(long)]
    json: bool,
}

/// A number of blocks that fit a machine.
fn count() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=1 << 24)
}

/// What `--json` tells. Sizes are in bytes.
#[derive(Debug, Serialize)]
struct Made {
    schema: &'static str,
    kind: String,
    seed: u64,
    output: String,
    #[serde(flatten)]
    summary: Summary,
}

impl Args {
    /// Carries it out.
    ///
    /// # Errors
    /// [`BadInput`] for sizes that make no sense, and where the file cannot be written.
    pub fn run(self) -> Result<Outcome, BadInput> {
        let to_stdout = self.output.as_os_str() == "-";
        if to_stdout && self.json {
            return Err(BadInput::new(
                "--json: expected a file to write the trace to, `-o FILE`",
            ));
        }
        let shape = self.shape()?;
        let limit = match (self.events, self.frames) {
            (Some(events), _) => Limit::Events(events.get()),
            (None, frames) => Limit::Frames(frames.map_or(FRAMES, NonZeroU64::get)),
        };
        let output = self.output.display().to_string();
        let unwritable = |error| BadInput::new(format!("{output}: cannot be written: {error}"));
        let pending = PendingFile::new(&self.output);
        let mut writer = geoheap_trace::create(pending.path()).map_err(unwritable)?;
        let (total, by_events) = match limit {
            Limit::Events(events) => (events, true),
            Limit::Frames(frames) => (frames, false),
        };
        let mut progress = Progress::new("generating", Some(total));
        let mut done = 0_u64;
        let mut write = |event: &Event<'_>| {
            done += u64::from(by_events || matches!(event, Event::Frame { .. }));
            progress.step(|| (done, String::new()));
            writer.write(event)
        };
        let mut sink = Sink::new(&mut write, limit);
        let generated = generate(self.kind, &shape, &mut sink);
        let summary = *sink.summary();
        drop(progress);
        let finished = generated.and_then(|()| writer.finish());
        let finished = finished.and_then(|()| pending.keep());
        match finished {
            // A reader who has seen enough is no error.
            Err(error) if to_stdout && error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => return Err(unwritable(error)),
            Ok(()) if to_stdout => {}
            Ok(()) => self.tell(output, summary)?,
        }
        Ok(Outcome::Fine)
    }

    fn shape(&self) -> Result<Shape, BadInput> {
        let sizes = [("--size-min", self.size_min), ("--size-max", self.size_max)];
        for (option, size) in sizes {
            if size.get() > BLOCK_BYTES_MAX {
                return Err(BadInput::new(format!(
                    "{option}: expected at most {BLOCK_BYTES_MAX} bytes, found {size}"
                )));
            }
        }
        if self.size_min > self.size_max {
            return Err(BadInput::new(format!(
                "--size-min: expected at most --size-max, {} bytes, found {}",
                self.size_max, self.size_min
            )));
        }
        let live_blocks = self.kind.blocks_max(self.blocks);
        let live_bytes = u128::from(live_blocks) * u128::from(self.size_max.get());
        if live_bytes > LIVE_BYTES_MAX.into() {
            return Err(BadInput::new(format!(
                "--blocks: expected at most {LIVE_BYTES_MAX} bytes in all blocks together, found \
                 up to {live_blocks} blocks that live at a time, of up to {} bytes, {live_bytes}",
                self.size_max
            )));
        }
        Ok(Shape {
            seed: self.seed,
            blocks: self.blocks,
            per_frame: self.per_frame,
            size_min: self.size_min,
            size_max: self.size_max,
        })
    }

    fn tell(&self, output: String, summary: Summary) -> Result<(), BadInput> {
        let kind = self.kind.to_possible_value();
        let made = Made {
            schema: "geoheap-gen/1",
            kind: kind.map_or_else(String::new, |kind| kind.get_name().to_owned()),
            seed: self.seed,
            output,
            summary,
        };
        if self.json {
            heap_file::say_json(&made)
        } else {
            output::write(None, &format!("{}: {summary}\n", made.output))
        }
    }
}
