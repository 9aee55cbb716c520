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
mod listing;
mod models;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use geoheap::{BlockDesc, Client, Handle, Lifetime, PRIORITY_DEFAULT, Source};

pub use blocks::{Block, Expected, Key, payloads};
pub use interface::Figures;
pub use models::scatterable;

use crate::check::Checker;
use crate::cli::{PictureSize, SceneChoice};
use crate::content::camera::Camera;
use crate::content::gltf_load::Model;
use crate::content::mesh::MeshData;
use crate::content::scene::{ObjectId, Scene};
use crate::content::select::{SelectConfig, Selection, Selector};
use crate::draw_list::{DrawList, Sightings, StandIns};
use blocks::{Replacing, describe};
use interface::Interface;
use models::Scatter;

/// Bytes of meshes made in one step: enough to keep up with the flight, few enough to keep a
/// frame short.
const BUILD_BYTES_PER_STEP: usize = 6 << 20;
/// Bytes of meshes made in each of the first steps, before there is anything to see.
const BUILD_BYTES_WHILE_LOADING: usize = 24 << 20;
/// Steps that count as loading.
const LOADING_STEPS: u64 = 4;
/// How long adding a block may wait for room in the engine's mailbox.
const ADD_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

/// What a world is made of; everything in it was read and checked before.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
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
    /// Whether the user interface is drawn.
    pub interface: bool,
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
    soon_missed: u64,
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
            soon_missed: 0,
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

    /// Lookups that missed a block which was drawn at most 30 lists before.
    pub fn soon_missed(&self) -> u64 {
        self.soon_missed
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
        if matches!(
            self.config.choice,
            SceneChoice::Landscape | SceneChoice::GpuTerrain
        ) {
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
        for handle in &sightings.away {
            let key = self.by_handle.get(handle);
            if let Some(block) = key.and_then(|key| self.blocks.get_mut(key)) {
                self.soon_missed += u64::from(block.is_missed());
            }
        }
        for handle in &sightings.there {
            let key = self.by_handle.get(handle);
            if let Some(block) = key.and_then(|key| self.blocks.get_mut(key)) {
                (block.away, block.has_arrived) = (false, true);
            }
        }
    }

    fn let_go(&mut self, list_in_use: u64) -> Result<(), WorldError> {
        let mut kept = Vec::new();
        for block in std::mem::take(&mut self.leaving) {
            if !may_go(block.last_listed, list_in_use) {
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
            SceneChoice::Model | SceneChoice::GpuTerrain => Selection::default(),
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
                Err(error) if blocks::add_failed_for_now(&error) => break,
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
        let expected = if reloads.is_some() {
            Expected::Rebuilt
        } else {
            Expected::Kept(Arc::clone(mesh))
        };
        let block = Block {
            handle,
            bytes: mesh.total_bytes(),
            revision,
            has_arrived: false,
            expected,
            last_listed: 0,
            drawn_in: [0; 2],
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
}

/// W1: whether no frame from now on draws from a list that names a block. Frames that began
/// before have pinned a version that still has it.
fn may_go(last_listed: u64, list_in_use: u64) -> bool {
    last_listed < list_in_use
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
    if wanted >= 1e3 {
        PRIORITY_DEFAULT
    } else {
        PRIORITY_DEFAULT - 16
    }
}

#[cfg(test)]
mod tests;
