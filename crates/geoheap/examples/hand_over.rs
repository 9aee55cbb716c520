//! Geometry that a shader makes, on its way: a heap on the GPU gives it memory there, blocks of
//! the engine take it over where it can be evicted and come back, and the heap takes it again.
//!
//! The picture is that of the example `draw`. A compute shader writes the quads; the CPU gets to
//! see none of their bytes but those that it evicts.
//!
//! Each step is waited for here, to be told apart. A program does them in passing, frame by frame.
//!
//! `cargo run -p geoheap --example hand_over` works without a window, and counts pixels.

#[expect(dead_code, reason = "here a shader makes the quads")]
mod picture;

use std::error::Error;

use geoheap::gpu_bitset::{
    Batch, GpuHeap, GpuHeapDesc, Handle as Object, List, Mirror, MirrorDesc, Request, StreamDesc,
};
use geoheap::{
    BlockDesc, ByteLen, Client, Config, DrawList, GeometryManager, HandBack, HandOver, Handle,
    KindId, Threading, wgpu,
};

/// Bytes of a quad in each stream: four vertices of two floats, six indices.
const QUAD: [u32; 4] = [32, 24, 0, 0];
/// What the shader leaves between two quads, as sources begin at multiples of 16 bytes.
const QUAD_SPACE: [u32; 2] = [32, 32];
const STREAMS: [(KindId, u32); 2] = [(KindId::VERTEX, 8), (KindId::INDEX, 4)];

const SHADER: &str = "
@group(0) @binding(0) var<storage, read> cells: array<u32>;
@group(0) @binding(1) var<storage, read_write> vertices: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> indices: array<u32>;
@compute @workgroup_size(64)
fn make(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&cells) { return; }
    let cell = vec2u(cells[id.x] % 16u, cells[id.x] / 16u);
    for (var corner = 0u; corner < 4u; corner++) {
        let at = vec2f(cell + vec2u(corner % 2u, corner / 2u));
        vertices[id.x * 4u + corner] = at / 16.0 * 2.0 - 1.0;
    }
    var order = array<u32, 6>(0u, 1u, 2u, 2u, 1u, 3u);
    for (var nth = 0u; nth < 6u; nth++) { indices[id.x * 8u + nth] = order[nth]; }
}";

/// The engine, a heap on the GPU, and what goes to and fro between them.
struct World {
    device: wgpu::Device,
    queue: wgpu::Queue,
    manager: GeometryManager,
    client: Client,
    heap: GpuHeap,
    mirror: Mirror,
}

fn main() -> Result<(), Box<dyn Error>> {
    let (device, queue) = pollster::block_on(picture::open())?;
    let config = Config {
        threading: Threading::CallerDriven,
        ..Config::default()
    };
    let mut manager = GeometryManager::new(device.clone(), queue.clone(), config)?;
    let client = manager.client();

    // The heap's memory counts in the engine's budget: ask for it, then make it.
    let stream = StreamDesc {
        unit_bytes: 64,
        usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::INDEX,
    };
    let desc = GpuHeapDesc {
        units: 1 << 10,
        streams: &[stream; 2],
        slots: 256,
        ..GpuHeapDesc::default()
    };
    let mut asked = client.hold_outside(ByteLen::new(desc.bytes_max(&device)?))?;
    let lease = loop {
        manager.poll();
        if let Some(lease) = asked.try_take() {
            break lease?;
        }
    };
    let heap = GpuHeap::new(&device, &desc)?;
    println!("{} bytes held outside", lease.bytes());
    let mut world = World {
        mirror: Mirror::new(&heap, MirrorDesc::default()),
        device,
        queue,
        manager,
        client,
        heap,
    };

    let objects = world.make_quads()?;
    let blocks = world.take_over(&objects)?;
    world.draw(&blocks)?;
    for block in &blocks {
        world.client.evict(*block)?;
    }
    while world.manager.report().evictions < blocks.len() as u64 {
        world.step()?;
    }
    println!("{} quads have left the GPU", blocks.len());
    // A frame asks for them, and a later one has them.
    world.draw(&blocks)?;
    world.give_back(&blocks)?;
    drop(world.heap);
    drop(lease);
    let left = world.manager.shutdown().leaks.len();
    assert_eq!(left, 0, "what was given back is no block any more");
    Ok(())
}

impl World {
    fn encoder(&self) -> wgpu::CommandEncoder {
        let desc = wgpu::CommandEncoderDescriptor::default();
        self.device.create_command_encoder(&desc)
    }

    /// What a frame does beside drawing.
    fn step(&mut self) -> Result<(), Box<dyn Error>> {
        self.manager.poll();
        self.device.poll(wgpu::PollType::wait_indefinitely())?;
        Ok(())
    }

    /// A shader makes quads, and the heap on the GPU places them.
    fn make_quads(&mut self) -> Result<Vec<Object>, Box<dyn Error>> {
        let cells: Vec<u32> = picture::cells(0).chain(picture::cells(1)).collect();
        let mut encoder = self.encoder();
        let [vertices, indices] = self.record_make(&mut encoder, &cells);
        let requests: Vec<Request> = (0..)
            .zip(&cells)
            .map(|(slot, _)| Request {
                slot,
                flags: Request::SHOW,
                bytes: QUAD,
                source_offsets: [QUAD_SPACE[0] * slot, QUAD_SPACE[1] * slot, 0, 0],
                ..Request::default()
            })
            .collect();
        let batch = Batch {
            requests: List::Known(&requests),
            sources: &[Some(&vertices), Some(&indices)],
            ..Batch::default()
        };
        self.record(&mut encoder, &batch)?;
        self.queue.submit([encoder.finish()]);
        self.step()?;
        let applied = self.mirror.apply_next().ok_or("it was executed")?;
        println!("{} quads made on the GPU", applied.header.ok);
        let outcomes = applied.outcomes.iter();
        let object = |outcome: &geoheap::gpu_bitset::Outcome| Object {
            slot: outcome.slot(),
            generation: outcome.generation,
        };
        Ok(outcomes.map(object).collect())
    }

    fn record_make(&self, encoder: &mut wgpu::CommandEncoder, cells: &[u32]) -> [wgpu::Buffer; 2] {
        use wgpu::util::DeviceExt;
        let cells_buffer = self
            .device
            .create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: None,
                contents: bytemuck::cast_slice(cells),
                usage: wgpu::BufferUsages::STORAGE,
            });
        let made = QUAD_SPACE.map(|bytes| {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: u64::from(bytes) * cells.len() as u64,
                usage: wgpu::BufferUsages::STORAGE,
                mapped_at_creation: false,
            })
        });
        let module = self
            .device
            .create_shader_module(wgpu::ShaderModuleDescriptor {
                label: None,
                source: wgpu::ShaderSource::Wgsl(SHADER.into()),
            });
        let pipeline = self
            .device
            .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: None,
                layout: None,
                module: &module,
                entry_point: None,
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: None,
            });
        let buffers = [&cells_buffer, &made[0], &made[1]];
        let entries: Vec<_> = (0..)
            .zip(buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(u32::try_from(cells.len()).unwrap_or(0).div_ceil(64), 1, 1);
        drop(pass);
        made
    }

    fn record(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        batch: &Batch<'_>,
    ) -> Result<(), Box<dyn Error>> {
        self.heap.record(&self.device, encoder, batch)?;
        self.mirror
            .record(&self.device, encoder, &self.heap, batch)?;
        Ok(())
    }

    /// The objects become blocks, and their units are free again.
    fn take_over(&mut self, objects: &[Object]) -> Result<Vec<Handle>, Box<dyn Error>> {
        let mut over = HandOver::new();
        let mut encoder = self.encoder();
        for object in objects {
            let block = BlockDesc::new().label("a quad");
            let (device, heap) = (&self.device, &self.heap);
            over.begin(device, &mut encoder, heap, *object, &STREAMS, block);
        }
        self.queue.submit([encoder.finish()]);
        let mut blocks = Vec::new();
        while !over.is_empty() {
            self.step()?;
            let mut frees = Vec::new();
            for arrived in over.poll(&self.client, &self.heap) {
                blocks.push(arrived.block?);
                frees.push(arrived.object);
            }
            if frees.is_empty() {
                continue;
            }
            let batch = Batch {
                frees: List::Known(&frees),
                ..Batch::default()
            };
            let mut encoder = self.encoder();
            self.record(&mut encoder, &batch)?;
            self.queue.submit([encoder.finish()]);
            self.step()?;
            let applied = self.mirror.apply_next().ok_or("it was executed")?;
            println!("{} units in use", applied.header.used_units);
        }
        Ok(blocks)
    }

    /// Draws until all blocks were there, and checks the picture.
    fn draw(&mut self, blocks: &[Handle]) -> Result<(), Box<dyn Error>> {
        let target = picture::target(&self.device);
        let view = target.create_view(&wgpu::TextureViewDescriptor::default());
        let pipeline = picture::pipeline(&self.device);
        let mut list = DrawList::new();
        for frame in 0..100 {
            let ticket = self.manager.begin_frame();
            let mut encoder = self.encoder();
            ticket.in_flight().attach(&encoder);
            let mut draws = list.begin(&ticket);
            for block in blocks {
                draws.draw(*block, 0, 0..1);
            }
            let load = wgpu::LoadOp::Clear(wgpu::Color::BLACK);
            let mut pass = picture::begin_pass(&mut encoder, &view, load);
            let drawn = draws.record(&mut pass, 0, |pass, _| pass.set_pipeline(&pipeline));
            drop(pass);
            drop(ticket.finish());
            self.queue.submit([encoder.finish()]);
            self.step()?;
            if drawn.draws == blocks.len() as u64 {
                println!("frame {frame} draws all of them");
                return picture::check(&self.device, &self.queue, &target);
            }
        }
        Err("they did not come back".into())
    }

    /// The blocks become objects again.
    fn give_back(&mut self, blocks: &[Handle]) -> Result<(), Box<dyn Error>> {
        let mut back = HandBack::new(&self.device, &self.heap, ByteLen::from_kib(64));
        let mut encoder = self.encoder();
        let ticket = self.manager.begin_frame();
        for (slot, block) in (0..).zip(blocks) {
            let parts: Vec<_> = ticket.parts(*block).collect();
            let request = Request {
                slot,
                flags: Request::SHOW,
                ..Request::default()
            };
            back.copy(&mut encoder, &ticket, *block, &parts, request)?;
        }
        drop(ticket.finish());
        let (requests, sources) = (back.requests().to_vec(), back.sources(&self.heap));
        let batch = Batch {
            requests: List::Known(&requests),
            sources: &sources,
            ..Batch::default()
        };
        self.heap.record(&self.device, &mut encoder, &batch)?;
        self.mirror
            .record(&self.device, &mut encoder, &self.heap, &batch)?;
        drop(sources);
        back.recorded(&self.heap);
        self.queue.submit([encoder.finish()]);
        self.step()?;
        let applied = self.mirror.apply_next().ok_or("it was executed")?;
        let returned = back.applied(&self.client, &applied);
        let objects = returned.iter().filter(|block| block.object.is_ok()).count();
        println!("{objects} quads are objects again");
        assert_eq!(objects, blocks.len(), "there is room for all of them");
        self.step()
    }
}
