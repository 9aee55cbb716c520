//! What stands on the ground: buildings, trees and rocks, scattered and merged into groves.

use super::mesh::MeshData;
use super::scene::{ObjectBytes, Scene};
use super::tile::TileId;
use glam::Vec3;
use std::fmt;

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

/// One prop in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Which mesh of the [`Catalogue`].
    pub prop: usize,
    /// Metres from the tile's origin.
    pub position: Vec3,
    /// Radians about the vertical.
    pub yaw: f32,
    /// Size factor.
    pub scale: f32,
}

/// What stands where in one grove, before its mesh is made.
#[derive(Clone, Debug, PartialEq)]
pub struct GrovePlan {
    placements: Vec<Placement>,
    bytes: ObjectBytes,
}

impl Catalogue {
    /// Makes the props of a seed.
    pub fn new(seed: u32) -> Self {
        let _ = seed;
        Self { meshes: Vec::new() }
    }

    /// The meshes; their origin is the middle of their foot.
    pub fn meshes(&self) -> &[MeshData] {
        &self.meshes
    }
}

impl GrovePlan {
    /// See [`Scene::plan_grove`].
    pub(super) fn new(scene: &Scene, tile: TileId, kind: GroveKind) -> Option<Self> {
        let _ = (scene, tile, kind);
        None
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
        let _ = scene;
        super::mesh::MeshBuilder::new().finish()
    }
}
