//! The default flight, laid over whatever landscape there is.

use super::script::hermite;
use super::{CameraScript, Keyframe};
use crate::content::scene::Scene;
use glam::Vec3;

/// A point the default flight passes: when (0 to 1), where (as a part of the world's extent from
/// the north-west), how far above the ground (world metres), the pitch, and how
/// far to the right of the way the eye looks (degrees).
struct Waypoint {
    t: f32,
    east: f32,
    south: f32,
    above_m: f32,
    pitch: f32,
    aside: f32,
}

const fn waypoint(t: f32, east: f32, south: f32, above_m: f32, pitch: f32, aside: f32) -> Waypoint {
    Waypoint {
        t,
        east,
        south,
        above_m,
        pitch,
        aside,
    }
}

/// Over the built-in elevation: from the Fergana foothills over the Alay range into the Alay
/// valley, along the Trans-Alay wall below Lenin Peak, back over the Alay, and out high above the
/// Fergana plain, where the eye turns back to the mountains.
const WAYPOINTS: [Waypoint; 10] = [
    waypoint(0.00, 0.492, 0.150, 420.0, -12.0, 0.0),
    waypoint(0.14, 0.482, 0.180, 260.0, -8.0, 0.0),
    waypoint(0.28, 0.468, 0.210, 160.0, -7.0, 0.0),
    waypoint(0.40, 0.452, 0.236, 150.0, -4.0, 0.0),
    waypoint(0.52, 0.430, 0.256, 200.0, -3.0, 0.0),
    waypoint(0.61, 0.400, 0.240, 240.0, -6.0, 0.0),
    waypoint(0.69, 0.345, 0.190, 700.0, -12.0, -10.0),
    waypoint(0.76, 0.250, 0.118, 2400.0, -18.0, -80.0),
    waypoint(0.84, 0.145, 0.055, 5600.0, -22.0, -135.0),
    waypoint(1.00, 0.085, 0.030, 8000.0, -24.0, -150.0),
];

/// The default flight, its last keyframe at `frames - 1`. It never goes below the ground.
pub fn default_flight(scene: &Scene, frames: u32) -> CameraScript {
    let last = frames.max(2) - 1;
    let steps = last.min(90);
    let heights: Vec<f32> = (0..=steps)
        .map(|i| clear_height(scene, t_of(i, steps)))
        .collect();
    let mut keyframes = Vec::with_capacity(steps as usize + 1);
    let mut yaw = 0.0;
    for i in 0..=steps {
        let t = t_of(i, steps);
        let here = place(scene, t);
        let (from, to) = (
            place(scene, (t - 0.03).max(0.0)),
            place(scene, (t + 0.05).min(1.0)),
        );
        let heading = (to.x - from.x).atan2(from.z - to.z);
        // The heading nearest to the one before, so that yaw does not jump at a full turn.
        let turn = std::f32::consts::TAU;
        yaw = if i == 0 {
            heading
        } else {
            heading + ((yaw - heading) / turn).round() * turn
        };
        let (i, reach) = (i as usize, 2);
        let window = &heights[i.saturating_sub(reach)..(i + reach + 1).min(heights.len())];
        #[expect(clippy::cast_precision_loss, reason = "five heights")]
        let mean = window.iter().sum::<f32>() / window.len() as f32;
        let aside = along(t, |w| w.aside).to_radians();
        let position = Vec3::new(here.x, mean.max(heights[i] - 40.0), here.z);
        let pitch = along(t, |w| w.pitch).to_radians();
        let frame = u32::try_from(u64::from(last) * i as u64 / u64::from(steps))
            .expect("not beyond the last frame");
        keyframes.push(Keyframe {
            frame,
            position,
            yaw: yaw + aside,
            pitch,
        });
    }
    CameraScript::new(keyframes)
}

#[expect(clippy::cast_precision_loss, reason = "at most some ninety steps")]
fn t_of(step: u32, steps: u32) -> f32 {
    step as f32 / steps as f32
}

/// A waypoint's number, interpolated at `t`.
fn along(t: f32, pick: fn(&Waypoint) -> f32) -> f32 {
    let after = WAYPOINTS
        .partition_point(|w| w.t <= t)
        .clamp(1, WAYPOINTS.len() - 1);
    let at = |i: usize| &WAYPOINTS[i.min(WAYPOINTS.len() - 1)];
    let around = [
        at((after - 1).saturating_sub(1)),
        at(after - 1),
        at(after),
        at(after + 1),
    ];
    hermite(around.map(|w| w.t), around.map(pick), t)
}

fn place(scene: &Scene, t: f32) -> Vec3 {
    let (width_m, depth_m) = scene.elevation().extent_m();
    Vec3::new(
        along(t, |w| w.east) * width_m,
        0.0,
        along(t, |w| w.south) * depth_m,
    )
}

/// A height at `t` that clears the ground all around.
fn clear_height(scene: &Scene, t: f32) -> f32 {
    let here = place(scene, t);
    let mut ground = f32::NEG_INFINITY;
    for dz in -3..=3 {
        for dx in -3..=3 {
            #[expect(clippy::cast_precision_loss, reason = "a few steps")]
            let (x, z) = (here.x + dx as f32 * 70.0, here.z + dz as f32 * 70.0);
            ground = ground.max(scene.elevation().ground_m(x, z));
        }
    }
    ground + along(t, |w| w.above_m)
}
