//! Draws a picture from the heap: two threads add meshes, four record.
//!
//! `cargo run -p geoheap --example draw` works without a window, on whatever adapter there is, and
//! counts the pixels that came out.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use geoheap::{
    BlockDesc, Client, Config, FrameTicket, GeometryManager, Handle, Lookup, PartData,
    RenderActors, wgpu,
};

/// Width and height of the picture, and of the grid of quads that covers half of it.
const SIZE: u32 = 256;
const GRID: u32 = 16;
/// Bytes of a vertex: two floats.
const STRIDE: u32 = 8;
const WAIT: Duration = Duration::from_secs(30);

const SHADER: &str = "
@vertex fn vertex(@location(0) at: vec2f) -> @builtin(position) vec4f {
    return vec4f(at, 0.0, 1.0);
}
@fragment fn fragment() -> @location(0) vec4f {
    return vec4f(1.0, 1.0, 1.0, 1.0);
}";

fn main() -> Result<(), Box<dyn Error>> {
    let (device, queue) = pollster::block_on(open())?;
    let manager = GeometryManager::new(device.clone(), queue.clone(), Config::default())?;

    // Any thread adds geometry; the handles are there at once.
    let producers: Vec<_> = (0..2)
        .map(|half| {
            let client = manager.client();
            std::thread::spawn(move || add_quads(&client, half))
        })
        .collect();
    let mut handles = Vec::new();
    for producer in producers {
        handles.extend(producer.join().map_err(|_| "a producer panicked")??);
    }
    // A program with a window would not wait, and draw what is there.
    manager.client().flush()?.wait(WAIT)?;

    let target = target(&device);
    let ticket = manager.begin_frame();
    let recorders = RenderActors::new(4)?;
    let commands = record(&device, &target, &recorders, &ticket, handles)?;
    drop(ticket.finish());
    queue.submit(commands);

    let white = count_white(&device, &queue, &target)?;
    println!("{white} of {} pixels are white", SIZE * SIZE);
    assert_eq!(white, SIZE * SIZE / 2, "every second cell of the grid");
    println!("{} blocks left over", manager.shutdown().leaks.len());
    Ok(())
}

async fn open() -> Result<(wgpu::Device, wgpu::Queue), Box<dyn Error>> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let options = wgpu::RequestAdapterOptions::default();
    let adapter = instance.request_adapter(&options).await?;
    let device = adapter.request_device(&wgpu::DeviceDescriptor::default());
    Ok(device.await?)
}

/// Adds one quad for every second cell in a half of the grid.
fn add_quads(client: &Client, half: u32) -> Result<Vec<Handle>, geoheap::AddError> {
    let cells = (0..GRID * GRID / 2).map(|nth| nth + half * GRID * GRID / 2);
    let black = |nth: &u32| (nth % GRID + nth / GRID).is_multiple_of(2);
    cells
        .filter(black)
        .map(|nth| client.add(quad(nth)))
        .collect()
}

/// A quad of four vertices and six indices: one block of two parts.
fn quad(nth: u32) -> BlockDesc {
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
    BlockDesc::new()
        .part(PartData::vertex(bytemuck::bytes_of(&corners), STRIDE))
        .part(PartData::index_u16(bytemuck::bytes_of(&indices)))
        .label("a quad")
}

/// Each thread records a share of the handles into a command buffer of its own.
fn record(
    device: &wgpu::Device,
    target: &wgpu::Texture,
    recorders: &RenderActors,
    ticket: &FrameTicket<wgpu::Buffer>,
    handles: Vec<Handle>,
) -> Result<Vec<wgpu::CommandBuffer>, geoheap::RecordError> {
    let (device, shares) = (device.clone(), recorders.count());
    let pipeline = pipeline(&device);
    let view = target.create_view(&wgpu::TextureViewDescriptor::default());
    let handles: Arc<[Handle]> = handles.into();
    recorders.record(ticket, shares, move |share, ticket| {
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        // The version lives until these commands are done.
        ticket.in_flight().attach(&encoder);
        let first = share == 0;
        let mut pass = begin_pass(&mut encoder, &view, first);
        pass.set_pipeline(&pipeline);
        let mut bound = None;
        for handle in handles.iter().skip(share).step_by(shares) {
            // Whatever is not resident is wished for, and there in a later frame.
            let Lookup::Resident(block) = ticket.get(*handle) else {
                continue;
            };
            let Some(draw) = block.draw() else { continue };
            if bound != Some((block.chunk(), draw.index_format)) {
                block.bind_chunk(&mut pass, 0, draw.index_format);
                bound = Some((block.chunk(), draw.index_format));
            }
            draw.record(&mut pass, 0..1);
        }
        drop(pass);
        encoder.finish()
    })
}

fn begin_pass<'a>(
    encoder: &'a mut wgpu::CommandEncoder,
    view: &wgpu::TextureView,
    first: bool,
) -> wgpu::RenderPass<'a> {
    let load = if first {
        wgpu::LoadOp::Clear(wgpu::Color::BLACK)
    } else {
        wgpu::LoadOp::Load
    };
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

fn target(device: &wgpu::Device) -> wgpu::Texture {
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

fn count_white(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    target: &wgpu::Texture,
) -> Result<u32, Box<dyn Error>> {
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
    Ok(u32::try_from(white.count())?)
}
