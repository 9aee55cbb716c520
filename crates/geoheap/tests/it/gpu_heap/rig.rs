//! The engine, a heap on the same device, its model, and objects that a shader makes.

use geoheap::gpu_bitset::mirror::Applied;
use geoheap::gpu_bitset::model::Model;
use geoheap::gpu_bitset::{
    Batch, GpuHeap, GpuHeapDesc, Handle as Object, Header, List, Mirror, MirrorDesc, Request, Slot,
    StreamDesc,
};
use geoheap::{
    BlockDesc, ByteLen, GeometryManager, HandBack, HandOver, HandOverError, Handle, KindId, Lookup,
    NoObject, OutsideLease, wgpu,
};
use wgpu::BufferUsages;

use crate::canvas::device;
use crate::harness::small;

/// Bytes of an object's vertices and indices: no multiples of a unit.
const BYTES: [u32; 4] = [4_800, 1_212, 0, 0];
/// Where they begin in the buffer that a shader fills.
const OFFSETS: [u32; 4] = [64, 8_192, 0, 0];
const MADE_BYTES: u64 = 16 << 10;
/// A stride that is no multiple of 16.
const STRIDE: u32 = 12;
pub(super) const STREAMS: [(KindId, u32); 2] = [(KindId::VERTEX, STRIDE), (KindId::INDEX, 4)];

/// Each word is its index and the seed, so that no two are alike.
const SHADER: &str = "
@group(0) @binding(0) var<storage, read_write> made: array<u32>;
@group(0) @binding(1) var<uniform> seed: vec4u;
@compute @workgroup_size(64)
fn make(@builtin(global_invocation_id) id: vec3u) { made[id.x] = seed.x + id.x; }";

/// The engine, a heap on the same device, and what the CPU knows of it.
pub(super) struct Rig {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) manager: GeometryManager,
    pub(super) heap: GpuHeap,
    pub(super) mirror: Mirror,
    model: Model,
    /// What the heap takes of the engine's budget.
    _lease: OutsideLease,
    make: wgpu::ComputePipeline,
    made: wgpu::Buffer,
}

fn desc(units: u32, separate: bool) -> GpuHeapDesc<'static> {
    const STREAM: StreamDesc = StreamDesc {
        unit_bytes: 256,
        usage: BufferUsages::VERTEX,
    };
    GpuHeapDesc {
        units,
        streams: &[STREAM; 2],
        separate,
        slots: 16,
        requests_max: 8,
        frees_max: 8,
        workgroup: 64,
        ..GpuHeapDesc::default()
    }
}

impl Rig {
    pub(super) fn new(units: u32, separate: bool) -> Self {
        let (device, queue) = device();
        let budget_bytes = ByteLen::from_mib(4);
        let config = geoheap::Config {
            budget_bytes,
            ..small()
        };
        let manager = GeometryManager::new(device.clone(), queue.clone(), config);
        let mut manager = manager.expect("a valid configuration");
        let desc = desc(units, separate);
        let most = desc.bytes_max(&device).expect("a small heap");
        let asked = manager.client().hold_outside(ByteLen::new(most));
        let mut asked = asked.expect("the manager runs");
        manager.poll();
        let lease = asked.try_take().expect("nothing is held yet");
        let heap = GpuHeap::new(&device, &desc).expect("a small heap");
        assert!(heap.bytes_held() <= most, "it was asked for");
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(SHADER.into()),
        });
        let make = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        let made = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: MADE_BYTES,
            usage: BufferUsages::STORAGE,
            mapped_at_creation: false,
        });
        Self {
            mirror: Mirror::new(&heap, MirrorDesc::default()),
            model: Model::new(*heap.shape()),
            _lease: lease.expect("the budget is larger"),
            device,
            queue,
            manager,
            heap,
            make,
            made,
        }
    }

    pub(super) fn encoder(&self) -> wgpu::CommandEncoder {
        let desc = wgpu::CommandEncoderDescriptor::default();
        self.device.create_command_encoder(&desc)
    }

    /// A shader makes an object, and it is placed. Returns what the CPU knows of it later.
    pub(super) fn make(&mut self, slot: u32, seed: u32) -> Object {
        let mut encoder = self.encoder();
        self.record_make(&mut encoder, seed);
        let request = Request {
            slot,
            flags: Request::SHOW,
            bytes: BYTES,
            source_offsets: OFFSETS,
            ..Request::default()
        };
        let header = self.batch(encoder, &[], &[request]);
        assert_eq!(header.ok as usize, self.heap.shape().runs_each(), "placed");
        let generation = self.mirror.slots()[slot as usize].generation;
        Object { slot, generation }
    }

    fn record_make(&self, encoder: &mut wgpu::CommandEncoder, seed: u32) {
        let uniform = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 16,
            usage: BufferUsages::UNIFORM,
            mapped_at_creation: true,
        });
        let view = uniform.get_mapped_range_mut(..);
        let mut view = view.expect("it is mapped");
        view.slice(..4).copy_from_slice(&seed.to_le_bytes());
        drop(view);
        uniform.unmap();
        let entry = |binding, buffer: &wgpu::Buffer| (binding, buffer.clone());
        let buffers = [entry(0, &self.made), entry(1, &uniform)];
        let entries: Vec<_> = buffers
            .iter()
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding: *binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &self.make.get_bind_group_layout(0),
            entries: &entries,
        });
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&self.make);
        pass.set_bind_group(0, &group, &[]);
        let words = u32::try_from(MADE_BYTES / 4).expect("small");
        pass.dispatch_workgroups(words / 64, 1, 1);
    }

    /// Records a batch, and that the mirror hears of it.
    pub(super) fn record(&mut self, encoder: &mut wgpu::CommandEncoder, batch: &Batch<'_>) {
        let recorded = self.heap.record(&self.device, encoder, batch);
        recorded.expect("within the heap's limits");
        let (device, heap) = (&self.device, &self.heap);
        let told = self.mirror.record(device, encoder, heap, batch);
        told.expect("it is not behind");
    }

    /// What was recorded is executed, and what the mirror says of it is what the model has.
    fn execute(
        &mut self,
        encoder: wgpu::CommandEncoder,
        frees: &[Object],
        requests: &[Request],
        source: &wgpu::Buffer,
    ) -> Applied {
        self.queue.submit([encoder.finish()]);
        let source_bytes = u32::try_from(source.size()).expect("small");
        let expected = self.model.batch(frees, requests, [source_bytes; 4]);
        self.wait();
        let applied = self.mirror.apply_next().expect("it was executed");
        assert_eq!(applied.header, expected.header, "as the model has it");
        assert_eq!(self.mirror.words(), self.model.words, "unit by unit");
        applied
    }

    /// One batch on the GPU and on the model.
    fn batch(
        &mut self,
        mut encoder: wgpu::CommandEncoder,
        frees: &[Object],
        requests: &[Request],
    ) -> Header {
        let made = self.made.clone();
        let sources = [Some(&made), Some(&made)];
        let batch = Batch {
            frees: List::Known(frees),
            requests: List::Known(requests),
            sources: &sources,
            ..Batch::default()
        };
        self.record(&mut encoder, &batch);
        self.execute(encoder, frees, requests, &made).header
    }

    /// Frees an object.
    pub(super) fn free(&mut self, object: Object) -> Header {
        self.batch(self.encoder(), &[object], &[])
    }

    pub(super) fn wait(&self) {
        let polled = self.device.poll(wgpu::PollType::wait_indefinitely());
        polled.expect("the device works");
    }

    /// Ticks until an answer is there.
    pub(super) fn until<T>(&mut self, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        for _ in 0..400 {
            self.wait();
            self.manager.poll();
            if let Some(found) = look(self) {
                return found;
            }
        }
        panic!("nothing after 400 ticks: {}", self.manager.report());
    }

    pub(super) fn resident(&mut self, block: Handle) {
        let there = self.manager.client().resident(block);
        let mut there = there.expect("the manager runs");
        let answer = self.until(|_| there.try_take());
        answer.expect("it comes back");
    }

    /// The block is what a shader made of `seed`, in memory and, evicted and back, once more.
    pub(super) fn check_block(&mut self, block: Handle, seed: u32) {
        for round in 0..2 {
            let read = self.manager.client().read_back(block);
            let mut read = read.expect("the manager runs");
            let read = self.until(|_| read.try_take()).expect("it is resident");
            for (stream, (_, bytes)) in read.parts.iter().enumerate() {
                assert_eq!(*bytes, words(seed, stream), "stream {stream}, {round}");
            }
            self.manager.client().evict(block).expect("it is sent");
            self.until(|rig| {
                let ticket = rig.manager.begin_frame();
                matches!(ticket.get(block), Lookup::Evicted).then_some(())
            });
            self.resident(block);
        }
    }

    /// What lies where the heap has the object.
    pub(super) fn check_object(&self, object: Object, seed: u32) {
        let slot = self.slot(object);
        assert_eq!(slot.generation, object.generation, "it is alive");
        for stream in 0..2 {
            let place = self.heap.place(&slot, stream).expect("it has bytes");
            let found = self.read(place.buffer, place.offset, place.bytes);
            assert_eq!(found, words(seed, stream), "stream {stream}");
        }
    }

    pub(super) fn begin(&self, over: &mut HandOver, object: Object) {
        let mut encoder = self.encoder();
        let block = BlockDesc::new().label("of a shader");
        let (device, heap) = (&self.device, &self.heap);
        over.begin(device, &mut encoder, heap, object, &STREAMS, block);
        self.queue.submit([encoder.finish()]);
    }

    /// Ticks until something has come, or will not.
    pub(super) fn arrived(
        &mut self,
        over: &mut HandOver,
    ) -> (Object, Result<Handle, HandOverError>) {
        let arrived = self.until(|rig| over.poll(&rig.manager.client(), &rig.heap).pop());
        (arrived.object, arrived.block)
    }

    /// Hands an object over.
    pub(super) fn hand_over(&mut self, object: Object) -> Handle {
        let mut over = HandOver::new();
        self.begin(&mut over, object);
        assert_eq!(over.len(), 1, "it is on its way");
        let (found, block) = self.arrived(&mut over);
        assert_eq!(found, object, "it has come");
        assert!(over.is_empty(), "it is told once");
        block.expect("there is room")
    }

    /// An object's slot as the GPU has it.
    fn slot(&self, object: Object) -> Slot {
        let at = u64::from(object.slot) * 64;
        let bytes = self.read(self.heap.slots(), at, 64);
        bytemuck::pod_read_unaligned(&bytes)
    }

    fn read(&self, from: &wgpu::Buffer, at: u64, bytes: u64) -> Vec<u8> {
        let back = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes,
            usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.encoder();
        encoder.copy_buffer_to_buffer(from, at, &back, 0, bytes);
        self.queue.submit([encoder.finish()]);
        back.map_async(wgpu::MapMode::Read, .., |mapped| {
            mapped.expect("a buffer of our own is mapped");
        });
        self.wait();
        let view = back.get_mapped_range(..).expect("it is mapped");
        view.to_vec()
    }

    /// Copies blocks out of their chunks and has them placed.
    pub(super) fn give_back(
        &mut self,
        back: &mut HandBack,
        blocks: &[(Handle, u32)],
    ) -> Vec<(Handle, Result<Object, NoObject>)> {
        let mut encoder = self.encoder();
        let ticket = self.manager.begin_frame();
        for (block, slot) in blocks {
            let parts: Vec<_> = ticket.parts(*block).collect();
            let request = Request {
                slot: *slot,
                ..Request::default()
            };
            let copied = back.copy(&mut encoder, &ticket, *block, &parts, request);
            copied.expect("it is resident, and there is room");
        }
        drop(ticket.finish());
        let requests = back.requests().to_vec();
        let sources = back.sources(&self.heap);
        let source = sources[0].expect("all streams have one").clone();
        // What it brings is for the blocks.
        let batch = Batch {
            requests: List::Known(&requests),
            sources: &sources,
            ..Batch::default()
        };
        self.record(&mut encoder, &batch);
        back.recorded(&self.heap);
        assert!(back.requests().is_empty(), "the next batch begins anew");
        let applied = self.execute(encoder, &[], &requests, &source);
        let returned = back.applied(&self.manager.client(), &applied);
        let returned = returned.into_iter();
        returned.map(|one| (one.block, one.object)).collect()
    }
}

/// The bytes of a stream of what a shader makes of `seed`.
fn words(seed: u32, stream: usize) -> Vec<u8> {
    let first = seed + OFFSETS[stream] / 4;
    let words = (first..).take(BYTES[stream] as usize / 4);
    words.flat_map(u32::to_le_bytes).collect()
}
