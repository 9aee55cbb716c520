//! Objects that shaders made, in a heap on the GPU, in blocks, and back again, on a real adapter.

use geoheap::gpu_bitset::model::Model;
use geoheap::gpu_bitset::{
    Batch, GpuHeap, GpuHeapDesc, Handle as Object, Header, List, Mirror, MirrorDesc, Request, Slot,
    StreamDesc,
};
use geoheap::{
    AddError, BlockDesc, ByteLen, GeometryManager, HandBack, HandBackError, HandOver,
    HandOverError, Handle, KindId, Lookup, NoObject, OutsideLease, Source, wgpu,
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
const STREAMS: [(KindId, u32); 2] = [(KindId::VERTEX, STRIDE), (KindId::INDEX, 4)];

/// Each word is its index and the seed, so that no two are alike.
const SHADER: &str = "
@group(0) @binding(0) var<storage, read_write> made: array<u32>;
@group(0) @binding(1) var<uniform> seed: vec4u;
@compute @workgroup_size(64)
fn make(@builtin(global_invocation_id) id: vec3u) { made[id.x] = seed.x + id.x; }";

/// The engine, a heap on the same device, and what the CPU knows of it.
struct Rig {
    device: wgpu::Device,
    queue: wgpu::Queue,
    manager: GeometryManager,
    heap: GpuHeap,
    mirror: Mirror,
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
    fn new(units: u32, separate: bool) -> Self {
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

    fn encoder(&self) -> wgpu::CommandEncoder {
        let desc = wgpu::CommandEncoderDescriptor::default();
        self.device.create_command_encoder(&desc)
    }

    /// A shader makes an object, and it is placed. Returns what the CPU knows of it later.
    fn make(&mut self, slot: u32, seed: u32) -> Object {
        let mut encoder = self.encoder();
        self.record_make(&mut encoder, seed);
        let request = Request {
            slot,
            flags: Request::SHOW,
            bytes: BYTES,
            source_offsets: OFFSETS,
            ..Request::default()
        };
        let made = self.made.clone();
        let header = self.batch(encoder, &[], &[request], &made);
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

    /// One batch on the GPU and on the model, and what the mirror says of it.
    fn batch(
        &mut self,
        mut encoder: wgpu::CommandEncoder,
        frees: &[Object],
        requests: &[Request],
        source: &wgpu::Buffer,
    ) -> Header {
        let batch = Batch {
            frees: List::Known(frees),
            requests: List::Known(requests),
            sources: &[Some(source), Some(source)],
            ..Batch::default()
        };
        let recorded = self.heap.record(&self.device, &mut encoder, &batch);
        recorded.expect("within the heap's limits");
        let (device, heap) = (&self.device, &self.heap);
        let told = self.mirror.record(device, &mut encoder, heap, &batch);
        told.expect("it is not behind");
        self.queue.submit([encoder.finish()]);
        let source_bytes = u32::try_from(source.size()).expect("small");
        let expected = self.model.batch(frees, requests, [source_bytes; 4]);
        self.wait();
        let applied = self.mirror.apply_next().expect("it was executed");
        assert_eq!(applied.header, expected.header, "as the model has it");
        assert_eq!(self.mirror.words(), self.model.words, "unit by unit");
        applied.header
    }

    fn wait(&self) {
        let polled = self.device.poll(wgpu::PollType::wait_indefinitely());
        polled.expect("the device works");
    }

    /// Ticks until an answer is there.
    fn until<T>(&mut self, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        for _ in 0..400 {
            self.wait();
            self.manager.poll();
            if let Some(found) = look(self) {
                return found;
            }
        }
        panic!("nothing after 400 ticks: {}", self.manager.report());
    }

    fn resident(&mut self, block: Handle) {
        let there = self.manager.client().resident(block);
        let mut there = there.expect("the manager runs");
        let answer = self.until(|_| there.try_take());
        answer.expect("it comes back");
    }

    /// The block is what a shader made of `seed`, in memory and, evicted and back, once more.
    fn check_block(&mut self, block: Handle, seed: u32) {
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
    fn check_object(&self, object: Object, seed: u32) {
        let slot = self.slot(object);
        assert_eq!(slot.generation, object.generation, "it is alive");
        for stream in 0..2 {
            let place = self.heap.place(&slot, stream).expect("it has bytes");
            let found = self.read(place.buffer, place.offset, place.bytes);
            assert_eq!(found, words(seed, stream), "stream {stream}");
        }
    }

    fn begin(&self, over: &mut HandOver, object: Object) {
        let mut encoder = self.encoder();
        let block = BlockDesc::new().label("of a shader");
        let (device, heap) = (&self.device, &self.heap);
        over.begin(device, &mut encoder, heap, object, &STREAMS, block);
        self.queue.submit([encoder.finish()]);
    }

    /// Ticks until something has come, or will not.
    fn arrived(&mut self, over: &mut HandOver) -> (Object, Result<Handle, HandOverError>) {
        let arrived = self.until(|rig| over.poll(&rig.manager.client(), &rig.heap).pop());
        (arrived.object, arrived.block)
    }

    /// Hands an object over.
    fn hand_over(&mut self, object: Object) -> Handle {
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
    fn give_back(
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
        // As `batch`, but what it brings is for the blocks.
        let batch = Batch {
            requests: List::Known(&requests),
            sources: &sources,
            ..Batch::default()
        };
        let recorded = self.heap.record(&self.device, &mut encoder, &batch);
        recorded.expect("within the heap's limits");
        let (device, heap) = (&self.device, &self.heap);
        let told = self.mirror.record(device, &mut encoder, heap, &batch);
        told.expect("it is not behind");
        back.recorded(&self.heap);
        assert!(back.requests().is_empty(), "the next batch begins anew");
        self.queue.submit([encoder.finish()]);
        let bytes = u32::try_from(source.size()).expect("small");
        let expected = self.model.batch(&[], &requests, [bytes; 4]);
        self.wait();
        let applied = self.mirror.apply_next().expect("it was executed");
        assert_eq!(applied.header, expected.header, "as the model has it");
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

fn full_circle(separate: bool) {
    let mut rig = Rig::new(64, separate);
    let mut back = HandBack::new(&rig.device, ByteLen::from_kib(8));
    let mut object = rig.make(7, 1_000_000);
    for round in 0..2 {
        let block = rig.hand_over(object);
        rig.check_object(object, 1_000_000);
        // Its units go to something else at once.
        let (encoder, made) = (rig.encoder(), rig.made.clone());
        let header = rig.batch(encoder, &[object], &[], &made);
        assert_eq!((header.freed, header.used_units), (1, 0), "round {round}");
        let other = rig.make(3, 5_000_000);
        rig.check_object(other, 5_000_000);
        rig.check_block(block, 1_000_000);
        let returned = rig.give_back(&mut back, &[(block, 7)]);
        let [(found, Ok(again))] = returned[..] else {
            panic!("there is room for it: {returned:?}");
        };
        assert_eq!((found, again.slot), (block, 7), "as it was asked for");
        assert_eq!(again.generation, round + 1, "freed once more");
        rig.check_object(again, 1_000_000);
        rig.check_object(other, 5_000_000);
        rig.until(|rig| (rig.manager.report().blocks == 0).then_some(()));
        let (encoder, made) = (rig.encoder(), rig.made.clone());
        rig.batch(encoder, &[other], &[], &made);
        object = again;
    }
    let report = rig.manager.report();
    assert!(report.outside_bytes > rig.heap.bytes_held() / 2, "counted");
    assert!(report.held_bytes <= report.budget_bytes, "R10: {report}");
}

#[test]
fn an_object_becomes_a_block_and_an_object_again() {
    full_circle(false);
}

#[test]
fn so_does_one_whose_streams_have_runs_of_their_own() {
    full_circle(true);
}

#[test]
fn what_finds_no_room_stays_a_block() {
    let mut rig = Rig::new(40, false);
    let object = rig.make(0, 1_000);
    let second = rig.make(1, 9_000);
    let blocks = [object, second].map(|object| rig.hand_over(object));
    // One is freed: there are 21 free units for two blocks that want 19 each.
    let (encoder, made) = (rig.encoder(), rig.made.clone());
    rig.batch(encoder, &[second], &[], &made);
    let mut back = HandBack::new(&rig.device, ByteLen::from_kib(16));
    let wanted = [(blocks[0], 4), (blocks[1], 5)];
    let returned = rig.give_back(&mut back, &wanted);
    let placed = Object {
        slot: 4,
        generation: 0,
    };
    let expected = vec![(blocks[0], Ok(placed)), (blocks[1], Err(NoObject::NoSpace))];
    assert_eq!(returned, expected);
    rig.check_object(placed, 1_000);
    rig.check_block(blocks[1], 9_000);
    assert_eq!(rig.manager.report().blocks, 1, "the other was removed");
    // A slot that is taken.
    let returned = rig.give_back(&mut back, &[(blocks[1], 4)]);
    assert_eq!(returned, vec![(blocks[1], Err(NoObject::Invalid))]);
    rig.check_block(blocks[1], 9_000);
}

#[test]
fn what_is_not_there_is_refused() {
    let mut rig = Rig::new(40, false);
    let object = rig.make(0, 1_000);
    let block = rig.hand_over(object);
    let mut encoder = rig.encoder();
    let mut back = HandBack::new(&rig.device, ByteLen::from_kib(4));
    let request = Request::default();
    let ticket = rig.manager.begin_frame();
    let parts: Vec<_> = ticket.parts(block).collect();
    let full = back.copy(&mut encoder, &ticket, block, &parts, request);
    let (requested, free) = (ByteLen::new(4_800), ByteLen::from_kib(4));
    assert_eq!(full, Err(HandBackError::Full { requested, free }));
    let many = [parts[0]; 5];
    let many = back.copy(&mut encoder, &ticket, block, &many, request);
    assert_eq!(many, Err(HandBackError::Streams { given: 5 }));
    drop(ticket);
    rig.manager.client().evict(block).expect("it is sent");
    rig.until(|rig| (rig.manager.report().evictions == 1).then_some(()));
    let ticket = rig.manager.begin_frame();
    let away = back.copy(&mut encoder, &ticket, block, &parts, request);
    let part = parts[0];
    assert_eq!(away, Err(HandBackError::NotResident { block, part }));
    assert!(back.requests().is_empty(), "nothing was recorded");
}

#[test]
fn an_object_that_cannot_come_stays() {
    let mut rig = Rig::new(40, false);
    let object = rig.make(0, 1_000);
    let mut over = HandOver::new();
    let stale = Object {
        generation: 1,
        ..object
    };
    let no_slot = Object { slot: 16, ..object };
    for (object, error) in [
        (stale, HandOverError::Gone),
        (no_slot, HandOverError::Unread),
    ] {
        rig.begin(&mut over, object);
        assert_eq!(rig.arrived(&mut over), (object, Err(error)));
    }
    // Its commands are dropped.
    let block = BlockDesc::new();
    let (device, heap) = (&rig.device, &rig.heap);
    over.begin(device, &mut rig.encoder(), heap, object, &STREAMS, block);
    let unread = (object, Err(HandOverError::Unread));
    assert_eq!(rig.arrived(&mut over), unread);
    // A source that would need the bytes in memory.
    let mut encoder = rig.encoder();
    let block = BlockDesc::new().source(Source::Retained);
    let (device, heap) = (&rig.device, &rig.heap);
    over.begin(device, &mut encoder, heap, object, &STREAMS, block);
    rig.queue.submit([encoder.finish()]);
    let refused = HandOverError::Add(AddError::StagedCannotRetain);
    assert_eq!(rig.arrived(&mut over), (object, Err(refused)));
    assert_eq!(rig.manager.report().blocks, 0, "none of them was added");
    rig.check_object(object, 1_000);
}

#[test]
fn a_batch_that_was_not_read_back_leaves_the_blocks() {
    let mut rig = Rig::new(64, false);
    let object = rig.make(0, 1_000);
    let block = rig.hand_over(object);
    let mut back = HandBack::new(&rig.device, ByteLen::from_kib(8));
    let mut encoder = rig.encoder();
    let ticket = rig.manager.begin_frame();
    let parts: Vec<_> = ticket.parts(block).collect();
    let request = Request {
        slot: 1,
        ..Request::default()
    };
    let copied = back.copy(&mut encoder, &ticket, block, &parts, request);
    copied.expect("it is resident");
    drop(ticket);
    let requests = back.requests().to_vec();
    let sources = back.sources(&rig.heap);
    let batch = Batch {
        requests: List::Known(&requests),
        sources: &sources,
        ..Batch::default()
    };
    let recorded = rig.heap.record(&rig.device, &mut encoder, &batch);
    recorded.expect("within the heap's limits");
    back.recorded(&rig.heap);
    let next = Batch::default();
    let recorded = rig.heap.record(&rig.device, &mut encoder, &next);
    recorded.expect("nothing is asked for");
    let told = rig
        .mirror
        .record(&rig.device, &mut encoder, &rig.heap, &next);
    told.expect("it is not behind");
    rig.queue.submit([encoder.finish()]);
    rig.wait();
    let applied = rig.mirror.apply_next().expect("it was executed");
    let returned = back.applied(&rig.manager.client(), &applied);
    assert_eq!(returned[0].object, Err(NoObject::Unread));
    // The mirror has read the whole table by now.
    let object = Object {
        slot: 1,
        generation: 0,
    };
    rig.check_object(object, 1_000);
    rig.check_block(block, 1_000);
}
