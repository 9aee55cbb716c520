//! Three buffers in turn, one of which gets all vertex data in each frame.

use geoheap::wgpu::{self, BufferUsages};

use super::upload::Keeper;
use super::world::World;

/// Bytes that are handed to the queue at a time.
const PIECE_BYTES: usize = 1 << 20;

/// The ring, and the vertex data in the order in which they lie in a buffer.
#[derive(Debug)]
pub struct TripleRing {
    device: wgpu::Device,
    queue: wgpu::Queue,
    buffers: [wgpu::Buffer; 3],
    vertices: Vec<u8>,
    frame: usize,
    uploaded_bytes: u64,
}

impl Keeper for TripleRing {
    const NAME: &'static str = "triple-ring";
    const SETTLE_FRAMES_MAX: usize = 3;

    fn new(world: &World) -> Self {
        let (device, queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor {
            required_limits: wgpu::Limits {
                max_buffer_size: 1 << 30,
                ..wgpu::Limits::default()
            },
            ..wgpu::DeviceDescriptor::default()
        });
        let buffers = [(); 3].map(|()| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: world.live_bytes as u64,
                usage: BufferUsages::VERTEX | BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        });
        let meshes = 0..world.meshes.len();
        Self {
            device,
            queue,
            buffers,
            vertices: meshes
                .flat_map(|nth| world.contents(nth))
                .copied()
                .collect(),
            frame: 0,
            uploaded_bytes: 0,
        }
    }

    fn frame(&mut self, world: &World, changed: &[usize]) {
        for nth in changed {
            let (offset, contents) = (world.meshes[*nth].offset, world.contents(*nth));
            self.vertices[offset..offset + contents.len()].copy_from_slice(contents);
        }
        self.frame += 1;
        let buffer = &self.buffers[self.frame % 3];
        let mut offset = 0;
        for piece in self.vertices.chunks(PIECE_BYTES) {
            self.queue.write_buffer(buffer, offset, piece);
            offset += piece.len() as u64;
        }
        self.queue.submit([]);
        let done = self.device.poll(wgpu::PollType::wait_indefinitely());
        done.expect("the device goes on");
        self.uploaded_bytes += offset;
    }

    fn uploaded_bytes(&self) -> u64 {
        self.uploaded_bytes
    }

    /// The three buffers; what the queue stages with is not counted against it.
    fn held_bytes(&self) -> u64 {
        self.buffers.iter().map(wgpu::Buffer::size).sum()
    }

    fn read(&mut self, world: &World, nth: usize) -> Vec<u8> {
        let mesh = &world.meshes[nth];
        let len = mesh.contents.len() as u64;
        let target = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: len,
            usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let desc = wgpu::CommandEncoderDescriptor::default();
        let mut encoder = self.device.create_command_encoder(&desc);
        let buffer = &self.buffers[self.frame % 3];
        encoder.copy_buffer_to_buffer(buffer, mesh.offset as u64, &target, 0, len);
        self.queue.submit([encoder.finish()]);
        target.map_async(wgpu::MapMode::Read, .., |_| {});
        let done = self.device.poll(wgpu::PollType::wait_indefinitely());
        done.expect("the device goes on");
        let mapped = target.get_mapped_range(..);
        mapped.expect("it is mapped by now").to_vec()
    }
}
