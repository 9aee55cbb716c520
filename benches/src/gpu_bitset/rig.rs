//! A device, and what every contender does with it.

use std::sync::Arc;

use bytemuck::{Pod, cast_slice, pod_collect_to_vec};
use wgpu::util::{BufferInitDescriptor, DeviceExt};
use wgpu::{Buffer, BufferUsages};

use super::clock::{self, Clock};

/// A device of the largest buffers that its adapter has.
#[derive(Clone, Debug)]
pub struct Rig {
    /// The device.
    pub device: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
    clock: Option<Arc<Clock>>,
}

impl Rig {
    /// On a real GPU if there is one, else on Vulkan's software adapter; `None` without Vulkan.
    pub fn new() -> Option<Self> {
        let desc = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
        let instance = wgpu::Instance::new(desc);
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter = pollster::block_on(instance.request_adapter(&options)).ok()?;
        let desc = wgpu::DeviceDescriptor {
            required_features: adapter.features() & clock::FEATURES,
            required_limits: wgpu::Limits {
                max_buffer_size: 256 << 20,
                ..wgpu::Limits::default()
            },
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&desc)).ok()?;
        Some(Self {
            clock: Clock::new(&device, &queue).map(Arc::new),
            device,
            queue,
        })
    }

    /// What the adapter calls itself.
    pub fn adapter(&self) -> String {
        self.device.adapter_info().name
    }

    /// A storage buffer of so many bytes.
    pub fn room(&self, bytes: u64) -> Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes,
            usage: BufferUsages::STORAGE
                | BufferUsages::COPY_SRC
                | BufferUsages::COPY_DST
                | BufferUsages::INDIRECT,
            mapped_at_creation: false,
        })
    }

    /// A storage buffer of these contents.
    pub fn filled<T: Pod>(&self, contents: &[T]) -> Buffer {
        self.device.create_buffer_init(&BufferInitDescriptor {
            label: None,
            contents: cast_slice(contents),
            usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::UNIFORM,
        })
    }

    /// A pipeline of an entry point called `main`.
    pub fn pipeline(&self, text: &str) -> wgpu::ComputePipeline {
        let module = self
            .device
            .create_shader_module(wgpu::ShaderModuleDescriptor {
                label: None,
                source: wgpu::ShaderSource::Wgsl(text.into()),
            });
        self.device
            .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: None,
                layout: None,
                module: &module,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: None,
            })
    }

    /// Its bind group 0, of whole buffers.
    pub fn bind(&self, pipeline: &wgpu::ComputePipeline, buffers: &[&Buffer]) -> wgpu::BindGroup {
        let entries: Vec<wgpu::BindGroupEntry<'_>> = (0..)
            .zip(buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        })
    }

    /// Submits what `record` records. Nobody waits for it.
    pub fn submit(&self, record: impl FnOnce(&mut wgpu::CommandEncoder)) {
        let desc = wgpu::CommandEncoderDescriptor::default();
        let mut encoder = self.device.create_command_encoder(&desc);
        match &self.clock {
            Some(clock) => clock.around(&mut encoder, record),
            None => record(&mut encoder),
        }
        self.queue.submit([encoder.finish()]);
    }

    /// Seconds that the GPU takes for what `work` submits; `None` without timestamps, or of too
    /// many submissions.
    pub fn gpu_seconds(&self, work: impl FnOnce()) -> Option<f64> {
        let clock = self.clock.as_ref()?;
        clock.start();
        work();
        clock.stop(&self.device, &self.queue)
    }

    /// Waits until all that was submitted is done.
    pub fn wait(&self) {
        let polled = self.device.poll(wgpu::PollType::wait_indefinitely());
        polled.expect("the device works");
    }

    /// The first `count` items of a buffer.
    pub fn read<T: Pod>(&self, buffer: &Buffer, count: usize) -> Vec<T> {
        let bytes = ((count * size_of::<T>()) as u64).next_multiple_of(4);
        let back = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes,
            usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.submit(|encoder| encoder.copy_buffer_to_buffer(buffer, 0, &back, 0, bytes));
        back.map_async(wgpu::MapMode::Read, .., |mapped| {
            mapped.expect("a buffer of our own is mapped");
        });
        self.wait();
        let view = back.get_mapped_range(..).expect("it is mapped");
        pod_collect_to_vec(&view[..count * size_of::<T>()])
    }
}

/// Runs a pipeline over a bind group.
pub fn dispatch(
    encoder: &mut wgpu::CommandEncoder,
    pipeline: &wgpu::ComputePipeline,
    group: &wgpu::BindGroup,
    x: u32,
    y: u32,
) {
    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
    pass.set_pipeline(pipeline);
    pass.set_bind_group(0, group, &[]);
    pass.dispatch_workgroups(x, y, 1);
}
