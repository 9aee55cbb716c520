//! What the examples draw: a chess board of quads from the heap, off the screen.

use std::error::Error;

use geoheap::{BlockDesc, Client, Handle, PartData, Payload, wgpu};

/// Width and height of the picture, and of the grid of quads that covers half of it.
pub(crate) const SIZE: u32 = 256;
const GRID: u32 = 16;
/// Bytes of a vertex: two floats.
const STRIDE: u32 = 8;

const SHADER: &str = "
@vertex fn vertex(@location(0) at: vec2f) -> @builtin(position) vec4f {
    return vec4f(at, 0.0, 1.0);
}
@fragment fn fragment() -> @location(0) vec4f {
    return vec4f(1.0, 1.0, 1.0, 1.0);
}";

/// Whatever adapter there is.
pub(crate) async fn open() -> Result<(wgpu::Device, wgpu::Queue), Box<dyn Error>> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let options = wgpu::RequestAdapterOptions::default();
    let adapter = instance.request_adapter(&options).await?;
    let device = adapter.request_device(&wgpu::DeviceDescriptor::default());
    Ok(device.await?)
}

/// The cells of a half of the grid that have a quad: every second one.
pub(crate) fn cells(half: u32) -> impl Iterator<Item = u32> {
    let first = half * GRID * GRID / 2;
    let is_white = |nth: &u32| (nth % GRID + nth / GRID).is_multiple_of(2);
    (first..first + GRID * GRID / 2).filter(is_white)
}

/// Adds the quads of a half of the grid, in the order of its cells.
pub(crate) fn add_quads(client: &Client, half: u32) -> Result<Vec<Handle>, geoheap::AddError> {
    cells(half).map(|nth| client.add(quad(nth))).collect()
}

/// A quad of four vertices and six indices: one block of two parts.
fn quad(nth: u32) -> BlockDesc {
    let [vertices, indices] = contents(nth);
    BlockDesc::new()
        .part(PartData::vertex(vertices, STRIDE))
        .part(PartData::index_u16(indices))
        .label("a quad")
}

/// Vertices and indices of the quad in a cell.
pub(crate) fn contents(nth: u32) -> [Payload; 2] {
    #[expect(clippy::cast_precision_loss, reason = "cells are few")]
    let at = |cell: u32| cell as f32 / GRID as f32 * 2.0 - 1.0;
    let (x, y) = (nth % GRID, nth / GRID);
    let corners = [
        [at(x), at(y)],
        [at(x + 1), at(y)],
        [at(x), at(y + 1)],
        [at(x + 1), at(y + 1)],
    ];
    let indices: [u16; 6] = [0, 1, 2, 2, 1, 3];
    [
        Payload::from(bytemuck::bytes_of(&corners)),
        Payload::from(bytemuck::bytes_of(&indices)),
    ]
}

/// Commands that make the picture black, to be submitted before any others.
pub(crate) fn clear(device: &wgpu::Device, view: &wgpu::TextureView) -> wgpu::CommandBuffer {
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let load = wgpu::LoadOp::Clear(wgpu::Color::BLACK);
    drop(begin_pass(&mut encoder, view, load));
    encoder.finish()
}

pub(crate) fn begin_pass<'a>(
    encoder: &'a mut wgpu::CommandEncoder,
    view: &wgpu::TextureView,
    load: wgpu::LoadOp<wgpu::Color>,
) -> wgpu::RenderPass<'a> {
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations {
                load,
                store: wgpu::StoreOp::Store,
            },
        })],
        ..wgpu::RenderPassDescriptor::default()
    })
}

/// White triangles.
pub(crate) fn pipeline(device: &wgpu::Device) -> wgpu::RenderPipeline {
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
                attributes: &wgpu::vertex_attr_array![0 => Float32x2],
            })],
        },
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(wgpu::TextureFormat::Rgba8Unorm.into())],
        }),
        multiview_mask: None,
        cache: None,
    })
}

/// The picture.
pub(crate) fn target(device: &wgpu::Device) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size: wgpu::Extent3d {
            width: SIZE,
            height: SIZE,
            depth_or_array_layers: 1,
        },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    })
}

/// Fails unless every second cell of the grid is white.
pub(crate) fn check(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    target: &wgpu::Texture,
) -> Result<(), Box<dyn Error>> {
    let pixels = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: u64::from(SIZE * SIZE * 4),
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let layout = wgpu::TexelCopyBufferLayout {
        offset: 0,
        bytes_per_row: Some(SIZE * 4),
        rows_per_image: None,
    };
    let into = wgpu::TexelCopyBufferInfo {
        buffer: &pixels,
        layout,
    };
    encoder.copy_texture_to_buffer(target.as_image_copy(), into, target.size());
    queue.submit([encoder.finish()]);
    let (mapped, is_mapped) = std::sync::mpsc::channel();
    pixels.map_async(wgpu::MapMode::Read, .., move |result| {
        // Nobody listens any more if the wait below failed.
        let _ = mapped.send(result);
    });
    device.poll(wgpu::PollType::wait_indefinitely())?;
    is_mapped.recv()??;
    let bytes = pixels.get_mapped_range(..)?.to_vec();
    let white = bytes.chunks_exact(4).filter(|pixel| pixel[0] == 255);
    let white = white.count();
    println!("{white} of {} pixels are white", SIZE * SIZE);
    assert_eq!(white, (SIZE * SIZE / 2) as usize, "every second cell");
    Ok(())
}
