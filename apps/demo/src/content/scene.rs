//! Every object that can be streamed: its name, its size, where it stands, and how to make it.

use super::elevation::{self, Elevation, VERTICAL_SCALE};
use super::mesh::{Bounds, MeshData};
use super::props::{self, Catalogue, GroveKind, GrovePlan};
use super::tile::{self, TileId};
use glam::Vec3;
use std::fmt;

/// The name of a streamed object. Ordered, hashable, and stable between runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectId {
    /// A piece of ground.
    Tile(TileId),
    /// What stands on a piece of ground of level 0, merged into one mesh.
    Grove(TileId, GroveKind),
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tile(id) => write!(f, "{id}"),
            Self::Grove(id, kind) => write!(f, "{kind} on {id}"),
        }
    }
}

/// The memory that an object's mesh takes, known without making it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectBytes {
    /// Bytes of its vertices.
    pub vertex_bytes: usize,
    /// Bytes of its indices, not padded.
    pub index_bytes: usize,
}

impl ObjectBytes {
    /// Both together.
    pub fn total(self) -> usize {
        self.vertex_bytes + self.index_bytes
    }

    /// The sizes of a mesh that was made.
    pub fn of(mesh: &MeshData) -> Self {
        Self {
            vertex_bytes: mesh.vertex_bytes().len(),
            index_bytes: mesh.index_bytes().len(),
        }
    }
}

/// What the selection knows of a piece of ground without making its mesh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TileSummary {
    /// The lowest ground, in world metres.
    pub low_m: f32,
    /// The highest ground, in world metres.
    pub high_m: f32,
    /// 0 (plain) to 1 (wild).
    pub ruggedness: f32,
}

/// The world: the elevation, the props, and a summary of every tile. Immutable, so that any number
/// of threads may build from one `Arc<Scene>`.
#[derive(Clone, Debug)]
pub struct Scene {
    elevation: Elevation,
    catalogue: Catalogue,
    seed: u32,
    /// By level, finest first; each row by row.
    summaries: Vec<Level>,
}

#[derive(Clone, Debug)]
struct Level {
    columns: u32,
    rows: u32,
    tiles: Vec<TileSummary>,
}

impl Scene {
    /// Prepares a world: summarises every tile of `elevation` and makes the props of `seed`.
    pub fn new(elevation: Elevation, seed: u32) -> Self {
        let summaries = Level::pyramid(&elevation);
        Self {
            elevation,
            catalogue: Catalogue::new(seed),
            seed,
            summaries,
        }
    }

    /// The heights.
    pub fn elevation(&self) -> &Elevation {
        &self.elevation
    }

    /// The props.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The seed of everything that is not real.
    pub fn seed(&self) -> u32 {
        self.seed
    }

    /// The coarsest level; its tiles are the roots of the quadtree.
    pub fn top_level(&self) -> u8 {
        u8::try_from(self.summaries.len() - 1).expect("a handful of levels")
    }

    /// The columns and rows of tiles at `level`.
    pub fn tile_counts(&self, level: u8) -> (u32, u32) {
        let level = &self.summaries[usize::from(level)];
        (level.columns, level.rows)
    }

    /// Whether the world has this tile.
    pub fn contains(&self, id: TileId) -> bool {
        self.summaries
            .get(usize::from(id.level))
            .is_some_and(|l| id.x < l.columns && id.y < l.rows)
    }

    /// What is known of a tile. The tile must be of this world.
    pub fn summary(&self, id: TileId) -> TileSummary {
        assert!(self.contains(id), "{id} lies in the world");
        let level = &self.summaries[usize::from(id.level)];
        level.tiles[(id.y * level.columns + id.x) as usize]
    }

    /// The box around a tile and all that may stand on it, in world metres.
    pub fn tile_bounds(&self, id: TileId) -> Bounds {
        let summary = self.summary(id);
        let (origin, side) = (id.origin(), id.side_m());
        Bounds {
            min: origin + Vec3::new(0.0, summary.low_m, 0.0),
            max: origin + Vec3::new(side, summary.high_m, side),
        }
    }

    /// Where an object's mesh stands: its local coordinates plus this are world metres.
    pub fn origin(&self, id: ObjectId) -> Vec3 {
        match id {
            ObjectId::Tile(tile) | ObjectId::Grove(tile, _) => tile.origin(),
        }
    }

    /// Decides what stands on a tile of level 0 in one `kind` of grove; `None` where nothing does.
    /// Costs a few hundred samples of the elevation and makes no mesh.
    pub fn plan_grove(&self, tile: TileId, kind: GroveKind) -> Option<GrovePlan> {
        GrovePlan::new(self, tile, kind)
    }

    /// The bytes of an object's mesh, exactly those that [`Scene::build`] will give; `None` for a
    /// grove that is empty or a tile outside the world.
    pub fn bytes(&self, id: ObjectId) -> Option<ObjectBytes> {
        match id {
            ObjectId::Tile(tile) => self.contains(tile).then(|| tile::bytes(tile.level)),
            ObjectId::Grove(tile, kind) => Some(self.plan_grove(tile, kind)?.bytes()),
        }
    }

    /// Makes an object's mesh: the same for the same world, `id` and `revision`. `None` as in
    /// [`Scene::bytes`]. Revision 0 is the untouched state; tiles take craters and snow with
    /// higher ones, groves ignore it. A revision never changes the size.
    pub fn build(&self, id: ObjectId, revision: u32) -> Option<MeshData> {
        match id {
            ObjectId::Tile(tile) => self
                .contains(tile)
                .then(|| tile::build(self, tile, revision)),
            ObjectId::Grove(tile, kind) => Some(self.plan_grove(tile, kind)?.build(self)),
        }
    }
}

impl Level {
    /// Summaries of all levels, finest first, up to the one that covers the world in one tile.
    fn pyramid(elevation: &Elevation) -> Vec<Self> {
        let mut levels = vec![Self::finest(elevation)];
        while let Some(last) = levels.last()
            && (last.columns > 1 || last.rows > 1)
        {
            levels.push(last.coarser());
        }
        levels
    }

    fn finest(elevation: &Elevation) -> Self {
        let per_tile = tile::SAMPLES_PER_FINEST_SIDE;
        let count = |samples: usize| (samples - 1).div_ceil(per_tile);
        let (columns, rows) = (count(elevation.width()), count(elevation.height()));
        let mut tiles = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                tiles.push(summarise(elevation, column * per_tile, row * per_tile));
            }
        }
        let small = |n: usize| u32::try_from(n).expect("at most a few hundred tiles");
        Self {
            columns: small(columns),
            rows: small(rows),
            tiles,
        }
    }

    fn coarser(&self) -> Self {
        let (columns, rows) = (self.columns.div_ceil(2), self.rows.div_ceil(2));
        let mut tiles = Vec::with_capacity((columns * rows) as usize);
        for row in 0..rows {
            for column in 0..columns {
                let mut all = TileSummary {
                    low_m: f32::INFINITY,
                    high_m: f32::NEG_INFINITY,
                    ruggedness: 0.0,
                };
                for y in row * 2..(row * 2 + 2).min(self.rows) {
                    for x in column * 2..(column * 2 + 2).min(self.columns) {
                        let part = self.tiles[(y * self.columns + x) as usize];
                        all.low_m = all.low_m.min(part.low_m);
                        all.high_m = all.high_m.max(part.high_m);
                        // The wildest quarter decides: it is the one that needs the detail.
                        all.ruggedness = all.ruggedness.max(part.ruggedness * 0.75);
                    }
                }
                tiles.push(all);
            }
        }
        Self {
            columns,
            rows,
            tiles,
        }
    }
}

/// The summary of a tile of level 0 from the samples on and next to it.
fn summarise(elevation: &Elevation, column: usize, row: usize) -> TileSummary {
    let per_tile = tile::SAMPLES_PER_FINEST_SIDE.cast_signed();
    let (column, row) = (column.cast_signed(), row.cast_signed());
    let (mut low, mut high, mut sum, mut count) = (f32::INFINITY, f32::NEG_INFINITY, 0.0, 0.0);
    for y in row - 1..=row + per_tile + 1 {
        for x in column - 1..=column + per_tile + 1 {
            let sample = elevation.sample_m(x, y);
            (low, high) = (low.min(sample), high.max(sample));
            sum += elevation.sample_ruggedness(x, y);
            count += 1.0;
        }
    }
    let margin_m = elevation::DETAIL_REACH_M + props::TALLEST_M;
    TileSummary {
        // A Catmull-Rom patch overshoots its samples by at most an eighth of their spread.
        low_m: (low - (high - low) * 0.125) * VERTICAL_SCALE - margin_m,
        high_m: (high + (high - low) * 0.125) * VERTICAL_SCALE + margin_m,
        ruggedness: sum / count,
    }
}

/// The world of the built-in elevation, made once for all tests.
#[cfg(test)]
pub(in crate::content) fn built_in() -> &'static Scene {
    static SCENE: std::sync::OnceLock<Scene> = std::sync::OnceLock::new();
    SCENE.get_or_init(|| Scene::new(Elevation::built_in(7).expect("the asset is whole"), 7))
}
