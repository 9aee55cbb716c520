//! What a frame draws, what is worth keeping, and what to let go first.
//!
//! A tile's worth is its expected error on the screen: the height that its grid cannot show (its
//! quads' width, weighed by how rugged the land is) divided by its distance. A tile is split where
//! the error is above [`SelectConfig::draw_error_px`]. The same measure with a lower bound decides
//! what is kept alive around the camera, in all directions, so that a turn of the head finds it.

use super::camera::{Camera, CameraScript};
use super::scene::{ObjectId, Scene};
use super::tile::TileId;

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
            draw_error_px: 4.0,
            merge_part: 0.8,
            keep_error_px: 1.0,
            discard_part: 0.8,
            grove_draw_m: 900.0,
            grove_keep_m: 2500.0,
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
}

impl Selector {
    /// A selector that has seen nothing yet.
    pub fn new(config: SelectConfig) -> Self {
        Self { config }
    }

    /// The bounds it works by.
    pub fn config(&self) -> &SelectConfig {
        &self.config
    }

    /// Selects for `camera`. Depends only on the cameras so far.
    pub fn update(&mut self, scene: &Scene, camera: &Camera) -> Selection {
        let _ = (scene, camera);
        Selection::default()
    }

    /// Whether an object was wanted alive by the last update.
    pub fn is_alive(&self, id: ObjectId) -> bool {
        let _ = id;
        false
    }
}

/// Something to draw in place of what was wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Drawable {
    /// The object is there.
    Object(ObjectId),
    /// A tile of which neither itself nor any ancestor is there: draw the fallback patch.
    Patch(TileId),
}

/// Replaces the tiles of `draw` that are not `ready` by their nearest ready ancestor (once, without
/// the other tiles that it covers) or by a patch. Groves that are not ready are left out.
pub fn cover(
    scene: &Scene,
    draw: &[ObjectId],
    ready: impl FnMut(ObjectId) -> bool,
) -> Vec<Drawable> {
    let _ = (scene, draw, ready);
    Vec::new()
}

/// The memory that a flight asks for, computed from sizes alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlightFigures {
    /// Bytes of all wanted objects, for each frame.
    pub alive_bytes: Vec<u64>,
    /// Bytes of the vertices and indices of all drawn objects, for each frame.
    pub drawn_bytes: Vec<u64>,
    /// Objects drawn, for each frame.
    pub drawn_objects: Vec<u32>,
    /// Bytes of all objects that came alive over the flight, counted each time.
    pub generated_bytes: u64,
    /// How many these are.
    pub generated_objects: u64,
}

impl FlightFigures {
    /// Flies `flight` in `frames` frames without making a mesh.
    pub fn of(scene: &Scene, config: SelectConfig, flight: &CameraScript, frames: u32) -> Self {
        let _ = (scene, config, flight, frames);
        Self::default()
    }

    /// The largest of `alive_bytes` and its frame.
    pub fn peak_alive(&self) -> (usize, u64) {
        let best = |a: (usize, u64), b: (usize, u64)| if b.1 > a.1 { b } else { a };
        self.alive_bytes
            .iter()
            .copied()
            .enumerate()
            .fold((0, 0), best)
    }
}
