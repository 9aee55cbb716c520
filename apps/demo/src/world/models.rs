//! The user's models: each one block, shared by all its instances, scattered in small towns.

use std::collections::BTreeMap;
use std::sync::Arc;

use glam::Vec3;

use super::listing::push;
use super::{Key, World, WorldConfig, WorldError};
use crate::cli::SceneChoice;
use crate::content::camera::Camera;
use crate::content::gltf_load::Model;
use crate::content::mesh::{Bounds, MeshData};
use crate::content::scene::Scene;
use crate::content::tile::{FINEST_SIDE_M, TileId};
use crate::draw_list::{DrawList, Item, Kind, Placement};

/// The longest side of the largest model, in world metres; the others keep their proportion to it.
const LARGEST_M: f32 = 30.0;
/// Towns are drawn on tiles up to so many columns or rows from the camera's.
const REACH_TILES: i64 = 3;
/// Places in a row of a town.
const TOWN_SIDE: u64 = 7;
/// Metres from one place to the next.
const TOWN_SPACING_M: f32 = 38.0;
/// Steeper ground stays empty (rise over run).
const STEEPEST: f32 = 0.3;
/// How far around a place the ground has to be gentle, in metres.
const AROUND_M: f32 = 45.0;

/// Models and where they stand.
#[derive(Debug, Default)]
pub(super) struct Scatter {
    /// Each model's factor of size.
    scale: f32,
    towns: BTreeMap<TileId, Vec<Group>>,
}

/// All instances of one model in one town.
#[derive(Debug, PartialEq)]
pub(super) struct Group {
    model: u32,
    pub(super) placements: Vec<Placement>,
    bounds: Bounds,
}

/// The meshes that a world scatters: the user's, or without any the demo's own.
pub fn scatterable(config: &WorldConfig) -> Vec<Arc<MeshData>> {
    let usable = |model: &Model| !model.mesh.indices.is_empty();
    let mut meshes: Vec<_> = config
        .models
        .iter()
        .filter(|model| usable(model))
        .map(|model| Arc::new(model.mesh.clone()))
        .collect();
    let has_none = matches!(config.choice, SceneChoice::Still | SceneChoice::GpuTerrain);
    if meshes.is_empty() && !has_none {
        meshes.extend(
            config
                .scene
                .catalogue()
                .meshes()
                .iter()
                .cloned()
                .map(Arc::new),
        );
    }
    if config.choice == SceneChoice::Model {
        meshes.truncate(1);
    }
    meshes
}

impl Scatter {
    pub(super) fn new(config: &WorldConfig) -> Self {
        let longest = scatterable(config)
            .iter()
            .map(|mesh| (mesh.bounds.max - mesh.bounds.min).max_element())
            .fold(0.0_f32, f32::max);
        let scale = if longest > 0.0 {
            LARGEST_M / longest
        } else {
            1.0
        };
        Self {
            scale,
            towns: BTreeMap::new(),
        }
    }
}

/// Sends all models.
pub(super) fn start(world: &mut World) -> Result<(), WorldError> {
    for (index, mesh) in (0..).zip(scatterable(&world.config)) {
        world.add(Key::Model(index), &mesh, 136)?;
    }
    Ok(())
}

/// Lists the models around the camera.
pub(super) fn list(world: &mut World, camera: &Camera, list: &mut DrawList) {
    if world.config.choice == SceneChoice::Model {
        list_single(world, camera, list);
        return;
    }
    let meshes: BTreeMap<u32, Bounds> = world
        .blocks
        .range(Key::Model(0)..=Key::Model(u32::MAX))
        .filter_map(|(key, block)| match (key, &block.expected) {
            (Key::Model(index), super::blocks::Expected::Kept(mesh)) => Some((*index, mesh.bounds)),
            _ => None,
        })
        .collect();
    if meshes.is_empty() {
        return;
    }
    let near = near_tiles(&world.config.scene, camera);
    world.scatter.towns.retain(|tile, _| near.contains(tile));
    for tile in near {
        let scale = world.scatter.scale;
        let scene = &world.config.scene;
        let town = world
            .scatter
            .towns
            .entry(tile)
            .or_insert_with(|| plan(scene, tile, scale, &meshes));
        for group in town {
            let Some(block) = world.blocks.get_mut(&Key::Model(group.model)) else {
                continue;
            };
            block.last_listed = list.sequence;
            let first = group.placements[0];
            let item = Item {
                handle: block.handle,
                kind: Kind::Model,
                bounds: group.bounds,
                placements: 0..0,
                stand_in: Placement {
                    size: Vec3::splat(9.0),
                    ..first
                },
            };
            push(list, item, &group.placements);
        }
    }
}

fn list_single(world: &mut World, camera: &Camera, list: &mut DrawList) {
    let Some(block) = world.blocks.get_mut(&Key::Model(0)) else {
        return;
    };
    block.last_listed = list.sequence;
    let size = Vec3::splat(world.scatter.scale);
    let at = camera.position + camera.forward() * (LARGEST_M * 3.0) - Vec3::Y * LARGEST_M * 0.5;
    let reach = Vec3::splat(LARGEST_M * 2.0);
    let item = Item {
        handle: block.handle,
        kind: Kind::Model,
        bounds: Bounds {
            min: at - reach,
            max: at + reach,
        },
        placements: 0..0,
        stand_in: Placement {
            size: Vec3::splat(9.0),
            ..Placement::at(at)
        },
    };
    push(
        list,
        item,
        &[Placement {
            size,
            turn: 0.7,
            ..Placement::at(at)
        }],
    );
}

fn near_tiles(scene: &Scene, camera: &Camera) -> Vec<TileId> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a world has a few hundred tiles a side"
    )]
    let tile_of = |metres: f32| (metres / FINEST_SIDE_M).floor() as i64;
    let (x, y) = (tile_of(camera.position.x), tile_of(camera.position.z));
    let mut near = Vec::new();
    for row in y - REACH_TILES..=y + REACH_TILES {
        for column in x - REACH_TILES..=x + REACH_TILES {
            let (Ok(x), Ok(y)) = (u32::try_from(column), u32::try_from(row)) else {
                continue;
            };
            let tile = TileId { level: 0, x, y };
            if scene.contains(tile) {
                near.push(tile);
            }
        }
    }
    near
}

/// Decides what stands on a tile: the same for the same scene and models.
pub(super) fn plan(
    scene: &Scene,
    tile: TileId,
    scale: f32,
    models: &BTreeMap<u32, Bounds>,
) -> Vec<Group> {
    let mut random = Random::new(scene.seed(), tile);
    let origin = tile.origin();
    let mut groups: BTreeMap<u32, Vec<Placement>> = BTreeMap::new();
    let indices: Vec<u32> = models.keys().copied().collect();
    #[expect(
        clippy::cast_precision_loss,
        reason = "a town has seven places in a row"
    )]
    let side = TOWN_SIDE as f32 * TOWN_SPACING_M;
    let corner = origin
        + Vec3::new(
            random.part() * (FINEST_SIDE_M - side),
            0.0,
            random.part() * (FINEST_SIDE_M - side),
        );
    for place in 0..TOWN_SIDE * TOWN_SIDE {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a town has seven places in a row"
        )]
        let (column, row) = ((place % TOWN_SIDE) as f32, (place / TOWN_SIDE) as f32);
        let jitter = Vec3::new(random.part() - 0.5, 0.0, random.part() - 0.5) * 10.0;
        let mut at = corner + Vec3::new(column, 0.0, row) * TOWN_SPACING_M + jitter;
        let chosen = usize::try_from(random.next() % indices.len() as u64).unwrap_or(0);
        let quarter = random.next() % 4;
        let left_empty = random.part() < 0.35;
        if left_empty || !is_buildable(scene, at) {
            continue;
        }
        let model = indices[chosen];
        let foot = models[&model].min.y * scale;
        at.y = scene.elevation().ground_m(at.x, at.z) - foot - 0.3;
        #[expect(clippy::cast_precision_loss, reason = "below 4")]
        let turn = quarter as f32 * std::f32::consts::FRAC_PI_2 + random.part() * 0.1;
        groups.entry(model).or_default().push(Placement {
            size: Vec3::splat(scale),
            turn,
            ..Placement::at(at)
        });
    }
    let reach = Vec3::splat(LARGEST_M * 1.5);
    groups
        .into_iter()
        .map(|(model, placements)| {
            let around = Bounds::of(placements.iter().map(|placement| placement.at));
            let bounds = Bounds {
                min: around.min - reach,
                max: around.max + reach,
            };
            Group {
                model,
                placements,
                bounds,
            }
        })
        .collect()
}

/// Whether the ground at a place and around it is gentle.
fn is_buildable(scene: &Scene, at: Vec3) -> bool {
    let around = [
        (0.0, 0.0),
        (AROUND_M, 0.0),
        (-AROUND_M, 0.0),
        (0.0, AROUND_M),
        (0.0, -AROUND_M),
    ];
    around
        .iter()
        .all(|(x, z)| scene.elevation().slope(at.x + x, at.z + z) <= STEEPEST)
}

/// Numbers that depend on the seed and the tile alone (`SplitMix64`).
struct Random(u64);

impl Random {
    fn new(seed: u32, tile: TileId) -> Self {
        let place = (u64::from(tile.x) << 32) | u64::from(tile.y);
        Self(place.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(seed))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to 1.
    #[expect(clippy::cast_precision_loss, reason = "24 bits fit a float's mantissa")]
    fn part(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }
}
