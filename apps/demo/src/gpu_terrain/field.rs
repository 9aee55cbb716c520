//! The field on the CPU: what `field.wgsl` computes, up to the rounding of single operations.
//!
//! It says between which heights a column has ground and air, and is what tests compare with.

use glam::{IVec3, Vec3};

use crate::content::elevation::Elevation;
use crate::content::noise::{hash2, lerp, smoothstep, split};
use crate::gpu_terrain::lattice::{BRICK_M, CELLS, ColumnId, SPACING_M};

const BULGE_WAVELENGTH_M: f32 = 74.0;
/// The strongest bulge: twenty-two metres, of noise of at most about 1.1.
const BULGE_MAX_M: f32 = 26.0;
const CAVE_WAVELENGTH_M: f32 = 128.0;
const CAVE_DEPTH_M: f32 = 88.0;

/// The height and the ruggedness of a column of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ground {
    /// World metres.
    pub height_m: f32,
    /// 0 (plain) to 1 (wild).
    pub ruggedness: f32,
}

/// The ground of a column's 34 by 34 columns of samples, row by row from the north-west.
pub fn grounds(elevation: &Elevation, column: ColumnId) -> Vec<Ground> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a world of some thousand bricks"
    )]
    let origin = Vec3::new(column.x as f32, 0.0, column.z as f32) * BRICK_M;
    let quads = CELLS.unsigned_abs() as usize;
    // Its ring begins one sample before the origin, as a brick's samples do, and ends one later.
    let grid = elevation.height_grid(origin, BRICK_M, quads);
    let each = grid.heights_m().iter().zip(grid.ruggedness());
    let all: Vec<Ground> = each
        .map(|(&height_m, &ruggedness)| Ground {
            height_m,
            ruggedness,
        })
        .collect();
    let side = grid.side() + 2;
    let rows = all.chunks(side).take(side - 1);
    rows.flat_map(|row| &row[..side - 1]).copied().collect()
}

/// The bricks of a column that the surface may go through: the lowest, and one after the highest.
#[expect(
    clippy::cast_possible_truncation,
    reason = "mountains of a few kilometres"
)]
pub fn bricks(elevation: &Elevation, column: ColumnId) -> std::ops::Range<i32> {
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    for ground in grounds(elevation, column) {
        // Caves are where the land is rugged.
        let depth = if ground.ruggedness > 0.15 {
            CAVE_DEPTH_M
        } else {
            BULGE_MAX_M
        };
        low = low.min(ground.height_m - depth);
        high = high.max(ground.height_m + BULGE_MAX_M);
    }
    // A brick has the cells of one more ring below.
    let at = |height_m: f32| (height_m / BRICK_M).floor() as i32;
    at(low - SPACING_M)..at(high + SPACING_M) + 1
}

/// The field at a point of the lattice over that ground, in metres: below 0 where there is ground.
pub fn sample(lattice: IVec3, ground: Ground, seed: u32) -> f32 {
    let at = lattice.as_vec3() * SPACING_M;
    let distance_m = at.y - ground.height_m;
    if distance_m <= -CAVE_DEPTH_M || distance_m >= 32.0 {
        return distance_m;
    }
    let depth_m = (-distance_m).max(0.0);
    let shallow = 1.0 - depth_m / CAVE_DEPTH_M;
    let bulge = gradient3(at / BULGE_WAVELENGTH_M, seed ^ 0x51) * (2.0 + 20.0 * ground.ruggedness);
    let place = at / CAVE_WAVELENGTH_M;
    let a = gradient3(place, seed ^ 0xA1);
    let b = gradient3(place + 0.37, seed ^ 0xB7);
    let width = 0.24 * smoothstep(0.15, 0.5, ground.ruggedness) * shallow;
    let tunnel = (width - (a * a + b * b).sqrt()) * 70.0 - 1.0;
    (distance_m + bulge * shallow).max(tunnel)
}

/// Gradient noise in space after Perlin (2002): about -1 to 1, 0 on the lattice of whole numbers.
pub fn gradient3(place: Vec3, seed: u32) -> f32 {
    let ((ix, dx), (iy, dy), (iz, dz)) = (split(place.x), split(place.y), split(place.z));
    let fade = |t: f32| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    let corner = |x: i32, y: i32, z: i32| {
        let seed = seed ^ (iz + z).cast_unsigned().wrapping_mul(0x27D4_EB2F);
        let to = Vec3::new(dx, dy, dz) - IVec3::new(x, y, z).as_vec3();
        slope3(hash2(ix + x, iy + y, seed), to)
    };
    let row = |y, z| lerp(corner(0, y, z), corner(1, y, z), fade(dx));
    let layer = |z| lerp(row(0, z), row(1, z), fade(dy));
    lerp(layer(0), layer(1), fade(dz))
}

/// One of the twelve directions to the edges of a cube, four of them twice.
fn slope3(hash: u32, to: Vec3) -> f32 {
    let h = hash >> 28;
    let u = if h < 8 { to.x } else { to.y };
    let v = match h {
        0..4 => to.y,
        12 | 14 => to.x,
        _ => to.z,
    };
    let signed = |value: f32, bit: u32| if h & bit == 0 { value } else { -value };
    signed(u, 1) + signed(v, 2)
}
