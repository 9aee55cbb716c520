//! `record`: runs a program and records what it does with its heap.

use std::ffi::{OsStr, OsString};
use std::io;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::Command;

use geoheap::TRACE_VARIABLE;
use serde::Serialize;

use crate::outcome::{BadInput, Outcome};
use crate::output;

const EXAMPLES: &str = "Examples:
  geoheap-inspect record -o flight.trace.gz -- geoheap-demo --headless
  GEOHEAP_TRACE=flight.trace.gz geoheap-demo --headless    # the same without the tool

Every heap of the program has a trace of its own: the first one writes FILE, the second one
FILE-2 and so on, with the number before the first dot of the name. Programs that the program starts
record, too, under the same names: the last one wins. A trace is whole when its heap was shut down
or dropped.

Older files of these names are replaced once the new ones were read whole, and stay otherwise. Until
then the traces lie in a folder beside FILE, `.recording-` and a number; it is left there if this
tool itself is killed.

Exit status: 1 if the program failed or the trace of a further heap is not whole, 2 if that of the
first one is not or there is none.";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The trace to write, instead of an older one; packed with gzip if it ends in .gz
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Print what was recorded as JSON, on the error stream
    #[arg(long)]
    json: bool,

    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What `--json` tells.
#[derive(Debug, Serialize)]
struct Recorded<'a> {
    schema: &'static str,
    #[serde(flatten)]
    first: &'a Kept,
    /// Those of further heaps.
    more: &'a [Kept],
    exit_status: Option<i32>,
}

/// A trace that was read whole.
#[derive(Debug, Serialize)]
struct Kept {
    /// Where it lies in the end.
    trace: PathBuf,
    events: u64,
    frames: u64,
}

impl Args {
    /// Carries it out.
    ///
    /// # Errors
    /// [`BadInput`] when the program cannot be run, or made no whole trace.
    pub fn run(self) -> Result<Outcome, BadInput> {
        let (program, arguments) = self.command.split_first().expect("clap asks for one");
        let path = &self.output;
        let name = self.file_name()?;
        let folder = Folder::beside(path).map_err(|error| refused(path, &error))?;
        let mut command = Command::new(program);
        let command = command
            .args(arguments)
            .env(TRACE_VARIABLE, folder.path.join(name));
        let status = command.status();
        let status =
            status.map_err(|error| BadInput(format!("{}: {error}", program.to_string_lossy())))?;
        let (first, more, failed) = self.keep(&folder)?;
        if self.json {
            let recorded = Recorded {
                schema: "geoheap-record/1",
                first: &first,
                more: &more,
                exit_status: status.code(),
            };
            let report = serde_json::to_string(&recorded).map_err(BadInput::new)?;
            eprintln!("{report}");
        } else {
            for Kept {
                trace,
                events,
                frames,
            } in iter::once(&first).chain(&more)
            {
                eprintln!("{}: {events} events, {frames} frames", trace.display());
            }
        }
        for error in &failed {
            eprintln!("not kept: {error}");
        }
        if !status.success() {
            eprintln!("{} ended with {status}", program.to_string_lossy());
        }
        Ok(if status.success() && failed.is_empty() {
            Outcome::Fine
        } else {
            Outcome::Findings
        })
    }

    /// The name of the trace, which is to be a file that can be replaced.
    fn file_name(&self) -> Result<&OsStr, BadInput> {
        let path = &self.output;
        let is_other = path.metadata().is_ok_and(|meta| !meta.is_file());
        let name = path.file_name();
        name.filter(|_| !is_other && path.as_os_str() != output::STANDARD)
            .ok_or_else(|| {
                BadInput(format!(
                    "{}: expected the name of a regular file, old or new",
                    path.display()
                ))
            })
    }

    /// Puts each trace in its place that can be read whole: that of the first heap, which has to
    /// be, and those of others. The latter that cannot are told.
    fn keep(&self, folder: &Folder) -> Result<(Kept, Vec<Kept>, Vec<BadInput>), BadInput> {
        let mut files = folder
            .files()
            .map_err(|error| refused(&folder.path, &error))?;
        let first = files
            .iter()
            .position(|file| file.file_name() == self.output.file_name());
        let Some(first) = first else {
            return Err(BadInput(format!(
                "{}: the program made no heap that could be recorded",
                self.output.display()
            )));
        };
        let first = self.keep_one(&files.swap_remove(first))?;
        files.sort();
        let (mut more, mut failed) = (Vec::new(), Vec::new());
        for file in files {
            match self.keep_one(&file) {
                Ok(kept) => more.push(kept),
                Err(error) => failed.push(error),
            }
        }
        Ok((first, more, failed))
    }

    fn keep_one(&self, file: &Path) -> Result<Kept, BadInput> {
        let name = file.file_name().unwrap_or_default();
        let kept = count(file, self.output.with_file_name(name))?;
        let moved = std::fs::rename(file, &kept.trace);
        moved.map_err(|error| refused(&kept.trace, &error))?;
        Ok(kept)
    }
}

fn refused(path: &Path, error: &io::Error) -> BadInput {
    BadInput(format!("{}: {error}", path.display()))
}

/// Reads a trace from end to end: it is whole and in order.
fn count(file: &Path, target: PathBuf) -> Result<Kept, BadInput> {
    let because = |error: geoheap_trace::TraceError| {
        let file = target.display().to_string();
        BadInput::new(geoheap_trace::TraceError { file, ..error })
    };
    let mut reader = geoheap_trace::open(file).map_err(because)?;
    let (mut events, mut frames) = (0, 0);
    while let Some(event) = reader.next_event().map_err(because)? {
        events += 1;
        frames += u64::from(matches!(event, geoheap_trace::Event::Frame { .. }));
    }
    Ok(Kept {
        trace: target,
        events,
        frames,
    })
}

/// A folder for traces under way, which goes with all that is left in it.
#[derive(Debug)]
struct Folder {
    /// Absolute: the program may work elsewhere.
    path: PathBuf,
}

impl Folder {
    fn beside(path: &Path) -> io::Result<Self> {
        let name = format!(".recording-{}", std::process::id());
        let path = std::path::absolute(path)?.with_file_name(name);
        std::fs::create_dir(&path)?;
        Ok(Self { path })
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(&self.path)?;
        entries.map(|entry| Ok(entry?.path())).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing can be done about what cannot be removed.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
