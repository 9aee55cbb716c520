//! A device, the landscape, and reading buffers back.

use std::sync::{Arc, OnceLock};

use bytemuck::Pod;
use geoheap::wgpu;
use geoheap_demo::content::camera::Camera;
use geoheap_demo::content::elevation::Elevation;
use geoheap_demo::content::scene::Scene;
use geoheap_demo::gpu_terrain::lattice::{Job, VERTEX_BYTES};
use geoheap_demo::gpu_terrain::machine::Machine;
use geoheap_demo::render::device::{Gpu, GpuErrors};
use geoheap_gpu_bitset::Slot;
use glam::{IVec3, Vec3};

pub(crate) const SEED: u32 = 3;

/// The built-in landscape, made once.
pub(crate) fn scene() -> Arc<Scene> {
    static SCENE: OnceLock<Arc<Scene>> = OnceLock::new();
    let make = || {
        let elevation = Elevation::built_in(SEED).expect("the asset is whole");
        Arc::new(Scene::new(elevation, SEED))
    };
    Arc::clone(SCENE.get_or_init(make))
}

pub(crate) fn gpu() -> Gpu {
    let mut desc = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    // Nobody listens to validation layers here, and some crash where threads have devices of their
    // own. `cargo xtask ci --only validation` flies there with them.
    desc.flags = wgpu::InstanceFlags::empty().with_env();
    let opened = Gpu::open(&wgpu::Instance::new(desc), None, &GpuErrors::default());
    opened.expect("these tests need an adapter, such as lavapipe")
}

/// One that counts no draws on the GPU.
pub(crate) fn gpu_without_counts() -> Gpu {
    let Gpu {
        adapter, errors, ..
    } = gpu();
    let desc = wgpu::DeviceDescriptor::default();
    let (device, queue) = pollster::block_on(adapter.request_device(&desc)).expect("as before");
    assert!(
        !device.features().contains(COUNTS),
        "it has nothing to count with"
    );
    Gpu {
        device,
        queue,
        adapter,
        errors,
    }
}

pub(crate) const COUNTS: wgpu::Features = wgpu::Features::MULTI_DRAW_INDIRECT_COUNT;

/// So far above the ground, looking along the way.
pub(crate) fn camera(x_m: f32, z_m: f32, above_m: f32, yaw: f32) -> Camera {
    let ground_m = scene().elevation().ground_m(x_m, z_m);
    Camera {
        position: Vec3::new(x_m, ground_m + above_m, z_m),
        yaw,
        pitch: -0.2,
        ..Camera::default()
    }
}

/// The contents of a buffer from a byte on.
pub(crate) fn read<T: Pod>(gpu: &Gpu, buffer: &wgpu::Buffer, from: u64, count: usize) -> Vec<T> {
    let bytes = (count * size_of::<T>()) as u64;
    let back = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("back"),
        size: bytes.next_multiple_of(4).max(4),
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    submit(gpu, |encoder| {
        encoder.copy_buffer_to_buffer(buffer, from, &back, 0, bytes);
    });
    back.map_async(wgpu::MapMode::Read, .., |mapped| {
        mapped.expect("a buffer of our own is mapped");
    });
    gpu.device
        .poll(wgpu::PollType::wait_indefinitely())
        .expect("the device works");
    let view = back.get_mapped_range(..).expect("it is mapped");
    bytemuck::pod_collect_to_vec(&view[..usize::try_from(bytes).expect("a few megabytes")])
}

pub(crate) fn submit(gpu: &Gpu, record: impl FnOnce(&mut wgpu::CommandEncoder)) {
    let desc = wgpu::CommandEncoderDescriptor::default();
    let mut encoder = gpu.device.create_command_encoder(&desc);
    record(&mut encoder);
    gpu.queue.submit([encoder.finish()]);
}

/// A brick's ground, or its props.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Object {
    pub(crate) brick: [i32; 3],
    pub(crate) is_props: bool,
}

impl Object {
    pub(crate) fn job(self, slot: u32) -> Job {
        Job {
            brick: self.brick,
            wants: if self.is_props {
                Job::PROPS
            } else {
                Job::GROUND
            },
            ground_slot: slot,
            props_slot: slot,
            ..Job::default()
        }
    }
}

/// The handle table, and what was asked for in each slot last.
pub(crate) fn table(gpu: &Gpu, machine: &Machine) -> Vec<(Slot, Object)> {
    let count = machine.heap().shape().slots as usize;
    let slots: Vec<Slot> = read(gpu, machine.heap().slots(), 0, count);
    let bricks: Vec<[i32; 4]> = read(gpu, machine.mesher().bricks(), 0, count);
    let object = |[x, y, z, props]: [i32; 4]| Object {
        brick: [x, y, z],
        is_props: props == 1,
    };
    slots
        .into_iter()
        .zip(bricks.into_iter().map(object))
        .collect()
}

/// The bytes of an object in one stream.
pub(crate) fn bytes(gpu: &Gpu, machine: &Machine, slot: &Slot, stream: usize) -> Vec<u8> {
    let shape = machine.heap().shape();
    let (buffer, unit) = shape.place_of(slot.offset_units[0]);
    let from = u64::from(unit) * u64::from(shape.unit_bytes[stream]);
    let buffer = &machine.heap().permanent(stream)[buffer as usize];
    read(gpu, buffer, from, slot.bytes[stream] as usize)
}

/// A mesh as it lies in the heap.
pub(crate) struct Mesh {
    pub(crate) vertices: Vec<geoheap_demo::content::mesh::Vertex>,
    pub(crate) indices: Vec<u16>,
}

pub(crate) fn mesh(gpu: &Gpu, machine: &Machine, slot: &Slot) -> Mesh {
    assert_eq!(slot.bytes[0] % VERTEX_BYTES, 0, "whole vertices");
    assert_eq!(slot.bytes[1] % 6, 0, "whole triangles");
    Mesh {
        vertices: bytemuck::pod_collect_to_vec(&bytes(gpu, machine, slot, 0)),
        indices: bytemuck::pod_collect_to_vec(&bytes(gpu, machine, slot, 1)),
    }
}

pub(crate) fn ivec(brick: [i32; 3]) -> IVec3 {
    IVec3::from(brick)
}
