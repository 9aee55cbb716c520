//! The real heights: reading them from a picture and sampling them anywhere.

mod error;
mod read;

pub use error::ElevationError;
pub use read::MAX_SIDE_SAMPLES;
pub use read::MIN_SIDE_SAMPLES;

use super::noise::{fractal, gradient, lerp, smoothstep, split};
use glam::Vec3;

/// World metres between two samples of the elevation, in both directions.
pub const SAMPLE_SPACING_M: f32 = 64.0;

/// World metres of height for a metre above sea level.
///
/// The world is about six times smaller than the real one sideways but only three times smaller in
/// height: mountains are about 1.9 times as steep as they are.
pub const VERTICAL_SCALE: f32 = 0.3;

/// The wavelength of the coarsest noise that is added between the samples, in world metres.
const DETAIL_WAVELENGTH_M: f32 = 210.0;
/// Its strength in the most rugged places, in world metres.
const DETAIL_AMPLITUDE_M: f32 = 26.0;
/// No detail is higher or deeper than this, in world metres: the octaves' weights sum to less than
/// 2, and a ridge is less than 1.2 deep.
pub const DETAIL_REACH_M: f32 = DETAIL_AMPLITUDE_M * 2.4;
/// The octaves that the surface has at its finest.
const DETAIL_OCTAVES: u32 = 6;

/// Heights above sea level on a regular grid, with the seeded detail between them.
///
/// Positions outside the grid take the height of the nearest edge.
#[derive(Clone, Debug)]
pub struct Elevation {
    width: usize,
    height: usize,
    /// Metres above sea level, row by row from the north-west.
    samples_m: Vec<f32>,
    /// 0 (plain) to 1 (wild) for each sample.
    ruggedness: Vec<f32>,
    seed: u32,
}

/// Heights on the points of one tile's grid and one ring around it.
#[derive(Clone, Debug)]
pub struct HeightGrid {
    side: usize,
    heights_m: Vec<f32>,
    ruggedness: Vec<f32>,
}

impl HeightGrid {
    /// Points on a side, without the ring.
    pub fn side(&self) -> usize {
        self.side
    }

    /// The heights row by row with the ring, so `side() + 2` a row; point (0, 0) is at
    /// `side() + 3`.
    pub fn heights_m(&self) -> &[f32] {
        &self.heights_m
    }

    /// The ruggedness, 0 to 1, in the same order.
    pub fn ruggedness(&self) -> &[f32] {
        &self.ruggedness
    }

    /// The heights for change, in the same order.
    pub fn heights_mut(&mut self) -> &mut [f32] {
        &mut self.heights_m
    }
}

impl Elevation {
    /// Reads a 16-bit grey PNG of metres above sea level whose first row is the southern edge.
    ///
    /// # Errors
    /// [`ElevationError`], with the path, when the file is missing, is not a whole PNG, has another
    /// format, or a side outside [`MIN_SIDE_SAMPLES`]`..=`[`MAX_SIDE_SAMPLES`].
    pub fn load(path: &std::path::Path, seed: u32) -> Result<Self, ElevationError> {
        let bytes = std::fs::read(path).map_err(|e| ElevationError::Unreadable {
            path: path.into(),
            reason: e.to_string(),
        })?;
        Self::from_png(path, &bytes, seed)
    }

    /// The same from bytes at hand; `path` is only named in errors.
    ///
    /// # Errors
    /// As [`Elevation::load`].
    pub fn from_png(
        path: &std::path::Path,
        bytes: &[u8],
        seed: u32,
    ) -> Result<Self, ElevationError> {
        let picture = read::decode(path, bytes)?;
        let (width, height) = (picture.width as usize, picture.height as usize);
        let rows = picture.samples.chunks_exact(width).rev();
        let samples_m = rows.flatten().map(|&s| f32::from(s)).collect();
        Ok(Self::from_samples(width, height, samples_m, seed))
    }

    /// The elevation that comes with the demo, compiled into the program.
    ///
    /// # Errors
    /// As [`Elevation::load`]; only when the program was built with a damaged asset.
    pub fn built_in(seed: u32) -> Result<Self, ElevationError> {
        const NAME: &str = "assets/gebco2023-tienshan-1025x1025-u16.png";
        let bytes = include_bytes!("../../assets/gebco2023-tienshan-1025x1025-u16.png");
        Self::from_png(std::path::Path::new(NAME), bytes, seed)
    }

    /// An elevation of `width` x `height` heights in metres, row by row from the north-west.
    pub fn from_samples(width: usize, height: usize, samples_m: Vec<f32>, seed: u32) -> Self {
        assert!(
            width > 1 && height > 1,
            "{width} x {height} samples span an area"
        );
        assert_eq!(samples_m.len(), width * height, "a height for each sample");
        let ruggedness = ruggedness(width, height, &samples_m);
        Self {
            width,
            height,
            samples_m,
            ruggedness,
            seed,
        }
    }

    /// Samples from west to east.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Samples from north to south.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The extent from west to east and from north to south, in world metres.
    #[expect(clippy::cast_precision_loss, reason = "a few thousand samples")]
    pub fn extent_m(&self) -> (f32, f32) {
        (
            (self.width - 1) as f32 * SAMPLE_SPACING_M,
            (self.height - 1) as f32 * SAMPLE_SPACING_M,
        )
    }

    /// A sample as it was read, in metres above sea level; outside, the nearest edge's.
    pub fn sample_m(&self, column: isize, row: isize) -> f32 {
        self.samples_m[self.index(column, row)]
    }

    /// 0 (plain) to 1 (wild) around a sample; outside, the nearest edge's.
    pub fn sample_ruggedness(&self, column: isize, row: isize) -> f32 {
        self.ruggedness[self.index(column, row)]
    }

    /// The ground's height at a place in world metres, with all the detail there is.
    pub fn ground_m(&self, x_m: f32, z_m: f32) -> f32 {
        let (smooth, ruggedness) = self.smooth(x_m, z_m);
        smooth + detail(x_m, z_m, ruggedness, DETAIL_OCTAVES, self.seed)
    }

    /// The ground's slope (rise over run, at least 0) at a place, over about ten world metres.
    pub fn slope(&self, x_m: f32, z_m: f32) -> f32 {
        let h = 5.0;
        let dx = self.ground_m(x_m + h, z_m) - self.ground_m(x_m - h, z_m);
        let dz = self.ground_m(x_m, z_m + h) - self.ground_m(x_m, z_m - h);
        (dx * dx + dz * dz).sqrt() / (2.0 * h)
    }

    /// The height without added detail in world metres, and the ruggedness, at a place.
    pub fn smooth(&self, x_m: f32, z_m: f32) -> (f32, f32) {
        let (column, tx) = cell(x_m);
        let (row, tz) = cell(z_m);
        let (wx, wz) = (catmull_rom(tx), catmull_rom(tz));
        let mut height = 0.0;
        for (j, weight) in (-1..3).zip(wz) {
            let line: f32 = (-1..3)
                .zip(wx)
                .map(|(i, w)| self.sample_m(column + i, row + j) * w)
                .sum();
            height += line * weight;
        }
        let top = lerp(
            self.sample_ruggedness(column, row),
            self.sample_ruggedness(column + 1, row),
            tx,
        );
        let bottom = lerp(
            self.sample_ruggedness(column, row + 1),
            self.sample_ruggedness(column + 1, row + 1),
            tx,
        );
        (height * VERTICAL_SCALE, lerp(top, bottom, tz))
    }

    /// Heights on a square grid of `quads` + 1 points a side (and one ring more) over the square of
    /// `side_m` at `origin`. Noise that the spacing cannot show is left out.
    ///
    /// A point that two grids of the same spacing share gets the same height to the last bit.
    pub fn height_grid(&self, origin: Vec3, side_m: f32, quads: usize) -> HeightGrid {
        let side = quads + 1;
        #[expect(clippy::cast_precision_loss, reason = "a few hundred points")]
        let at = |start: f32, i: usize| start + side_m * ((i as f32 - 1.0) / quads as f32);
        #[expect(clippy::cast_precision_loss, reason = "a few hundred points")]
        let octaves = octaves_for(side_m / quads as f32);
        let room = (side + 2) * (side + 2);
        let mut grid = HeightGrid {
            side,
            heights_m: Vec::with_capacity(room),
            ruggedness: Vec::with_capacity(room),
        };
        for j in 0..side + 2 {
            let z = at(origin.z, j);
            self.append_row(
                z,
                (0..side + 2).map(|i| at(origin.x, i)),
                octaves,
                &mut grid,
            );
        }
        grid
    }

    /// Appends the heights along one row of places. Does the work of [`Elevation::ground_m`] with
    /// the columns of samples interpolated only once for each cell crossed.
    fn append_row(
        &self,
        z_m: f32,
        xs_m: impl Iterator<Item = f32>,
        octaves: u32,
        grid: &mut HeightGrid,
    ) {
        let (row, tz) = cell(z_m);
        let wz = catmull_rom(tz);
        let column_height = |column: isize| -> f32 {
            (-1..3)
                .zip(wz)
                .map(|(j, w)| self.sample_m(column, row + j) * w)
                .sum()
        };
        let column_ruggedness = |column: isize| {
            let north = self.sample_ruggedness(column, row);
            lerp(north, self.sample_ruggedness(column, row + 1), tz)
        };
        let mut current = isize::MIN;
        let (mut heights, mut rugged) = ([0.0; 4], [0.0; 2]);
        for x in xs_m {
            let (column, tx) = cell(x);
            if column != current {
                current = column;
                heights = [-1, 0, 1, 2].map(|i| column_height(column + i));
                rugged = [0, 1].map(|i| column_ruggedness(column + i));
            }
            let wx = catmull_rom(tx);
            let smooth =
                heights[0] * wx[0] + heights[1] * wx[1] + heights[2] * wx[2] + heights[3] * wx[3];
            let ruggedness = lerp(rugged[0], rugged[1], tx);
            let added = detail(x, z_m, ruggedness, octaves, self.seed);
            grid.heights_m.push(smooth * VERTICAL_SCALE + added);
            grid.ruggedness.push(ruggedness);
        }
    }

    fn index(&self, column: isize, row: isize) -> usize {
        let column = column
            .clamp(0, self.width.cast_signed() - 1)
            .cast_unsigned();
        let row = row.clamp(0, self.height.cast_signed() - 1).cast_unsigned();
        row * self.width + column
    }
}

/// The sample at or before a place, and how far the place is towards the next one.
fn cell(place_m: f32) -> (isize, f32) {
    let place = place_m / SAMPLE_SPACING_M;
    let (whole, rest) = split(place.clamp(-1.0e6, 1.0e6));
    (whole as isize, rest)
}

/// The weights of four neighbours for a place `t` between the middle two (Catmull and Rom 1974).
fn catmull_rom(t: f32) -> [f32; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [
        0.5 * (2.0 * t2 - t3 - t),
        0.5 * (3.0 * t3 - 5.0 * t2 + 2.0),
        0.5 * (4.0 * t2 - 3.0 * t3 + t),
        0.5 * (t3 - t2),
    ]
}

/// The octaves of detail that a grid of this spacing can show.
fn octaves_for(spacing_m: f32) -> u32 {
    let mut octaves = 0;
    let mut wavelength_m = DETAIL_WAVELENGTH_M;
    while octaves < DETAIL_OCTAVES && wavelength_m >= spacing_m * 2.0 {
        octaves += 1;
        wavelength_m *= 0.5;
    }
    octaves
}

/// The detail between the samples: sharp ridges where the land is rugged, soft ground where not.
fn detail(x_m: f32, z_m: f32, ruggedness: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut weight) = (0.0, 1.0);
    let (mut x, mut z) = (x_m / DETAIL_WAVELENGTH_M, z_m / DETAIL_WAVELENGTH_M);
    for octave in 0..octaves {
        let noise = gradient(x, z, seed.wrapping_add(octave * 31));
        let ridge = 1.0 - 2.0 * noise.abs();
        sum += lerp(noise * 0.5, ridge, ruggedness) * weight;
        // Each octave is turned by the angle of a 3-4-5 triangle, so that lattices do not align.
        (x, z) = ((x * 0.8 - z * 0.6) * 2.0, (x * 0.6 + z * 0.8) * 2.0);
        weight *= 0.5;
    }
    sum * DETAIL_AMPLITUDE_M * (0.04 + 0.96 * ruggedness)
}

/// How much the heights differ within two samples of each sample, from 0 (plain) to 1 (wild).
fn ruggedness(width: usize, height: usize, samples_m: &[f32]) -> Vec<f32> {
    const REACH: usize = 2;
    // The window is a square, so rows first and columns of their results after give the same.
    let mut rows = Vec::with_capacity(samples_m.len());
    for row in samples_m.chunks_exact(width) {
        for x in 0..width {
            let window = &row[x.saturating_sub(REACH)..(x + REACH + 1).min(width)];
            let fold = |(low, high): (f32, f32), &v: &f32| (low.min(v), high.max(v));
            rows.push(window.iter().fold((f32::INFINITY, f32::NEG_INFINITY), fold));
        }
    }
    let mut out = Vec::with_capacity(samples_m.len());
    for y in 0..height {
        let (from, to) = (y.saturating_sub(REACH), (y + REACH + 1).min(height));
        for x in 0..width {
            let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
            for line in from..to {
                let (l, h) = rows[line * width + x];
                (low, high) = (low.min(l), high.max(h));
            }
            out.push(smoothstep(40.0, 900.0, high - low));
        }
    }
    out
}

/// Smooth noise of a given wavelength over the world, about `-1.0..1.0`; for colours and scatter.
pub fn field(x_m: f32, z_m: f32, wavelength_m: f32, octaves: u32, seed: u32) -> f32 {
    fractal(x_m / wavelength_m, z_m / wavelength_m, octaves, seed)
}

#[cfg(test)]
mod tests;
