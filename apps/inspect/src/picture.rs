//! A heap as a picture: one scene, which becomes SVG text or PNG pixels.

pub mod bar;
mod chunks;
pub mod coloring;
mod grid;
mod header;
pub mod palette;
mod png;
mod scene;
mod svg;
mod tips;

use geoheap_heap_dump::HeapDump;

pub use coloring::By;
pub use palette::Theme;
pub use png::{PngError, to_png};
use svg::to_svg;

use chunks::Body;
use scene::Scene;
pub(crate) use scene::percent;

/// What a picture shows, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// What colours say.
    pub by: By,
    /// The ground.
    pub theme: Theme,
    /// Pixels from left to right, from [`WIDTH_MIN`] to [`WIDTH_MAX`]. The height follows.
    pub width: u32,
    /// What stands above it.
    pub title: String,
}

/// The narrowest picture, in pixels.
pub const WIDTH_MIN: u32 = 480;
/// The widest picture, in pixels.
pub const WIDTH_MAX: u32 = 8192;

/// A heap as an SVG text that stands alone.
///
/// Chunks are rows, all to one scale; a chunk longer than the scale goes on in the next row. With
/// many chunks, rows get lower and stand in several columns.
pub fn draw(dump: &HeapDump, options: &Options) -> String {
    draw_sized(dump, options).svg
}

/// A picture and its size in whole pixels.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// A text that stands alone.
    pub svg: String,
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

/// [`draw()`], with the size.
pub fn draw_sized(dump: &HeapDump, options: &Options) -> Drawing {
    let scene = scene(dump, options);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "pixels of a picture; what is beyond 32 bits is cut to them"
    )]
    let pixels = |length: f64| length.ceil() as u32;
    Drawing {
        svg: to_svg(&scene),
        width: pixels(scene.width),
        height: pixels(scene.height),
    }
}

fn scene(dump: &HeapDump, options: &Options) -> Scene {
    let palette = options.theme.palette();
    let width = f64::from(options.width.clamp(WIDTH_MIN, WIDTH_MAX));
    let mut scene = Scene::new(width, palette);
    let mut coloring = coloring::Coloring::new(dump, options.by, &palette);
    let pieces: Vec<_> = dump
        .chunks
        .iter()
        .map(|chunk| coloring.pieces(chunk))
        .collect();
    let y = header::draw(&mut scene, dump, &options.title, &coloring.rows);
    let body = Body {
        dump,
        coloring: &coloring,
        pieces: &pieces,
    };
    body.draw(&mut scene, y);
    scene
}

#[cfg(test)]
mod tests;
