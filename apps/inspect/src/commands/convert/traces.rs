//! Traces of other forms as geoheap's.

use std::io;

use geoheap_trace::{Format, Input, Output, Reader, TraceError, Writer};
use serde::Serialize;

use super::{Args, From};
use crate::outcome::{BadInput, Outcome};
use crate::pending_file::PendingFile;
use crate::progress::Progress;
use crate::summary::Summary;
use crate::{heap_file, output};

/// What `--json` tells. Sizes are in bytes.
#[derive(Debug, Serialize)]
struct Converted {
    schema: &'static str,
    input: String,
    from: &'static str,
    output: String,
    #[serde(flatten)]
    summary: Summary,
}

/// Reads the trace, and writes it event by event.
pub(super) fn convert(args: &Args) -> Result<Outcome, BadInput> {
    let format = args.from.and_then(|from| match from {
        From::GeoheapTrace => Some(Format::Trace),
        From::MeshTrace => Some(Format::Mesh),
        From::Minimalloc => Some(Format::Minimalloc),
        From::Heap => None,
    });
    let reader = match format {
        Some(format) => geoheap_trace::open_as(&args.input, format),
        None => geoheap_trace::open(&args.input),
    };
    let mut reader = reader.map_err(BadInput::new)?;
    let output = args.output.display().to_string();
    let to_stdout = args.output.as_os_str() == output::STANDARD;
    check_apart(args)?;
    let unwritable = |error| BadInput::new(format!("{output}: cannot be written: {error}"));
    // Half a trace would look like a whole one, and what it replaces may be wanted still.
    let pending = PendingFile::new(&args.output);
    let writer = geoheap_trace::create(pending.path()).map_err(unwritable)?;
    let summary = match copy(&mut reader, writer) {
        Ok(summary) => summary,
        // Whoever reads it has seen enough.
        Err(CopyError::Write(error)) if to_stdout && error.kind() == io::ErrorKind::BrokenPipe => {
            return Ok(Outcome::Fine);
        }
        Err(CopyError::Write(error)) => return Err(unwritable(error)),
        Err(CopyError::Read(error)) => return Err(BadInput::new(error)),
    };
    pending.keep().map_err(unwritable)?;
    if to_stdout {
        return Ok(Outcome::Fine);
    }
    let converted = Converted {
        schema: "geoheap-convert/1",
        input: args.input.display().to_string(),
        from: reader.format().name(),
        output,
        summary,
    };
    if args.json {
        heap_file::say_json(&converted)?;
    } else {
        output::write(None, &format!("{}: {summary}\n", converted.output))?;
    }
    Ok(Outcome::Fine)
}

/// Refuses to write over what is to be read.
pub(super) fn check_apart(args: &Args) -> Result<(), BadInput> {
    let [input, output] = [&args.input, &args.output].map(|path| path.canonicalize().ok());
    if input.is_some() && input == output {
        return Err(BadInput::new(format!(
            "{}: expected another file than the one that is read",
            args.output.display()
        )));
    }
    Ok(())
}

enum CopyError {
    Read(TraceError),
    Write(io::Error),
}

impl std::convert::From<TraceError> for CopyError {
    fn from(error: TraceError) -> Self {
        Self::Read(error)
    }
}

impl std::convert::From<io::Error> for CopyError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

fn copy(reader: &mut Reader<Input>, mut writer: Writer<Output>) -> Result<Summary, CopyError> {
    let mut summary = Summary::default();
    let mut progress = Progress::new("converting", reader.input().bytes_total());
    while let Some(event) = reader.next_event()? {
        writer.write(&event)?;
        summary.note(&event);
        summary.live(reader.state().live_bytes());
        progress.step(|| (reader.input().bytes_read(), String::new()));
    }
    writer.finish()?;
    Ok(summary)
}
