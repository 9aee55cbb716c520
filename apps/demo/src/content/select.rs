//! What a frame draws, what is worth keeping, and what to let go first.
//!
//! A tile's worth is its expected error on the screen: the height that its grid cannot show (its
//! quads' width, weighed by how rugged the land is) divided by its distance. A tile is split where
//! the error is above [`SelectConfig::draw_error_px`]. The same measure with a lower bound decides
//! what is kept alive around the camera, in all directions, so that a turn of the head finds it.

mod cover;
mod figures;

pub use cover::{Drawable, cover};
pub use figures::FlightFigures;

use super::camera::{Camera, Frustum};
use super::mesh::Bounds;
use super::props::GroveKind;
use super::scene::{ObjectBytes, ObjectId, Scene};
use super::tile::{self, TileId};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The bounds of the selection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SelectConfig {
    /// The picture's height in pixels, to which errors refer. The default does not depend on the
    /// true size, so that every size streams the same.
    pub picture_height_px: f32,
    /// The picture's width over its height, for the frustum.
    pub aspect: f32,
    /// A tile whose error is above this is split for drawing.
    pub draw_error_px: f32,
    /// A tile that is split stays so until its error is below this part of `draw_error_px`.
    pub merge_part: f32,
    /// A tile whose parent's error is above this is wanted alive.
    pub keep_error_px: f32,
    /// A tile that is alive stays so until its parent's error is below this part of
    /// `keep_error_px`.
    pub discard_part: f32,
    /// Groves are drawn up to this distance, in metres.
    pub grove_draw_m: f32,
    /// Groves are kept alive up to this distance.
    pub grove_keep_m: f32,
}

impl Default for SelectConfig {
    fn default() -> Self {
        Self {
            picture_height_px: 720.0,
            aspect: 16.0 / 9.0,
            draw_error_px: 4.6,
            merge_part: 0.8,
            keep_error_px: 0.195,
            discard_part: 0.8,
            grove_draw_m: 1700.0,
            grove_keep_m: 3000.0,
        }
    }
}

/// An object that should be alive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted {
    /// Which.
    pub id: ObjectId,
    /// How much it matters, larger for more: the screen error in pixels, with what is drawn now
    /// before all else.
    pub priority: f32,
}

/// The outcome for one camera.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// What to draw: tiles that cover the view without overlap, and groves; nearest first.
    pub draw: Vec<ObjectId>,
    /// What should be alive, most important first. Holds all of `draw`, and the ancestors that
    /// [`cover`] falls back to.
    pub wanted: Vec<Wanted>,
    /// What was wanted alive until now and is not any more, least important (farthest) first.
    pub discard: Vec<ObjectId>,
}

/// Selects for camera after camera, remembering what was split and alive.
#[derive(Clone, Debug)]
pub struct Selector {
    config: SelectConfig,
    /// Tiles that the last update split for drawing.
    split: BTreeSet<TileId>,
    /// What the last update wanted alive, with its priority.
    alive: BTreeMap<ObjectId, f32>,
    /// The groves looked at so far; looked up only, never walked.
    groves: HashMap<TileId, [Option<ObjectBytes>; GroveKind::ALL.len()]>,
}

/// Added to the priority of what is drawn, more than any screen error.
const DRAWN_PRIORITY: f32 = 1.0e6;
/// The size in metres by which a grove's worth is measured.
const GROVE_DETAIL_M: f32 = 1.0;

impl Selector {
    /// A selector that has seen nothing yet.
    pub fn new(config: SelectConfig) -> Self {
        let lowest = config.draw_error_px * config.merge_part;
        assert!(config.keep_error_px <= lowest, "all that is drawn is kept");
        assert!(
            config.grove_draw_m <= config.grove_keep_m,
            "all groves drawn are kept"
        );
        Self {
            config,
            split: BTreeSet::new(),
            alive: BTreeMap::new(),
            groves: HashMap::new(),
        }
    }

    /// The bounds it works by.
    pub fn config(&self) -> &SelectConfig {
        &self.config
    }

    /// Selects for `camera`. Depends only on the scene and the cameras so far.
    pub fn update(&mut self, scene: &Scene, camera: &Camera) -> Selection {
        let mut pass = Pass {
            scene,
            camera,
            frustum: camera.frustum(self.config.aspect),
            focal_px: self.config.picture_height_px * 0.5 / (camera.fov_y * 0.5).tan(),
            draw: Vec::new(),
            split: BTreeSet::new(),
            alive: BTreeMap::new(),
        };
        let top = scene.top_level();
        let (columns, rows) = scene.tile_counts(top);
        for y in 0..rows {
            for x in 0..columns {
                self.visit(&mut pass, TileId { level: top, x, y }, f32::INFINITY, true);
            }
        }
        self.finish(pass)
    }

    /// Whether an object was wanted alive by the last update.
    pub fn is_alive(&self, id: ObjectId) -> bool {
        self.alive.contains_key(&id)
    }

    /// Wants a tile, and goes on to its children where they are worth it. `drawing` tells that no
    /// ancestor is drawn, `worth` is the parent's error.
    fn visit(&mut self, pass: &mut Pass, id: TileId, worth: f32, drawing: bool) {
        let bounds = pass.scene.tile_bounds(id);
        let distance_m = bounds.distance(pass.camera.position);
        let (error, keep_error) = pass.errors_px(id, distance_m);
        let was_split = self.split.contains(&id);
        let draw_bound = self.config.draw_error_px
            * if was_split {
                self.config.merge_part
            } else {
                1.0
            };
        let splits = drawing && error > draw_bound;
        let mut priority = worth.min(DRAWN_PRIORITY * 0.5);
        match id.children().filter(|_| splits) {
            Some(_) => drop(pass.split.insert(id)),
            None if drawing && pass.frustum.sees(&bounds) => {
                pass.draw.push((distance_m, ObjectId::Tile(id)));
                priority += DRAWN_PRIORITY;
            }
            None => {}
        }
        pass.alive.insert(ObjectId::Tile(id), priority);
        let Some(children) = id.children() else {
            self.visit_groves(pass, id, &bounds, distance_m);
            return;
        };
        for child in children.into_iter().filter(|&c| pass.scene.contains(c)) {
            let was_alive = self.is_alive(ObjectId::Tile(child));
            let part = if was_alive {
                self.config.discard_part
            } else {
                1.0
            };
            if splits || keep_error > self.config.keep_error_px * part {
                self.visit(pass, child, error.max(keep_error), splits);
            }
        }
    }

    /// Wants, and draws, what stands on a tile of level 0.
    fn visit_groves(&mut self, pass: &mut Pass, tile: TileId, bounds: &Bounds, distance_m: f32) {
        if distance_m > self.config.grove_keep_m / self.config.discard_part {
            return;
        }
        let scene = pass.scene;
        let present = *self
            .groves
            .entry(tile)
            .or_insert_with(|| GroveKind::ALL.map(|kind| scene.bytes(ObjectId::Grove(tile, kind))));
        for (kind, present) in GroveKind::ALL.into_iter().zip(present) {
            let id = ObjectId::Grove(tile, kind);
            let part = if self.is_alive(id) {
                self.config.discard_part
            } else {
                1.0
            };
            if present.is_none() || distance_m > self.config.grove_keep_m / part {
                continue;
            }
            let mut priority = GROVE_DETAIL_M * pass.focal_px / distance_m.max(1.0);
            if distance_m <= self.config.grove_draw_m && pass.frustum.sees(bounds) {
                pass.draw.push((distance_m, id));
                priority += DRAWN_PRIORITY;
            }
            pass.alive.insert(id, priority);
        }
    }

    /// The memory of an object that was wanted. As [`Scene::bytes`], but groves are remembered.
    fn bytes(&self, id: ObjectId) -> u64 {
        let bytes = match id {
            ObjectId::Tile(tile) => Some(tile::bytes(tile.level)),
            ObjectId::Grove(tile, kind) => self
                .groves
                .get(&tile)
                .and_then(|groves| groves[kind as usize]),
        };
        bytes.map_or(0, ObjectBytes::total) as u64
    }

    /// Orders the outcome and remembers it.
    fn finish(&mut self, pass: Pass) -> Selection {
        let Pass {
            mut draw,
            split,
            alive,
            ..
        } = pass;
        draw.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut wanted: Vec<Wanted> = alive
            .iter()
            .map(|(&id, &priority)| Wanted { id, priority })
            .collect();
        wanted.sort_by(|a, b| b.priority.total_cmp(&a.priority).then(a.id.cmp(&b.id)));
        let mut gone: Vec<(f32, ObjectId)> = self
            .alive
            .iter()
            .filter(|(id, _)| !alive.contains_key(id))
            .map(|(&id, &priority)| (priority, id))
            .collect();
        gone.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        (self.split, self.alive) = (split, alive);
        Selection {
            draw: draw.into_iter().map(|(_, id)| id).collect(),
            wanted,
            discard: gone.into_iter().map(|(_, id)| id).collect(),
        }
    }
}

/// One update under way.
struct Pass<'a> {
    scene: &'a Scene,
    camera: &'a Camera,
    frustum: Frustum,
    /// Pixels that a metre takes at a distance of one metre.
    focal_px: f32,
    draw: Vec<(f32, ObjectId)>,
    split: BTreeSet<TileId>,
    alive: BTreeMap<ObjectId, f32>,
}

impl Pass<'_> {
    /// The expected error of a tile's grid on the screen, for drawing and for keeping.
    fn errors_px(&self, id: TileId, distance_m: f32) -> (f32, f32) {
        #[expect(clippy::cast_precision_loss, reason = "a few hundred quads")]
        let spacing_m = id.side_m() / tile::quads(id.level) as f32;
        let ruggedness = self.scene.summary(id).ruggedness;
        let metre_px = self.focal_px / distance_m.max(1.0);
        let draw = spacing_m * metre_px * (PLAIN_ERROR + RUGGED_ERROR * ruggedness);
        (
            draw,
            spacing_m * metre_px * KEEP_ERROR * ruggedness * ruggedness,
        )
    }
}

/// The height that a grid misses, as a part of its spacing: in a plain, and what the wildest land
/// adds.
const PLAIN_ERROR: f32 = 0.3;
const RUGGED_ERROR: f32 = 0.08;
/// The same for what is kept: wild land is worth more than its part, for it is where a turn of the
/// head needs the most at once, and a plain nothing.
const KEEP_ERROR: f32 = 0.5;

#[cfg(test)]
mod tests;
