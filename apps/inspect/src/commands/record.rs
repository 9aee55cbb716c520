//! `record`: runs a program and records what it does with its heap.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::outcome::{BadInput, Outcome};

/// The variable that every geoheap program honours.
const VARIABLE: &str = "GEOHEAP_TRACE";

const EXAMPLES: &str = "Examples:
  geoheap-inspect record -o flight.trace.gz -- geoheap-demo --headless
  GEOHEAP_TRACE=flight.trace.gz geoheap-demo --headless    # the same without the tool

Every heap of the program has a trace of its own: the first one writes FILE, the second one
FILE-2 and so on, with the number before the first dot of the name. A trace is whole when its heap
was shut down or dropped. Exit status: 1 if the program failed, 2 if it made no trace.";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The trace to write; packed with gzip if it ends in .gz
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Print what was recorded as JSON, on the error stream
    #[arg(long)]
    json: bool,

    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Args {
    /// Carries it out.
    ///
    /// # Errors
    /// [`BadInput`] when the program cannot be run, or made no whole trace.
    pub fn run(self) -> Result<Outcome, BadInput> {
        let (program, arguments) = self.command.split_first().expect("clap asks for one");
        let path = &self.output;
        let refused = |error: std::io::Error| BadInput(format!("{}: {error}", path.display()));
        // What lies there must not be taken for the program's, nor may the program start in vain.
        if path.exists() {
            std::fs::remove_file(path).map_err(refused)?;
        }
        std::fs::File::create(path).map_err(refused)?;
        std::fs::remove_file(path).map_err(refused)?;
        let absolute = std::path::absolute(path).map_err(refused)?;
        let mut command = Command::new(program);
        let status = command.args(arguments).env(VARIABLE, absolute).status();
        let status =
            status.map_err(|error| BadInput(format!("{}: {error}", program.to_string_lossy())))?;
        let (events, frames) = self.count()?;
        if self.json {
            let report = json!({
                "schema": "geoheap-record/1",
                "trace": path,
                "events": events,
                "frames": frames,
                "exit_status": status.code(),
            });
            eprintln!("{report}");
        } else {
            eprintln!("{}: {events} events, {frames} frames", path.display());
        }
        if status.success() {
            return Ok(Outcome::Fine);
        }
        eprintln!("{} ended with {status}", program.to_string_lossy());
        Ok(Outcome::Findings)
    }

    /// Reads the trace from end to end: it is whole and in order.
    fn count(&self) -> Result<(u64, u64), BadInput> {
        if !self.output.exists() {
            return Err(BadInput(format!(
                "{}: the program made no heap that could be recorded",
                self.output.display()
            )));
        }
        let mut reader = geoheap_trace::open(&self.output).map_err(BadInput::new)?;
        let (mut events, mut frames) = (0, 0);
        while let Some(event) = reader.next_event().map_err(BadInput::new)? {
            events += 1;
            frames += u64::from(matches!(event, geoheap_trace::Event::Frame { .. }));
        }
        Ok((events, frames))
    }
}
