//! Seeded noise, made of additions and multiplications only, so that every platform agrees on it.

/// Mixes a lattice point and a seed into 32 evenly spread bits.
///
/// The finaliser is that of `MurmurHash3` (public domain), over a linear combination with odd
/// constants.
pub fn hash2(x: i32, y: i32, seed: u32) -> u32 {
    let mut h = x.cast_unsigned().wrapping_mul(0x9E37_79B1)
        ^ y.cast_unsigned().wrapping_mul(0x85EB_CA77)
        ^ seed.wrapping_mul(0xC2B2_AE3D);
    h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
    h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
    h ^ (h >> 16)
}

/// Turns the upper 24 bits of a hash into a number in `0.0..1.0`.
#[expect(clippy::cast_precision_loss, reason = "24 bits are exact in f32")]
pub fn unit(hash: u32) -> f32 {
    (hash >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// Eight directions of about unit length, enough for terrain.
const GRADIENTS: [[f32; 2]; 8] = [
    [1.0, 0.0],
    [0.707, 0.707],
    [0.0, 1.0],
    [-0.707, 0.707],
    [-1.0, 0.0],
    [-0.707, -0.707],
    [0.0, -1.0],
    [0.707, -0.707],
];

/// Gradient noise after Perlin (2002): about `-1.0..1.0`, 0 on the lattice of whole numbers.
pub fn gradient(x: f32, y: f32, seed: u32) -> f32 {
    let ((ix, dx), (iy, dy)) = (split(x), split(y));
    let corner = |cx: i32, cy: i32, px: f32, py: f32| {
        let g = GRADIENTS[(hash2(ix.wrapping_add(cx), iy.wrapping_add(cy), seed) >> 29) as usize];
        g[0] * px + g[1] * py
    };
    let fade = |t: f32| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    let (u, v) = (fade(dx), fade(dy));
    let top = lerp(corner(0, 0, dx, dy), corner(1, 0, dx - 1.0, dy), u);
    let bottom = lerp(
        corner(0, 1, dx, dy - 1.0),
        corner(1, 1, dx - 1.0, dy - 1.0),
        u,
    );
    lerp(top, bottom, v) * 1.5
}

/// The whole number at or below `value`, and the rest. A cast and a comparison, because `floor` is
/// a call into the C library on baseline x86-64 and took a third of the terrain's time.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the world is far below 2^31 cells"
)]
#[expect(clippy::cast_precision_loss, reason = "and far below 2^24 of them")]
pub fn split(value: f32) -> (i32, f32) {
    let toward_zero = value as i32;
    let whole = toward_zero - i32::from(value < toward_zero as f32);
    (whole, value - whole as f32)
}

/// `octaves` layers of [`gradient`] noise, each twice as fine and half as strong; about
/// `-1.0..1.0`.
pub fn fractal(x: f32, y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut scale, mut weight) = (0.0, 1.0, 0.5);
    for octave in 0..octaves {
        sum += gradient(x * scale, y * scale, seed.wrapping_add(octave)) * weight;
        scale *= 2.0;
        weight *= 0.5;
    }
    sum
}

/// Linear interpolation from `a` (at 0) to `b` (at 1).
pub fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// 0 below `low`, 1 above `high`, a smooth cubic between.
pub fn smoothstep(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A small generator for scattering: `SplitMix64` (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A stream of its own for each `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream for a place: a lattice point, a purpose and the world's seed.
    pub fn at(x: u32, y: u32, purpose: u32, seed: u32) -> Self {
        let high = hash2(
            x.cast_signed(),
            y.cast_signed(),
            seed ^ purpose.wrapping_mul(0x27D4_EB2F),
        );
        Self((u64::from(high) << 32) | u64::from(purpose ^ seed))
    }

    /// The next 32 bits.
    pub fn bits(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 32) as u32
    }

    /// The next number in `0.0..1.0`.
    pub fn unit(&mut self) -> f32 {
        unit(self.bits())
    }

    /// The next number in `low..high`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        lerp(low, high, self.unit())
    }

    /// The next whole number below `count`; 0 for a `count` of 0.
    pub fn below(&mut self, count: u32) -> u32 {
        ((u64::from(self.bits()) * u64::from(count)) >> 32) as u32
    }
}

#[cfg(test)]
mod tests;
