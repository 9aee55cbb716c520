//! What lies over the picture: long-lived 2D geometry and text, and the stand-in patch.
//!
//! The 2D meshes use [`Vertex`] with x to the right and y down in pixels from their own top-left
//! corner, z 0, and normals towards the viewer (+z). Draw them without face culling, with alpha
//! blending and an orthographic projection.

mod font;

use super::mesh::{MeshBuilder, MeshData, Vertex};
use font::{COLUMNS, ROWS, glyph};
use glam::{Vec2, Vec3};

const PLATE: [u8; 4] = [18, 24, 32, 150];
const LINE: [u8; 4] = [226, 232, 238, 255];
const FAINT: [u8; 4] = [226, 232, 238, 120];
const NORTH: [u8; 4] = [226, 82, 66, 255];

/// The looks of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextStyle {
    /// The top-left corner of the first letter, in pixels.
    pub origin: Vec2,
    /// The height of a capital letter, in pixels.
    pub height_px: f32,
    /// The colour, not premultiplied.
    pub colour: [u8; 4],
}

impl Default for TextStyle {
    fn default() -> Self {
        Self {
            origin: Vec2::ZERO,
            height_px: 14.0,
            colour: LINE,
        }
    }
}

/// A dot's side for letters of a height.
#[expect(clippy::cast_precision_loss, reason = "seven rows")]
fn dot_px(height_px: f32) -> f32 {
    height_px / ROWS as f32
}

/// Letters advance by their dots and one; lines by their dots and three.
#[expect(clippy::cast_precision_loss, reason = "a few dots")]
fn advance_px(height_px: f32) -> Vec2 {
    Vec2::new((COLUMNS + 1) as f32, (ROWS + 3) as f32) * dot_px(height_px)
}

/// A text as triangles: quads of a built-in font. `\n` begins a line; what the font does not have
/// shows as an empty box. An empty text gives an empty mesh.
pub fn text(content: &str, style: &TextStyle) -> MeshData {
    let mut builder = MeshBuilder::new();
    append_text(&mut builder, content, style);
    builder.finish()
}

/// The width in pixels and the height in pixels that [`text`] takes.
#[expect(clippy::cast_precision_loss, reason = "texts are short")]
pub fn text_size(content: &str, height_px: f32) -> Vec2 {
    let widest = content
        .lines()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0);
    if widest == 0 {
        return Vec2::ZERO;
    }
    let (dot, advance) = (dot_px(height_px), advance_px(height_px));
    let lines = content.lines().count() as f32;
    Vec2::new(
        widest as f32 * advance.x - dot,
        lines * advance.y - 3.0 * dot,
    )
}

fn append_text(builder: &mut MeshBuilder, content: &str, style: &TextStyle) {
    let advance = advance_px(style.height_px);
    for (row, line) in content.lines().enumerate() {
        for (column, letter) in line.chars().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "texts are short")]
            let at = style.origin + advance * Vec2::new(column as f32, row as f32);
            append_letter(builder, letter, at, style);
        }
    }
}

/// One quad for each run of dots in a row.
fn append_letter(builder: &mut MeshBuilder, letter: char, at: Vec2, style: &TextStyle) {
    let dot = dot_px(style.height_px);
    for (row, bits) in glyph(letter).into_iter().enumerate() {
        let is_set = |column: usize| column < COLUMNS && bits & (16 >> column) != 0;
        let mut column = 0;
        while column < COLUMNS {
            let end = (column..=COLUMNS).find(|&c| !is_set(c)).unwrap_or(COLUMNS);
            if end > column {
                #[expect(clippy::cast_precision_loss, reason = "a few dots")]
                let [left, top, right] = [column, row, end].map(|d| d as f32 * dot);
                let min = at + Vec2::new(left, top);
                rectangle(builder, min, at + Vec2::new(right, top + dot), style.colour);
            }
            column = end.max(column + 1);
        }
    }
}

/// A polygon of three or four corners, flat towards the viewer.
fn polygon<const N: usize>(builder: &mut MeshBuilder, corners: [Vec2; N], colour: [u8; 4]) {
    const { assert!(N == 3 || N == 4, "triangles and quads") };
    let index = corners.map(|c| builder.vertex(Vertex::new(c.extend(0.0), Vec3::Z, colour)));
    for i in 2..N {
        builder.triangle(index[0], index[i - 1], index[i]);
    }
}

fn rectangle(builder: &mut MeshBuilder, min: Vec2, max: Vec2, colour: [u8; 4]) {
    let corners = [min, Vec2::new(max.x, min.y), max, Vec2::new(min.x, max.y)];
    polygon(builder, corners, colour);
}

/// The four sides of a rectangle, `width_px` thick, inside of it.
fn outline(builder: &mut MeshBuilder, max: Vec2, width_px: f32, colour: [u8; 4]) {
    let Vec2 { x, y } = max;
    rectangle(builder, Vec2::ZERO, Vec2::new(x, width_px), colour);
    rectangle(builder, Vec2::new(0.0, y - width_px), max, colour);
    rectangle(
        builder,
        Vec2::new(0.0, width_px),
        Vec2::new(width_px, y - width_px),
        colour,
    );
    rectangle(
        builder,
        Vec2::new(x - width_px, width_px),
        Vec2::new(x, y - width_px),
        colour,
    );
}

/// A compass rose of `size_px` a side; its north points up. Turn it by minus the camera's yaw about
/// its middle.
pub fn compass_rose(size_px: f32) -> MeshData {
    const RING_PARTS: u8 = 48;
    let mut builder = MeshBuilder::new();
    let middle = Vec2::splat(size_px * 0.5);
    let at = |turn: f32, radius: f32| {
        let (sin, cos) = (turn * std::f32::consts::TAU).sin_cos();
        middle + Vec2::new(sin, -cos) * radius * size_px * 0.5
    };
    for part in 0..RING_PARTS {
        let (a, b) = (f32::from(part) / 48.0, f32::from(part + 1) / 48.0);
        polygon(&mut builder, [middle, at(a, 0.76), at(b, 0.76)], PLATE);
        let ring = [at(a, 0.76), at(b, 0.76), at(b, 0.80), at(a, 0.80)];
        polygon(&mut builder, ring, LINE);
    }
    // Eight two-coloured points, the main four longer; only north is red.
    for point in [1u8, 3, 5, 7, 0, 2, 4, 6] {
        let turn = f32::from(point) / 8.0;
        let (long, wide) = if point % 2 == 0 {
            (0.74, 0.16)
        } else {
            (0.46, 0.12)
        };
        let light = if point == 0 { NORTH } else { LINE };
        polygon(
            &mut builder,
            [middle, at(turn, long), at(turn + 0.0625, wide)],
            light,
        );
        let dark = [light[0] / 2, light[1] / 2, light[2] / 2, light[3]];
        polygon(
            &mut builder,
            [middle, at(turn - 0.0625, wide), at(turn, long)],
            dark,
        );
    }
    let height_px = size_px * 0.085;
    for (name, turn) in [("N", 0.0), ("E", 0.25), ("S", 0.5), ("W", 0.75)] {
        let origin = at(turn, 0.9) - text_size(name, height_px) * 0.5;
        let colour = if name == "N" { NORTH } else { LINE };
        append_text(
            &mut builder,
            name,
            &TextStyle {
                origin,
                height_px,
                colour,
            },
        );
    }
    builder.finish()
}

/// The frame and tick marks of a bar that shows a filled part of a budget.
pub fn budget_bar_frame(width_px: f32, height_px: f32) -> MeshData {
    let mut builder = MeshBuilder::new();
    let size = Vec2::new(width_px, height_px);
    rectangle(&mut builder, Vec2::ZERO, size, PLATE);
    outline(&mut builder, size, 2.0, LINE);
    for quarter in [0.25, 0.5, 0.75] {
        let x = (width_px * quarter).round();
        let top = Vec2::new(x, height_px - 6.0);
        rectangle(&mut builder, top, Vec2::new(x + 1.0, height_px), LINE);
    }
    builder.finish()
}

/// The filled part of such a bar; `filled` is 0 to 1, its colour goes from green to red.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 to 200"
)]
pub fn budget_bar_fill(width_px: f32, height_px: f32, filled: f32) -> MeshData {
    let filled = if filled.is_finite() {
        filled.clamp(0.0, 1.0)
    } else {
        0.0
    };
    let mut builder = MeshBuilder::new();
    let heat = (filled * 2.0 - 1.0).max(0.0);
    let colour = [
        60 + (heat * 170.0) as u8,
        190 - (heat * 120.0) as u8,
        90,
        230,
    ];
    let (min, inner) = (
        Vec2::splat(3.0),
        Vec2::new(width_px, height_px) - Vec2::splat(6.0),
    );
    rectangle(
        &mut builder,
        min,
        min + inner.max(Vec2::ZERO) * Vec2::new(filled, 1.0),
        colour,
    );
    builder.finish()
}

/// A ladder of altitude marks from 0 to `top_m`, with a number at every fifth.
pub fn altitude_ladder(width_px: f32, height_px: f32, top_m: f32) -> MeshData {
    const STEPS: u8 = 20;
    let mut builder = MeshBuilder::new();
    rectangle(
        &mut builder,
        Vec2::ZERO,
        Vec2::new(width_px, height_px),
        PLATE,
    );
    let letter_px = (height_px / 40.0).clamp(7.0, 14.0);
    for step in 0..=STEPS {
        let part = f32::from(step) / f32::from(STEPS);
        let y = ((height_px - letter_px) * (1.0 - part) + letter_px * 0.5).round();
        let main = step % 5 == 0;
        let (length, colour) = if main { (0.35, LINE) } else { (0.2, FAINT) };
        let end = Vec2::new(width_px * length, y + 1.0);
        rectangle(&mut builder, Vec2::new(0.0, y), end, colour);
        if main {
            let origin = Vec2::new(width_px * 0.42, y - letter_px * 0.5);
            let style = TextStyle {
                origin,
                height_px: letter_px,
                colour,
            };
            append_text(&mut builder, &format!("{:.0}", top_m * part), &style);
        }
    }
    builder.finish()
}

/// The label of the demo: `geoheap` in letters of `height_px`.
pub fn title(height_px: f32) -> MeshData {
    let mut builder = MeshBuilder::new();
    for (offset, colour) in [(dot_px(height_px) * 0.5, [0, 0, 0, 160]), (0.0, LINE)] {
        let style = TextStyle {
            origin: Vec2::splat(offset),
            height_px,
            colour,
        };
        append_text(&mut builder, "geoheap", &style);
    }
    builder.finish()
}

/// A flat, faintly chequered patch of 1 x 1 metres at height 0 with its corner at the origin, to be
/// scaled over a tile that is not there yet.
pub fn fallback_patch() -> MeshData {
    const SQUARES: u8 = 16;
    let mut builder = MeshBuilder::new();
    let at = |x: u8, z: u8| Vec3::new(f32::from(x), 0.0, f32::from(z)) / f32::from(SQUARES);
    for z in 0..SQUARES {
        for x in 0..SQUARES {
            let light = if (x + z) % 2 == 0 { 150 } else { 138 };
            let corners = [at(x, z), at(x, z + 1), at(x + 1, z + 1), at(x + 1, z)];
            builder.flat_quad(corners, [light, light, light - 10, 255]);
        }
    }
    builder.finish()
}

#[cfg(test)]
mod tests;
