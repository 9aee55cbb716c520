//! Heaps in other forms.

use std::io;

use geoheap_heap_dump::HeapDump;
use serde::Serialize;

use super::traces::check_apart;
use super::{Args, To};
use crate::outcome::{BadInput, Outcome};
use crate::pending_file::PendingFile;
use crate::{heap_convert, heap_file, output};

/// What `--json` tells.
#[derive(Debug, Serialize)]
struct Converted {
    schema: &'static str,
    input: String,
    from: &'static str,
    output: String,
    chunks: usize,
    blocks: usize,
}

/// Reads the heap, and writes it in the form that is asked for.
pub(super) fn convert(args: &Args) -> Result<Outcome, BadInput> {
    let dump = heap_file::read_heap(&args.input)?;
    check_apart(args)?;
    match args.to {
        Some(To::Trace) => write_trace(&dump, args)?,
        Some(To::Vma) => write(args, &geoheap_heap_dump::vma::to_json(&dump))?,
        Some(To::Heap) | None => write(args, &dump.to_json())?,
    }
    if args.output.as_os_str() == output::STANDARD {
        return Ok(Outcome::Fine);
    }
    let converted = Converted {
        schema: "geoheap-convert/1",
        input: args.input.display().to_string(),
        from: "heap",
        output: args.output.display().to_string(),
        chunks: dump.chunks.len(),
        blocks: dump.blocks.len(),
    };
    if args.json {
        heap_file::say_json(&converted)?;
    } else {
        let Converted { chunks, blocks, .. } = converted;
        let output = converted.output;
        heap_file::say(&format!("{output}: {chunks} chunks, {blocks} blocks"))?;
    }
    Ok(Outcome::Fine)
}

fn write(args: &Args, text: &str) -> Result<(), BadInput> {
    output::write(Some(&args.output), text)
}

fn write_trace(dump: &HeapDump, args: &Args) -> Result<(), BadInput> {
    let input = heap_file::name(&args.input);
    let events = heap_convert::events(dump)
        .map_err(|unfit| BadInput::new(format_args!("{input}: {unfit}")))?;
    let pending = PendingFile::new(&args.output);
    let written = || -> io::Result<()> {
        let mut writer = geoheap_trace::create(pending.path())?;
        for event in events {
            writer.write(&event)?;
        }
        writer.finish()?;
        pending.keep()
    };
    let to_stdout = args.output.as_os_str() == output::STANDARD;
    match written() {
        // A reader who has seen enough is no error.
        Err(error) if !(to_stdout && error.kind() == io::ErrorKind::BrokenPipe) => {
            let output = args.output.display();
            Err(BadInput::new(format!(
                "{output}: cannot be written: {error}"
            )))
        }
        _ => Ok(()),
    }
}
