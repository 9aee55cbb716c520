//! `convert`: other programs' traces and dumps as geoheap's.

use std::path::PathBuf;

use crate::outcome::{BadInput, Outcome};

mod traces;

const EXAMPLES: &str = "\
Examples:
  geoheap-inspect convert luanti_v7_flight.trace.gz -o flight.trace.gz
  geoheap-inspect convert A.1048576.csv -o - --from minimalloc
  geoheap-inspect convert flight.trace.gz -o flight.trace     (unpacks, checks, and puts in order)";

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
        traces::convert(&self)
    }
}
