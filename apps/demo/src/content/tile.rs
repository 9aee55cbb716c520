//! The ground: square tiles in levels of detail, each an independent mesh with skirts.

mod ground;
mod mesh;

pub use ground::Ground;
pub use mesh::build;

pub(super) use ground::to_byte;

use super::mesh::VERTEX_STRIDE_BYTES;
use super::scene::ObjectBytes;
use glam::Vec3;
use std::fmt;

/// World metres on a side of a tile of level 0.
pub const FINEST_SIDE_M: f32 = 512.0;

/// Spacings of the elevation on a side of a tile of level 0.
pub const SAMPLES_PER_FINEST_SIDE: usize = 8;

/// The name of a tile. Level 0 is the finest; a tile of level n + 1 covers four of level n.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// Doublings of the side, from [`FINEST_SIDE_M`].
    pub level: u8,
    /// Tiles from the western edge.
    pub x: u32,
    /// Tiles from the northern edge.
    pub y: u32,
}

impl TileId {
    /// Metres on a side.
    #[expect(clippy::cast_precision_loss, reason = "a small power of two")]
    pub fn side_m(self) -> f32 {
        FINEST_SIDE_M * (1u32 << self.level) as f32
    }

    /// The north-western corner at sea level, in world metres.
    #[expect(clippy::cast_precision_loss, reason = "a few thousand tiles")]
    pub fn origin(self) -> Vec3 {
        Vec3::new(self.x as f32, 0.0, self.y as f32) * self.side_m()
    }

    /// The tile of the next coarser level that covers this one.
    #[must_use]
    pub fn parent(self) -> Self {
        Self {
            level: self.level + 1,
            x: self.x / 2,
            y: self.y / 2,
        }
    }

    /// The four tiles of the next finer level; `None` at level 0.
    pub fn children(self) -> Option<[Self; 4]> {
        let level = self.level.checked_sub(1)?;
        Some([(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| Self {
            level,
            x: self.x * 2 + dx,
            y: self.y * 2 + dy,
        }))
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile {}/{}/{}", self.level, self.x, self.y)
    }
}

/// Quads on a side of a tile of this level: 192 for the finest, 128 for the others.
pub fn quads(level: u8) -> usize {
    if level == 0 { 192 } else { 128 }
}

/// The bytes that each tile of this level has. Level 0 has `u32` indices and the others `u16`, so
/// that a heap sees both widths, although level 0 too could be addressed by the narrower.
pub fn bytes(level: u8) -> ObjectBytes {
    let quads = quads(level);
    let indices = 6 * (quads * quads + 4 * quads);
    let index_bytes = if level == 0 { 4 } else { 2 };
    ObjectBytes {
        vertex_bytes: vertex_count(level) * VERTEX_STRIDE_BYTES,
        index_bytes: indices * index_bytes,
    }
}

/// The vertices of a tile of this level.
fn vertex_count(level: u8) -> usize {
    let side = quads(level) + 1;
    side * side + 4 * side
}

#[cfg(test)]
mod tests;
