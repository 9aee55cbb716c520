//! The shapes of single props, each a small closed mesh that stands on its origin.

use crate::content::mesh::{MeshBuilder, MeshData, Vertex};
use crate::content::noise::Random;
use glam::Vec3;

/// The corners of a regular polygon around the vertical, counter-clockwise seen from above.
/// Computed in double precision, so that rounding to single hides what platforms differ in.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding is what is wanted"
)]
fn ring(sides: u32, radius_m: f32, height_m: f32, turn: f32) -> Vec<Vec3> {
    (0..sides)
        .map(|i| {
            let part = (f64::from(i) + f64::from(turn)) / f64::from(sides);
            let (sin, cos) = (part * std::f64::consts::TAU).sin_cos();
            Vec3::new(cos as f32 * radius_m, height_m, -sin as f32 * radius_m)
        })
        .collect()
}

/// The wall between two rings of equally many corners.
fn wall(builder: &mut MeshBuilder, low: &[Vec3], high: &[Vec3], colour: [u8; 4]) {
    for i in 0..low.len() {
        let j = (i + 1) % low.len();
        builder.flat_quad([low[i], low[j], high[j], high[i]], colour);
    }
}

/// Triangles from a ring to a point above it.
fn tip(builder: &mut MeshBuilder, low: &[Vec3], top: Vec3, colour: [u8; 4]) {
    for i in 0..low.len() {
        builder.flat_triangle([low[i], low[(i + 1) % low.len()], top], colour);
    }
}

/// As [`tip`], but rounded: the triangles share their vertices, which takes a third of the room.
fn round_tip(builder: &mut MeshBuilder, low: &[Vec3], top: Vec3, colour: [u8; 4]) {
    #[expect(clippy::cast_precision_loss, reason = "a handful of corners")]
    let middle = low.iter().sum::<Vec3>() / low.len() as f32;
    let rise = (top.y - middle.y).max(0.01);
    let first: Vec<u32> = low
        .iter()
        .map(|&corner| {
            let out = corner - middle;
            let normal = out * rise + Vec3::Y * out.length_squared();
            builder.vertex(Vertex::new(corner, normal, colour))
        })
        .collect();
    let apex = builder.vertex(Vertex::new(top, Vec3::Y, colour));
    for i in 0..first.len() {
        builder.triangle(first[i], first[(i + 1) % first.len()], apex);
    }
}

/// A box on the ground, open below.
fn cuboid(builder: &mut MeshBuilder, min: Vec3, max: Vec3, colour: [u8; 4]) {
    let corner = |east: bool, south: bool, y: f32| {
        Vec3::new(
            if east { max.x } else { min.x },
            y,
            if south { max.z } else { min.z },
        )
    };
    let level = |y| {
        [
            corner(false, true, y),
            corner(true, true, y),
            corner(true, false, y),
            corner(false, false, y),
        ]
    };
    let (low, high) = (level(min.y), level(max.y));
    wall(builder, &low, &high, colour);
    builder.flat_quad(high, colour);
}

fn shade(colour: [f32; 3], random: &mut Random) -> [u8; 4] {
    let light = random.range(0.85, 1.12);
    let [r, g, b] = colour.map(|c| super::super::tile::to_byte(c * light));
    [r, g, b, 255]
}

/// Walls reach this far below the ground, so that a slope shows no gap.
const FOOT_M: f32 = 3.0;

/// A house: one to three wings with pitched or flat roofs, and a chimney on some.
pub(super) fn building(random: &mut Random) -> MeshData {
    let mut builder = MeshBuilder::new();
    let plaster = [
        [206.0, 196.0, 178.0],
        [188.0, 164.0, 136.0],
        [170.0, 172.0, 176.0],
    ];
    let tiles = [
        [142.0, 70.0, 52.0],
        [92.0, 96.0, 104.0],
        [112.0, 84.0, 60.0],
    ];
    let walls = shade(plaster[random.below(3) as usize], random);
    let roof = shade(tiles[random.below(3) as usize], random);
    let (length, width) = (random.range(8.0, 20.0), random.range(6.0, 10.0));
    let eaves = random.range(3.0, 8.0);
    wing(
        &mut builder,
        [0.0, 0.0],
        [length, width],
        eaves,
        walls,
        roof,
        random,
    );
    for _ in 0..random.below(3) {
        let side = if random.below(2) == 0 { -1.0 } else { 1.0 };
        let offset = [random.range(-0.3, 0.3) * length, side * width * 0.8];
        let size = [random.range(4.0, 8.0), random.range(4.0, 7.0)];
        let low = eaves * random.range(0.6, 0.95);
        wing(&mut builder, offset, size, low, walls, roof, random);
    }
    if random.below(2) == 0 {
        let at = Vec3::new(length * 0.25, 0.0, width * 0.2);
        let half = Vec3::new(0.5, 0.0, 0.5);
        cuboid(
            &mut builder,
            at - half,
            at + half + Vec3::Y * (eaves + 4.0),
            walls,
        );
    }
    builder.finish()
}

/// One wing of a house about `middle`, its longer axis along x, with rows of dark windows.
fn wing(
    builder: &mut MeshBuilder,
    middle: [f32; 2],
    size: [f32; 2],
    eaves: f32,
    walls: [u8; 4],
    roof: [u8; 4],
    random: &mut Random,
) {
    let (hx, hz) = (size[0] * 0.5, size[1] * 0.5);
    let at = |x: f32, y: f32, z: f32| Vec3::new(middle[0] + x, y, middle[1] + z);
    cuboid(builder, at(-hx, -FOOT_M, -hz), at(hx, eaves, hz), walls);
    if random.below(4) > 0 {
        let (ox, oz, ridge) = (hx + 0.5, hz + 0.6, eaves + hz * random.range(0.6, 1.1));
        let low = eaves - 0.3;
        let (west, east) = (at(-ox, ridge, 0.0), at(ox, ridge, 0.0));
        let [sw, se, ne, nw] = [
            at(-ox, low, oz),
            at(ox, low, oz),
            at(ox, low, -oz),
            at(-ox, low, -oz),
        ];
        builder.flat_quad([sw, se, east, west], roof);
        builder.flat_quad([ne, nw, west, east], roof);
        builder.flat_triangle([se, ne, east], walls);
        builder.flat_triangle([nw, sw, west], walls);
    }
    let glass = [48, 56, 66, 255];
    let mut level = 1.0;
    while level + 1.2 < eaves {
        let mut x = -hx + 1.0;
        while x + 1.2 < hx {
            let (y, z) = (level, hz + 0.04);
            let top = y + 1.2;
            builder.flat_quad(
                [
                    at(x, y, z),
                    at(x + 1.0, y, z),
                    at(x + 1.0, top, z),
                    at(x, top, z),
                ],
                glass,
            );
            builder.flat_quad(
                [
                    at(x + 1.0, y, -z),
                    at(x, y, -z),
                    at(x, top, -z),
                    at(x + 1.0, top, -z),
                ],
                glass,
            );
            x += 2.6;
        }
        level += 2.8;
    }
}

/// A conifer: a trunk and two to four cones.
pub(super) fn conifer(random: &mut Random) -> MeshData {
    let mut builder = MeshBuilder::new();
    let height = random.range(9.0, 19.0);
    let sides = 5 + random.below(3);
    let bark = shade([92.0, 70.0, 52.0], random);
    let needles = [44.0, 78.0, 50.0];
    wall(
        &mut builder,
        &ring(4, 0.5, -FOOT_M, 0.0),
        &ring(4, 0.4, height * 0.3, 0.0),
        bark,
    );
    let tiers = 2 + random.below(3);
    #[expect(clippy::cast_precision_loss, reason = "at most four tiers")]
    for tier in 0..tiers {
        let part = tier as f32 / tiers as f32;
        let low = height * (0.18 + 0.72 * part);
        let top = (low + height * (0.95 / tiers as f32 + 0.1)).min(height);
        let radius = height * (0.26 - 0.17 * part);
        let corners = ring(sides, radius, low, random.unit());
        let top = Vec3::new(0.0, top, 0.0);
        round_tip(&mut builder, &corners, top, shade(needles, random));
    }
    builder.finish()
}

/// A broadleaf tree: a trunk and a crown of three rings.
pub(super) fn broadleaf(random: &mut Random) -> MeshData {
    let mut builder = MeshBuilder::new();
    let height = random.range(7.0, 14.0);
    let sides = 5 + random.below(3);
    let bark = shade([104.0, 88.0, 70.0], random);
    let leaves = [
        [92.0, 120.0, 48.0],
        [124.0, 130.0, 54.0],
        [76.0, 108.0, 52.0],
    ];
    let leaves = leaves[random.below(3) as usize];
    wall(
        &mut builder,
        &ring(4, 0.45, -FOOT_M, 0.0),
        &ring(4, 0.35, height * 0.45, 0.0),
        bark,
    );
    let radius = height * random.range(0.28, 0.4);
    let turn = random.unit();
    let low = ring(sides, radius * 0.6, height * 0.35, turn);
    let middle = ring(sides, radius, height * 0.6, turn + 0.5);
    let high = ring(sides, radius * 0.65, height * 0.86, turn);
    let mut under: Vec<Vec3> = low.clone();
    under.reverse();
    tip(
        &mut builder,
        &under,
        Vec3::new(0.0, height * 0.3, 0.0),
        shade(leaves, random),
    );
    wall(&mut builder, &low, &middle, shade(leaves, random));
    wall(&mut builder, &middle, &high, shade(leaves, random));
    tip(
        &mut builder,
        &high,
        Vec3::new(0.0, height, 0.0),
        shade(leaves, random),
    );
    builder.finish()
}

/// A rock: two uneven rings under an uneven top.
pub(super) fn rock(random: &mut Random) -> MeshData {
    let mut builder = MeshBuilder::new();
    let size = random.range(1.6, 6.0);
    let sides = 5 + random.below(4);
    let stone = [
        [128.0, 122.0, 114.0],
        [104.0, 98.0, 94.0],
        [140.0, 128.0, 112.0],
    ];
    let stone = stone[random.below(3) as usize];
    let mut uneven = |radius: f32, height: f32| -> Vec<Vec3> {
        let mut corners = ring(sides, radius, height, 0.0);
        for corner in &mut corners {
            let stretch = random.range(0.7, 1.25);
            *corner *= Vec3::new(stretch, random.range(0.85, 1.15), stretch);
        }
        corners
    };
    let foot = uneven(size, -FOOT_M * 0.5);
    let belt = uneven(size * 0.9, size * 0.45);
    let neck = uneven(size * 0.5, size * 0.85);
    wall(&mut builder, &foot, &belt, shade(stone, random));
    wall(&mut builder, &belt, &neck, shade(stone, random));
    tip(
        &mut builder,
        &neck,
        Vec3::new(0.0, size, 0.0),
        shade(stone, random),
    );
    builder.finish()
}
