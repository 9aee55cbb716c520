//! The eye: where it is, what it sees, the flight it takes, and flying by hand.

mod flight;
mod script;

pub use flight::default_flight;
pub use script::{CameraScript, FRAMES_MAX, Keyframe, NUMBER_MAX, ScriptError};

use super::mesh::Bounds;
use glam::{Mat4, Vec3, Vec4};

/// The frames of the default flight.
pub const DEFAULT_FRAMES: u32 = 600;

/// An eye in the world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// World metres.
    pub position: Vec3,
    /// Radians; 0 looks north (-z), growing clockwise towards the east (+x).
    pub yaw: f32,
    /// Radians; 0 is level, up is positive.
    pub pitch: f32,
    /// The vertical angle of view in radians.
    pub fov_y: f32,
    /// The nearest visible distance in metres.
    pub near_m: f32,
}

impl Default for Camera {
    fn default() -> Self {
        Self {
            position: Vec3::ZERO,
            yaw: 0.0,
            pitch: 0.0,
            fov_y: 0.9,
            near_m: 2.0,
        }
    }
}

impl Camera {
    /// The direction of view, of length 1.
    pub fn forward(&self) -> Vec3 {
        let (sin_yaw, cos_yaw) = self.yaw.sin_cos();
        let (sin_pitch, cos_pitch) = self.pitch.sin_cos();
        Vec3::new(sin_yaw * cos_pitch, sin_pitch, -cos_yaw * cos_pitch)
    }

    /// The direction to the right, level, of length 1.
    pub fn right(&self) -> Vec3 {
        let (sin_yaw, cos_yaw) = self.yaw.sin_cos();
        Vec3::new(cos_yaw, 0.0, sin_yaw)
    }

    /// From positions relative to [`Camera::position`] to view space (right-handed, looking to -z).
    /// It only turns: draw with `origin - position` as each mesh's offset to keep precision.
    pub fn rotation(&self) -> Mat4 {
        let (right, back) = (self.right(), -self.forward());
        Mat4::from_cols(
            right.extend(0.0),
            back.cross(right).extend(0.0),
            back.extend(0.0),
            Vec4::W,
        )
        .transpose()
    }

    /// From view space to clip space, with reversed infinite depth: 1 at the near plane and 0 at
    /// infinity. Clear depth to 0 and compare with `Greater`.
    pub fn projection(&self, aspect: f32) -> Mat4 {
        let focal = 1.0 / (self.fov_y * 0.5).tan();
        Mat4::from_cols(
            Vec4::new(focal / aspect, 0.0, 0.0, 0.0),
            Vec4::new(0.0, focal, 0.0, 0.0),
            Vec4::new(0.0, 0.0, 0.0, -1.0),
            Vec4::new(0.0, 0.0, self.near_m, 0.0),
        )
    }

    /// [`Camera::projection`] after [`Camera::rotation`]: from positions relative to the camera to
    /// clip space.
    pub fn relative_view_projection(&self, aspect: f32) -> Mat4 {
        self.projection(aspect) * self.rotation()
    }

    /// What the camera sees, `aspect` being width over height.
    pub fn frustum(&self, aspect: f32) -> Frustum {
        let rows = self.relative_view_projection(aspect).transpose();
        let plane = |row: Vec4| row / row.truncate().length();
        // Reversed depth has no far plane: the near plane is `w - z >= 0`.
        let planes = [
            plane(rows.w_axis + rows.x_axis),
            plane(rows.w_axis - rows.x_axis),
            plane(rows.w_axis + rows.y_axis),
            plane(rows.w_axis - rows.y_axis),
            plane(rows.w_axis - rows.z_axis),
        ];
        Frustum {
            position: self.position,
            planes,
        }
    }
}

/// The half spaces that a camera sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frustum {
    position: Vec3,
    planes: [Vec4; 5],
}

impl Frustum {
    /// The eye in world metres.
    pub fn position(&self) -> Vec3 {
        self.position
    }

    /// The planes relative to the eye: a place on the inner side has a product of at least 0 with
    /// (x, y, z, 1).
    pub fn planes(&self) -> [Vec4; 5] {
        self.planes
    }

    /// Whether a box in world metres may be visible. A box near a corner of the view may be let
    /// through although it is not.
    pub fn sees(&self, bounds: &Bounds) -> bool {
        let (min, max) = (bounds.min - self.position, bounds.max - self.position);
        self.planes.iter().all(|plane| {
            let normal = plane.truncate();
            let farthest = Vec3::select(normal.cmpge(Vec3::ZERO), max, min);
            normal.dot(farthest) + plane.w >= 0.0
        })
    }
}

/// One step's wishes of somebody who flies by hand.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FlyInput {
    /// -1 (back) to 1 (ahead), along the direction of view.
    pub ahead: f32,
    /// -1 (left) to 1 (right).
    pub right: f32,
    /// -1 (down) to 1 (up), along the world's up.
    pub up: f32,
    /// Radians to turn clockwise.
    pub turn: f32,
    /// Radians to look up.
    pub look_up: f32,
    /// Metres a second at full deflection.
    pub speed_m_per_s: f32,
    /// The step's length in seconds; more than a tenth counts as a tenth, so that a hitch does not
    /// become a leap.
    pub step_s: f32,
}

impl Camera {
    /// The camera after one step of `input`. Pitch stays just short of straight up and down, and
    /// values that are not finite count as 0.
    #[must_use]
    pub fn flown(&self, input: &FlyInput) -> Self {
        let sane = |v: f32| if v.is_finite() { v } else { 0.0 };
        let limit = std::f32::consts::FRAC_PI_2 - 0.01;
        let mut next = Self {
            yaw: (self.yaw + sane(input.turn)).rem_euclid(std::f32::consts::TAU),
            pitch: (self.pitch + sane(input.look_up)).clamp(-limit, limit),
            ..*self
        };
        let wish = next.forward() * sane(input.ahead).clamp(-1.0, 1.0)
            + next.right() * sane(input.right).clamp(-1.0, 1.0)
            + Vec3::Y * sane(input.up).clamp(-1.0, 1.0);
        let step_s = sane(input.step_s).clamp(0.0, 0.1);
        next.position += wish.clamp_length_max(1.0) * sane(input.speed_m_per_s) * step_s;
        next
    }
}

#[cfg(test)]
mod tests;
