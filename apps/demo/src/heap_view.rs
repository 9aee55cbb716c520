//! The heap as a picture: every chunk a row, its blocks coloured by kind and state.
//!
//! From one chunk to several hundred: the rows' height follows their number, and what is narrower
//! than a pixel still gets one.

use std::sync::Arc;

use geoheap::{ChunkMap, ChunkState, HeapMap, Lifetime, RangeState, Report};
use glam::Vec2;

use crate::cli::MIB;
use crate::content::mesh::MeshData;
use crate::content::ui;
use crate::draw_list::Kind;
use crate::picture::Picture;

const WIDTH_PX: u32 = 1200;
const MARGIN_PX: u32 = 16;
const LABEL_PX: u32 = 168;
const HEADER_PX: u32 = 92;
const ROWS_PX: u32 = 620;
const ROW_MIN_PX: u32 = 3;
const ROW_MAX_PX: u32 = 26;
/// Rows at least this high have their own label; below it only every so-manieth.
const ROW_LABEL_PX: u32 = 12;
const TEXT_PX: f32 = 8.0;
const TITLE_PX: f32 = 13.0;

const PAPER: [u8; 4] = [24, 27, 33, 255];
const FREE: [u8; 4] = [46, 51, 60, 255];
const FREE_LONG_LIVED: [u8; 4] = [44, 48, 72, 255];
const INK: [u8; 4] = [226, 230, 236, 255];
const INK_FAINT: [u8; 4] = [150, 158, 170, 255];
const RETIRED: [u8; 4] = [196, 62, 66, 255];
const RETIRED_DARK: [u8; 4] = [104, 36, 42, 255];
const UNKNOWN: [u8; 4] = [160, 160, 160, 255];

/// What the picture says besides the map.
#[derive(Clone, Debug)]
pub struct Caption {
    /// The frame at which the heap looked so.
    pub frame: u64,
    /// The engine's figures of the same moment.
    pub report: Report,
}

/// The kind of a block, by the label that the world gave it.
pub fn kind_of(label: Option<&Arc<str>>) -> Option<Kind> {
    let name = label?.split(':').next()?;
    Kind::ALL.into_iter().find(|kind| kind.name() == name)
}

/// A chunk as the picture shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The chunk's number.
    pub id: usize,
    /// A word on what is special about it, or nothing.
    pub mark: &'static str,
    /// Whether its blocks are long-lived.
    pub long_lived: bool,
    /// Bytes of its buffer.
    pub capacity: u64,
    /// What lies in it, in the order of addresses; the rest is free.
    pub cells: Vec<Cell>,
}

/// A range of a chunk as the picture shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Bytes from the chunk's start.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
    /// What the block is, if it still has a label.
    pub kind: Option<Kind>,
    /// Being filled, live, or retired.
    pub state: RangeState,
}

impl Row {
    /// A chunk of the engine's map.
    pub fn of(chunk: &ChunkMap) -> Self {
        let mark = match (chunk.lifetime, chunk.dedicated, chunk.state) {
            (_, _, ChunkState::Draining) => "drain",
            (_, _, ChunkState::Opening) => "open",
            (_, _, ChunkState::Closing) => "close",
            (_, true, _) => "one",
            (Lifetime::LongLived, ..) => "long",
            _ => "",
        };
        let cells = chunk
            .ranges
            .iter()
            .map(|range| Cell {
                offset: range.offset.get(),
                len: range.len.get(),
                kind: kind_of(range.label.as_ref()),
                state: range.state,
            })
            .collect();
        Self {
            id: chunk.id.index(),
            mark,
            long_lived: chunk.lifetime == Lifetime::LongLived,
            capacity: chunk.capacity.get(),
            cells,
        }
    }
}

fn colour_of(kind: Option<Kind>) -> [u8; 4] {
    match kind {
        Some(Kind::Ground) => [196, 160, 98, 255],
        Some(Kind::Grove) => [86, 168, 92, 255],
        Some(Kind::Model) => [224, 126, 62, 255],
        Some(Kind::Interface) => [92, 156, 232, 255],
        Some(Kind::StandIn) => [186, 124, 214, 255],
        None => UNKNOWN,
    }
}

/// Draws a heap.
pub fn draw(map: &HeapMap, caption: &Caption) -> Picture {
    let rows: Vec<Row> = map.chunks.iter().map(Row::of).collect();
    draw_rows(&rows, caption)
}

/// Draws chunks.
pub fn draw_rows(rows: &[Row], caption: &Caption) -> Picture {
    let count = u32::try_from(rows.len()).unwrap_or(u32::MAX).max(1);
    let pitch = (ROWS_PX / count).clamp(ROW_MIN_PX, ROW_MAX_PX);
    let height = HEADER_PX + pitch.saturating_mul(count) + MARGIN_PX;
    let mut picture = Picture::new(WIDTH_PX, height, PAPER);
    header(&mut picture, rows.len(), caption);
    let widest = rows
        .iter()
        .map(|row| row.capacity)
        .max()
        .unwrap_or(1)
        .max(1);
    let every = ROW_LABEL_PX.div_ceil(pitch);
    for (index, row) in (0..).zip(rows) {
        let top = HEADER_PX + index * pitch;
        let frame = RowFrame {
            top,
            height: pitch - u32::from(pitch > 4) - u32::from(pitch > 12),
        };
        if index % every == 0 {
            label(&mut picture, row, &frame);
        }
        bar(&mut picture, row, &frame, widest);
    }
    picture
}

struct RowFrame {
    top: u32,
    height: u32,
}

fn header(picture: &mut Picture, chunks: usize, caption: &Caption) {
    let report = &caption.report;
    let mib = |bytes: u64| {
        #[expect(
            clippy::cast_precision_loss,
            reason = "shown with one digit after the point"
        )]
        let mib = bytes as f64 / MIB as f64;
        format!("{mib:.1}")
    };
    let title = format!("GPU heap at frame {}", caption.frame);
    write(picture, MARGIN_PX, 12, TITLE_PX, INK, &title);
    let held = format!(
        "{} of {} MiB held in {} chunks; {} MiB live, {} retired, {} staging; world {} MiB",
        mib(report.held_bytes),
        mib(report.budget_bytes),
        chunks,
        mib(report.live_bytes),
        mib(report.retired_bytes),
        mib(report.staging_bytes),
        mib(report.world_bytes)
    );
    write(picture, MARGIN_PX, 34, TEXT_PX, INK, &held);
    let worked = format!(
        "{} evictions, {} stream-ins, {} moves ({} MiB), {} chunks returned, {} MiB uploaded",
        report.evictions,
        report.stream_ins,
        report.moves,
        mib(report.moved_bytes),
        report.chunks_returned,
        mib(report.upload_bytes)
    );
    write(picture, MARGIN_PX, 49, TEXT_PX, INK_FAINT, &worked);
    legend(picture);
}

fn legend(picture: &mut Picture) {
    let mut x = MARGIN_PX;
    let y = 68;
    let mut entry = |picture: &mut Picture, paint: &dyn Fn(&mut Picture, u32), name: &str| {
        paint(picture, x);
        write(picture, x + 20, y + 2, TEXT_PX, INK, name);
        x += 34 + text_width(name);
    };
    for kind in Kind::ALL {
        let colour = colour_of(Some(kind));
        entry(picture, &|p, x| p.fill(x, y, 14, 12, colour), kind.name());
    }
    let ground = colour_of(Some(Kind::Ground));
    entry(
        picture,
        &|p, x| hatch(p, [x, y, 14, 12], ground, FREE),
        "filling",
    );
    entry(
        picture,
        &|p, x| hatch(p, [x, y, 14, 12], RETIRED, RETIRED_DARK),
        "retired",
    );
    entry(picture, &|p, x| p.fill(x, y, 14, 12, FREE), "free");
    entry(
        picture,
        &|p, x| p.fill(x, y, 14, 12, FREE_LONG_LIVED),
        "free, long-lived",
    );
}

fn label(picture: &mut Picture, row: &Row, frame: &RowFrame) {
    let live: u64 = row
        .cells
        .iter()
        .filter(|cell| cell.state == RangeState::Live)
        .map(|cell| cell.len)
        .sum();
    let percent = (live * 100).checked_div(row.capacity).unwrap_or(0);
    let y = frame.top + frame.height.saturating_sub(8) / 2;
    let columns = [
        (0, row.id.to_string()),
        (44, row.mark.to_owned()),
        (104, format!("{percent}%")),
    ];
    for (x, text) in columns {
        write(picture, MARGIN_PX + x, y, TEXT_PX, INK_FAINT, &text);
    }
}

fn bar(picture: &mut Picture, row: &Row, frame: &RowFrame, widest: u64) {
    let left = MARGIN_PX + LABEL_PX;
    let room = u64::from(WIDTH_PX - left - MARGIN_PX);
    // A short chunk still shows as 4 pixels.
    let width = (row.capacity * room / widest).clamp(4, room);
    let free = if row.long_lived {
        FREE_LONG_LIVED
    } else {
        FREE
    };
    let narrow = |px: u64| u32::try_from(px).unwrap_or(WIDTH_PX);
    picture.fill(left, frame.top, narrow(width), frame.height, free);
    let at = |bytes: u64| narrow(bytes.min(row.capacity) * width / row.capacity.max(1));
    for cell in &row.cells {
        let start = at(cell.offset);
        let end = at(cell.offset + cell.len).max(start + 1);
        block(
            picture,
            cell,
            [left + start, frame.top, end - start, frame.height],
            free,
        );
    }
}

fn block(picture: &mut Picture, cell: &Cell, area: [u32; 4], free: [u8; 4]) {
    let [x, y, width, height] = area;
    let colour = colour_of(cell.kind);
    match cell.state {
        RangeState::Live => picture.fill(x, y, width, height, colour),
        RangeState::Reserved => hatch(picture, area, colour, free),
        RangeState::Retired => hatch(picture, area, RETIRED, RETIRED_DARK),
    }
    if width >= 4 {
        // A darker edge tells neighbours of one kind apart.
        let edge = picture
            .get(x, y)
            .unwrap_or(PAPER)
            .map(|part| part / 2 + part / 8);
        picture.fill(x, y, 1, height, [edge[0], edge[1], edge[2], 255]);
    }
}

fn hatch(picture: &mut Picture, area: [u32; 4], one: [u8; 4], other: [u8; 4]) {
    let [x, y, width, height] = area;
    for row in y..y + height {
        for column in x..x + width {
            let colour = if (column + row) % 6 < 3 { one } else { other };
            picture.fill(column, row, 1, 1, colour);
        }
    }
}

/// Writes with the interface's letters: they are made of upright rectangles, two triangles each.
fn write(picture: &mut Picture, x: u32, y: u32, height_px: f32, colour: [u8; 4], content: &str) {
    let style = ui::TextStyle {
        origin: Vec2::ZERO,
        height_px,
        colour,
    };
    let mesh: MeshData = ui::text(content, &style);
    let indices: Vec<u32> = mesh.indices.iter().collect();
    let position = |index: u32| mesh.vertices[index as usize].position;
    for quad in indices.chunks(6) {
        let low = |axis: usize| {
            quad.iter()
                .map(|&index| position(index)[axis])
                .fold(f32::INFINITY, f32::min)
        };
        let high = |axis: usize| {
            quad.iter()
                .map(|&index| position(index)[axis])
                .fold(0.0_f32, f32::max)
        };
        let (left, right) = (pixel(low(0)), pixel(high(0)));
        let (top, bottom) = (pixel(low(1)), pixel(high(1)));
        picture.fill(
            x + left,
            y + top,
            (right - left).max(1),
            (bottom - top).max(1),
            colour,
        );
    }
}

fn text_width(content: &str) -> u32 {
    pixel(ui::text_size(content, TEXT_PX).x)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float becomes the nearest number that fits"
)]
fn pixel(at: f32) -> u32 {
    at.round().max(0.0) as u32
}

#[cfg(test)]
mod tests;
