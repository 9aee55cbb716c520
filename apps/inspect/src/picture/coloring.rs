//! What is painted how: from blocks and ranges to pieces with a row of the legend each.

use std::collections::BTreeMap;

use geoheap_heap_dump::{BlockDump, ChunkDump, HeapDump, LifetimeDump, RangeDump, RangeStateDump};

use crate::block_index::BlockIndex;
use crate::picture::palette::{Palette, Rgb};

/// What the colour of a block says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// What its parts are made of
    #[default]
    Kind,
    /// Frames since it was last used
    Age,
    /// Still, pinned, or about to be replaced
    State,
    /// Dynamic or long-lived
    Lifetime,
}

/// How an area is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// With one colour.
    Solid(Rgb),
    /// With lines over the ground of free room; rising to the right, or falling.
    Hatch {
        /// The lines.
        lines: Rgb,
        /// Their direction.
        falls: bool,
    },
}

/// One row of the legend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What is painted so.
    pub name: String,
    /// How.
    pub paint: Paint,
    /// Bytes in chunks that are.
    pub bytes: u64,
}

/// Bytes `from..to` of a chunk, painted as row `row` of the legend says; not at all for free room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The first byte.
    pub from: u64,
    /// The first byte behind it.
    pub to: u64,
    /// The row.
    pub row: Option<usize>,
}

const RESERVED: usize = 0;
const RETIRED: usize = 1;
const SPARE: usize = 2;
/// The first row whose meaning depends on [`By`].
const FIRST: usize = 3;

/// Kinds with a colour of their own, always the same one; others take what is left by name.
const KINDS: [&str; 4] = ["vertex", "index", "uniform", "storage"];
/// Upper ends of the bins of ages, in frames.
const AGES: [(u64, &str); 4] = [
    (0, "this frame"),
    (9, "up to 9 frames"),
    (99, "up to 99"),
    (999, "up to 999"),
];

/// The legend, and what decides which row of it a block has.
#[derive(Debug)]
pub struct Coloring<'a> {
    by: By,
    frame: u64,
    /// Rows, of which those without bytes are not shown.
    pub rows: Vec<Row>,
    /// Rows of kinds.
    kinds: BTreeMap<&'a str, usize>,
    blocks: BlockIndex<'a>,
}

impl<'a> Coloring<'a> {
    /// The legend for a heap, its bytes not yet counted.
    pub fn new(dump: &'a HeapDump, by: By, palette: &Palette) -> Self {
        let solid = |name: &str, color| row(name, Paint::Solid(color));
        let hatch = |name, lines, falls| row(name, Paint::Hatch { lines, falls });
        let mut rows = vec![
            hatch("reserved", palette.reserved, false),
            hatch("retired", palette.retired, true),
            solid("spare room of a block", palette.spare),
        ];
        let mut kinds = BTreeMap::new();
        match by {
            By::Kind => {
                let parts = dump.blocks.iter().flat_map(|block| &block.parts);
                for part in parts {
                    kinds.insert(part.kind.as_str(), 0);
                }
                name_kinds(&mut kinds, &mut rows, palette);
            }
            By::Age => {
                let names = AGES.iter().map(|(_, name)| *name).chain(["older"]);
                let ages = names.zip(palette.ages);
                rows.extend(ages.map(|(name, color)| solid(name, color)));
                rows.push(solid("never used", palette.never));
            }
            By::State => {
                for (name, class) in [("resident", 0), ("pinned", 1), ("being replaced", 2)] {
                    rows.push(solid(name, palette.classes[class]));
                }
            }
            By::Lifetime => {
                rows.push(solid("dynamic", palette.classes[0]));
                rows.push(solid("long-lived", palette.classes[1]));
            }
        }
        Self {
            by,
            frame: dump.frame,
            rows,
            kinds,
            blocks: BlockIndex::new(dump),
        }
    }

    /// The block of a live range.
    pub fn block(&self, range: &RangeDump) -> Option<&'a BlockDump> {
        if range.state != RangeStateDump::Live {
            return None;
        }
        self.blocks.get(range.handle.as_deref()?)
    }

    /// The pieces of a chunk from its start to its end, counted into the legend.
    pub fn pieces(&mut self, chunk: &ChunkDump) -> Vec<Piece> {
        let mut pieces = Pieces::default();
        for range in &chunk.ranges {
            pieces.free_until(range.offset);
            match (range.state, self.block(range)) {
                (RangeStateDump::Live, Some(block)) => self.live(&mut pieces, range, block),
                (RangeStateDump::Reserved, _) => pieces.paint(range.end(), RESERVED),
                _ => pieces.paint(range.end(), RETIRED),
            }
        }
        pieces.free_until(chunk.capacity);
        for piece in &pieces.all {
            if let Some(row) = piece.row {
                self.rows[row].bytes += piece.to - piece.from;
            }
        }
        pieces.all
    }

    fn live(&self, pieces: &mut Pieces, range: &RangeDump, block: &BlockDump) {
        if self.by == By::Kind && !block.parts.is_empty() {
            for part in &block.parts {
                pieces.paint(range.offset + part.offset, SPARE);
                let row = self.kinds.get(part.kind.as_str()).copied();
                pieces.paint(range.offset + part.end(), row.unwrap_or(SPARE));
            }
            pieces.paint(range.end(), SPARE);
        } else {
            pieces.paint(range.end(), self.row_of(block));
        }
    }

    fn row_of(&self, block: &BlockDump) -> usize {
        let nth = match self.by {
            By::Kind => return SPARE,
            By::Age => match block.age_frames(self.frame) {
                Some(age) => AGES.iter().take_while(|(end, _)| age > *end).count(),
                None => AGES.len() + 1,
            },
            By::State if block.pins > 0 => 1,
            By::State if self.blocks.is_busy(block) => 2,
            By::State => 0,
            By::Lifetime => usize::from(block.lifetime == LifetimeDump::LongLived),
        };
        FIRST + nth
    }
}

fn row(name: &str, paint: Paint) -> Row {
    Row {
        name: name.to_owned(),
        paint,
        bytes: 0,
    }
}

/// Gives each kind a row; the last colour is for all that are too many.
fn name_kinds(kinds: &mut BTreeMap<&str, usize>, rows: &mut Vec<Row>, palette: &Palette) {
    let colors = palette.classes.iter();
    for (name, color) in KINDS.iter().zip(colors) {
        if let Some(place) = kinds.get_mut(name) {
            *place = rows.len();
            rows.push(row(name, Paint::Solid(*color)));
        }
    }
    let mut others: Vec<(&str, &mut usize)> = kinds
        .iter_mut()
        .map(|(name, place)| (*name, place))
        .filter(|(name, _)| !KINDS.contains(name))
        .collect();
    let colors = &palette.classes[KINDS.len()..];
    let are_many = others.len() > colors.len();
    for (nth, (name, place)) in others.iter_mut().enumerate() {
        let last = colors.len() - 1;
        if nth <= last {
            let name = if are_many && nth == last {
                "other"
            } else {
                *name
            };
            rows.push(row(name, Paint::Solid(colors[nth])));
        }
        **place = rows.len() - 1;
    }
}

/// Pieces without gaps.
#[derive(Debug, Default)]
struct Pieces {
    all: Vec<Piece>,
    end: u64,
}

impl Pieces {
    fn free_until(&mut self, to: u64) {
        self.push(to, None);
    }

    fn paint(&mut self, to: u64, row: usize) {
        self.push(to, Some(row));
    }

    fn push(&mut self, to: u64, row: Option<usize>) {
        if to > self.end {
            self.all.push(Piece {
                from: self.end,
                to,
                row,
            });
            self.end = to;
        }
    }
}
