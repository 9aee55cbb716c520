//! Draws the picture of the example `draw` by handle alone: a compute shader looks up where the
//! blocks lie, and writes the draws. The CPU knows neither places nor which of them are there.
//!
//! `cargo run -p geoheap --example gpu_culling` works without a window, and counts pixels.

mod picture;

use std::error::Error;
use std::time::Duration;

use geoheap::{Config, GeometryManager, Handle, PlacementTable, wgpu};
use wgpu::util::DeviceExt;

const WAIT: Duration = Duration::from_secs(30);
/// Chunks that a frame draws from at most.
const CHUNKS: u64 = 8;
/// Bytes of an indexed draw's arguments.
const ARGS_BYTES: u64 = 20;

const SHADER: &str = "
struct Wish { slot: u32, generation: u32 }
struct DrawArgs { count: u32, instances: u32, first: u32, base_vertex: i32, first_instance: u32 }

@group(0) @binding(0) var<storage, read> placements: array<Placement>;
@group(0) @binding(1) var<storage, read> wishes: array<Wish>;
// For each chunk as many draws as there are wishes; those that are not written draw nothing.
@group(0) @binding(2) var<storage, read_write> draws: array<DrawArgs>;

@compute @workgroup_size(64)
fn cull(@builtin(global_invocation_id) id: vec3u) {
    let wanted = arrayLength(&wishes);
    if id.x >= wanted { return; }
    let wish = wishes[id.x];
    let place = placements[wish.slot];
    // A real program asks here whether the object is in sight.
    if place.generation != wish.generation || place.state != PLACEMENT_RESIDENT { return; }
    draws[place.chunk * wanted + id.x] =
        DrawArgs(place.count, 1u, place.first, place.base_vertex, 0u);
}";

fn main() -> Result<(), Box<dyn Error>> {
    let (device, queue) = pollster::block_on(picture::open())?;
    let manager = GeometryManager::new(device.clone(), queue.clone(), Config::default())?;
    let client = manager.client();
    let mut handles = picture::add_quads(&client, 0)?;
    handles.extend(picture::add_quads(&client, 1)?);
    client.flush()?.wait(WAIT)?;

    let target = picture::target(&device);
    let view = target.create_view(&wgpu::TextureViewDescriptor::default());
    let pipeline = picture::pipeline(&device);
    let cull = cull_pipeline(&device);
    let wishes = wishes(&device, &handles);
    let mut table = PlacementTable::new(&device, 1024)?;
    for nth in 0..3 {
        let ticket = manager.begin_frame();
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        ticket.in_flight().attach(&encoder);
        // Later commands of this encoder see the places of the ticket's version.
        let patched = table.update(&ticket, &mut encoder)?;
        println!("frame {nth}: {} slots written", patched.slots);
        let lane = handles.len() as u64 * ARGS_BYTES;
        let draws = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: lane * CHUNKS,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::INDIRECT,
            mapped_at_creation: false,
        });
        record_cull(
            &device,
            &mut encoder,
            &cull,
            [table.placements(), &wishes, &draws],
        );
        let mut pass =
            picture::begin_pass(&mut encoder, &view, wgpu::LoadOp::Clear(wgpu::Color::BLACK));
        pass.set_pipeline(&pipeline);
        let count = u32::try_from(handles.len())?;
        for (chunk, buffer) in ticket.chunks() {
            let chunk = u64::from(chunk.get());
            assert!(chunk < CHUNKS, "the shader was told of {CHUNKS} chunks");
            pass.set_vertex_buffer(0, buffer.slice(..));
            pass.set_index_buffer(buffer.slice(..), wgpu::IndexFormat::Uint16);
            pass.multi_draw_indexed_indirect(&draws, chunk * lane, count);
        }
        drop(pass);
        // Nobody looked the blocks up on this side: say that they are wanted.
        ticket.lookups().each(&handles).for_each(drop);
        drop(ticket.finish());
        queue.submit([picture::clear(&device, &view), encoder.finish()]);
    }
    picture::check(&device, &queue, &target)?;
    println!("{} blocks left over", manager.shutdown().leaks.len());
    Ok(())
}

/// The handles as a shader reads them.
fn wishes(device: &wgpu::Device, handles: &[Handle]) -> wgpu::Buffer {
    let words = handles
        .iter()
        .map(|handle| [handle.index(), handle.generation()]);
    let words: Vec<[u32; 2]> = words.collect();
    device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
        label: None,
        contents: bytemuck::cast_slice(&words),
        usage: wgpu::BufferUsages::STORAGE,
    })
}

fn cull_pipeline(device: &wgpu::Device) -> wgpu::ComputePipeline {
    let source = format!("{}{SHADER}", PlacementTable::WGSL);
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: None,
        module: &module,
        entry_point: None,
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    })
}

/// Lets the shader write the draws.
fn record_cull(
    device: &wgpu::Device,
    encoder: &mut wgpu::CommandEncoder,
    cull: &wgpu::ComputePipeline,
    buffers: [&wgpu::Buffer; 3],
) {
    let entries: Vec<_> = (0..)
        .zip(buffers)
        .map(|(binding, buffer)| wgpu::BindGroupEntry {
            binding,
            resource: buffer.as_entire_binding(),
        })
        .collect();
    let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &cull.get_bind_group_layout(0),
        entries: &entries,
    });
    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
    pass.set_pipeline(cull);
    pass.set_bind_group(0, &group, &[]);
    pass.dispatch_workgroups(4, 1, 1);
}
