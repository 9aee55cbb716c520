//! A tile's mesh: heights on a grid, normals from its neighbours, skirts along its edges.

use super::ground::{Ground, to_byte};
use super::{TileId, quads, vertex_count};
use crate::content::elevation::HeightGrid;
use crate::content::mesh::{Indices, MeshData, Vertex};
use crate::content::noise::{Random, smoothstep};
use crate::content::scene::Scene;
use glam::{Vec2, Vec3};

/// Real metres by which each revision lets the snow come down, and the most it ever does.
const SNOW_STEP_M: f32 = 60.0;
const SNOW_MOST_M: f32 = 1200.0;
/// The craters of the latest revisions that are kept.
const CRATERS_KEPT: u32 = 8;
/// No crater has a larger radius, so that those of coarse tiles do not fill whole valleys.
const LARGEST_CRATER_M: f32 = 260.0;

/// Makes a tile's mesh. The same `scene`, `id` and `revision` always give the same bytes.
///
/// Each revision above 0 adds one meteor crater (the last eight are kept) and lets the snow come
/// down a little; craters end before the tile's edges, so that neighbours still fit.
pub fn build(scene: &Scene, id: TileId, revision: u32) -> MeshData {
    let quads = quads(id.level);
    let mut grid = scene
        .elevation()
        .height_grid(id.origin(), id.side_m(), quads);
    let craters = craters(scene, id, revision);
    for crater in &craters {
        crater.dig(&mut grid, id.side_m());
    }
    let mut vertices = Vec::with_capacity(vertex_count(id.level));
    append_surface(&mut vertices, scene, id, revision, &grid);
    for crater in &craters {
        crater.scorch(&mut vertices);
    }
    let depth_m = skirt_depth_m(id);
    for edge in edges(quads) {
        for at in edge {
            let mut vertex = vertices[at];
            vertex.position[1] -= depth_m;
            vertices.push(vertex);
        }
    }
    let indices = if id.level == 0 {
        Indices::U32(triangles(quads).collect())
    } else {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "129 * 129 + 4 * 129 vertices"
        )]
        Indices::U16(triangles(quads).map(|i| i as u16).collect())
    };
    MeshData::new(vertices, indices)
}

/// The skirts reach below the error that a neighbour of the next level may have.
fn skirt_depth_m(id: TileId) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "a few hundred quads")]
    let spacing_m = id.side_m() / quads(id.level) as f32;
    spacing_m * 2.0 + 6.0
}

/// Appends the vertices of the surface, row by row from the north-west.
fn append_surface(
    vertices: &mut Vec<Vertex>,
    scene: &Scene,
    id: TileId,
    revision: u32,
    grid: &HeightGrid,
) {
    let (origin, side_m, quads, stride) =
        (id.origin(), id.side_m(), grid.side() - 1, grid.side() + 2);
    let (heights, ruggedness) = (grid.heights_m(), grid.ruggedness());
    #[expect(
        clippy::cast_precision_loss,
        reason = "a few hundred points, revisions are few"
    )]
    let (count, lowered_m) = (
        quads as f32,
        (revision as f32 * SNOW_STEP_M).min(SNOW_MOST_M),
    );
    let twice_m = 2.0 * side_m / count;
    for row in 0..=quads {
        for column in 0..=quads {
            let at = (row + 1) * stride + column + 1;
            let dx = heights[at + 1] - heights[at - 1];
            let dz = heights[at + stride] - heights[at - stride];
            let normal = Vec3::new(-dx, twice_m, -dz);
            #[expect(clippy::cast_precision_loss, reason = "a few hundred points")]
            let local = Vec3::new(
                side_m * (column as f32 / count),
                heights[at],
                side_m * (row as f32 / count),
            );
            let slope = (dx * dx + dz * dz).sqrt() / twice_m;
            let (x, z) = (origin.x + local.x, origin.z + local.z);
            let ground = Ground::at(x, z, local.y, slope, ruggedness[at], scene.seed());
            #[expect(
                clippy::cast_possible_truncation,
                reason = "whole metres of a small world"
            )]
            let colour = ground.colour(lowered_m, x as i32, z as i32, scene.seed());
            vertices.push(Vertex::new(local, normal, colour));
        }
    }
}

/// The surface's vertices along the four edges, each in the order that has the outside to the
/// left: north eastwards, east southwards, south westwards, west northwards, seen from above.
fn edges(quads: usize) -> [Box<dyn Iterator<Item = usize>>; 4] {
    let side = quads + 1;
    [
        Box::new(0..side),
        Box::new((0..side).map(move |i| i * side + quads)),
        Box::new((0..side).map(move |i| side * side - 1 - i)),
        Box::new((0..side).map(move |i| (quads - i) * side)),
    ]
}

/// The triangles of the surface and of the skirts.
fn triangles(quads: usize) -> impl Iterator<Item = u32> {
    let side = quads + 1;
    let surface = (0..quads * quads).flat_map(move |quad| {
        let (row, column) = (quad / quads, quad % quads);
        let a = row * side + column;
        let (b, c, d) = (a + side, a + 1, a + side + 1);
        // Diagonals alternate, so that no slope gets a grain of its own.
        if (row + column) % 2 == 0 {
            [a, b, d, a, d, c]
        } else {
            [a, b, c, c, b, d]
        }
    });
    let skirts = edges(quads)
        .into_iter()
        .enumerate()
        .flat_map(move |(number, edge)| {
            let below = side * side + number * side;
            let top: Vec<usize> = edge.collect();
            (0..quads).flat_map(move |i| {
                let (a, b, c, d) = (top[i], top[i + 1], below + i, below + i + 1);
                [a, b, c, b, d, c]
            })
        });
    #[expect(
        clippy::cast_possible_truncation,
        reason = "193 * 193 + 4 * 193 vertices"
    )]
    surface.chain(skirts).map(|i| i as u32)
}

/// A hole in a tile, in its local metres.
struct Crater {
    middle_m: Vec2,
    radius_m: f32,
}

/// The rim and what was thrown out end at this many radii.
const CRATER_REACH: f32 = 2.0;

fn craters(scene: &Scene, id: TileId, revision: u32) -> Vec<Crater> {
    let first = revision.saturating_sub(CRATERS_KEPT) + 1;
    (first..=revision)
        .map(|number| {
            let purpose = number.wrapping_mul(16).wrapping_add(u32::from(id.level));
            let mut random = Random::at(id.x, id.y, purpose, scene.seed());
            let side_m = id.side_m();
            Crater {
                middle_m: Vec2::new(random.range(0.32, 0.68), random.range(0.32, 0.68)) * side_m,
                radius_m: (random.range(0.05, 0.14) * side_m).min(LARGEST_CRATER_M),
            }
        })
        .collect()
}

impl Crater {
    /// The distance from the middle in radii.
    fn distance(&self, x_m: f32, z_m: f32) -> f32 {
        self.middle_m.distance(Vec2::new(x_m, z_m)) / self.radius_m
    }

    /// A bowl a third as deep as its radius, and a rim that falls off to nothing.
    fn dig(&self, grid: &mut HeightGrid, side_m: f32) {
        let (stride, quads) = (grid.side() + 2, grid.side() - 1);
        for (at, height) in grid.heights_mut().iter_mut().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "a few hundred points")]
            let place = |i: usize| side_m * ((i as f32 - 1.0) / quads as f32);
            let distance = self.distance(place(at % stride), place(at / stride));
            if distance < CRATER_REACH {
                let rim = 0.12 * (1.0 - smoothstep(1.0, CRATER_REACH, distance));
                let bowl = (distance * distance - 1.0).min(0.0) * 0.35;
                let inside = smoothstep(0.6, 1.0, distance);
                *height += self.radius_m * (bowl + rim * inside);
            }
        }
    }

    /// Darkens the bowl and what lies around it.
    fn scorch(&self, surface: &mut [Vertex]) {
        for vertex in surface {
            let distance = self.distance(vertex.position[0], vertex.position[2]);
            if distance < CRATER_REACH {
                let light = 0.35 + 0.65 * smoothstep(0.7, CRATER_REACH, distance);
                for channel in &mut vertex.colour[..3] {
                    *channel = to_byte(f32::from(*channel) * light);
                }
            }
        }
    }
}
