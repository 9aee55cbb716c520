//! The engine on wgpu itself: the noop device, which moves bytes under real validation, and a
//! real adapter, where a frame is drawn and its pixels are looked at.

use std::time::Duration;

use geoheap::{
    BlockDesc, ByteLen, Config, GeometryManager, Handle, Lifetime, Lookup, PartData, Source,
    Threading, wgpu,
};

use crate::harness::{small, stamped, vertices};

/// A device of the first adapter, a software one for choice, so that a test sees the same
/// everywhere.
fn device() -> (wgpu::Device, wgpu::Queue) {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let ask = |force_fallback_adapter| {
        let options = wgpu::RequestAdapterOptions {
            force_fallback_adapter,
            ..wgpu::RequestAdapterOptions::default()
        };
        pollster::block_on(instance.request_adapter(&options))
    };
    let adapter = ask(true).or_else(|_| ask(false));
    let adapter = adapter.expect("these tests need a Vulkan, Metal or D3D12 driver");
    let device = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default()));
    device.expect("an adapter gives a device with default limits")
}

/// Fills a small heap to several times its budget, changes and removes, and reads everything back.
fn churn(device: &wgpu::Device, queue: &wgpu::Queue) {
    let mut manager =
        GeometryManager::new(device.clone(), queue.clone(), small()).expect("a valid config");
    let client = manager.client();
    let mut blocks: Vec<(u32, u32, Handle)> = Vec::new();
    for round in 0..40u32 {
        for nth in 0..4 {
            let id = round * 4 + nth;
            let block = BlockDesc::new()
                .part(vertices(id, 0, 300))
                .part(PartData::index_u16(stamped(id, 0, 602)))
                .source(Source::Retained);
            blocks.push((id, 0, client.add(block).expect("a valid block")));
        }
        if round % 3 == 1 {
            let at = usize::try_from(round).expect("small") * 7 % blocks.len();
            let (id, revision, handle) = &mut blocks[at];
            *revision += 1;
            let contents = vec![
                stamped(*id, *revision, 6_000).into(),
                stamped(*id, *revision, 602).into(),
            ];
            client.update(*handle, contents).expect("it is sent");
        }
        if round % 2 == 1 {
            let at = usize::try_from(round).expect("small") * 5 % blocks.len();
            let (_, _, handle) = blocks.swap_remove(at);
            client.remove(handle).expect("it is sent");
        }
        let ticket = manager.begin_frame();
        for (_, _, handle) in blocks.iter().rev().take(20) {
            let _ = ticket.get(*handle);
        }
        let encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        ticket.in_flight().attach(&encoder);
        drop(ticket.finish());
        if round % 4 == 0 {
            // A frame that is given up unsubmitted gives its version back too.
            drop(encoder);
        } else {
            queue.submit([encoder.finish()]);
        }
        manager.poll();
        std::thread::sleep(Duration::from_micros(300));
    }
    for (id, revision, handle) in blocks {
        let mut resident = client.resident(handle).expect("it is sent");
        while resident.try_take().is_none() {
            manager.poll();
        }
        let mut read = client.read_back(handle).expect("it is sent");
        let read = loop {
            manager.poll();
            if let Some(read) = read.try_take() {
                break read.expect("it is resident");
            }
        };
        assert_eq!(
            read.parts[0].1,
            stamped(id, revision, 6_000),
            "vertices of block {id}"
        );
        assert_eq!(
            read.parts[1].1,
            stamped(id, revision, 602),
            "indices of block {id}"
        );
    }
    let report = manager.report();
    assert!(
        report.evictions > 0 && report.stream_ins > 0,
        "it streamed: {report:?}"
    );
    assert!(
        report.held_bytes_peak <= report.budget_bytes,
        "R10: {report:?}"
    );
    let end = manager.shutdown();
    assert_eq!(end.report.gpu_errors, 0, "wgpu had nothing to complain of");
}

#[test]
fn the_noop_device_validates_and_moves_the_same_bytes() {
    let (device, queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor::default());
    churn(&device, &queue);
}

#[test]
fn a_real_adapter_moves_the_same_bytes() {
    let (device, queue) = device();
    churn(&device, &queue);
}

const SHADER: &str = "
@vertex fn vertex(@location(0) at: vec2f) -> @builtin(position) vec4f {
    return vec4f(at, 0.0, 1.0);
}
@fragment fn fragment() -> @location(0) vec4f {
    return vec4f(1.0, 1.0, 1.0, 1.0);
}";

const SIZE: u32 = 64;

fn pipeline(device: &wgpu::Device) -> wgpu::RenderPipeline {
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
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(wgpu::TextureFormat::Rgba8Unorm.into())],
        }),
        multiview_mask: None,
        cache: None,
    })
}

/// A quad that covers one cell of an 8 x 8 grid.
fn cell(nth: u32) -> BlockDesc {
    #[expect(clippy::cast_precision_loss, reason = "cells are few")]
    let at = |n: u32| n as f32 / 4.0 - 1.0;
    let (x, y) = (nth % 8, nth / 8);
    let corners = [
        [at(x), at(y)],
        [at(x + 1), at(y)],
        [at(x), at(y + 1)],
        [at(x + 1), at(y + 1)],
    ];
    let indices: [u16; 6] = [0, 1, 2, 2, 1, 3];
    BlockDesc::new()
        .part(PartData::vertex(bytemuck::bytes_of(&corners), 8))
        .part(PartData::index_u16(bytemuck::bytes_of(&indices)))
}

/// Draws `handles` with the chunks bound whole and reads back which cells are white.
fn draw(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    manager: &GeometryManager,
    pipeline: &wgpu::RenderPipeline,
    handles: &[Handle],
) -> Vec<bool> {
    let size = wgpu::Extent3d {
        width: SIZE,
        height: SIZE,
        depth_or_array_layers: 1,
    };
    let target = device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    });
    let view = target.create_view(&wgpu::TextureViewDescriptor::default());
    let pixels = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: u64::from(SIZE * SIZE * 4),
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let ticket = manager.begin_frame();
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    ticket.in_flight().attach(&encoder);
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
        pass.set_pipeline(pipeline);
        for handle in handles {
            if let Lookup::Resident(view) = ticket.get(*handle) {
                let draw = view.draw().expect("a cell has vertices");
                view.bind_chunk(&mut pass, 0, draw.index_format);
                draw.record(&mut pass, 0..1);
            }
        }
    }
    drop(ticket.finish());
    let layout = wgpu::TexelCopyBufferLayout {
        offset: 0,
        bytes_per_row: Some(SIZE * 4),
        rows_per_image: None,
    };
    let into = wgpu::TexelCopyBufferInfo {
        buffer: &pixels,
        layout,
    };
    encoder.copy_texture_to_buffer(target.as_image_copy(), into, size);
    queue.submit([encoder.finish()]);
    pixels.map_async(wgpu::MapMode::Read, .., |mapped| {
        mapped.expect("the device is there");
    });
    device
        .poll(wgpu::PollType::wait_indefinitely())
        .expect("the device is there");
    let bytes = pixels.get_mapped_range(..).expect("it is mapped").to_vec();
    (0..64)
        .map(|nth| {
            // The middle of the cell; rows of a texture go down, the grid's go up.
            let (x, y) = (nth % 8 * 8 + 4, SIZE as usize - 1 - (nth / 8 * 8 + 4));
            bytes[(y * SIZE as usize + x) * 4] == 255
        })
        .collect()
}

#[test]
fn frames_draw_what_is_resident_and_nothing_else() {
    let (device, queue) = device();
    let pipeline = pipeline(&device);
    let config = Config {
        threading: Threading::Actor,
        ..small()
    };
    let manager =
        GeometryManager::new(device.clone(), queue.clone(), config).expect("a valid config");
    let client = manager.client();
    let mut cells: Vec<(usize, Handle)> = (0..64)
        .map(|nth| {
            let lifetime = if nth % 5 == 0 {
                Lifetime::LongLived
            } else {
                Lifetime::Dynamic
            };
            let handle = client
                .add(cell(nth).lifetime(lifetime))
                .expect("a valid block");
            (nth as usize, handle)
        })
        .collect();
    for round in 0..6 {
        client
            .flush()
            .expect("it is sent")
            .wait(Duration::from_mins(1))
            .expect("it runs");
        let handles: Vec<Handle> = cells.iter().map(|(_, handle)| *handle).collect();
        let white = draw(&device, &queue, &manager, &pipeline, &handles);
        let expected: Vec<bool> = (0..64)
            .map(|nth| cells.iter().any(|(cell, _)| *cell == nth))
            .collect();
        assert_eq!(
            white, expected,
            "round {round}: every cell that lives, and no other"
        );
        cells.retain(|(nth, handle)| {
            let keep = (nth * 7 + round) % 4 != 0;
            if !keep {
                client.remove(*handle).expect("it is sent");
            }
            keep
        });
        // Others come into the room of those that went.
        let filler = BlockDesc::new()
            .part(vertices(1, 0, 40))
            .spare(ByteLen::new(64));
        client.add(filler).expect("a valid block");
    }
    let end = manager.shutdown();
    assert_eq!(end.report.gpu_errors, 0, "wgpu had nothing to complain of");
}
