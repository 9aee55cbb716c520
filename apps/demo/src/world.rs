//! The geometry side: follows the camera, builds what it will need, changes and discards.
//!
//! One [`World::step`] a frame: it asks the selection what should be alive, builds the most
//! important of what is missing within a few megabytes, changes a little, lets go of what was left
//! behind, and writes the next [`DrawList`]. All of it goes through the engine's client; the GPU
//! and the frame's ticket are somebody else's.
//!
//! # Invariants
//! - W1 A block is removed only when every list that names it is older than the list in use, so
//!   that no frame looks up a handle that is gone.
//! - W2 Each step depends on the cameras, the seed and the answers of the engine alone.

mod blocks;
mod changes;
mod interface;
mod models;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use geoheap::{BlockDesc, Client, Handle, Lifetime, Source};
use glam::Vec3;

pub use blocks::{Block, Expected, Key, payloads};
pub use interface::Figures;
pub use models::scatterable;

use crate::check::Checker;
use crate::cli::{PictureSize, SceneChoice};
use crate::content::camera::Camera;
use crate::content::gltf_load::Model;
use crate::content::mesh::{Bounds, MeshData};
use crate::content::scene::{ObjectId, Scene};
use crate::content::select::{Drawable, SelectConfig, Selection, Selector, cover};
use crate::content::tile::TileId;
use crate::draw_list::{DrawList, Item, Kind, Placement, Sightings, StandIns};
use blocks::{Arrival, Replacing, describe};
use interface::Interface;
use models::Scatter;

/// Bytes of meshes made in one step: enough to keep up with the flight, few enough to keep a
/// frame short.
const BUILD_BYTES_PER_STEP: usize = 6 << 20;
/// Bytes of meshes made in each of the first steps, before there is anything to see.
const BUILD_BYTES_WHILE_LOADING: usize = 24 << 20;
/// Steps that count as loading.
const LOADING_STEPS: u64 = 4;
/// From this budget on, everything that may cover something is kept in GPU memory.
const ROOMY_BUDGET_BYTES: u64 = 112 << 20;
/// How long adding a block may wait for room in the engine's mailbox.
const ADD_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

/// What a world is made of; everything in it was read and checked before.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// The landscape.
    pub scene: Arc<Scene>,
    /// The models to scatter.
    pub models: Arc<Vec<Model>>,
    /// What stands in the world.
    pub choice: SceneChoice,
    /// The bounds of the selection.
    pub select: SelectConfig,
    /// Whether stand-ins are drawn.
    pub stand_ins: bool,
    /// Whether blocks are read back and compared.
    pub check: bool,
    /// Whether one thread does everything, so that nothing here may wait for the engine.
    pub lockstep: bool,
    /// How many times more than usual is built in a step, at least 1.
    pub hurry: u32,
}

/// What a frame tells the geometry side.
#[derive(Clone, Debug, PartialEq)]
pub struct StepInput {
    /// The eye.
    pub camera: Camera,
    /// The frame, from 0.
    pub frame: u64,
    /// The sequence of the list that the frame draws from: its ticket exists already.
    pub list_in_use: u64,
    /// The picture, for the places of the user interface.
    pub size: PictureSize,
    /// What the frames since the last step found in GPU memory, and what not.
    pub sightings: Sightings,
    /// What the user interface shows of the heap.
    pub figures: Figures,
}

/// A block could not be added, and the flight cannot go on without.
#[derive(Debug)]
pub struct WorldError(String);

impl WorldError {
    /// The geometry thread is gone.
    pub(crate) fn thread_panicked() -> Self {
        Self("the geometry thread panicked; its message stands above".into())
    }
}

impl std::fmt::Display for WorldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WorldError {}

/// The geometry side's state.
#[derive(Debug)]
pub struct World {
    config: WorldConfig,
    client: Client,
    selector: Selector,
    unmoved: Option<Arc<Selection>>,
    blocks: BTreeMap<Key, Block>,
    by_handle: BTreeMap<Handle, Key>,
    /// Blocks that no new list names, waiting until no list in use does (W1).
    leaving: Vec<Block>,
    stand_ins: Option<StandIns>,
    interface: Interface,
    scatter: Scatter,
    checker: Checker,
    sequence: u64,
    steps: u64,
}

impl World {
    /// Starts a world: sends the long-lived blocks and the models.
    ///
    /// # Errors
    /// [`WorldError`] if the engine refuses one of them.
    pub fn new(config: WorldConfig, client: Client) -> Result<Self, WorldError> {
        let select = config.select;
        let scatter = Scatter::new(&config);
        let mut world = Self {
            checker: Checker::new(config.check),
            config,
            client,
            selector: Selector::new(select),
            unmoved: None,
            blocks: BTreeMap::new(),
            by_handle: BTreeMap::new(),
            leaving: Vec::new(),
            stand_ins: None,
            interface: Interface::default(),
            scatter,
            sequence: 0,
            steps: 0,
        };
        if world.config.stand_ins {
            let ground = world.add(Key::StandInGround, &Arc::new(blocks::stand_in_ground()), 0)?;
            let object = world.add(Key::StandInObject, &Arc::new(blocks::stand_in_object()), 0)?;
            world.stand_ins = Some(StandIns { ground, object });
        }
        interface::start(&mut world)?;
        models::start(&mut world)?;
        Ok(world)
    }

    /// What was compared so far.
    pub fn checker(&self) -> &Checker {
        &self.checker
    }

    /// Blocks alive.
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// One step; see the module.
    ///
    /// # Errors
    /// [`WorldError`] if the engine refuses a block for good.
    pub fn step(&mut self, input: &StepInput) -> Result<DrawList, WorldError> {
        self.steps += 1;
        self.note(&input.sightings);
        for block in self.blocks.values_mut() {
            block.poll(&self.client);
        }
        self.let_go(input.list_in_use)?;
        let selection = self.select(&input.camera);
        self.build(&selection)?;
        for id in &selection.discard {
            if let Some(block) = self.blocks.remove(&Key::Streamed(*id)) {
                self.by_handle.remove(&block.handle);
                self.leaving.push(block);
            }
        }
        if self.config.choice == SceneChoice::Landscape {
            changes::apply(self, &selection, input.frame)?;
            interface::update(self, input)?;
        }
        let list = self.list(&selection, input);
        self.checker.step(
            &self.client,
            &self.blocks,
            &self.config.scene,
            self.sequence,
        );
        Ok(list)
    }

    /// Waits for outstanding comparisons; for the end of a flight. In lockstep the caller makes
    /// ticks in `tick`, elsewhere it does nothing.
    pub fn finish_checks(&mut self, mut tick: impl FnMut()) {
        self.checker
            .finish(&self.blocks, &self.config.scene, &mut tick);
    }

    /// Removes everything, as the program's last act: what is left afterwards leaked.
    pub fn clear(&mut self) {
        let all = std::mem::take(&mut self.blocks).into_values();
        for block in all.chain(std::mem::take(&mut self.leaving)) {
            if let Err(error) = self.client.remove(block.handle) {
                tracing::warn!(%error, handle = %block.handle, "not removed");
            }
        }
        self.stand_ins = None;
    }

    /// What was away is drawn by something coarser until it is seen again.
    fn note(&mut self, sightings: &Sightings) {
        let seen = [(&sightings.away, true), (&sightings.there, false)];
        for (handles, away) in seen {
            for handle in handles {
                let key = self.by_handle.get(handle);
                if let Some(block) = key.and_then(|key| self.blocks.get_mut(key)) {
                    block.away = away;
                }
            }
        }
    }

    fn let_go(&mut self, list_in_use: u64) -> Result<(), WorldError> {
        let mut kept = Vec::new();
        for block in std::mem::take(&mut self.leaving) {
            // W1: lists from `list_in_use` on do not name it.
            if block.last_listed >= list_in_use {
                kept.push(block);
            } else if let Err(error) = self.client.remove(block.handle) {
                if !blocks::is_full(&error) {
                    return Err(WorldError(format!(
                        "cannot remove {}: {error}",
                        block.handle
                    )));
                }
                kept.push(block);
            }
        }
        self.leaving = kept;
        Ok(())
    }

    /// What the camera wants. In an unchanged scene the camera stands, so the first answer stays.
    fn select(&mut self, camera: &Camera) -> Arc<Selection> {
        let unmoved = self.config.choice != SceneChoice::Landscape;
        if unmoved && let Some(selection) = &self.unmoved {
            return Arc::clone(selection);
        }
        let selection = match self.config.choice {
            SceneChoice::Model => Selection::default(),
            SceneChoice::Landscape | SceneChoice::Still => {
                self.selector.update(&self.config.scene, camera)
            }
        };
        let selection = Arc::new(selection);
        self.unmoved = unmoved.then(|| Arc::clone(&selection));
        selection
    }

    fn build(&mut self, selection: &Selection) -> Result<(), WorldError> {
        let still = self.config.choice == SceneChoice::Still;
        let mut room = if self.steps <= LOADING_STEPS || still {
            BUILD_BYTES_WHILE_LOADING
        } else {
            BUILD_BYTES_PER_STEP * self.config.hurry.max(1) as usize
        };
        for wanted in &selection.wanted {
            let key = Key::Streamed(wanted.id);
            if self.blocks.contains_key(&key) {
                continue;
            }
            let Some(bytes) = self.config.scene.bytes(wanted.id) else {
                continue;
            };
            if bytes.total() > room {
                break;
            }
            room -= bytes.total();
            let Some(mesh) = self.config.scene.build(wanted.id, 0) else {
                continue;
            };
            let priority = priority_of(wanted.priority);
            match self.try_add(key, &Arc::new(mesh), priority) {
                Ok(_) => {}
                // Back-pressure: what is left waits for the next step.
                Err(error) if blocks::add_is_full(&error) => break,
                Err(error) => {
                    return Err(WorldError(format!("cannot add {}: {error}", wanted.id)));
                }
            }
        }
        Ok(())
    }

    /// Adds a block that the flight cannot do without.
    fn add(&mut self, key: Key, mesh: &Arc<MeshData>, priority: u8) -> Result<Handle, WorldError> {
        let name = key.label();
        self.try_add(key, mesh, priority)
            .map_err(|error| WorldError(format!("cannot add {name}: {error}")))
    }

    fn try_add(
        &mut self,
        key: Key,
        mesh: &Arc<MeshData>,
        priority: u8,
    ) -> Result<Handle, geoheap::AddError> {
        let revision = Arc::new(AtomicU32::new(0));
        let reloads = match key {
            Key::Streamed(id) if reloads(id) => Some(id),
            _ => None,
        };
        let source = match reloads {
            Some(id) => {
                let (scene, revision) = (Arc::clone(&self.config.scene), Arc::clone(&revision));
                Source::reload(move |_| {
                    let mesh = scene.build(id, revision.load(Ordering::Acquire));
                    let mesh = mesh.ok_or_else(|| format!("{id} cannot be made again"))?;
                    Ok(payloads(&Arc::new(mesh)))
                })
            }
            None => Source::Retained,
        };
        let lifetime = if key.is_long_lived() {
            Lifetime::LongLived
        } else {
            Lifetime::Dynamic
        };
        let desc: BlockDesc = describe(mesh)
            .label(key.label())
            .lifetime(lifetime)
            .priority(priority)
            .source(source);
        let handle = if self.config.lockstep {
            self.client.try_add(desc).map_err(|refused| refused.error)?
        } else {
            self.client
                .add_deadline(desc, ADD_WAIT)
                .map_err(|refused| refused.error)?
        };
        // A full mailbox leaves the question for a later step.
        let arrival = self
            .client
            .resident(handle)
            .map_or(Arrival::Unasked, Arrival::Waiting);
        let expected = if reloads.is_some() {
            Expected::Rebuilt
        } else {
            Expected::Kept(Arc::clone(mesh))
        };
        let block = Block {
            handle,
            bytes: mesh.total_bytes(),
            revision,
            arrival,
            expected,
            last_listed: 0,
            away: false,
            replacing: None,
        };
        self.blocks.insert(key, block);
        self.by_handle.insert(handle, key);
        Ok(handle)
    }

    /// Replaces a block's contents; false where that has to wait because the mailbox is full or
    /// the last replacement is still under way.
    fn replace(&mut self, key: Key, mesh: &Arc<MeshData>) -> Result<bool, WorldError> {
        let Some(block) = self.blocks.get_mut(&key) else {
            return Ok(false);
        };
        if mesh.indices.is_empty() || !block.is_settled() {
            return Ok(false);
        }
        // The number first: a reload in between then already gives the newest contents.
        block.revision.fetch_add(1, Ordering::AcqRel);
        match self.client.update(block.handle, payloads(mesh)) {
            Ok(()) => {}
            Err(error) => {
                block.revision.fetch_sub(1, Ordering::AcqRel);
                if blocks::is_full(&error) {
                    return Ok(false);
                }
                return Err(WorldError(format!(
                    "cannot replace {}: {error}",
                    key.label()
                )));
            }
        }
        block.bytes = mesh.total_bytes();
        if matches!(block.expected, Expected::Kept(_)) {
            block.expected = Expected::Kept(Arc::clone(mesh));
        }
        block.replacing = Some(
            self.client
                .flush()
                .map_or(Replacing::Unasked, Replacing::Waiting),
        );
        Ok(true)
    }

    /// Watches what the selection wants and the list does not draw because it is away, and the
    /// ancestors of every tile in view: they cover when the tile goes.
    fn watch(&mut self, selection: &Selection, budget_bytes: u64, list: &mut DrawList) {
        let top = self.config.scene.top_level();
        let mut watched = BTreeSet::new();
        for id in &selection.draw {
            let key = Key::Streamed(*id);
            if self.blocks.get(&key).is_some_and(|block| block.away) {
                watched.insert(key);
            }
            if let ObjectId::Tile(tile) = id {
                let keepers = keepers(*tile, top, budget_bytes);
                watched.extend(keepers.map(|tile| Key::Streamed(ObjectId::Tile(tile))));
            }
        }
        for key in watched {
            if let Some(block) = self.blocks.get_mut(&key)
                && block.has_arrived()
            {
                block.last_listed = list.sequence;
                list.watched.push(block.handle);
            }
        }
    }

    fn list(&mut self, selection: &Selection, input: &StepInput) -> DrawList {
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
            block.last_listed = self.sequence;
            push_object(&mut list, &self.config.scene, id, block.handle);
        }
        self.watch(selection, input.figures.budget_bytes, &mut list);
        models::list(self, &input.camera, &mut list);
        interface::list(self, &input.camera, input.size, &mut list);
        list
    }
}

/// The ancestors of a tile that are worth keeping in GPU memory, because they cover it while it
/// is away: its parent, the coarsest two levels, and under a large budget all of them.
fn keepers(tile: TileId, top_level: u8, budget_bytes: u64) -> impl Iterator<Item = TileId> {
    let chain = std::iter::successors(Some(tile), move |tile| {
        (tile.level < top_level).then(|| tile.parent())
    });
    chain.skip(1).filter(move |ancestor| {
        ancestor.level == tile.level + 1
            || ancestor.level + 1 >= top_level
            || budget_bytes >= ROOMY_BUDGET_BYTES
    })
}

/// Every second tile is made again when it comes back; the rest is retained by the engine.
fn reloads(id: ObjectId) -> bool {
    match id {
        ObjectId::Tile(tile) => (tile.x + tile.y).is_multiple_of(2),
        ObjectId::Grove(..) => false,
    }
}

/// From the selection's measure to the engine's: what is seen now outranks what may be.
fn priority_of(wanted: f32) -> u8 {
    if wanted >= 1e3 { 144 } else { 128 }
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
fn push(list: &mut DrawList, mut item: Item, placements: &[Placement]) {
    let count = |n: usize| u32::try_from(n).expect("a list has under 2^32 instances");
    let start = count(list.placements.len());
    list.placements.extend_from_slice(placements);
    item.placements = start..count(list.placements.len());
    list.items.push(item);
}

/// Where the stand-in of an object of a tile goes.
fn stand_in(scene: &Scene, kind: Kind, tile: TileId, bounds: &Bounds) -> Placement {
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

#[cfg(test)]
mod tests;
