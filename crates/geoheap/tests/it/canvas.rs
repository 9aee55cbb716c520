//! A small picture on a real adapter: 8 x 8 cells, each drawn by a quad of its own.

use geoheap::{BlockDesc, InFlight, PartData, wgpu};

/// Cells of the picture.
pub(crate) const CELLS: u32 = 64;
const SIZE: u32 = 64;
const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

const SHADER: &str = "
override shade: f32;
@vertex fn vertex(@location(0) at: vec2f) -> @builtin(position) vec4f {
    return vec4f(at, 0.0, 1.0);
}
@fragment fn fragment() -> @location(0) vec4f {
    return vec4f(shade / 255.0, 0.0, 0.0, 1.0);
}";

/// A device of the first adapter, a software one for choice, so that a test sees the same
/// everywhere.
pub(crate) fn device() -> (wgpu::Device, wgpu::Queue) {
    let mut desc = wgpu::InstanceDescriptor::new_without_display_handle();
    // Nobody listens to validation layers here, and some crash where threads have devices of their
    // own.
    desc.flags = wgpu::InstanceFlags::empty().with_env();
    let instance = wgpu::Instance::new(desc);
    let ask = |force_fallback_adapter| {
        let options = wgpu::RequestAdapterOptions {
            force_fallback_adapter,
            ..wgpu::RequestAdapterOptions::default()
        };
        pollster::block_on(instance.request_adapter(&options))
    };
    let adapter = ask(true).or_else(|_| ask(false));
    let adapter = adapter.expect("these tests need a Vulkan, Metal or D3D12 driver");
    let desc = wgpu::DeviceDescriptor {
        required_features: adapter.features() & wgpu::Features::INDIRECT_FIRST_INSTANCE,
        ..wgpu::DeviceDescriptor::default()
    };
    let device = pollster::block_on(adapter.request_device(&desc));
    device.expect("an adapter gives a device with default limits")
}

/// A quad that covers one cell.
pub(crate) fn cell(nth: u32) -> BlockDesc {
    let indices: [u16; 6] = [0, 1, 2, 2, 1, 3];
    BlockDesc::new()
        .part(PartData::vertex(bytemuck::bytes_of(&corners(nth)), 8))
        .part(PartData::index_u16(bytemuck::bytes_of(&indices)))
}

/// The corners of a cell.
pub(crate) fn corners(nth: u32) -> [[f32; 2]; 4] {
    #[expect(clippy::cast_precision_loss, reason = "cells are few")]
    let at = |n: u32| n as f32 / 4.0 - 1.0;
    let (x, y) = (nth % 8, nth / 8);
    [
        [at(x), at(y)],
        [at(x + 1), at(y)],
        [at(x), at(y + 1)],
        [at(x + 1), at(y + 1)],
    ]
}

/// A device, two pipelines, and a picture.
pub(crate) struct Canvas {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    /// The first draws cells of shade 1, the second of shade 2.
    pub(crate) pipelines: [wgpu::RenderPipeline; 2],
    target: wgpu::Texture,
}

impl Canvas {
    pub(crate) fn new() -> Self {
        let (device, queue) = device();
        let target = device.create_texture(&wgpu::TextureDescriptor {
            label: None,
            size: wgpu::Extent3d {
                width: SIZE,
                height: SIZE,
                depth_or_array_layers: 1,
            },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: FORMAT,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        Self {
            pipelines: [1.0, 2.0].map(|shade| pipeline(&device, shade)),
            device,
            queue,
            target,
        }
    }

    /// What a render bundle for this picture looks like.
    pub(crate) fn bundle_encoder(&self) -> wgpu::RenderBundleEncoder<'static> {
        let desc = wgpu::RenderBundleEncoderDescriptor {
            color_formats: &[Some(FORMAT)],
            sample_count: 1,
            ..wgpu::RenderBundleEncoderDescriptor::default()
        };
        self.device.create_render_bundle_encoder(&desc)
    }

    /// Records a picture, shows it, and returns the shade of each cell, 0 for none.
    pub(crate) fn paint(
        &self,
        in_flight: &InFlight<wgpu::Buffer>,
        record: impl FnOnce(&mut wgpu::RenderPass<'_>),
    ) -> Vec<u8> {
        self.paint_after(in_flight, |_| {}, record)
    }

    /// As `paint`, with something recorded before the pass.
    pub(crate) fn paint_after(
        &self,
        in_flight: &InFlight<wgpu::Buffer>,
        before: impl FnOnce(&mut wgpu::CommandEncoder),
        record: impl FnOnce(&mut wgpu::RenderPass<'_>),
    ) -> Vec<u8> {
        let desc = wgpu::CommandEncoderDescriptor::default();
        let mut encoder = self.device.create_command_encoder(&desc);
        in_flight.attach(&encoder);
        before(&mut encoder);
        let view = self
            .target
            .create_view(&wgpu::TextureViewDescriptor::default());
        {
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: &view,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations {
                        load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                        store: wgpu::StoreOp::Store,
                    },
                })],
                ..wgpu::RenderPassDescriptor::default()
            });
            record(&mut pass);
        }
        self.submit_and_read(encoder)
    }

    fn submit_and_read(&self, mut encoder: wgpu::CommandEncoder) -> Vec<u8> {
        let pixels = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(SIZE * SIZE * 4),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(SIZE * 4),
            rows_per_image: None,
        };
        let into = wgpu::TexelCopyBufferInfo {
            buffer: &pixels,
            layout,
        };
        encoder.copy_texture_to_buffer(self.target.as_image_copy(), into, self.target.size());
        self.queue.submit([encoder.finish()]);
        pixels.map_async(wgpu::MapMode::Read, .., |mapped| {
            mapped.expect("the device is there");
        });
        let wait = wgpu::PollType::wait_indefinitely();
        self.device.poll(wait).expect("the device is there");
        let bytes = pixels.get_mapped_range(..).expect("it is mapped").to_vec();
        let cells = 0..CELLS as usize;
        let shade = |nth| {
            // The middle of the cell; rows of a texture go down, the grid's go up.
            let (x, y) = (nth % 8 * 8 + 4, SIZE as usize - 1 - (nth / 8 * 8 + 4));
            bytes[(y * SIZE as usize + x) * 4]
        };
        cells.map(shade).collect()
    }
}

fn pipeline(device: &wgpu::Device, shade: f64) -> wgpu::RenderPipeline {
    let source = wgpu::ShaderSource::Wgsl(SHADER.into());
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source,
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: None,
        layout: None,
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: &[Some(wgpu::VertexBufferLayout {
                array_stride: 8,
                step_mode: wgpu::VertexStepMode::Vertex,
                attributes: &wgpu::vertex_attr_array![0 => Float32x2],
            })],
        },
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &[("shade", shade)],
                ..wgpu::PipelineCompilationOptions::default()
            },
            targets: &[Some(FORMAT.into())],
        }),
        multiview_mask: None,
        cache: None,
    })
}
