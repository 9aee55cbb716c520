//! What to draw while not everything is there.

use crate::content::scene::{ObjectId, Scene};
use crate::content::tile::TileId;
use std::collections::BTreeMap;

/// Something to draw in place of what was wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Drawable {
    /// The object is there.
    Object(ObjectId),
    /// A tile of which neither itself nor any ancestor is there: draw the fallback patch.
    Patch(TileId),
}

/// Replaces the tiles of `draw` that are not `ready` by their nearest ready ancestor (once, without
/// the other tiles that it covers) or by a patch. Groves that are not ready are left out.
pub fn cover(
    scene: &Scene,
    draw: &[ObjectId],
    mut ready: impl FnMut(ObjectId) -> bool,
) -> Vec<Drawable> {
    // Which ancestors stand in, and whether each was put out already.
    let mut stand_ins: BTreeMap<TileId, bool> = BTreeMap::new();
    let mut found: Vec<Option<Drawable>> = Vec::with_capacity(draw.len());
    for &id in draw {
        let object = Some(Drawable::Object(id));
        found.push(match id {
            _ if ready(id) => object,
            ObjectId::Grove(..) => None,
            ObjectId::Tile(tile) => {
                let mut above = ancestors(scene, tile);
                match above.find(|&a| stand_ins.contains_key(&a) || ready(ObjectId::Tile(a))) {
                    Some(ancestor) => {
                        stand_ins.insert(ancestor, false);
                        Some(Drawable::Object(ObjectId::Tile(ancestor)))
                    }
                    None => Some(Drawable::Patch(tile)),
                }
            }
        });
    }
    let mut out = Vec::with_capacity(found.len());
    for drawable in found.into_iter().flatten() {
        let (Drawable::Object(ObjectId::Tile(tile)) | Drawable::Patch(tile)) = drawable else {
            out.push(drawable);
            continue;
        };
        if ancestors(scene, tile).any(|a| stand_ins.contains_key(&a)) {
            continue;
        }
        match stand_ins.get_mut(&tile) {
            Some(true) => {}
            Some(done) => {
                *done = true;
                out.push(drawable);
            }
            None => out.push(drawable),
        }
    }
    out
}

/// The tiles above a tile, from its parent to the coarsest.
fn ancestors(scene: &Scene, tile: TileId) -> impl Iterator<Item = TileId> {
    let top = scene.top_level();
    std::iter::successors(Some(tile), move |t| (t.level < top).then(|| t.parent())).skip(1)
}
