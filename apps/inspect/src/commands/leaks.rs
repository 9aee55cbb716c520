//! `leaks`.

use std::fmt::Write as _;
use std::path::PathBuf;

use geoheap_heap_dump::Leak;
use serde::Serialize;

use crate::heap_file::{self, human};
use crate::outcome::{BadInput, Outcome};

const EXAMPLES: &str = "\
Examples:
  geoheap-inspect leaks heap.json                     what is left, say after a shutdown
  geoheap-inspect leaks heap.json --older-than 600    what no frame of the last 600 used

Exit status: 0 if nothing is left, 1 if something is, 2 for bad input.";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The heap, ours or a JSON dump of VMA or D3D12MA; `-` is standard input, `.gz` is unpacked
    heap: PathBuf,
    /// Only blocks that none of the last so many frames used; those never used are among them
    #[arg(long, value_name = "FRAMES")]
    older_than: Option<u64>,
    /// Print one JSON object with the schema geoheap-leaks/1
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Json {
    schema: &'static str,
    frame: u64,
    older_than: Option<u64>,
    blocks: usize,
    bytes: u64,
    leaks: Vec<Leak>,
}

impl Args {
    /// Carries it out.
    ///
    /// # Errors
    /// [`BadInput`].
    pub fn run(self) -> Result<Outcome, BadInput> {
        let dump = heap_file::read_heap(&self.heap)?;
        let leaks = dump.leaks(self.older_than);
        let outcome = if leaks.is_empty() {
            Outcome::Fine
        } else {
            Outcome::Findings
        };
        let report = Json {
            schema: "geoheap-leaks/1",
            frame: dump.frame,
            older_than: self.older_than,
            blocks: leaks.iter().map(|leak| leak.blocks).sum(),
            bytes: leaks
                .iter()
                .fold(0, |sum, leak| leak.bytes.saturating_add(sum)),
            leaks,
        };
        if self.json {
            heap_file::say_json(&report)?;
        } else {
            heap_file::say(&text(&report))?;
        }
        Ok(outcome)
    }
}

fn text(report: &Json) -> String {
    if report.leaks.is_empty() {
        return "nothing is left".to_owned();
    }
    let mut text = format!(
        "{} block{} left at frame {}, {}\n\n{:<24} {:>7} {:>10} {:>7} {:>16} {:>10}  handles\n",
        report.blocks,
        if report.blocks == 1 { " is" } else { "s are" },
        report.frame,
        human(report.bytes),
        "label",
        "blocks",
        "bytes",
        "owners",
        "unused (frames)",
        "never used",
    );
    for leak in &report.leaks {
        let age = match (leak.youngest_frames, leak.oldest_frames) {
            (Some(young), Some(old)) if young == old => young.to_string(),
            (Some(young), Some(old)) => format!("{young} to {old}"),
            _ => "-".to_owned(),
        };
        let more = if leak.blocks > leak.handles.len() {
            " .."
        } else {
            ""
        };
        let _ = write!(
            text,
            "{:<24} {:>7} {:>10} {:>7} {age:>16} {:>10}  {}{more}",
            heap_file::shown(&leak.label),
            leak.blocks,
            human(leak.bytes),
            leak.owners,
            leak.never_used,
            leak.handles.join(" "),
        );
        for (count, what) in [(leak.pinned, "pinned"), (leak.long_lived, "long-lived")] {
            if count > 0 {
                let _ = write!(text, "  ({count} {what})");
            }
        }
        text.push('\n');
    }
    text
}
