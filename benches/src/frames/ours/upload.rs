//! A heap that keeps a world's meshes, with the configuration that a program gets by default.

use std::fmt;

use geoheap::{
    BlockDesc, ByteLen, Client, Config, GeometryManager, Handle, PartData, Pending, Threading, wgpu,
};

use crate::frames::upload::Keeper;
use crate::frames::world::World;

/// Bytes of a vertex.
const STRIDE: u32 = 16;
/// Ticks in a frame: one every four milliseconds, at sixty frames a second.
const FRAME_TICKS: usize = 4;

/// The heap on the noop device.
pub struct Heap {
    device: wgpu::Device,
    queue: wgpu::Queue,
    manager: GeometryManager,
    client: Client,
    handles: Vec<Handle>,
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").finish_non_exhaustive()
    }
}

impl Heap {
    fn wait<T>(&mut self, mut pending: Pending<T>) -> T {
        loop {
            self.manager.poll();
            if let Some(answer) = pending.try_take() {
                return answer.expect("what fits is not refused");
            }
        }
    }
}

impl Keeper for Heap {
    const NAME: &'static str = "geoheap";
    const SETTLE_FRAMES_MAX: usize = usize::MAX;

    fn new(world: &World) -> Self {
        let (device, queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor::default());
        let config = Config {
            // Twice the world, and a small one still needs some chunks.
            budget_bytes: ByteLen::new(2 * world.live_bytes as u64) + ByteLen::from_mib(128),
            threading: Threading::CallerDriven,
            ..Config::default()
        };
        let manager = GeometryManager::new(device.clone(), queue.clone(), config);
        let manager = manager.expect("a configuration that works");
        let mut heap = Self {
            client: manager.client(),
            device,
            queue,
            manager,
            handles: Vec::new(),
        };
        for nth in 0..world.meshes.len() {
            let part = PartData::vertex(world.payload(nth), STRIDE);
            let handle = heap.client.add(BlockDesc::new().part(part));
            heap.handles.push(handle.expect("a valid mesh"));
            if nth % 32 == 0 {
                heap.manager.poll();
            }
        }
        let flush = heap.client.flush().expect("the manager runs");
        heap.wait(flush);
        heap
    }

    fn frame(&mut self, world: &World, changed: &[usize]) {
        for nth in changed {
            let contents = vec![world.payload(*nth)];
            let sent = self.client.update(self.handles[*nth], contents);
            sent.expect("the mailbox has room for a frame");
        }
        let ticket = self.manager.begin_frame();
        let desc = wgpu::CommandEncoderDescriptor::default();
        let encoder = self.device.create_command_encoder(&desc);
        ticket.in_flight().attach(&encoder);
        let drawn = self
            .handles
            .iter()
            .filter_map(|at| ticket.get(*at).resident());
        assert_eq!(
            drawn.count(),
            self.handles.len(),
            "all are resident in all frames"
        );
        drop(ticket.finish());
        self.queue.submit([encoder.finish()]);
        for _ in 0..FRAME_TICKS {
            self.manager.poll();
        }
    }

    fn uploaded_bytes(&self) -> u64 {
        self.manager.report().upload_bytes
    }

    fn held_bytes(&self) -> u64 {
        self.manager.report().held_bytes
    }

    fn read(&mut self, _: &World, nth: usize) -> Vec<u8> {
        let read = self.client.read_back(self.handles[nth]);
        let read = self.wait(read.expect("the manager runs"));
        read.parts
            .into_iter()
            .flat_map(|(_, bytes)| bytes)
            .collect()
    }
}
