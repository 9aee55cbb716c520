//! The placement table on the GPU: a shader that culls by handle draws what the ticket's version
//! has, through moves, evictions, growth, and encoders that were given up.

use geoheap::{
    ByteLen, Config, FrameTicket, GeometryManager, Handle, Lookup, Patched, PlacementTable,
    PlacementTableError, Source, wgpu,
};
use wgpu::util::DeviceExt;

use crate::canvas::{CELLS, Canvas, cell, corners};
use crate::harness::small;

/// Chunks that the shader knows at most.
const CHUNKS: u64 = 16;
const ARGS_BYTES: u64 = 20;

/// Draws by handle alone: the CPU knows neither where a block lies nor whether it is there.
struct Culling<'a> {
    canvas: &'a Canvas,
    pipeline: wgpu::ComputePipeline,
    table: PlacementTable,
}

impl<'a> Culling<'a> {
    fn new(canvas: &'a Canvas) -> Self {
        let source = format!("{}{}", PlacementTable::WGSL, include_str!("cull.wgsl"));
        let module = canvas
            .device
            .create_shader_module(wgpu::ShaderModuleDescriptor {
                label: None,
                source: wgpu::ShaderSource::Wgsl(source.into()),
            });
        let desc = wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        };
        Self {
            canvas,
            pipeline: canvas.device.create_compute_pipeline(&desc),
            table: PlacementTable::new(&canvas.device, 8).expect("a small table"),
        }
    }

    /// Brings the table to the ticket's version and paints what the shader found.
    fn paint(
        &mut self,
        ticket: &FrameTicket<wgpu::Buffer>,
        handles: &[Handle],
    ) -> (Vec<u8>, Patched) {
        let device = &self.canvas.device;
        let wishes: Vec<u32> = handles
            .iter()
            .flat_map(|handle| [handle.index(), handle.generation()])
            .collect();
        let wishes = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: None,
            contents: bytemuck::cast_slice(&wishes),
            usage: wgpu::BufferUsages::STORAGE,
        });
        let lane = handles.len() as u64 * ARGS_BYTES;
        let draws = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: lane * CHUNKS,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::INDIRECT,
            mapped_at_creation: false,
        });
        // The buffers of the chunks, as a program knows them that draws by handle.
        let chunks: Vec<_> = ticket
            .chunks()
            .map(|(chunk, buffer)| (u64::from(chunk.get()), buffer))
            .collect();
        assert!(
            chunks.iter().all(|(chunk, _)| *chunk < CHUNKS),
            "{chunks:?}"
        );
        let mut patched = Patched::default();
        let (table, pipeline) = (&mut self.table, &self.pipeline);
        let count = u32::try_from(handles.len()).expect("few");
        let painted = self.canvas.paint_after(
            &ticket.in_flight(),
            |encoder| {
                patched = table.update(ticket, encoder).expect("a small table");
                let resources = [table.placements(), table.parts(), &wishes, &draws];
                let entries: Vec<_> = (0..)
                    .zip(resources)
                    .map(|(binding, buffer)| wgpu::BindGroupEntry {
                        binding,
                        resource: buffer.as_entire_binding(),
                    })
                    .collect();
                let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: None,
                    layout: &pipeline.get_bind_group_layout(0),
                    entries: &entries,
                });
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, &group, &[]);
                pass.dispatch_workgroups(count.div_ceil(64), 1, 1);
            },
            |pass| {
                pass.set_pipeline(&self.canvas.pipelines[0]);
                for (chunk, buffer) in chunks {
                    pass.set_vertex_buffer(0, buffer.slice(..));
                    pass.set_index_buffer(buffer.slice(..), wgpu::IndexFormat::Uint16);
                    pass.multi_draw_indexed_indirect(&draws, chunk * lane, count);
                }
            },
        );
        (painted, patched)
    }
}

fn heap(canvas: &Canvas, config: Config) -> GeometryManager {
    let (device, queue) = (canvas.device.clone(), canvas.queue.clone());
    GeometryManager::new(device, queue, config).expect("a valid config")
}

fn contents(nth: u32) -> Vec<geoheap::Payload> {
    let indices: [u16; 6] = [0, 1, 2, 2, 1, 3];
    vec![
        bytemuck::bytes_of(&corners(nth)).to_vec().into(),
        bytemuck::bytes_of(&indices).to_vec().into(),
    ]
}

/// What a ticket says is there.
fn resident(ticket: &FrameTicket<wgpu::Buffer>, cells: &[(u32, Handle)]) -> Vec<u8> {
    let mut shown = vec![0; CELLS as usize];
    for (nth, handle) in cells {
        let is_there = matches!(ticket.get(*handle), Lookup::Resident(_));
        shown[*nth as usize] |= u8::from(is_there);
    }
    shown
}

#[test]
fn a_shader_draws_by_handle_through_moves_evictions_and_growth() {
    let canvas = Canvas::new();
    let mut culling = Culling::new(&canvas);
    let config = Config {
        budget_bytes: ByteLen::from_kib(256),
        ..small()
    };
    let mut manager = heap(&canvas, config);
    let client = manager.client();
    let mut cells: Vec<(u32, Handle)> = Vec::new();
    let (mut whole, mut patches, mut rebound, mut absent) = (0, 0, 0, 0);
    for round in 0..90_u32 {
        // More than the budget holds, so that some are always evicted.
        let nth = round % CELLS;
        let block = cell(nth)
            .spare(ByteLen::new(9_000))
            .source(Source::Retained);
        cells.retain(|(other, handle)| {
            let keep = *other != nth;
            if !keep {
                client.remove(*handle).expect("it is sent");
            }
            keep
        });
        cells.push((nth, client.add(block).expect("a valid block")));
        let (moved, handle) = cells[round as usize * 7 % cells.len()];
        client.update(handle, contents(moved)).expect("it is sent");
        manager.poll();
        manager.poll();
        let ticket = manager.begin_frame();
        let handles: Vec<_> = cells.iter().map(|(_, handle)| *handle).collect();
        let (painted, patched) = culling.paint(&ticket, &handles);
        let expected = resident(&ticket, &cells);
        assert_eq!(painted, expected, "round {round}: {patched:?}");
        absent += cells.len() - expected.iter().filter(|shade| **shade > 0).count();
        whole += u32::from(patched.is_whole);
        rebound += u32::from(patched.is_rebound);
        patches += u32::from(!patched.is_whole && patched.slots > 0);
        drop(ticket.finish());
    }
    assert!(absent > 0, "some were evicted");
    assert!(
        whole > 0 && patches > 60,
        "{whole} whole, {patches} patches"
    );
    assert!(rebound > 0, "it grew");
    assert!(culling.table.bytes() > 0);
    let end = manager.shutdown();
    assert_eq!(end.report.gpu_errors, 0, "wgpu had nothing to complain of");
}

#[test]
fn an_encoder_that_was_given_up_takes_no_change_with_it() {
    let canvas = Canvas::new();
    let mut culling = Culling::new(&canvas);
    let mut manager = heap(&canvas, small());
    let client = manager.client();
    let cells: Vec<(u32, Handle)> = (0..8)
        .map(|nth| (nth, client.add(cell(nth)).expect("a valid block")))
        .collect();
    let handles: Vec<_> = cells.iter().map(|(_, handle)| *handle).collect();
    manager.poll();
    let ticket = manager.begin_frame();
    let (painted, _) = culling.paint(&ticket, &handles);
    assert_eq!(painted, resident(&ticket, &cells));
    drop(ticket.finish());
    let (_, patched) = culling.paint(&manager.begin_frame(), &handles);
    assert_eq!(patched.bytes, 0, "nothing changed, nothing is written");

    client.update(handles[3], contents(20)).expect("it is sent");
    manager.poll();
    let ticket = manager.begin_frame();
    let desc = wgpu::CommandEncoderDescriptor::default();
    let mut given_up = canvas.device.create_command_encoder(&desc);
    let patched = culling.table.update(&ticket, &mut given_up).expect("small");
    assert_eq!((patched.slots, patched.is_whole), (1, false));
    assert_eq!(patched.parts, 0, "a block that only moved keeps its parts");
    drop(given_up);
    let (painted, patched) = culling.paint(&ticket, &handles);
    assert!(patched.is_whole, "what was given up is made good");
    let mut expected = resident(&ticket, &cells);
    expected.swap(3, 20);
    assert_eq!(painted, expected);
    let (_, patched) = culling.paint(&ticket, &handles);
    assert_eq!(patched.bytes, 0, "and that is seen as done");
}

#[test]
fn a_table_beyond_the_devices_bindings_is_refused_with_the_numbers() {
    let (device, _queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor::default());
    let max = device.limits().max_storage_buffer_binding_size;
    let slots = u32::try_from(max / 44 + 1).expect("limits are under 4 GiB");
    let refused = PlacementTable::new(&device, slots).map(drop);
    let error = PlacementTableError::TooLarge {
        requested_bytes: u64::from(slots) * 44,
        max_bytes: max,
    };
    assert_eq!(refused, Err(error));
    assert!(
        PlacementTable::new(&device, slots - 1).is_ok(),
        "at the limit"
    );
}

#[test]
fn a_table_shows_an_older_version_as_it_is() {
    let canvas = Canvas::new();
    let mut culling = Culling::new(&canvas);
    let config = Config {
        handles_initial: 8,
        ..small()
    };
    let mut manager = heap(&canvas, config);
    let client = manager.client();
    let add = |nth| (nth, client.add(cell(nth)).expect("a valid block"));
    let mut cells: Vec<_> = (0..4).map(add).collect();
    manager.poll();
    let older = manager.begin_frame();
    cells.extend((4..44).map(add));
    manager.poll();
    let newer = manager.begin_frame();
    let handles: Vec<_> = cells.iter().map(|(_, handle)| *handle).collect();
    let mut rebinds = 0;
    for ticket in [&newer, &older, &newer] {
        let (painted, patched) = culling.paint(ticket, &handles);
        assert_eq!(painted, resident(ticket, &cells), "{patched:?}");
        rebinds += u64::from(patched.is_rebound);
    }
    assert_eq!(culling.table.rebinds(), rebinds);
    culling.table.invalidate();
    let (painted, patched) = culling.paint(&newer, &handles);
    assert!(patched.is_whole, "as was asked for");
    assert_eq!(painted, resident(&newer, &cells));
}

#[test]
fn a_lost_device_is_an_error() {
    let (device, queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor::default());
    let mut manager = GeometryManager::new(device.clone(), queue, small()).expect("a valid config");
    let mut table = PlacementTable::new(&device, 8).expect("a small table");
    manager.client().add(cell(0)).expect("a valid block");
    manager.poll();
    let desc = wgpu::CommandEncoderDescriptor::default();
    let mut encoder = device.create_command_encoder(&desc);
    device.destroy();
    let refused = table.update(&manager.begin_frame(), &mut encoder);
    assert_eq!(refused, Err(PlacementTableError::DeviceLost));
}
