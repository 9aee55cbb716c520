//! A heap on wgpu with a scene's meshes in several chunks, and the ways to record them.

use std::fmt;
use std::sync::Arc;

use geoheap::wgpu::CommandBuffer;
use geoheap::{BlockDesc, ByteLen, Config, GeometryManager, Handle, PartData, Threading};

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
    pub(super) handles: Arc<[Handle]>,
    pub(super) actors: actors::Actors,
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
        let mut flush = client.flush().expect("the manager runs");
        while flush.try_take().is_none() {
            manager.poll();
        }
        let handles = scene.order.iter().map(|at| added[*at as usize]);
        Self {
            canvas: Arc::clone(canvas),
            manager,
            handles: handles.collect(),
            actors: actors::Actors::new(),
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
            By::Caller => vec![record::share(&self.canvas, &ticket, &self.handles, true)],
            By::One => self.actors.record(&self.canvas, &ticket, &self.handles, 1),
            By::Two => self.actors.record(&self.canvas, &ticket, &self.handles, 2),
        };
        drop(ticket.finish());
        commands
    }

    fn record_multi(&mut self) -> Option<Vec<CommandBuffer>> {
        multi::record(self)
    }

    fn record_uneven(&mut self, cut: Cut) -> Option<Vec<CommandBuffer>> {
        actors::record_uneven(self, cut)
    }

    fn settle(&mut self) {
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
