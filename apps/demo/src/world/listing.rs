//! Writes the list of what a frame may draw.

use std::collections::BTreeSet;

use geoheap::Handle;
use glam::Vec3;

use super::blocks::{Block, Key};
use super::{StepInput, World, interface, models};
use crate::content::mesh::Bounds;
use crate::content::scene::{ObjectId, Scene};
use crate::content::select::{Drawable, Selection, cover};
use crate::content::tile::TileId;
use crate::draw_list::{DrawList, Item, Kind, Placement};

/// From this budget on, everything that may cover something is kept in GPU memory.
const ROOMY_BUDGET_BYTES: u64 = 112 << 20;

impl World {
    /// Watches what the selection wants and the list does not draw because it is away or has not
    /// been seen yet, and the ancestors of every tile in view: they cover when the tile goes.
    ///
    /// The engine is not asked for what arrives: who waits for a block has it sent before others,
    /// and what is built for later need not hurry.
    fn watch(&mut self, selection: &Selection, budget_bytes: u64, list: &mut DrawList) {
        let top = self.config.scene.top_level();
        let mut watched = BTreeSet::new();
        for id in &selection.draw {
            let key = Key::Streamed(*id);
            let block = self.blocks.get(&key);
            list.away += u32::from(block.is_some_and(|block| block.away));
            if !block.is_some_and(Block::is_there) {
                watched.insert(key);
                list.replaced += 1;
            }
            if let ObjectId::Tile(tile) = id {
                let keepers = keepers(*tile, top, budget_bytes);
                watched.extend(keepers.map(|tile| Key::Streamed(ObjectId::Tile(tile))));
            }
        }
        for key in watched {
            if let Some(block) = self.blocks.get_mut(&key) {
                block.last_listed = list.sequence;
                list.watched.push(block.handle);
            }
        }
    }

    pub(super) fn list(&mut self, selection: &Selection, input: &StepInput) -> DrawList {
        self.sequence += 1;
        let mut list = DrawList {
            sequence: self.sequence,
            stand_ins: self.stand_ins,
            ..DrawList::default()
        };
        let blocks = &self.blocks;
        let ready = |id| blocks.get(&Key::Streamed(id)).is_some_and(Block::is_there);
        for drawable in cover(&self.config.scene, &selection.draw, ready) {
            let (id, key) = match drawable {
                Drawable::Object(id) => (id, Key::Streamed(id)),
                Drawable::Patch(tile) => {
                    (ObjectId::Tile(tile), Key::Streamed(ObjectId::Tile(tile)))
                }
            };
            let Some(block) = self.blocks.get_mut(&key) else {
                continue;
            };
            block.draw_in(self.sequence);
            push_object(&mut list, &self.config.scene, id, block.handle);
        }
        self.watch(selection, input.figures.budget_bytes, &mut list);
        models::list(self, &input.camera, &mut list);
        if self.config.interface {
            interface::list(self, &input.camera, input.size, &mut list);
        }
        list
    }
}

/// The ancestors of a tile that are worth keeping in GPU memory, because they cover it while it
/// is away: its parent, the coarsest two levels, and under a large budget all of them.
pub(super) fn keepers(
    tile: TileId,
    top_level: u8,
    budget_bytes: u64,
) -> impl Iterator<Item = TileId> {
    let chain = std::iter::successors(Some(tile), move |tile| {
        (tile.level < top_level).then(|| tile.parent())
    });
    chain.skip(1).filter(move |ancestor| {
        ancestor.level == tile.level + 1
            || ancestor.level + 1 >= top_level
            || budget_bytes >= ROOMY_BUDGET_BYTES
    })
}

fn push_object(list: &mut DrawList, scene: &Scene, id: ObjectId, handle: Handle) {
    let (tile, kind) = match id {
        ObjectId::Tile(tile) => (tile, Kind::Ground),
        ObjectId::Grove(tile, _) => (tile, Kind::Grove),
    };
    let bounds = scene.tile_bounds(tile);
    push(
        list,
        Item {
            handle,
            kind,
            bounds,
            placements: 0..0,
            stand_in: stand_in(scene, kind, tile, &bounds),
        },
        &[Placement::at(scene.origin(id))],
    );
}

/// Adds an item with its instances.
pub(super) fn push(list: &mut DrawList, mut item: Item, placements: &[Placement]) {
    let count = |n: usize| u32::try_from(n).expect("a list has under 2^32 instances");
    let start = count(list.placements.len());
    list.placements.extend_from_slice(placements);
    item.placements = start..count(list.placements.len());
    list.items.push(item);
}

/// Where the stand-in of an object of a tile goes.
pub(super) fn stand_in(scene: &Scene, kind: Kind, tile: TileId, bounds: &Bounds) -> Placement {
    let side = tile.side_m();
    let middle = tile.origin() + Vec3::new(side * 0.5, 0.0, side * 0.5);
    let ground = scene.elevation().ground_m(middle.x, middle.z);
    if kind == Kind::Ground {
        let height = ground.min(bounds.min.y.midpoint(bounds.max.y));
        return Placement {
            at: tile.origin() + Vec3::Y * height,
            size: Vec3::new(side, 1.0, side),
            turn: 0.0,
            tint: [214, 206, 178, 255],
        };
    }
    Placement {
        at: Vec3::new(middle.x, ground, middle.z),
        size: Vec3::splat(9.0),
        turn: 0.6,
        tint: [120, 140, 110, 255],
    }
}
