//! A device, a heap on it, and its model beside it.

use bytemuck::Pod;
use wgpu::{Buffer, BufferUsages};

use crate::model::{BatchResult, Model};
use crate::records::{Handle, Header, Outcome, Request, STREAMS_MAX, Slot};
use crate::{Batch, GpuHeap, GpuHeapDesc, List, Path, StreamDesc};

/// A device, of the limits that every adapter has if no others are given.
#[derive(Clone)]
pub(super) struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
}

impl Gpu {
    pub(super) fn new() -> Self {
        Self::with_limits(wgpu::Limits::default())
    }

    pub(super) fn with_limits(required_limits: wgpu::Limits) -> Self {
        Self::with(required_limits, wgpu::Features::empty())
    }

    pub(super) fn with(required_limits: wgpu::Limits, required_features: wgpu::Features) -> Self {
        pollster::block_on(async {
            let mut desc = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
            // Nobody listens to validation layers here, and some crash where threads have devices
            // of their own.
            desc.flags = wgpu::InstanceFlags::empty().with_env();
            let instance = wgpu::Instance::new(desc);
            let mut found = None;
            for force_fallback_adapter in [true, false] {
                let options = wgpu::RequestAdapterOptions {
                    force_fallback_adapter,
                    ..Default::default()
                };
                if let Ok(adapter) = instance.request_adapter(&options).await {
                    found = Some(adapter);
                    break;
                }
            }
            let adapter = found.expect("these tests need an adapter; Mesa's lavapipe is one");
            let (device, queue) = adapter
                .request_device(&wgpu::DeviceDescriptor {
                    required_limits,
                    required_features,
                    ..Default::default()
                })
                .await
                .expect("the adapter gives a device of these limits");
            Self { device, queue }
        })
    }

    pub(super) fn encoder(&self) -> wgpu::CommandEncoder {
        let desc = wgpu::CommandEncoderDescriptor::default();
        self.device.create_command_encoder(&desc)
    }

    /// Records and submits a batch within the heap's limits.
    pub(super) fn run(&self, heap: &mut GpuHeap, batch: &Batch<'_>) {
        let mut encoder = self.encoder();
        heap.record(&self.device, &mut encoder, batch)
            .expect("a batch within the heap's limits");
        self.queue.submit([encoder.finish()]);
    }

    /// The contents of a buffer with `COPY_SRC`.
    pub(super) fn read<T: Pod>(&self, buffer: &Buffer, count: usize) -> Vec<T> {
        let bytes = (count * size_of::<T>()) as u64;
        let back = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("back"),
            size: bytes.next_multiple_of(4).max(4),
            usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.encoder();
        encoder.copy_buffer_to_buffer(buffer, 0, &back, 0, bytes);
        self.queue.submit([encoder.finish()]);
        back.map_async(wgpu::MapMode::Read, .., |mapped| {
            mapped.expect("a buffer of our own is mapped");
        });
        self.device
            .poll(wgpu::PollType::wait_indefinitely())
            .expect("the device works");
        let view = back.get_mapped_range(..).expect("it is mapped");
        bytemuck::pod_collect_to_vec(&view[..bytes as usize])
    }
}

/// A heap and its model.
pub(super) struct Pair {
    pub(super) gpu: Gpu,
    pub(super) heap: GpuHeap,
    pub(super) model: Model,
    pub(super) path: Path,
}

impl Pair {
    pub(super) fn new(desc: &GpuHeapDesc<'_>) -> Self {
        Self::on(Gpu::new(), desc)
    }

    pub(super) fn on(gpu: Gpu, desc: &GpuHeapDesc<'_>) -> Self {
        let heap = GpuHeap::new(&gpu.device, desc).expect("a heap that the device can have");
        let model = Model::new(*heap.shape());
        Self {
            gpu,
            heap,
            model,
            path: Path::Short,
        }
    }

    /// Runs a batch on both and compares all that they leave.
    pub(super) fn batch(&mut self, frees: &[Handle], requests: &[Request]) -> BatchResult {
        let batch = Batch {
            frees: List::Known(frees),
            requests: List::Known(requests),
            path: self.path,
            ..Batch::default()
        };
        self.gpu.run(&mut self.heap, &batch);
        let expected = self.model.batch(frees, requests, [u32::MAX; STREAMS_MAX]);
        self.compare(&expected);
        expected
    }

    pub(super) fn compare(&self, expected: &BatchResult) {
        let gpu = &self.gpu;
        let outcomes: Vec<Outcome> = gpu.read(self.heap.outcomes(), expected.outcomes.len());
        for (index, (found, expected)) in outcomes.iter().zip(&expected.outcomes).enumerate() {
            assert_eq!(found, expected, "outcome {index}");
        }
        let header: Vec<Header> = gpu.read(self.heap.header(), 1);
        assert_eq!(header[0], expected.header, "header");
        let bits: Vec<u32> = gpu.read(self.heap.bits(), self.model.words.len());
        let differs = |(found, expected): (&u32, &u32)| found != expected;
        let word = bits.iter().zip(&self.model.words).position(differs);
        assert_eq!(word, None, "the first word of the bitset that differs");
        let slots: Vec<Slot> = gpu.read(self.heap.slots(), self.model.slots.len());
        for (index, (found, expected)) in slots.iter().zip(&self.model.slots).enumerate() {
            assert_eq!(found, expected, "slot {index}");
        }
    }
}

/// A stream of vertices.
pub(super) const fn stream(unit_bytes: u32) -> StreamDesc {
    StreamDesc {
        unit_bytes,
        usage: BufferUsages::VERTEX,
    }
}
