//! Many small indexed meshes that cover a grid, each cell in a colour of its own.

use super::script::shuffled;

/// Width and height of the picture in pixels.
pub const SIZE: u32 = 256;
/// Bytes of a vertex: two floats and a colour.
pub const STRIDE: u32 = 12;

/// One mesh: a quad.
#[derive(Clone, Debug)]
pub struct Mesh {
    /// Four vertices.
    pub vertices: Vec<u8>,
    /// Six indices.
    pub indices: Vec<u8>,
    /// Whether indices have 32 bits, and not 16.
    pub is_wide: bool,
    /// Count of indices.
    pub index_count: u32,
}

/// All meshes, and the order in which a program comes upon them.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The meshes, row by row.
    pub meshes: Vec<Mesh>,
    /// Each mesh once.
    pub order: Vec<u32>,
    side: u32,
}

impl Scene {
    /// A grid with so many cells on each side, at most [`SIZE`].
    pub fn new(side: u32) -> Self {
        let meshes: Vec<Mesh> = (0..side * side).map(|nth| mesh(nth, side)).collect();
        let order = shuffled(11, meshes.len());
        Self {
            meshes,
            order,
            side,
        }
    }

    /// What all variants must draw, as RGBA, row by row from the top.
    pub fn picture(&self) -> Vec<u8> {
        let cell = |pixel: u32| (2 * pixel + 1) * self.side / (2 * SIZE);
        let pixels = (0..SIZE).flat_map(|row| (0..SIZE).map(move |column| (row, column)));
        pixels
            .flat_map(|(row, column)| colour(cell(SIZE - 1 - row) * self.side + cell(column)))
            .collect()
    }
}

/// A colour that no other of the first 2^16 cells has.
fn colour(nth: u32) -> [u8; 4] {
    let [low, high, ..] = nth.to_le_bytes();
    [low, high, low.wrapping_mul(151) ^ high, 255]
}

fn mesh(nth: u32, side: u32) -> Mesh {
    #[expect(clippy::cast_precision_loss, reason = "cells are few")]
    let at = |cell: u32| cell as f32 / side as f32 * 2.0 - 1.0;
    let (x, y) = (nth % side, nth / side);
    let mut vertices = Vec::new();
    for (x, y) in [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)] {
        vertices.extend(at(x).to_le_bytes());
        vertices.extend(at(y).to_le_bytes());
        vertices.extend(colour(nth));
    }
    let indices = [0_u16, 1, 2, 2, 1, 3];
    let is_wide = nth.is_multiple_of(3);
    Mesh {
        vertices,
        indices: if is_wide {
            indices
                .iter()
                .flat_map(|at| u32::from(*at).to_le_bytes())
                .collect()
        } else {
            indices.iter().flat_map(|at| at.to_le_bytes()).collect()
        },
        is_wide,
        index_count: 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_a_colour_for_each_cell() {
        let scene = Scene::new(4);
        let picture = scene.picture();
        let pixel = |row: u32, column: u32| {
            let at = ((row * SIZE + column) * 4) as usize;
            picture[at..at + 4].to_vec()
        };
        assert_eq!(
            pixel(SIZE - 1, 0),
            colour(0),
            "the first cell is at the bottom left"
        );
        assert_eq!(
            pixel(0, SIZE - 1),
            colour(15),
            "the last one at the top right"
        );
        assert_eq!(pixel(SIZE - 1, 64), colour(1), "each cell has 64 columns");
        let mut colours: Vec<_> = picture.chunks(4).collect();
        colours.sort_unstable();
        colours.dedup();
        assert_eq!(colours.len(), 16);
        assert!(
            scene
                .meshes
                .iter()
                .any(|mesh| mesh.is_wide && mesh.indices.len() == 24)
        );
        assert!(
            scene
                .meshes
                .iter()
                .any(|mesh| !mesh.is_wide && mesh.indices.len() == 12)
        );
    }
}
