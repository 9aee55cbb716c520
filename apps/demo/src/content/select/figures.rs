//! The memory that a flight asks for, without making a mesh.

use super::{SelectConfig, Selector};
use crate::content::camera::CameraScript;
use crate::content::scene::{ObjectId, Scene};
use std::collections::BTreeSet;

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
    /// What the last frame wanted alive.
    pub living: BTreeSet<ObjectId>,
}

impl FlightFigures {
    /// Flies `flight` in `frames` frames without making a mesh.
    pub fn of(scene: &Scene, config: SelectConfig, flight: &CameraScript, frames: u32) -> Self {
        let mut selector = Selector::new(config);
        let mut figures = Self::default();
        for frame in 0..frames {
            #[expect(
                clippy::cast_precision_loss,
                reason = "flights are far below 2^24 frames"
            )]
            let t = frame as f32 / frames.saturating_sub(1).max(1) as f32;
            let before = std::mem::take(&mut figures.living);
            let selection = selector.update(scene, &flight.camera_at(t));
            let sum = |bytes: u64, id: ObjectId| bytes + selector.bytes(id);
            let wanted = || selection.wanted.iter().map(|w| w.id);
            figures.alive_bytes.push(wanted().fold(0, sum));
            figures
                .drawn_bytes
                .push(selection.draw.iter().copied().fold(0, sum));
            figures
                .drawn_objects
                .push(u32::try_from(selection.draw.len()).unwrap_or(u32::MAX));
            figures.living = wanted().collect();
            for id in figures.living.difference(&before) {
                figures.generated_bytes += selector.bytes(*id);
                figures.generated_objects += 1;
            }
        }
        figures
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
