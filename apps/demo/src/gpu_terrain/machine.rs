//! The GPU's side: meshes are made, placed in the heap, copied, culled and drawn, and the CPU sees
//! no size of any.

use bytemuck::{Pod, Zeroable, bytes_of};
use geoheap::wgpu;
use geoheap_gpu_bitset::{
    Batch, BatchError, DrawDesc, Draws, Flip, FlipIf, GpuHeap, GpuHeapDesc, Handle, HeapError,
    List, Mirror, StreamDesc,
};
use wgpu::{Buffer, BufferUsages};

use crate::content::camera::Frustum;
use crate::gpu_terrain::kernel::Kernel;
use crate::gpu_terrain::lattice::{Job, QUAD_BYTES, VERTEX_BYTES};
use crate::gpu_terrain::mesher::{Land, Mesher, REQUESTS_MAX};

/// Slots of the heap: a ground and its props have one each.
pub const SLOTS: u32 = 4096;
/// Objects that one batch may free.
pub const FREES_MAX: u32 = 1024;
/// Vertices and quads of a unit. A net has about as many of the ones as of the others.
const UNIT_ITEMS: u32 = 128;
/// Bytes of a unit in both streams.
pub const UNIT_BYTES: u32 = UNIT_ITEMS * (VERTEX_BYTES + QUAD_BYTES);

/// What a batch shall do.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// Objects to free, before all else.
    pub frees: Vec<Handle>,
    /// Bricks to mesh and to place.
    pub jobs: Vec<Job>,
    /// What to show and to hide once all of them are placed.
    pub flips: Vec<Flip>,
}

impl Orders {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.frees.is_empty() && self.jobs.is_empty() && self.flips.is_empty()
    }
}

/// As `View` in `cull.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct View {
    planes: [[f32; 4]; 5],
    eye: [f32; 4],
}

/// Mesher, heap, culling and draw records.
#[derive(Debug)]
pub struct Machine {
    device: wgpu::Device,
    queue: wgpu::Queue,
    mesher: Mesher,
    heap: GpuHeap,
    draws: Draws,
    view: Buffer,
    seen: Buffer,
    cull: Kernel,
    copied: Buffer,
    tally: Kernel,
    /// When objects are shown. Other than [`FlipIf::AllPlaced`] only where a test wants to see
    /// that it finds what is shown too early.
    pub flip_if: FlipIf,
}

impl Machine {
    /// An empty heap of about `heap_bytes`, and what fills it.
    ///
    /// # Errors
    /// [`HeapError`] if the device cannot have such a heap.
    pub fn new(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        land: &Land<'_>,
        heap_bytes: u64,
    ) -> Result<Self, HeapError> {
        let heap = described(heap_bytes, |desc| GpuHeap::new(device, desc))?;
        let how = DrawDesc {
            vertex_stream: 0,
            vertex_bytes: VERTEX_BYTES,
            index_stream: 1,
            index_format: wgpu::IndexFormat::Uint16,
        };
        let draws = Draws::new(device, &heap, &how).expect("units hold whole vertices and quads");
        let mesher = Mesher::new(device, land, SLOTS);
        let make = |label, size, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage,
                mapped_at_creation: false,
            })
        };
        let given = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        let kept = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
        let view = make("terrain: view", size_of::<View>() as u64, given);
        let seen = make("terrain: seen", u64::from(SLOTS) * 4, kept);
        let copied = make("terrain: copied bytes", 8, kept);
        let common = include_str!("shaders/common.wgsl");
        Ok(Self {
            cull: Kernel::new(
                device,
                "cull",
                &[common, include_str!("shaders/cull.wgsl")],
                &[(0, &view), (1, mesher.bricks()), (2, &seen)],
            ),
            tally: Kernel::new(
                device,
                "tally",
                &[common, include_str!("shaders/tally.wgsl")],
                &[
                    (0, mesher.request_count()),
                    (1, mesher.requests()),
                    (2, heap.outcomes()),
                    (3, &copied),
                ],
            ),
            device: device.clone(),
            queue: queue.clone(),
            mesher,
            heap,
            draws,
            view,
            seen,
            copied,
            flip_if: FlipIf::AllPlaced,
        })
    }

    /// Records a batch: meshes, places, copies and shows; at most one in a submission. Its results
    /// go to `mirror`.
    ///
    /// # Errors
    /// [`BatchError`], with nothing placed.
    pub fn record(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        orders: &Orders,
        mirror: Option<&mut Mirror>,
    ) -> Result<u32, BatchError> {
        if !orders.jobs.is_empty() {
            self.mesher.record(&self.queue, encoder, &orders.jobs);
        }
        let requests = match orders.jobs.iter().map(Job::requests).sum() {
            0 => List::Known(&[][..]),
            items_max => List::OnGpu {
                items: self.mesher.requests(),
                count: self.mesher.request_count(),
                count_offset: 0,
                items_max,
            },
        };
        let batch = Batch {
            frees: List::Known(&orders.frees),
            requests,
            sources: &[Some(self.mesher.vertices()), Some(self.mesher.indices())],
            flips: List::Known(&orders.flips),
            flip_if: self.flip_if,
            ..Batch::default()
        };
        let epoch = self.heap.record(&self.device, encoder, &batch)?;
        if let Some(mirror) = mirror
            && let Err(behind) = mirror.record(&self.device, encoder, &self.heap, &batch)
        {
            tracing::warn!(%behind, "a batch's results are not read back");
        }
        if !orders.jobs.is_empty() {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: Some("terrain: tally"),
                timestamp_writes: None,
            });
            self.tally.dispatch(&mut pass, 1, 1);
        }
        Ok(epoch)
    }

    /// Records which objects are drawn: those that are shown and may be seen.
    pub fn look(&self, encoder: &mut wgpu::CommandEncoder, frustum: &Frustum) {
        let view = View {
            planes: frustum.planes().map(|plane| plane.to_array()),
            eye: frustum.position().extend(0.0).to_array(),
        };
        self.queue.write_buffer(&self.view, 0, bytes_of(&view));
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: Some("terrain: cull"),
                timestamp_writes: None,
            });
            self.cull.dispatch(&mut pass, SLOTS.div_ceil(64), 1);
        }
        self.draws
            .record(&self.device, encoder, &self.heap, Some(&self.seen));
    }

    /// Draws what [`Machine::look`] left. Pipeline, bind groups and the instance are set.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>) {
        for (buffer, vertices) in (0..).zip(self.heap.permanent(0)) {
            pass.set_vertex_buffer(0, vertices.slice(..));
            self.draws.draw(pass, &self.heap, buffer);
        }
    }

    /// The heap.
    pub fn heap(&self) -> &GpuHeap {
        &self.heap
    }

    /// The draw records.
    pub fn draws(&self) -> &Draws {
        &self.draws
    }

    /// The mesher.
    pub fn mesher(&self) -> &Mesher {
        &self.mesher
    }

    /// Bytes that batches have copied, 64 bits.
    pub fn copied(&self) -> &Buffer {
        &self.copied
    }
}

/// Bytes that a heap of about `heap_bytes` takes at most, its tables included.
///
/// # Errors
/// [`HeapError`] if the device cannot have such a heap.
pub fn bytes_max(device: &wgpu::Device, heap_bytes: u64) -> Result<u64, HeapError> {
    described(heap_bytes, |desc| desc.bytes_max(device))
}

/// A heap of that many bytes in units of [`UNIT_BYTES`].
fn described<T>(bytes: u64, then: impl FnOnce(&GpuHeapDesc<'_>) -> T) -> T {
    let stream = |item_bytes, usage| StreamDesc {
        unit_bytes: UNIT_ITEMS * item_bytes,
        usage,
    };
    let streams = [
        stream(VERTEX_BYTES, BufferUsages::VERTEX),
        stream(QUAD_BYTES, BufferUsages::INDEX),
    ];
    let units = bytes / u64::from(UNIT_BYTES);
    let desc = GpuHeapDesc {
        label: "terrain heap",
        units: u32::try_from(units).unwrap_or(u32::MAX),
        streams: &streams,
        separate: false,
        slots: SLOTS,
        requests_max: REQUESTS_MAX,
        frees_max: FREES_MAX,
        ..GpuHeapDesc::default()
    };
    then(&desc)
}
