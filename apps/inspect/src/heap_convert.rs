//! A heap as the trace of a program that builds such a heap.

use std::path::Path;
use std::{fmt, io};

use geoheap_heap_dump::{BlockDump, HeapDump, LifetimeDump, PartDump, SourceDump};
use geoheap_trace::{
    Add, BlockId, Event, Input, Kind, LifetimeName, Part, Problem, Reader, SourceName, State,
    Writer, shortened_label,
};

use crate::heap_file;
use crate::outcome::BadInput;

/// Opens a trace, or a heap as [`events`] have it: one of ours or a dump of AMD's allocators, in a
/// file.
///
/// # Errors
/// [`BadInput`] with the file, and the position of what is wrong.
pub fn open(path: &Path) -> Result<Reader<Input>, BadInput> {
    if !heap_file::is_json(path) {
        return geoheap_trace::open(path).map_err(BadInput::new);
    }
    let dump = heap_file::read_heap(path)?;
    let file = heap_file::name(path);
    let events = events(&dump).map_err(|unfit| BadInput::new(format_args!("{file}: {unfit}")))?;
    let written = || -> io::Result<Input> {
        let mut writer = Writer::new(Vec::new())?;
        for event in events {
            writer.write(&event)?;
        }
        Input::from_bytes(writer.into_inner()?)
    };
    let because =
        |error| BadInput::new(format_args!("{file}: no trace can be made of it: {error}"));
    let input = written().map_err(because)?;
    Reader::new(input, file).map_err(BadInput::new)
}

/// Why no trace can build a heap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// The block's handle.
    pub handle: String,
    /// What no trace can say of it.
    pub problem: Problem,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { handle, problem } = self;
        write!(f, "no trace can be made of it: block {handle}: {problem}")
    }
}

impl std::error::Error for Unfit {}

/// Bytes that are added in a frame, so that uploads keep pace.
const FRAME_BYTES: u64 = 4 << 20;
/// Ticks at the end, for what is still on its way.
const LAST_TICKS: u32 = 16;

/// Owners and pins that a block is given at most: a dump may claim any number of them.
const TIMES_MAX: u64 = 256;

/// A trace that adds the blocks of a heap, by chunk and offset and then those that are in none,
/// some MiB a frame, with the owners and pins they have (up to 256 each). Blocks have the slots of
/// their handles as numbers. A kind that traces have no word for is `storage`, with its alignment,
/// and so are indices of an odd length. Labels are cut to what a trace takes.
///
/// # Errors
/// [`Unfit`] for a block that a trace cannot have, such as one of more than
/// [`BLOCK_BYTES_MAX`](geoheap_trace::BLOCK_BYTES_MAX).
pub fn events(dump: &HeapDump) -> Result<Vec<Event<'_>>, Unfit> {
    let mut blocks: Vec<(BlockId, &BlockDump)> = dump
        .blocks
        .iter()
        .map(|block| (number(block), block))
        .collect();
    blocks.sort_by_key(|(id, block)| (block.chunk.is_none(), block.chunk, block.offset, *id));
    let mut events = Vec::new();
    let mut bytes = 0_u64;
    // What it takes, the reader takes as well.
    let mut state = State::new();
    for (id, block) in blocks {
        let from = events.len();
        events.push(Event::Add(add(id, block)));
        events.extend((1..block.owners.min(TIMES_MAX)).map(|_| Event::Share(id)));
        events.extend((0..block.pins.min(TIMES_MAX)).map(|_| Event::Pin(id)));
        let applied = events[from..]
            .iter()
            .try_for_each(|event| state.apply(event));
        applied.map_err(|problem| Unfit {
            handle: block.handle.clone(),
            problem,
        })?;
        bytes = bytes.saturating_add(block.size);
        if bytes >= FRAME_BYTES {
            events.push(Event::Frame { lag: None });
            bytes = 0;
        }
    }
    events.push(Event::Frame { lag: None });
    events.push(Event::Tick { count: LAST_TICKS });
    events.push(Event::Frame { lag: None });
    Ok(events)
}

fn number(block: &BlockDump) -> BlockId {
    let handle: Result<geoheap_heap_dump::HandleName, _> = block.handle.parse();
    BlockId(handle.map_or(0, |handle| u64::from(handle.slot)))
}

fn add(id: BlockId, block: &BlockDump) -> Add<'_> {
    let whole = [PartDump {
        id: String::new(),
        offset: 0,
        size: block.size,
        kind: "vertex".to_owned(),
        alignment: block.alignment,
    }];
    let parts = match block.parts.as_slice() {
        [] => &whole,
        parts => parts,
    };
    let bytes: u64 = parts.iter().map(|part| part.size).sum();
    Add {
        id,
        parts: parts.iter().map(part).collect(),
        spare: block.size.saturating_sub(bytes),
        lifetime: match block.lifetime {
            LifetimeDump::Dynamic => LifetimeName::Dynamic,
            LifetimeDump::LongLived => LifetimeName::Long,
        },
        priority: Some(block.priority),
        source: match block.source {
            SourceDump::Retained => SourceName::Retained,
            SourceDump::Reload => SourceName::Reload,
            SourceDump::ReadBack => SourceName::ReadBack,
            SourceDump::None => SourceName::None,
        },
        label: block.label.as_deref().map(shortened_label),
    }
}

fn part(part: &PartDump) -> Part {
    let kind = match part.kind.as_str() {
        "vertex" => Kind::Vertex,
        "index" if part.size.is_multiple_of(2) => Kind::Index,
        "uniform" => Kind::Uniform,
        _ => Kind::Storage,
    };
    Part {
        bytes: part.size,
        kind,
        align: u32::try_from(part.alignment).unwrap_or(1),
        stride: 0,
    }
}

#[cfg(test)]
mod tests;
