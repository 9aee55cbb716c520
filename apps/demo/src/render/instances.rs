//! Where each instance stands, as the vertex shader reads it: a buffer of the renderer's own.
//!
//! wgpu has one queue, which runs in order: writing the buffer for the next frame waits on the
//! GPU's side for the frame before, so one buffer serves. It grows to twice its size when a frame
//! needs more.

use bytemuck::{Pod, Zeroable};
use geoheap::wgpu;
use glam::Vec3;

use crate::draw_list::{FramePlan, Kind, Placement};

/// Bytes of one instance.
pub(super) const INSTANCE_BYTES: u64 = size_of::<Instance>() as u64;

/// One instance as the shaders read it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub(super) struct Instance {
    /// Relative to the eye in metres; in pixels for the user interface.
    place: [f32; 3],
    /// Factors along the mesh's axes.
    size: [f32; 3],
    /// Sine and cosine of the turn.
    turn: [f32; 2],
    /// sRGB bytes.
    tint: [u8; 4],
}

impl Instance {
    /// An instance for an eye at `eye`.
    pub(super) fn new(kind: Kind, placement: &Placement, eye: Vec3) -> Self {
        let origin = if kind == Kind::Interface {
            Vec3::ZERO
        } else {
            eye
        };
        Self {
            place: (placement.at - origin).to_array(),
            size: placement.size.to_array(),
            turn: placement.turn.sin_cos().into(),
            tint: placement.tint,
        }
    }

    /// A mesh as it is, at a place relative to the eye.
    pub(super) fn at(place: Vec3) -> Self {
        Self {
            place: place.to_array(),
            size: [1.0; 3],
            turn: [0.0, 1.0],
            tint: [255; 4],
        }
    }
}

/// The instance buffer and the CPU-side room that fills it.
#[derive(Debug)]
pub(super) struct InstanceBuffer {
    buffer: wgpu::Buffer,
    capacity: u64,
    scratch: Vec<Instance>,
}

impl InstanceBuffer {
    /// Makes one for a few thousand instances.
    pub(super) fn new(device: &wgpu::Device) -> Self {
        let capacity = 4096;
        Self {
            buffer: buffer(device, capacity),
            capacity,
            scratch: Vec::new(),
        }
    }

    /// Fills the buffer with a frame's instances and returns it.
    pub(super) fn fill(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        plan: &FramePlan,
        eye: Vec3,
    ) -> wgpu::Buffer {
        self.scratch.clear();
        let instances = plan
            .placements()
            .map(|(kind, placement)| Instance::new(kind, placement, eye));
        self.scratch.extend(instances);
        assert_eq!(
            self.scratch.len(),
            plan.instance_count as usize,
            "the plan counts its instances"
        );
        let needed = self.scratch.len() as u64;
        if needed > self.capacity {
            self.capacity = needed.next_power_of_two();
            self.buffer = buffer(device, self.capacity);
        }
        queue.write_buffer(&self.buffer, 0, bytemuck::cast_slice(&self.scratch));
        self.buffer.clone()
    }
}

fn buffer(device: &wgpu::Device, capacity: u64) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("instances"),
        size: capacity * INSTANCE_BYTES,
        usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}
