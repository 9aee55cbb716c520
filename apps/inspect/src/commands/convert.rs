//! `convert`: other programs' traces and dumps as geoheap's.

use std::path::PathBuf;

use crate::heap_file;
use crate::outcome::{BadInput, Outcome};

mod heaps;
mod traces;

const EXAMPLES: &str = "\
Examples:
  geoheap-inspect convert luanti_v7_flight.trace.gz -o flight.trace.gz
  geoheap-inspect convert A.1048576.csv -o - --from minimalloc
  geoheap-inspect convert flight.trace.gz -o flight.trace     (unpacks, checks, and puts in order)
  geoheap-inspect convert vma.json -o heap.json               (a dump of VMA or D3D12MA as a heap)
  geoheap-inspect convert heap.json -o vma.json --to vma      (for GpuMemDumpVis.py)
  geoheap-inspect convert heap.json -o heap.trace --to trace  (a program that builds such a heap)";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What to read, packed with gzip or not; `-` is the standard input
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Where to: a file, packed if it ends in `.gz`, or `-` for the standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The form of what is read, if it is not to be told by its first line
    #[arg(long, value_name = "FORMAT")]
    from: Option<From>,
    /// The form to write: of a heap, `heap` if this is not given; a trace becomes `trace` only
    #[arg(long, value_name = "FORMAT")]
    to: Option<To>,
    /// Tell what was converted as JSON (schema `geoheap-convert/1`); needs a file to write to
    #[arg(long)]
    json: bool,
}

/// Forms that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum From {
    /// geoheap's own traces
    GeoheapTrace,
    /// Meshes that come, are drawn, and go: `A`, `R`, `D`, `+`, `-` and `F` lines
    MeshTrace,
    /// Buffers with lifetimes: `id,lower,upper,size`
    Minimalloc,
    /// A heap: what `dump` writes, or a JSON dump of VMA or D3D12MA
    Heap,
}

/// Forms that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum To {
    /// geoheap's own traces
    Trace,
    /// What `dump` writes: geoheap-heap/1
    Heap,
    /// What VMA writes, and `GpuMemDumpVis.py` draws
    Vma,
}

impl Args {
    /// Carries it out.
    ///
    /// # Errors
    /// [`BadInput`] with the place of what is malformed, or where a file cannot be opened or
    /// written.
    pub fn run(self) -> Result<Outcome, BadInput> {
        if self.json && self.output.as_os_str() == "-" {
            return Err(BadInput::new(
                "--json: expected a file to write to, `-o FILE`",
            ));
        }
        let is_heap = match (self.from, self.to) {
            (Some(from), _) => from == From::Heap,
            (None, Some(To::Heap | To::Vma)) => true,
            (None, _) => heap_file::is_json(&self.input),
        };
        if is_heap {
            return heaps::convert(&self);
        }
        if matches!(self.to, Some(To::Heap | To::Vma)) {
            return Err(BadInput::new(
                "--to: a trace has no heap; expected `trace`, or the command `dump`",
            ));
        }
        traces::convert(&self)
    }
}
