//! What is known of a block or of a place in a chunk, in words.

use egui::{Grid, RichText, Ui};
use geoheap_heap_dump::{
    BlockDump, ChunkDump, ChunkStateDump, PartDump, RangeStateDump, SourceDump,
};

use crate::figures;
use crate::heap::{Heap, Segment};

/// Parts that are named singly.
const PARTS_MAX: usize = 6;

/// A title and lines of a name and a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Details {
    pub(crate) title: String,
    pub(crate) lines: Vec<(&'static str, String)>,
}

impl Details {
    fn line(&mut self, name: &'static str, value: impl Into<String>) {
        self.lines.push((name, value.into()));
    }
}

/// A block, wherever its bytes are. `frame` is that of the dump.
pub(crate) fn of_block(block: &BlockDump, frame: u64) -> Details {
    let mut details = Details {
        title: block.label.clone().unwrap_or_else(|| block.handle.clone()),
        lines: Vec::new(),
    };
    details.line("handle", block.handle.as_str());
    details.line("state", block.state.name());
    if let (Some(chunk), Some(offset)) = (block.chunk, block.offset) {
        let size = figures::bytes(block.size);
        details.line("place", format!("{size} at {offset} in chunk {chunk}"));
    } else {
        details.line("size", figures::bytes(block.size));
    }
    details.line("parts", parts(&block.parts));
    if block.largest_hole > 0 {
        details.line("largest hole", figures::bytes(block.largest_hole));
    }
    details.line("lifetime", block.lifetime.name());
    details.line("priority", block.priority.to_string());
    details.line("owners, pins", format!("{}, {}", block.owners, block.pins));
    details.line("source", source(block.source));
    let written = match block.version_written {
        0 => String::new(),
        version => format!(", in version {version}"),
    };
    details.line("revision", format!("{}{written}", block.revision));
    details.line("last used", last_used(block.frame_last_used, frame));
    details
}

/// What lies at an offset of a chunk: a block, a retired range, or nothing.
pub(crate) fn of_segment(
    heap: &Heap,
    chunk: &ChunkDump,
    segment: Option<Segment>,
    offset: u64,
) -> Details {
    let Some(segment) = segment else {
        return of_free(chunk, offset);
    };
    let length = figures::bytes(segment.end - segment.start);
    let place = format!("{length} at {} in chunk {}", segment.start, chunk.id);
    let Some(block) = heap.block_of(&segment) else {
        let title = match segment.state {
            RangeStateDump::Retired => "retired",
            RangeStateDump::Reserved => "being filled",
            RangeStateDump::Live => "live",
        };
        let mut details = Details {
            title: title.to_owned(),
            lines: Vec::new(),
        };
        details.line("place", place);
        return details;
    };
    let mut details = of_block(block, heap.dump().frame);
    match segment.state {
        RangeStateDump::Live => {}
        RangeStateDump::Reserved => details.line("this range", format!("being filled: {place}")),
        RangeStateDump::Retired => details.line("this range", format!("retired: {place}")),
    }
    details
}

fn of_free(chunk: &ChunkDump, offset: u64) -> Details {
    let mut details = Details {
        title: format!("free, chunk {}", chunk.id),
        lines: Vec::new(),
    };
    let capacity = figures::bytes(chunk.capacity);
    details.line("at", format!("{} of {capacity}", figures::bytes(offset)));
    let largest = figures::bytes(chunk.largest_free);
    details.line(
        "free",
        format!("{}, longest {largest}", figures::bytes(chunk.free)),
    );
    details.line(
        "fragmentation",
        format!("{:.0} %", chunk.fragmentation * 100.0),
    );
    details.line("live", figures::bytes(chunk.live));
    details.line("retired", figures::bytes(chunk.retired));
    let dedicated = if chunk.dedicated {
        ", for one block"
    } else {
        ""
    };
    let state = chunk_state(chunk.state);
    let kind = format!("{state}, {}{dedicated}", chunk.lifetime.name());
    details.line("chunk", kind);
    details
}

fn parts(parts: &[PartDump]) -> String {
    let named = |part: &PartDump| format!("{} {}", part.kind, figures::bytes(part.size));
    let mut text: Vec<String> = parts.iter().take(PARTS_MAX).map(named).collect();
    if parts.len() > PARTS_MAX {
        text.push(format!("{} more", parts.len() - PARTS_MAX));
    }
    if text.is_empty() {
        "none".to_owned()
    } else {
        text.join(", ")
    }
}

fn last_used(used: Option<u64>, frame: u64) -> String {
    match used {
        None => "never".to_owned(),
        Some(used) if used >= frame => format!("frame {used}, now"),
        Some(used) => format!("frame {used}, {} ago", figures::count(frame - used)),
    }
}

const fn source(source: SourceDump) -> &'static str {
    match source {
        SourceDump::Retained => "retained",
        SourceDump::Reload => "reload",
        SourceDump::ReadBack => "read back",
        SourceDump::None => "none",
    }
}

/// The name of a chunk's state.
const fn chunk_state(state: ChunkStateDump) -> &'static str {
    match state {
        ChunkStateDump::Opening => "opening",
        ChunkStateDump::Open => "open",
        ChunkStateDump::Draining => "draining",
        ChunkStateDump::Closing => "closing",
    }
}

/// Shows details.
pub(crate) fn show(ui: &mut Ui, details: &Details) {
    ui.label(RichText::new(&details.title).strong());
    Grid::new(ui.scope_id().with("details"))
        .num_columns(2)
        .spacing([12.0, 2.0])
        .show(ui, |ui| {
            for (name, value) in &details.lines {
                ui.weak(*name);
                ui.label(value);
                ui.end_row();
            }
        });
}

#[cfg(test)]
mod tests;
