//! What the ground is made of at a place, and the colour of that.

use crate::content::elevation::{VERTICAL_SCALE, field};
use crate::content::noise::{gradient, hash2, lerp, smoothstep, unit};

/// What decides the look of the ground at a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ground {
    /// Real metres above sea level, before the world's scale.
    pub altitude_m: f32,
    /// Rise over run in the world.
    pub slope: f32,
    /// 0 (plain) to 1 (wild).
    pub ruggedness: f32,
    /// About -1 (dry) to 1 (wet).
    pub moisture: f32,
    /// About -1 to 1: noise of some forty metres, to fray the borders between kinds of ground.
    pub fray: f32,
}

const WATER: [f32; 3] = [46.0, 84.0, 104.0];
const DESERT: [f32; 3] = [178.0, 158.0, 118.0];
const STEPPE: [f32; 3] = [146.0, 142.0, 84.0];
const MEADOW: [f32; 3] = [98.0, 124.0, 60.0];
const FOREST: [f32; 3] = [48.0, 78.0, 44.0];
const ROCK: [f32; 3] = [122.0, 114.0, 106.0];
const DARK_ROCK: [f32; 3] = [88.0, 82.0, 80.0];
const SNOW: [f32; 3] = [238.0, 242.0, 248.0];

impl Ground {
    /// The ground at a place in world metres whose height, slope and ruggedness are known.
    pub fn at(x_m: f32, z_m: f32, height_m: f32, slope: f32, ruggedness: f32, seed: u32) -> Self {
        Self {
            altitude_m: height_m / VERTICAL_SCALE,
            slope,
            ruggedness,
            moisture: field(x_m, z_m, 2600.0, 2, seed ^ 0x0A0A) * 1.6,
            fray: gradient(x_m * (1.0 / 42.0), z_m * (1.0 / 42.0), seed ^ 0x0B0B),
        }
    }

    /// How much of the ground is under trees, 0 to 1.
    pub fn forest(&self) -> f32 {
        let altitude = self.altitude_m + self.fray * 110.0;
        let belt =
            smoothstep(1500.0, 1800.0, altitude) * (1.0 - smoothstep(3150.0, 3450.0, altitude));
        let damp = smoothstep(-0.4, 0.05, self.moisture + self.fray * 0.25);
        let footing = 1.0 - smoothstep(0.75, 1.1, self.slope);
        let relief = smoothstep(0.04, 0.16, self.ruggedness);
        belt * damp * footing * relief
    }

    /// How much of the ground is bare rock, 0 to 1.
    pub fn rock(&self) -> f32 {
        let high = smoothstep(3300.0, 4300.0, self.altitude_m + self.fray * 200.0);
        smoothstep(
            0.85 - 0.35 * high,
            1.25 - 0.35 * high,
            self.slope + self.fray * 0.12,
        )
    }

    /// How much of the ground is under snow that has come down by `lowered_m`, 0 to 1.
    pub fn snow(&self, lowered_m: f32) -> f32 {
        let line = 3950.0 - lowered_m + self.fray * 140.0 - self.moisture * 120.0;
        smoothstep(line, line + 420.0, self.altitude_m)
            * (1.0 - 0.85 * smoothstep(0.95, 1.45, self.slope))
    }

    /// How much of the ground is under water, 0 to 1: wet hollows in the flattest land.
    pub fn water(&self) -> f32 {
        let flat = 1.0 - smoothstep(0.0, 0.012, self.ruggedness);
        flat * (1.0 - smoothstep(0.015, 0.05, self.slope))
            * smoothstep(0.52, 0.58, self.moisture + self.fray * 0.05)
    }

    /// The colour in sRGB bytes; `column` and `row` are whole metres, for the grain.
    pub fn colour(&self, snow_lowered_m: f32, column: i32, row: i32, seed: u32) -> [u8; 4] {
        let low = 1.0 - smoothstep(900.0, 1900.0, self.altitude_m + self.moisture * 400.0);
        let dry = smoothstep(0.25, -0.35, self.moisture + self.fray * 0.2);
        let mut colour = mix(MEADOW, STEPPE, low.max(0.55 * dry));
        colour = mix(colour, DESERT, low * dry);
        let alpine = smoothstep(3200.0, 3900.0, self.altitude_m + self.fray * 150.0);
        colour = mix(colour, mix(STEPPE, ROCK, 0.55), alpine);
        colour = mix(colour, FOREST, 0.9 * self.forest());
        colour = mix(
            colour,
            mix(ROCK, DARK_ROCK, 0.5 + 0.5 * self.fray),
            self.rock(),
        );
        colour = mix(colour, WATER, self.water());
        colour = mix(colour, SNOW, self.snow(snow_lowered_m));
        let grain = 0.94 + 0.12 * unit(hash2(column, row, seed));
        let [r, g, b] = colour.map(|c| to_byte(c * grain));
        [r, g, b, 255]
    }
}

/// Rounds to a byte; what lies outside is clamped.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped before"
)]
pub(in crate::content) fn to_byte(value: f32) -> u8 {
    (value + 0.5).clamp(0.0, 255.0) as u8
}

fn mix(a: [f32; 3], b: [f32; 3], t: f32) -> [f32; 3] {
    [
        lerp(a[0], b[0], t),
        lerp(a[1], b[1], t),
        lerp(a[2], b[2], t),
    ]
}
