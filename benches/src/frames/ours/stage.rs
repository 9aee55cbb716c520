//! A heap on wgpu with a scene's meshes in several chunks, and the ways to record them.

use std::fmt;
use std::sync::Arc;

use geoheap::wgpu::CommandBuffer;
use geoheap::{
    BlockDesc, ByteLen, Config, DrawList, DrawSetId, GeometryManager, Handle, PartData, SetDraw,
    Threading,
};

use super::actors::{Actors, Meshes};
use super::{actors, multi, record};
use crate::frames::canvas::Canvas;
use crate::frames::record::{By, Cut, Recorder};
use crate::frames::scene::{Mesh, STRIDE, Scene};

/// Chunks so small that the scene needs several.
const CHUNK_BYTES: ByteLen = ByteLen::from_kib(192);

/// A heap, and the meshes in the order in which they are drawn.
pub struct Stage {
    pub(super) canvas: Arc<Canvas>,
    pub(super) manager: GeometryManager,
    pub(super) handles: Vec<Handle>,
    /// A block that is not drawn and changes between frames, so that each has a version of its own.
    bystander: Handle,
    pub(super) set: DrawSetId,
    pub(super) even: Arc<Meshes>,
    pub(super) uneven: Arc<Meshes>,
    pub(super) actors: Actors,
    /// The list of the frame before, which is as good for this one if nothing changed.
    kept: DrawList,
    /// Memory for a list that is made anew in each frame.
    anew: DrawList,
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").finish_non_exhaustive()
    }
}

impl Stage {
    /// Adds all meshes, and waits until they are resident.
    pub fn new(canvas: &Arc<Canvas>, scene: &Scene) -> Self {
        let config = Config {
            budget_bytes: ByteLen::from_mib(64),
            chunk_bytes: CHUNK_BYTES,
            long_lived_chunk_bytes: CHUNK_BYTES,
            mailbox_messages: 1 << 17,
            tick_copies: 1 << 20,
            threading: Threading::CallerDriven,
            ..Config::default()
        };
        let (device, queue) = (canvas.device.clone(), canvas.queue.clone());
        let manager = GeometryManager::new(device, queue, config);
        let mut manager = manager.expect("a configuration that works");
        let client = manager.client();
        let added: Vec<Handle> = scene
            .meshes
            .iter()
            .map(|mesh| client.add(block(mesh)).expect("a valid mesh"))
            .collect();
        let handles: Vec<Handle> = scene.order.iter().map(|at| added[*at as usize]).collect();
        let draws = handles.iter().map(|handle| SetDraw {
            handle: *handle,
            instances: 0..1,
        });
        let set = client.add_draw_set(draws.collect());
        let bystander = BlockDesc::new().part(PartData::vertex(vec![0; 60], STRIDE));
        let bystander = client.add(bystander).expect("a valid mesh");
        let mut flush = client.flush().expect("the manager runs");
        while flush.try_take().is_none() {
            manager.poll();
        }
        let cut = |cut| Arc::new(Meshes::cut(canvas, &handles, cut));
        Self {
            even: cut(Cut::Ideal),
            uneven: cut(Cut::Uneven),
            canvas: Arc::clone(canvas),
            manager,
            handles,
            bystander,
            set: set.expect("a set of so many draws"),
            actors: Actors::new(),
            kept: DrawList::new(),
            anew: DrawList::new(),
        }
    }
}

fn block(mesh: &Mesh) -> BlockDesc {
    let indices = mesh.indices.as_slice();
    BlockDesc::new()
        .part(PartData::vertex(mesh.vertices.as_slice(), STRIDE))
        .part(if mesh.is_wide {
            PartData::index_u32(indices)
        } else {
            PartData::index_u16(indices)
        })
}

impl Recorder for Stage {
    fn name(&self) -> &'static str {
        "geoheap"
    }

    fn record(&mut self, by: By) -> Vec<CommandBuffer> {
        let ticket = self.manager.begin_frame();
        let commands = match by {
            By::Caller => vec![record::all(
                &self.canvas,
                &ticket,
                &mut self.kept,
                &self.handles,
                true,
            )],
            By::One => self.actors.record(&ticket, &self.even, 1),
            By::Two => self.actors.record(&ticket, &self.even, 2),
        };
        drop(ticket.finish());
        commands
    }

    fn record_anew(&mut self) -> Option<Vec<CommandBuffer>> {
        let ticket = self.manager.begin_frame();
        let (list, handles) = (&mut self.anew, &self.handles);
        let commands = record::all(&self.canvas, &ticket, list, handles, false);
        drop(ticket.finish());
        Some(vec![commands])
    }

    fn record_multi(&mut self) -> Option<Vec<CommandBuffer>> {
        multi::record(self)
    }

    fn record_uneven(&mut self, cut: Cut) -> Option<Vec<CommandBuffer>> {
        actors::record_uneven(self, cut)
    }

    fn settle(&mut self) {
        let contents = vec![vec![1_u8; 60].into()];
        let sent = self.manager.client().update(self.bystander, contents);
        sent.expect("the mailbox is empty");
        self.manager.poll();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scene_lies_in_several_chunks() {
        let stage = Stage::new(&Arc::new(Canvas::noop()), &Scene::new(100));
        let chunks = stage.manager.report().dynamic_chunks;
        assert!((3..=8).contains(&chunks), "{chunks} chunks");
    }
}
