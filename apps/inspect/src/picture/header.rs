//! What stands above the chunks: title, figures, the budget as a bar, the legend.

use geoheap_heap_dump::{ChunkStateDump, Figures, HeapDump};

use crate::heap_file::human;
use crate::picture::bar::{STRENGTHS, Scale};
use crate::picture::coloring::{Paint, Row};
use crate::picture::grid::count;
use crate::picture::palette::Rgb;
use crate::picture::scene::{Anchor, Item, LETTER, MARGIN, Rect, Scene, Text, cut_to, percent};

/// Height of the budget's bar.
const BUDGET_HEIGHT: f64 = 16.0;
/// Side of a legend's square.
const SQUARE: f64 = 12.0;
/// Size of the legend's letters.
const LEGEND_SIZE: f64 = 12.0;
/// The narrowest figure.
const TILE_MIN: f64 = 118.0;

/// Draws it and gives its lower end.
pub(super) fn draw(scene: &mut Scene, dump: &HeapDump, title: &str, rows: &[Row]) -> f64 {
    let figures = dump.figures();
    let width = scene.width - 2.0 * MARGIN;
    let when = format!(
        "frame {}, tick {}, version {}",
        dump.frame, dump.tick, dump.version
    );
    let when_width = count(when.len() + 2) * 12.0 * LETTER;
    scene.items.push(Item::Text(Text {
        x: MARGIN,
        y: MARGIN + 14.0,
        size: 18.0,
        is_bold: true,
        anchor: Anchor::Start,
        color: scene.palette.text,
        content: cut_to(title, width - when_width, 18.0),
    }));
    let at = (scene.width - MARGIN, MARGIN + 14.0);
    scene.anchored(at, 12.0, scene.palette.muted, &when, Anchor::End);
    let y = tiles(scene, &figures, MARGIN + 34.0);
    let y = budget(scene, &figures, y);
    legend(scene, dump, &figures, rows, y)
}

/// The figures, each with its name above it.
fn tiles(scene: &mut Scene, figures: &Figures, mut y: f64) -> f64 {
    let used = |bytes| percent(bytes, figures.capacity_bytes);
    let tiles = [
        (
            "held",
            human(figures.held_bytes),
            percent(figures.held_bytes, figures.budget_bytes) + " of budget",
        ),
        (
            "live",
            human(figures.live_bytes),
            used(figures.live_bytes) + " of chunks",
        ),
        ("free", human(figures.free_bytes), used(figures.free_bytes)),
        (
            "retired",
            human(figures.retired_bytes),
            used(figures.retired_bytes),
        ),
        (
            "reserved",
            human(figures.reserved_bytes),
            used(figures.reserved_bytes),
        ),
        (
            "chunks",
            figures.chunks.to_string(),
            human(figures.capacity_bytes),
        ),
        (
            "blocks",
            figures.blocks.to_string(),
            format!("{} pinned", figures.pinned_blocks),
        ),
        (
            "fragmentation",
            format!("{:.2}", figures.fragmentation),
            format!("longest free {}", human(figures.largest_free_bytes)),
        ),
    ];
    let width = scene.width - 2.0 * MARGIN;
    let columns = (width / TILE_MIN).floor().clamp(1.0, count(tiles.len()));
    let rows = (count(tiles.len()) / columns).ceil();
    let columns = (count(tiles.len()) / rows).ceil();
    let step = width / columns;
    let (text, muted) = (scene.palette.text, scene.palette.muted);
    let mut x = MARGIN;
    for (name, value, note) in tiles {
        if x + step > MARGIN + width + 0.5 {
            (x, y) = (MARGIN, y + 56.0);
        }
        scene.text((x, y + 11.0), 11.0, muted, name);
        scene.items.push(Item::Text(Text {
            x,
            y: y + 29.0,
            size: 16.0,
            is_bold: true,
            anchor: Anchor::Start,
            color: text,
            content: value,
        }));
        scene.text((x, y + 43.0), 10.0, muted, &cut_to(&note, step - 6.0, 10.0));
        x += step;
    }
    y + 58.0
}

/// What is held, by what it is for, as a part of the budget.
fn budget(scene: &mut Scene, figures: &Figures, y: f64) -> f64 {
    let palette = scene.palette;
    let width = scene.width - 2.0 * MARGIN;
    // Of a budget that is out of all proportion only the number is shown.
    let is_scale = figures.budget_bytes / 8 <= figures.held_bytes;
    let budget = figures.budget_bytes;
    let whole = if is_scale { budget } else { 0 }.max(figures.held_bytes);
    if whole == 0 {
        return y;
    }
    let scale = Scale {
        bytes: whole,
        width,
    };
    let bar = |x, width| Rect {
        x,
        y,
        width,
        height: BUDGET_HEIGHT,
    };
    let hatch = |lines, falls| Paint::Hatch { lines, falls };
    let chunks_and_staging = figures.capacity_bytes.saturating_add(figures.staging_bytes);
    let other = figures.held_bytes.saturating_sub(chunks_and_staging);
    let shares = [
        (Paint::Solid(palette.muted), figures.live_bytes),
        (hatch(palette.reserved, false), figures.reserved_bytes),
        (hatch(palette.retired, true), figures.retired_bytes),
        (Paint::Solid(palette.free), figures.free_bytes),
        (Paint::Solid(palette.edge), figures.staging_bytes),
        (Paint::Solid(palette.spare), other),
    ];
    let mut x = MARGIN;
    for (paint, bytes) in shares {
        let length = scale.pixels(bytes).min(MARGIN + width - x);
        if length > 0.0 {
            scene
                .items
                .push(Item::Areas(paint, STRENGTHS, vec![bar(x, length)]));
            x += length;
        }
    }
    scene
        .items
        .push(Item::Frames(palette.edge, vec![bar(MARGIN, width)]));
    let over = figures.held_bytes > figures.budget_bytes && figures.budget_bytes > 0;
    if over {
        let at = MARGIN + scale.pixels(figures.budget_bytes);
        let mark = Rect {
            y: y - 3.0,
            height: BUDGET_HEIGHT + 6.0,
            ..bar(at - 1.0, 2.0)
        };
        let paint = Paint::Solid(palette.alarm);
        scene.items.push(Item::Areas(paint, STRENGTHS, vec![mark]));
    }
    let base = y + BUDGET_HEIGHT + 13.0;
    let order = "held: live, reserved, retired, free, staging, other";
    scene.text((MARGIN, base), 10.0, palette.muted, order);
    let (color, end) = match (budget, over) {
        (0, _) => (palette.muted, "no budget".to_owned()),
        (_, true) => (
            palette.alarm,
            format!("over the budget of {}", human(budget)),
        ),
        (_, false) if !is_scale => (palette.muted, format!("of a budget of {}", human(budget))),
        (_, false) => (palette.muted, format!("budget {}", human(budget))),
    };
    scene.anchored((MARGIN + width, base), 10.0, color, &end, Anchor::End);
    y + BUDGET_HEIGHT + 26.0
}

/// The legend: what is painted how and how many bytes there are of it.
fn legend(scene: &mut Scene, dump: &HeapDump, figures: &Figures, rows: &[Row], y: f64) -> f64 {
    let palette = scene.palette;
    // What a reader looks for first stands first: the classes, then what all pictures have.
    let (always, classes) = rows.split_at(rows.len().min(3));
    let shown = classes.iter().chain(always).filter(|row| row.bytes > 0);
    let mut entries: Vec<(Paint, String)> = shown
        .map(|row| (row.paint, format!("{} {}", row.name, human(row.bytes))))
        .collect();
    if figures.free_bytes > 0 {
        let text = format!("free {}", human(figures.free_bytes));
        entries.push((Paint::Solid(palette.free), text));
    }
    let mut place = Place {
        x: MARGIN,
        y,
        right: scene.width - MARGIN,
    };
    for (paint, text) in entries {
        let at = place.next(&text);
        let square = Rect {
            x: at.0,
            y: at.1,
            width: SQUARE,
            height: SQUARE,
        };
        if !matches!(paint, Paint::Solid(_)) {
            let ground = Paint::Solid(palette.free);
            scene
                .items
                .push(Item::Areas(ground, STRENGTHS, vec![square]));
        }
        scene
            .items
            .push(Item::Areas(paint, STRENGTHS, vec![square]));
        scene.items.push(Item::Frames(palette.edge, vec![square]));
        place.name(scene, at, &text);
    }
    marks(scene, dump, figures, &mut place);
    let y = away(scene, figures, &mut place);
    y + 30.0
}

/// The marks of pins and of chunks on their way in or out, where there are any.
fn marks(scene: &mut Scene, dump: &HeapDump, figures: &Figures, place: &mut Place) {
    let palette = scene.palette;
    if figures.pinned_blocks > 0 {
        let text = "pinned";
        let at = place.next(text);
        let bar = |y, height| Rect {
            x: at.0,
            y,
            width: SQUARE,
            height,
        };
        let solid = |color: Rgb, rect| Item::Areas(Paint::Solid(color), STRENGTHS, vec![rect]);
        scene.items.push(solid(palette.spare, bar(at.1, SQUARE)));
        scene.items.push(solid(palette.pin, bar(at.1, 3.0)));
        place.name(scene, at, text);
    }
    if dump
        .chunks
        .iter()
        .any(|chunk| chunk.state != ChunkStateDump::Open)
    {
        let text = "chunk opening, draining or closing";
        let at = place.next(text);
        let mark = Rect {
            x: at.0 + 4.0,
            y: at.1,
            width: 3.0,
            height: SQUARE,
        };
        let paint = Paint::Solid(palette.alarm);
        scene.items.push(Item::Areas(paint, STRENGTHS, vec![mark]));
        place.name(scene, at, text);
    }
}

/// Blocks that are in no chunk.
fn away(scene: &mut Scene, figures: &Figures, place: &mut Place) -> f64 {
    let groups = figures.by_state.iter();
    let away = groups.filter(|group| group.name != "resident");
    let texts: Vec<String> = away
        .map(|group| format!("{} {} ({})", group.count, group.name, human(group.bytes)))
        .collect();
    if !texts.is_empty() {
        let text = format!("not in chunks: {}", texts.join(", "));
        let at = place.next(&text);
        let muted = scene.palette.muted;
        scene.text((at.0, at.1 + 10.5), LEGEND_SIZE, muted, &text);
    }
    place.y
}

/// Where the next entry of the legend goes.
struct Place {
    x: f64,
    y: f64,
    right: f64,
}

impl Place {
    fn next(&mut self, text: &str) -> (f64, f64) {
        let width = SQUARE + 6.0 + count(text.chars().count()) * LEGEND_SIZE * LETTER + 20.0;
        if self.x + width - 20.0 > self.right && self.x > MARGIN {
            (self.x, self.y) = (MARGIN, self.y + 20.0);
        }
        let at = (self.x, self.y);
        self.x += width;
        at
    }

    fn name(&self, scene: &mut Scene, at: (f64, f64), text: &str) {
        let color = scene.palette.text;
        let room = self.right - at.0 - SQUARE - 6.0;
        let text = cut_to(text, room, LEGEND_SIZE);
        scene.text(
            (at.0 + SQUARE + 6.0, at.1 + 10.5),
            LEGEND_SIZE,
            color,
            &text,
        );
    }
}
