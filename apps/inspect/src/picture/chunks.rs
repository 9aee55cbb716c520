//! The chunks of a heap, drawn.

use std::collections::BTreeMap;

use geoheap_heap_dump::{BlockDump, ChunkDump, ChunkStateDump, HeapDump, RangeDump};

use crate::heap_file::human;
use crate::picture::bar::{STRENGTHS, Scale, Span, spans};
use crate::picture::coloring::{Coloring, Paint, Piece};
use crate::picture::grid::{
    Grid, Line, NOTE_PITCH_MIN, Placed, Room, count, lines, name_size, place, right,
};
use crate::picture::scene::{Anchor, Item, LETTER, MARGIN, Rect, Scene, Text, cut_to, percent};
use crate::picture::tips::{tip_of_chunk, tip_of_range};

/// Blocks with a tip of their own; a picture with more has tips for chunks only.
const TIPS_MAX: usize = 6000;
/// The shortest block with a tip.
const TIP_WIDTH_MIN: f64 = 3.0;
/// The shortest block with an edge.
const CUT_WIDTH_MIN: f64 = 4.0;
/// The lowest bar with names in its blocks.
const NAME_HEIGHT_MIN: f64 = 13.0;

/// A name that is cut shorter than this says nothing.
const NAME_CUT_MIN: usize = 6;

/// The chunks of a heap.
pub(super) struct Body<'a> {
    pub(super) dump: &'a HeapDump,
    pub(super) coloring: &'a Coloring<'a>,
    /// By chunk.
    pub(super) pieces: &'a [Vec<Piece>],
}

/// What is gathered over all bars, so that each paint is one item.
#[derive(Default)]
struct Layers {
    free: Vec<Rect>,
    /// By row of the legend and strength.
    areas: BTreeMap<(usize, u8), Vec<Rect>>,
    cuts: Vec<(f64, f64, f64)>,
    pins: Vec<Rect>,
    /// Shares of chunks that are live, and what they are shares of.
    uses: Vec<Rect>,
    use_ground: Vec<Rect>,
    /// Chunks on their way out or in.
    marks: Vec<Rect>,
    texts: Vec<Text>,
    tips: Vec<(Rect, String)>,
    chunk_tips: Vec<(Rect, String)>,
}

impl Body<'_> {
    /// Draws the chunks below `y` and sets the scene's height.
    pub(super) fn draw(&self, scene: &mut Scene, y: f64) {
        let (lines, bar_bytes) = lines(self.dump);
        let last = self.dump.chunks.last().map_or(0, |chunk| chunk.id);
        let room = Room {
            x: MARGIN,
            y: y + 18.0,
            width: scene.width - 2.0 * MARGIN,
            name_chars: last.to_string().len() + 1,
        };
        let grid = place(lines, bar_bytes, room);
        if self.dump.chunks.is_empty() {
            let color = scene.palette.muted;
            scene.text((MARGIN, y + 18.0), 13.0, color, "no chunks");
        }
        for x in &grid.columns {
            let ends = [
                (*x, "0".to_owned(), Anchor::Start),
                (x + grid.bar_width, human(bar_bytes), Anchor::End),
            ];
            let used = (x + grid.bar_width + 9.0, "used".to_owned(), Anchor::Start);
            for (x, text, anchor) in ends.into_iter().chain([used]) {
                scene.anchored((x, room.y - 5.0), 10.0, scene.palette.muted, &text, anchor);
            }
        }
        let mut layers = Layers::default();
        for placed in &grid.placed {
            match &placed.line {
                Line::Heading(name) => self.heading(&mut layers, scene, placed, &grid, name),
                Line::Bar { chunk, window } => {
                    self.bar(&mut layers, scene, placed, &grid, *chunk, *window);
                }
            }
        }
        layers.into_items(scene, self.coloring);
        scene.height = (grid.bottom + MARGIN).ceil();
    }

    fn heading(
        &self,
        layers: &mut Layers,
        scene: &Scene,
        placed: &Placed,
        grid: &Grid,
        name: &str,
    ) {
        let chunks = self.dump.chunks.iter().filter(|chunk| match name {
            "dedicated" => chunk.dedicated,
            _ => !chunk.dedicated && chunk.lifetime.name() == name,
        });
        let (number, bytes) = chunks.fold((0, 0_u64), |(number, bytes), chunk| {
            (number + 1, bytes.saturating_add(chunk.capacity))
        });
        let plural = if number == 1 { "" } else { "s" };
        let room = grid.left + grid.bar_width + right(grid.pitch);
        let forms = [
            format!("{name}: {number} chunk{plural}, {}", human(bytes)),
            format!("{name}: {number} chunk{plural}"),
            format!("{name}: {number}"),
        ];
        let fits = |form: &&String| count(form.len()) * 12.0 * LETTER <= room;
        let content = forms.iter().find(fits).unwrap_or(&forms[2]);
        layers.texts.push(Text {
            x: placed.x,
            y: placed.y + (24.0 / grid.pitch).ceil() * grid.pitch - 8.0,
            size: 12.0,
            is_bold: true,
            anchor: Anchor::Start,
            color: scene.palette.text,
            content: cut_to(content, room, 12.0),
        });
    }

    fn bar(
        &self,
        layers: &mut Layers,
        scene: &Scene,
        placed: &Placed,
        grid: &Grid,
        index: usize,
        window: (u64, u64),
    ) {
        let chunk = &self.dump.chunks[index];
        let scale = Scale {
            bytes: grid.bar_bytes,
            width: grid.bar_width,
        };
        let x = placed.x + grid.left;
        let bar = Rect {
            x,
            y: placed.y,
            width: scale.pixels(window.1 - window.0).max(1.0),
            height: grid.bar_height,
        };
        layers.free.push(bar);
        let found = spans(&self.pieces[index], window, scale);
        for span in &found {
            let areas = layers.areas.entry((span.row, span.strength)).or_default();
            areas.push(Rect {
                x: x + span.from,
                width: (span.to - span.from).max(0.5),
                ..bar
            });
        }
        names(layers, scene, placed, grid, (chunk, window));
        if chunk.state != ChunkStateDump::Open {
            layers.marks.push(Rect {
                x: x - 4.0,
                width: 3.0,
                ..bar
            });
        }
        layers.chunk_tips.push((bar, tip_of_chunk(chunk)));
        for range in ranges_in(chunk, window) {
            let from = scale.pixels(range.offset.max(window.0) - window.0);
            let to = scale.pixels(range.end().min(window.1) - window.0);
            let area = Rect {
                x: x + from,
                width: to - from,
                ..bar
            };
            let block = self.coloring.block(range);
            if block.is_some_and(|block| block.pins > 0) {
                layers.pin(area);
            }
            if area.width < TIP_WIDTH_MIN {
                continue;
            }
            // With more than so many none is shown.
            if layers.tips.len() <= TIPS_MAX {
                layers.tips.push((area, tip_of_range(range, block)));
            }
            if area.width >= CUT_WIDTH_MIN {
                layers.cuts.push((area.x, bar.y, bar.height));
                layers.cuts.push((area.x + area.width, bar.y, bar.height));
            }
            if let Some(block) = block {
                self.label(layers, area, &found, block);
            }
        }
    }

    /// A block's name, in the longest of its areas that has one paint.
    fn label(&self, layers: &mut Layers, area: Rect, found: &[Span], block: &BlockDump) {
        if area.height < NAME_HEIGHT_MIN {
            return;
        }
        let size = 10.0;
        let bar = layers.free.last().map_or(0.0, |bar| bar.x);
        let inside = found.iter().filter_map(|span| {
            let from = (bar + span.from).max(area.x);
            let to = (bar + span.to).min(area.x + area.width);
            (span.strength == STRENGTHS && to > from).then_some((from, to, span.row))
        });
        let longest = inside.max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)));
        let Some((from, to, row)) = longest else {
            return;
        };
        let Paint::Solid(ground) = self.coloring.rows[row].paint else {
            return;
        };
        let name = block.label.as_deref().unwrap_or(&block.handle);
        let content = cut_to(name, to - from - 8.0, size);
        if content != name && content.len() < NAME_CUT_MIN {
            return;
        }
        layers.texts.push(Text {
            x: f64::midpoint(from, to),
            y: area.y + area.height / 2.0 + 3.6,
            size,
            is_bold: false,
            anchor: Anchor::Middle,
            color: ground.ink(),
            content,
        });
    }
}

/// What stands on the left and right of a bar.
fn names(
    layers: &mut Layers,
    scene: &Scene,
    placed: &Placed,
    grid: &Grid,
    (chunk, window): (&ChunkDump, (u64, u64)),
) {
    let is_first = window.0 == 0;
    let palette = &scene.palette;
    let size = name_size(grid.pitch);
    let y = placed.y + grid.bar_height / 2.0 + size * 0.36;
    let name_end = placed.x + grid.left - 8.0;
    let text = |x, y, size, anchor, color, content| Text {
        x,
        y,
        size,
        is_bold: false,
        anchor,
        color,
        content,
    };
    let step = (13.0 / grid.pitch).ceil();
    if count(placed.nth) % step == 0.0 && is_first {
        let name = format!("#{}", chunk.id);
        let text = text(name_end, y, size, Anchor::End, palette.muted, name);
        layers.texts.push(text);
    }
    if !is_first {
        return;
    }
    if grid.pitch < NOTE_PITCH_MIN {
        let full = Rect {
            x: placed.x + grid.left + grid.bar_width + 5.0,
            y: placed.y,
            width: right(grid.pitch) - 8.0,
            height: grid.bar_height,
        };
        let scale = Scale {
            bytes: chunk.capacity,
            width: full.width,
        };
        layers.use_ground.push(full);
        layers.uses.push(Rect {
            width: scale.pixels(chunk.live),
            ..full
        });
        return;
    }
    let (note, color) = match chunk.state {
        ChunkStateDump::Open if chunk.dedicated => (human(chunk.capacity), palette.muted),
        ChunkStateDump::Open => (percent(chunk.live, chunk.capacity), palette.muted),
        ChunkStateDump::Opening => ("opening".to_owned(), palette.alarm),
        ChunkStateDump::Draining => ("draining".to_owned(), palette.alarm),
        ChunkStateDump::Closing => ("closing".to_owned(), palette.alarm),
    };
    let x = placed.x + grid.left + grid.bar_width + 6.0;
    layers
        .texts
        .push(text(x, y, 10.0, Anchor::Start, color, note));
}

/// The ranges that have bytes in the window.
fn ranges_in(chunk: &ChunkDump, window: (u64, u64)) -> impl Iterator<Item = &RangeDump> {
    let first = chunk
        .ranges
        .partition_point(|range| range.end() <= window.0);
    let rest = chunk.ranges[first..].iter();
    rest.take_while(move |range| range.offset < window.1)
}

impl Layers {
    /// Marks a pinned block. Marks that would lie on one another are one.
    fn pin(&mut self, area: Rect) {
        let height = (area.height * 0.22).clamp(1.5, 4.0);
        let mark = Rect {
            width: area.width.max(1.5),
            height,
            ..area
        };
        match self.pins.last_mut() {
            Some(last) if (last.y - mark.y).abs() < 0.01 && mark.x < last.x + last.width + 0.01 => {
                last.width = (mark.x + mark.width - last.x).max(last.width);
            }
            _ => self.pins.push(mark),
        }
    }

    fn into_items(self, scene: &mut Scene, coloring: &Coloring<'_>) {
        let palette = scene.palette;
        let solid = |color, rects| Item::Areas(Paint::Solid(color), STRENGTHS, rects);
        let frames = self.free.clone();
        scene.items.push(solid(palette.free, self.free));
        for ((row, strength), rects) in self.areas {
            let paint = coloring.rows[row].paint;
            scene.items.push(Item::Areas(paint, strength, rects));
        }
        scene.items.push(Item::Cuts(palette.ground, self.cuts));
        scene.items.push(Item::Frames(palette.edge, frames));
        scene.items.push(solid(palette.pin, self.pins));
        scene.items.push(solid(palette.alarm, self.marks));
        scene.items.push(solid(palette.free, self.use_ground));
        scene.items.push(solid(palette.muted, self.uses));
        scene.items.extend(self.texts.into_iter().map(Item::Text));
        let tips = if self.tips.len() <= TIPS_MAX {
            self.chunk_tips.into_iter().chain(self.tips).collect()
        } else {
            self.chunk_tips
        };
        let tips = tips.into_iter().map(|(rect, tip)| Item::Tip(rect, tip));
        scene.items.extend(tips);
    }
}
