//! What is said about an area that is pointed at.

use std::fmt::Write as _;

use geoheap_heap_dump::{BlockDump, ChunkDump, RangeDump, RangeStateDump};

use crate::heap_file::human;
use crate::picture::scene::percent;

pub(super) fn tip_of_chunk(chunk: &ChunkDump) -> String {
    format!(
        "chunk {}: {} {}, {} live, {} reserved, {} retired, {} free (longest {}), fragmentation \
         {:.2}",
        chunk.id,
        human(chunk.capacity),
        chunk.lifetime.name(),
        percent(chunk.live, chunk.capacity),
        human(chunk.reserved),
        human(chunk.retired),
        human(chunk.free),
        human(chunk.largest_free),
        chunk.fragmentation,
    )
}

pub(super) fn tip_of_range(range: &RangeDump, block: Option<&BlockDump>) -> String {
    let place = format!("{} at {}", human(range.size), range.offset);
    let Some(block) = block else {
        let of = range
            .handle
            .as_deref()
            .map_or(String::new(), |handle| format!(" for {handle}"));
        let state = match range.state {
            RangeStateDump::Reserved => "reserved",
            _ => "retired",
        };
        return format!("{state}{of}: {place}");
    };
    let mut tip = block.handle.clone();
    if let Some(label) = &block.label {
        tip.push(' ');
        tip.push_str(label);
    }
    let _ = write!(
        tip,
        ": {place}, {}, priority {}",
        block.lifetime.name(),
        block.priority
    );
    let _ = match block.frame_last_used {
        Some(frame) => write!(tip, ", used in frame {frame}"),
        None => write!(tip, ", never used"),
    };
    if block.pins > 0 {
        let _ = write!(tip, ", pinned {} times", block.pins);
    }
    for part in &block.parts {
        let _ = write!(
            tip,
            "\n{} {}: {} at {}",
            part.id,
            part.kind,
            human(part.size),
            part.offset
        );
    }
    tip
}
