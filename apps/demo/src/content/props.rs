//! What stands on the ground: buildings, trees and rocks, scattered and merged into groves.

mod scatter;
mod shapes;

use super::mesh::{MeshBuilder, MeshData, VERTEX_STRIDE_BYTES, Vertex};
use super::noise::Random;
use super::scene::{ObjectBytes, Scene};
use super::tile::TileId;
use glam::{Vec2, Vec3};
use std::fmt;
use std::ops::Range;

/// No prop is taller than this, in world metres.
pub const TALLEST_M: f32 = 30.0;

/// What a grove is made of. A tile of level 0 has at most one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroveKind {
    /// Buildings and a few trees in flat, low places.
    Village,
    /// Trees in the forest belt.
    Forest,
    /// Rocks on slopes.
    Rocks,
}

impl GroveKind {
    /// All kinds, in order.
    pub const ALL: [Self; 3] = [Self::Village, Self::Forest, Self::Rocks];
}

impl fmt::Display for GroveKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Village => "village",
            Self::Forest => "forest",
            Self::Rocks => "rocks",
        })
    }
}

/// The distinct props, a few dozen meshes made from one seed.
#[derive(Clone, Debug)]
pub struct Catalogue {
    meshes: Vec<MeshData>,
}

/// Which props of the [`Catalogue`] are of a sort.
const BUILDINGS: Range<usize> = 0..14;
const CONIFERS: Range<usize> = 14..24;
const BROADLEAVES: Range<usize> = 24..32;
const ROCKS: Range<usize> = 32..44;

impl Catalogue {
    /// Makes the props of a seed.
    pub fn new(seed: u32) -> Self {
        let make = |index: usize| {
            let mut random = Random::new(u64::from(seed) << 32 | index as u64);
            match index {
                i if BUILDINGS.contains(&i) => shapes::building(&mut random),
                i if CONIFERS.contains(&i) => shapes::conifer(&mut random),
                i if BROADLEAVES.contains(&i) => shapes::broadleaf(&mut random),
                _ => shapes::rock(&mut random),
            }
        };
        Self {
            meshes: (BUILDINGS.start..ROCKS.end).map(make).collect(),
        }
    }

    /// The meshes; their origin is the middle of their foot.
    pub fn meshes(&self) -> &[MeshData] {
        &self.meshes
    }
}

/// One prop in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Which mesh of the [`Catalogue`].
    pub prop: usize,
    /// Metres from the tile's origin.
    pub position: Vec3,
    /// The horizontal direction (x, z), of length 1, that the prop's x axis takes.
    pub heading: Vec2,
    /// Size factor.
    pub scale: f32,
}

impl Placement {
    /// A vertex of the prop in its place.
    fn place(&self, vertex: &Vertex) -> Vertex {
        let Vec2 { x: cos, y: sin } = self.heading;
        let turn = |v: Vec3| Vec3::new(v.x * cos - v.z * sin, v.y, v.x * sin + v.z * cos);
        let position = self.position + turn(Vec3::from(vertex.position)) * self.scale;
        let [nx, ny, nz, _] = vertex.normal.map(f32::from);
        Vertex::new(position, turn(Vec3::new(nx, ny, nz)), vertex.colour)
    }
}

/// What stands where in one grove, before its mesh is made.
#[derive(Clone, Debug, PartialEq)]
pub struct GrovePlan {
    placements: Vec<Placement>,
    bytes: ObjectBytes,
}

/// A grove takes at least and at most this many bytes; a smaller one is not made, a larger one
/// stops growing.
pub const LEAST_GROVE_BYTES: usize = 2 << 10;
/// See [`LEAST_GROVE_BYTES`].
pub const MOST_GROVE_BYTES: usize = 300 << 10;

impl GrovePlan {
    /// See [`Scene::plan_grove`].
    pub(super) fn new(scene: &Scene, tile: TileId, kind: GroveKind) -> Option<Self> {
        if tile.level != 0 || !scene.contains(tile) {
            return None;
        }
        let placements = scatter::placements(scene, tile, kind);
        let mut plan = Self {
            placements: Vec::new(),
            bytes: ObjectBytes::default(),
        };
        let mut vertices = 0;
        for placement in placements {
            let mesh = &scene.catalogue().meshes[placement.prop];
            let next_vertices = vertices + mesh.vertices.len();
            let next = ObjectBytes {
                vertex_bytes: next_vertices * VERTEX_STRIDE_BYTES,
                // Fewer than 2^16 vertices fit the most bytes, so all indices are narrow.
                index_bytes: plan.bytes.index_bytes + mesh.indices.len() * size_of::<u16>(),
            };
            if next.total() > MOST_GROVE_BYTES {
                break;
            }
            vertices = next_vertices;
            plan.bytes = next;
            plan.placements.push(placement);
        }
        (plan.bytes.total() >= LEAST_GROVE_BYTES).then_some(plan)
    }

    /// The props and their places.
    pub fn placements(&self) -> &[Placement] {
        &self.placements
    }

    /// The bytes of the merged mesh, exactly.
    pub fn bytes(&self) -> ObjectBytes {
        self.bytes
    }

    /// Makes the merged mesh, local to the tile's origin.
    pub fn build(&self, scene: &Scene) -> MeshData {
        let mut builder = MeshBuilder::new();
        for placement in &self.placements {
            let mesh = &scene.catalogue().meshes[placement.prop];
            builder.append(mesh, |vertex| placement.place(vertex));
        }
        builder.finish()
    }
}

#[cfg(test)]
mod tests;
