//! The lattice of the world: samples, bricks of cells, columns of bricks.

use bytemuck::{Pod, Zeroable};
use glam::{IVec3, Vec2, Vec3};

/// Cells on a side of a brick.
pub const CELLS: i32 = 32;
/// Samples on a side: one ring of cells more towards the west, below and north, which a brick
/// shares with its neighbours, and the far ends.
pub const SIDE: usize = 34;
/// Samples of a brick.
pub const SAMPLES: usize = SIDE * SIDE * SIDE;
/// World metres between two samples.
pub const SPACING_M: f32 = 8.0;
/// World metres on a side of a brick.
#[expect(clippy::cast_precision_loss, reason = "a small number")]
pub const BRICK_M: f32 = CELLS as f32 * SPACING_M;
/// Bytes of a vertex: [`crate::content::mesh::Vertex`].
pub const VERTEX_BYTES: u32 = 20;
/// Bytes of the four corners of a quad as six indices of two bytes.
pub const QUAD_BYTES: u32 = 12;

/// All bricks above each other, which are shown and hidden together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnId {
    /// Bricks from the western edge.
    pub x: i32,
    /// Bricks from the northern edge.
    pub z: i32,
}

impl ColumnId {
    /// The column that a place in world metres lies in.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a world of some thousand bricks"
    )]
    pub fn at(place: Vec3) -> Self {
        Self {
            x: (place.x / BRICK_M).floor() as i32,
            z: (place.z / BRICK_M).floor() as i32,
        }
    }

    /// World metres from its middle to a place, along the ground.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a world of some thousand bricks"
    )]
    pub fn distance_m(self, place: Vec3) -> f32 {
        let middle = Vec2::new(self.x as f32 + 0.5, self.z as f32 + 0.5) * BRICK_M;
        middle.distance(Vec2::new(place.x, place.z))
    }

    /// Its brick at a height.
    pub fn brick(self, y: i32) -> IVec3 {
        IVec3::new(self.x, y, self.z)
    }
}

/// What a brick is asked to give: as `Job` in `common.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Job {
    /// The brick.
    pub brick: [i32; 3],
    /// [`GROUND`](Self::GROUND), [`PROPS`](Self::PROPS) or both.
    pub wants: u32,
    /// The slot that the ground shall have.
    pub ground_slot: u32,
    /// The slot that the props shall have.
    pub props_slot: u32,
    /// Zero.
    pub reserved: [u32; 2],
}

impl Job {
    /// The ground's mesh.
    pub const GROUND: u32 = 1;
    /// The props' mesh.
    pub const PROPS: u32 = 2;

    /// Requests that it leads to.
    pub fn requests(&self) -> u32 {
        self.wants.count_ones()
    }
}
