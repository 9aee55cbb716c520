//! The landscape changes: craters and snow come to a few tiles a second.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Key, World, WorldError};
use crate::content::scene::ObjectId;
use crate::content::select::Selection;

/// Frames from one change to the next.
const CHANGE_EVERY_FRAMES: u64 = 8;
/// Of the nearest tiles so many take turns.
const CHANGE_NEAREST: usize = 12;

/// Changes one near tile, if it is this frame's turn.
pub(super) fn apply(
    world: &mut World,
    selection: &Selection,
    frame: u64,
) -> Result<(), WorldError> {
    if !frame.is_multiple_of(CHANGE_EVERY_FRAMES) {
        return Ok(());
    }
    let near: Vec<ObjectId> = selection
        .draw
        .iter()
        .copied()
        .filter(|id| matches!(id, ObjectId::Tile(_)))
        .take(CHANGE_NEAREST)
        .collect();
    let Some(turn) = near.len().checked_sub(1) else {
        return Ok(());
    };
    // Every third of them in turn: neighbours do not change one after the other.
    let step = usize::try_from(frame / CHANGE_EVERY_FRAMES).unwrap_or(0) * 3;
    let id = near[step % (turn + 1)];
    let key = Key::Streamed(id);
    let Some(block) = world.blocks.get(&key).filter(|block| block.is_settled()) else {
        return Ok(());
    };
    let revision = block.revision.load(Ordering::Acquire) + 1;
    let Some(mesh) = world.config.scene.build(id, revision) else {
        return Ok(());
    };
    world.replace(key, &Arc::new(mesh)).map(|_| ())
}
