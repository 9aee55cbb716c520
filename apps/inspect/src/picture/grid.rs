//! Where rows go: how low they are, and in how many columns they stand.

use geoheap_heap_dump::{ChunkDump, HeapDump, LifetimeDump};

use crate::picture::scene::LETTER;

/// Heights of rows that are tried, the most readable first.
const PITCHES: [f64; 8] = [30.0, 24.0, 18.0, 14.0, 11.0, 8.0, 6.0, 5.0];
/// Heights of all rows together that are tried, in widths of the picture.
const BODIES: [f64; 2] = [0.75, 1.5];
/// Bars are not made shorter than this for higher rows.
const BAR_MIN: f64 = 130.0;
/// Bars are not made shorter than this at all; the picture gets higher.
const BAR_LEAST: f64 = 80.0;
/// Room between columns.
const COLUMN_GAP: f64 = 14.0;
/// A heading's height.
const HEADING: f64 = 24.0;
/// Rows of at least this pitch have their chunk's use or state as a word, others as a bar.
pub(super) const NOTE_PITCH_MIN: f64 = 14.0;
/// A chunk goes on in the next row at most so often.
const ROWS_PER_CHUNK_MAX: u64 = 16;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Line {
    /// The name of what follows.
    Heading(String),
    /// Bytes of a chunk.
    Bar {
        /// Index of the chunk.
        chunk: usize,
        /// The bytes.
        window: (u64, u64),
    },
}

/// A row with its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) line: Line,
    /// Left end of its column.
    pub(super) x: f64,
    /// Upper end.
    pub(super) y: f64,
    /// Its number in its column, from 0.
    pub(super) nth: usize,
}

/// All rows with their places.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grid {
    pub(super) placed: Vec<Placed>,
    /// From one row to the next.
    pub(super) pitch: f64,
    /// Height of a bar.
    pub(super) bar_height: f64,
    /// Room on the left of each bar, for its name.
    pub(super) left: f64,
    /// Pixels of a full bar.
    pub(super) bar_width: f64,
    /// Bytes of a full bar.
    pub(super) bar_bytes: u64,
    /// Left ends of the columns' bars.
    pub(super) columns: Vec<f64>,
    /// Lower end of it all.
    pub(super) bottom: f64,
}

/// The rows of a heap: shared chunks of dynamic blocks, then of long-lived ones, then dedicated
/// ones, each group by id. Gives the bytes of a full bar, too.
pub(super) fn lines(dump: &HeapDump) -> (Vec<Line>, u64) {
    let group = |chunk: &ChunkDump| match (chunk.dedicated, chunk.lifetime) {
        (false, LifetimeDump::Dynamic) => 0,
        (false, LifetimeDump::LongLived) => 1,
        (true, _) => 2,
    };
    let longest = |is_it: fn(&&ChunkDump) -> bool| {
        let chunks = dump.chunks.iter().filter(is_it);
        chunks.map(|chunk| chunk.capacity).max().unwrap_or(0)
    };
    let shared = longest(|chunk| !chunk.dedicated);
    let bar_bytes = shared
        .max(longest(|_| true).div_ceil(ROWS_PER_CHUNK_MAX))
        .max(1);
    let names = ["dynamic", "long-lived", "dedicated"];
    let mut lines = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let chunks = dump.chunks.iter().enumerate();
        let mut chunks = chunks
            .filter(|(_, chunk)| group(chunk) == number)
            .peekable();
        if chunks.peek().is_some() {
            lines.push(Line::Heading((*name).to_owned()));
        }
        for (index, chunk) in chunks {
            let starts =
                (0..chunk.capacity).step_by(usize::try_from(bar_bytes).unwrap_or(usize::MAX));
            lines.extend(starts.map(|start| Line::Bar {
                chunk: index,
                window: (start, chunk.capacity.min(start.saturating_add(bar_bytes))),
            }));
        }
    }
    (lines, bar_bytes)
}

/// What decides how long bars can be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Left end of all columns.
    pub(super) x: f64,
    /// Upper end.
    pub(super) y: f64,
    /// Pixels for all columns.
    pub(super) width: f64,
    /// Characters of the longest name.
    pub(super) name_chars: usize,
}

/// Gives all rows a place.
pub(super) fn place(lines: Vec<Line>, bar_bytes: u64, room: Room) -> Grid {
    let headings = lines
        .iter()
        .filter(|line| matches!(line, Line::Heading(_)))
        .count();
    let heights = |pitch: f64| {
        let rows = count(lines.len() - headings) * pitch;
        rows + count(headings) * slots(pitch) * pitch
    };
    let left = |pitch| 12.0 + name_size(pitch) * LETTER * count(room.name_chars);
    let fit = |pitch: f64, columns: f64| {
        let column = (room.width + COLUMN_GAP) / columns - COLUMN_GAP;
        column - left(pitch) - right(pitch)
    };
    let tries = BODIES
        .iter()
        .flat_map(|body| PITCHES.map(|pitch| (body * room.width, pitch)));
    let fitting = tries
        .map(|(body, pitch)| (pitch, (heights(pitch) / body).ceil().max(1.0)))
        .find(|(pitch, columns)| *columns <= 1.0 || fit(*pitch, *columns) >= BAR_MIN);
    let (pitch, columns) = fitting.unwrap_or_else(|| {
        let pitch = PITCHES[PITCHES.len() - 1];
        let column = BAR_LEAST + left(pitch) + right(pitch) + COLUMN_GAP;
        let columns = (room.width + COLUMN_GAP) / column;
        (pitch, columns.floor().max(1.0))
    });
    let bar_width = fit(pitch, columns);
    let step = (room.width + COLUMN_GAP) / columns;
    let column_height = (heights(pitch) / columns / pitch).ceil() * pitch;
    let mut grid = Grid {
        placed: Vec::with_capacity(lines.len()),
        pitch,
        bar_height: pitch - (pitch * 0.22).clamp(1.0, 6.0),
        left: left(pitch),
        bar_width,
        bar_bytes,
        columns: Vec::new(),
        bottom: room.y,
    };
    grid.flow(lines, room, step, column_height);
    grid
}

/// Room on the right of a bar, for its state or use.
pub(super) fn right(pitch: f64) -> f64 {
    if pitch >= NOTE_PITCH_MIN { 58.0 } else { 34.0 }
}

/// Size of the letters of chunks' names.
pub(super) fn name_size(pitch: f64) -> f64 {
    if pitch >= NOTE_PITCH_MIN { 11.0 } else { 9.0 }
}

/// Rows that a heading takes.
fn slots(pitch: f64) -> f64 {
    (HEADING / pitch).ceil()
}

impl Grid {
    fn flow(&mut self, lines: Vec<Line>, room: Room, step: f64, column_height: f64) {
        let (mut x, mut y, mut nth) = (room.x, room.y, 0);
        for line in lines {
            let is_heading = matches!(line, Line::Heading(_));
            let height = if is_heading {
                slots(self.pitch) * self.pitch
            } else {
                self.pitch
            };
            // A heading does not stand alone at the end of a column.
            let needed = height + if is_heading { self.pitch } else { 0.0 };
            if self.columns.is_empty() {
                self.columns.push(x + self.left);
            } else if y + needed > room.y + column_height + self.pitch * 0.5 && nth > 0 {
                (x, y, nth) = (x + step, room.y, 0);
                self.columns.push(x + self.left);
            }
            self.placed.push(Placed { line, x, y, nth });
            y += height;
            nth = if is_heading { 0 } else { nth + 1 };
            self.bottom = self.bottom.max(y);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of rows or letters")]
pub(super) fn count(of: usize) -> f64 {
    of as f64
}
