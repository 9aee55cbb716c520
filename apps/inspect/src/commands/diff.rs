//! `diff`.

use std::path::PathBuf;

use geoheap_heap_dump::{Difference, HeapDump};
use serde::Serialize;

use crate::heap_file;
use crate::outcome::{BadInput, Outcome};
use crate::output;

const EXAMPLES: &str = "\
Examples:
  geoheap-inspect diff before.json after.json
  geoheap-inspect diff a.json.gz b.json --json | jq '.differences | length'

Exit status: 0 if the heaps are equal, 1 if they differ, 2 for bad input.";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A heap, ours or a JSON dump of VMA or D3D12MA; `-` is standard input, `.gz` is unpacked
    a: PathBuf,
    /// Another one
    b: PathBuf,
    /// Print one JSON object with the schema geoheap-diff/1
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Json {
    schema: &'static str,
    differences: Vec<Difference>,
}

impl Args {
    /// Carries it out.
    ///
    /// # Errors
    /// [`BadInput`].
    pub fn run(self) -> Result<Outcome, BadInput> {
        if self.a == self.b && self.a.as_os_str() == output::STANDARD {
            return Err(BadInput::new(
                "standard input can be one of the two heaps only",
            ));
        }
        let (a, b) = (
            heap_file::read_heap(&self.a)?,
            heap_file::read_heap(&self.b)?,
        );
        let differences = HeapDump::diff(&a, &b);
        let outcome = if differences.is_empty() {
            Outcome::Fine
        } else {
            Outcome::Findings
        };
        if self.json {
            heap_file::say_json(&Json {
                schema: "geoheap-diff/1",
                differences,
            })?;
        } else if differences.is_empty() {
            heap_file::say("the heaps are equal")?;
        } else {
            let lines: Vec<String> = differences.iter().map(Difference::to_string).collect();
            heap_file::say(&lines.join("\n"))?;
        }
        Ok(outcome)
    }
}
