//! A device, a pipeline and a small target: the same for whoever records.

use geoheap::wgpu;

use super::scene::{SIZE, STRIDE};

const SHADER: &str = "
struct Corner {
    @builtin(position) at: vec4f,
    @location(0) @interpolate(flat) colour: vec4f,
}
@vertex fn vertex(@location(0) at: vec2f, @location(1) colour: vec4f) -> Corner {
    return Corner(vec4f(at, 0.0, 1.0), colour);
}
@fragment fn fragment(corner: Corner) -> @location(0) vec4f {
    return corner.colour;
}";

const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// Where passes are recorded for.
#[derive(Debug)]
pub struct Canvas {
    /// The device.
    pub device: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
    /// Whether it draws.
    pub draws: bool,
    pipeline: wgpu::RenderPipeline,
    target: wgpu::Texture,
    view: wgpu::TextureView,
}

impl Canvas {
    /// On wgpu's noop device, which checks all and draws nothing.
    pub fn noop() -> Self {
        let (device, queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor::default());
        Self::on(device, queue, false)
    }

    /// On Vulkan's software adapter, or any if there is none such; `None` without Vulkan.
    pub fn vulkan() -> Option<Self> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: wgpu::Backends::VULKAN,
            flags: wgpu::InstanceFlags::empty(),
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        let ask = |force_fallback_adapter| {
            let options = wgpu::RequestAdapterOptions {
                force_fallback_adapter,
                ..wgpu::RequestAdapterOptions::default()
            };
            pollster::block_on(instance.request_adapter(&options)).ok()
        };
        let adapter = ask(true).or_else(|| ask(false))?;
        let device = adapter.request_device(&wgpu::DeviceDescriptor::default());
        let (device, queue) = pollster::block_on(device).ok()?;
        Some(Self::on(device, queue, true))
    }

    fn on(device: wgpu::Device, queue: wgpu::Queue, draws: bool) -> Self {
        let pipeline = pipeline(&device);
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
        let view = target.create_view(&wgpu::TextureViewDescriptor::default());
        Self {
            device,
            queue,
            draws,
            pipeline,
            target,
            view,
        }
    }

    /// An encoder.
    pub fn encoder(&self) -> wgpu::CommandEncoder {
        let desc = wgpu::CommandEncoderDescriptor::default();
        self.device.create_command_encoder(&desc)
    }

    /// Begins the pass, with the pipeline set; the first share of a frame clears the target.
    pub fn pass<'a>(
        &self,
        encoder: &'a mut wgpu::CommandEncoder,
        is_first: bool,
    ) -> wgpu::RenderPass<'a> {
        let load = if is_first {
            wgpu::LoadOp::Clear(wgpu::Color::BLACK)
        } else {
            wgpu::LoadOp::Load
        };
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &self.view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load,
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..wgpu::RenderPassDescriptor::default()
        });
        pass.set_pipeline(&self.pipeline);
        pass
    }

    /// A buffer with these bytes.
    pub fn buffer(&self, bytes: &[u8], usage: wgpu::BufferUsages) -> wgpu::Buffer {
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes.len() as u64,
            usage: usage | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.queue.write_buffer(&buffer, 0, bytes);
        buffer
    }

    /// Submits, and waits until it is done.
    pub fn submit(&self, commands: Vec<wgpu::CommandBuffer>) {
        self.queue.submit(commands);
        let done = self.device.poll(wgpu::PollType::wait_indefinitely());
        done.expect("the device goes on");
    }

    /// What was drawn, as RGBA, row by row from the top.
    pub fn picture(&self) -> Vec<u8> {
        let pixels = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(SIZE * SIZE * 4),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = self.encoder();
        let into = wgpu::TexelCopyBufferInfo {
            buffer: &pixels,
            layout: wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(SIZE * 4),
                rows_per_image: None,
            },
        };
        encoder.copy_texture_to_buffer(self.target.as_image_copy(), into, self.target.size());
        self.queue.submit([encoder.finish()]);
        pixels.map_async(wgpu::MapMode::Read, .., |_| {});
        let done = self.device.poll(wgpu::PollType::wait_indefinitely());
        done.expect("the device goes on");
        let mapped = pixels.get_mapped_range(..);
        mapped.expect("it is mapped by now").to_vec()
    }
}

fn pipeline(device: &wgpu::Device) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(SHADER.into()),
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: None,
        layout: None,
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: &[Some(wgpu::VertexBufferLayout {
                array_stride: u64::from(STRIDE),
                step_mode: wgpu::VertexStepMode::Vertex,
                attributes: &wgpu::vertex_attr_array![0 => Float32x2, 1 => Unorm8x4],
            })],
        },
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(FORMAT.into())],
        }),
        multiview_mask: None,
        cache: None,
    })
}
