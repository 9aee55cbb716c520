//! Draw records made on the GPU, from the handle table.

use std::collections::BTreeMap;

use bytemuck::{Pod, Zeroable, bytes_of};
use wgpu::util::{BufferInitDescriptor, DeviceExt};
use wgpu::{Buffer, BufferUsages};

use crate::heap::GpuHeap;
use crate::heap::pipelines::{compile, module, set};
use crate::passes::Module;
use crate::shape::Shape;

/// Bytes of a record: index count, instance count, first index, base vertex, first instance.
const RECORD_BYTES: u64 = 20;

/// How objects are drawn.
#[derive(Clone, Copy, Debug)]
pub struct DrawDesc {
    /// The stream of the vertices.
    pub vertex_stream: u32,
    /// Bytes of a vertex; a unit of its stream holds a whole number of them.
    pub vertex_bytes: u32,
    /// The stream of the indices.
    pub index_stream: u32,
    /// Their format.
    pub index_format: wgpu::IndexFormat,
}

impl DrawDesc {
    fn index_bytes(&self) -> u32 {
        match self.index_format {
            wgpu::IndexFormat::Uint16 => 2,
            wgpu::IndexFormat::Uint32 => 4,
        }
    }

    /// Whether the heap has both streams, and a whole number of items in the units of each.
    fn check(&self, shape: &Shape) -> Result<(), DrawsError> {
        for (stream, item_bytes) in [
            (self.vertex_stream, self.vertex_bytes),
            (self.index_stream, self.index_bytes()),
        ] {
            if stream >= shape.streams {
                return Err(DrawsError::NoStream {
                    stream,
                    streams: shape.streams,
                });
            }
            let unit_bytes = shape.unit_bytes[stream as usize];
            if item_bytes == 0 || !unit_bytes.is_multiple_of(item_bytes) {
                return Err(DrawsError::BrokenUnit {
                    unit_bytes,
                    item_bytes,
                });
            }
        }
        let buffers = shape.buffers;
        if shape.separate && buffers > 1 && self.vertex_stream != self.index_stream {
            return Err(DrawsError::SeparateBuffers { buffers });
        }
        Ok(())
    }
}

/// Whether the device has room for records of all slots.
fn check_limits(limits: &wgpu::Limits, shape: &Shape, groups: u32) -> Result<(), DrawsError> {
    let records = u64::from(shape.slots) * u64::from(shape.buffers) * RECORD_BYTES;
    let bytes_max = limits.max_storage_buffer_binding_size;
    for (name, needed, limit) in [
        ("max_storage_buffer_binding_size", records, bytes_max),
        ("max_buffer_size", records, limits.max_buffer_size),
        (
            "max_compute_workgroups_per_dimension",
            groups.into(),
            limits.max_compute_workgroups_per_dimension.into(),
        ),
    ] {
        if needed > limit {
            return Err(DrawsError::Limit {
                name,
                needed,
                limit,
            });
        }
    }
    Ok(())
}

/// Why a heap cannot be drawn so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DrawsError {
    /// A unit of the vertices' stream, or of the indices', holds no whole number of them.
    BrokenUnit {
        /// Bytes of the unit.
        unit_bytes: u32,
        /// Bytes of what it should hold.
        item_bytes: u32,
    },
    /// The streams are separate, in more buffers than one: an object's vertices may lie in another
    /// than its indices, and one record cannot say so.
    SeparateBuffers {
        /// Buffers of the heap.
        buffers: u32,
    },
    /// The records of all slots are more than the device can bind or dispatch.
    Limit {
        /// The name of the limit.
        name: &'static str,
        /// What the records need.
        needed: u64,
        /// What the device has.
        limit: u64,
    },
    /// The heap has no such stream.
    NoStream {
        /// The stream.
        stream: u32,
        /// Streams of the heap.
        streams: u32,
    },
}

impl std::fmt::Display for DrawsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BrokenUnit {
                unit_bytes,
                item_bytes,
            } => write!(
                f,
                "units of {unit_bytes} bytes hold no whole number of items of {item_bytes} bytes"
            ),
            Self::SeparateBuffers { buffers } => write!(
                f,
                "the separate streams lie in {buffers} buffers; records can be made for one"
            ),
            Self::Limit {
                name,
                needed,
                limit,
            } => write!(
                f,
                "the device's {name} is {limit}; the records of all slots need {needed}"
            ),
            Self::NoStream { stream, streams } => {
                write!(f, "there is no stream {stream}, the heap has {streams}")
            }
        }
    }
}

impl std::error::Error for DrawsError {}

/// See `draws.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    slots: u32,
    units_per_buffer: u32,
    vertex_stream: u32,
    index_stream: u32,
    unit_vertices: u32,
    unit_indices: u32,
    index_bytes: u32,
    has_first_instance: u32,
    is_culled: u32,
    reserved: [u32; 3],
}

/// The draw records of a heap's visible objects, packed, and their number, for each of its
/// buffers.
#[derive(Debug)]
pub struct Draws {
    params: [Buffer; 2],
    sums: Buffer,
    records: Buffer,
    slots_drawn: Buffer,
    counts: Buffer,
    /// Stands for `seen` where the caller has none.
    nothing: Buffer,
    pipelines: BTreeMap<&'static str, wgpu::ComputePipeline>,
    slots: u32,
    buffers: u32,
    groups: u32,
    index_stream: usize,
    index_format: wgpu::IndexFormat,
    has_count: bool,
}

impl Draws {
    /// What it takes to draw a heap.
    ///
    /// # Errors
    /// [`DrawsError`]; nothing was made.
    pub fn new(device: &wgpu::Device, heap: &GpuHeap, desc: &DrawDesc) -> Result<Self, DrawsError> {
        let shape = heap.shape();
        let index_bytes = desc.index_bytes();
        desc.check(shape)?;
        let groups = shape.slots.div_ceil(heap.workgroup());
        check_limits(&device.limits(), shape, groups)?;
        let unit = |stream: u32| shape.unit_bytes[stream as usize];
        let features = device.features();
        let has_first_instance = features.contains(wgpu::Features::INDIRECT_FIRST_INSTANCE);
        let params = [0, 1].map(|is_culled| {
            let params = Params {
                slots: shape.slots,
                units_per_buffer: shape.units_per_buffer,
                vertex_stream: desc.vertex_stream,
                index_stream: desc.index_stream,
                unit_vertices: unit(desc.vertex_stream) / desc.vertex_bytes,
                unit_indices: unit(desc.index_stream) / index_bytes,
                index_bytes,
                has_first_instance: has_first_instance.into(),
                is_culled,
                reserved: [0; 3],
            };
            device.create_buffer_init(&BufferInitDescriptor {
                label: Some("gpu heap: draws"),
                contents: bytes_of(&params),
                usage: BufferUsages::UNIFORM,
            })
        });
        let many = u64::from(shape.slots) * u64::from(shape.buffers);
        let make = |name: &str, bytes: u64, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(name),
                size: bytes.next_multiple_of(4),
                usage: usage | BufferUsages::STORAGE | BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            })
        };
        let indirect = BufferUsages::INDIRECT | BufferUsages::COPY_DST;
        let sums = u64::from(groups * shape.buffers) * 4;
        Ok(Self {
            params,
            sums: make("gpu heap: draw sums", sums, BufferUsages::empty()),
            records: make("gpu heap: draw records", many * RECORD_BYTES, indirect),
            slots_drawn: make("gpu heap: drawn slots", many * 4, BufferUsages::VERTEX),
            counts: make("gpu heap: draw counts", 16, indirect),
            nothing: make("gpu heap: all seen", 16, BufferUsages::empty()),
            pipelines: pipelines(device, heap),
            slots: shape.slots,
            buffers: shape.buffers,
            groups,
            index_stream: desc.index_stream as usize,
            index_format: desc.index_format,
            has_count: features.contains(wgpu::Features::MULTI_DRAW_INDIRECT_COUNT),
        })
    }

    /// Records the making of the draw records for the heap as it is then. `seen` may hold a word
    /// for each slot, 0 for those that are not to be drawn; it needs `STORAGE`.
    pub fn record(
        &self,
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        heap: &GpuHeap,
        seen: Option<&Buffer>,
    ) {
        if !self.has_count {
            // Without counts all slots are drawn, most of them nothing.
            encoder.clear_buffer(&self.records, 0, None);
        }
        let desc = wgpu::ComputePassDescriptor {
            label: Some("gpu heap: draws"),
            timestamp_writes: None,
        };
        let mut pass = encoder.begin_compute_pass(&desc);
        let shared = [
            (0, &self.params[usize::from(seen.is_some())]),
            (1, heap.slots()),
            (2, seen.unwrap_or(&self.nothing)),
            (3, &self.sums),
        ];
        let mut written = shared.to_vec();
        written.extend([
            (4, &self.records),
            (5, &self.slots_drawn),
            (6, &self.counts),
        ]);
        for (entry, wants) in [("draws_count", &shared[..]), ("draws_emit", &written[..])] {
            let pipeline = &self.pipelines[entry];
            set(device, &mut pass, pipeline, wants.iter().copied());
            pass.dispatch_workgroups(self.groups, self.buffers, 1);
        }
    }

    /// Draws the objects that lie in one of the heap's buffers. The caller has set pipeline, bind
    /// groups and the vertex buffer [`GpuHeap::permanent`] of that number; the index buffer is set
    /// here.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, heap: &GpuHeap, buffer: u32) {
        let indices = &heap.permanent(self.index_stream)[buffer as usize];
        pass.set_index_buffer(indices.slice(..), self.index_format);
        let first = u64::from(buffer) * u64::from(self.slots) * RECORD_BYTES;
        if self.has_count {
            let count = u64::from(buffer) * 4;
            pass.multi_draw_indexed_indirect_count(
                &self.records,
                first,
                &self.counts,
                count,
                self.slots,
            );
        } else {
            pass.multi_draw_indexed_indirect(&self.records, first, self.slots);
        }
    }

    /// The records: for each buffer of the heap as many rooms as there are slots, of 20 bytes
    /// each, the first of them filled.
    pub fn records(&self) -> &Buffer {
        &self.records
    }

    /// The slot of each record. Where the device draws from no first instance but 0, it is the
    /// only way from a draw to its object.
    pub fn drawn_slots(&self) -> &Buffer {
        &self.slots_drawn
    }

    /// Bytes of all its buffers.
    pub fn bytes_held(&self) -> u64 {
        let single = [
            &self.sums,
            &self.records,
            &self.slots_drawn,
            &self.counts,
            &self.nothing,
        ];
        single
            .into_iter()
            .chain(&self.params)
            .map(Buffer::size)
            .sum()
    }

    /// How many records there are, one `u32` for each buffer of the heap.
    pub fn counts(&self) -> &Buffer {
        &self.counts
    }
}

fn pipelines(
    device: &wgpu::Device,
    heap: &GpuHeap,
) -> BTreeMap<&'static str, wgpu::ComputePipeline> {
    let module = module(device, Module::Draws.text(heap.scan()));
    let compile = |entry| (entry, compile(device, &module, entry, heap.workgroup()));
    ["draws_count", "draws_emit"].map(compile).into()
}
