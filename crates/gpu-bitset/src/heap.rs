//! The heap: its buffers, and the recording of batches.

mod batch;
mod buffers;
mod describe;
mod held;
mod lists;
pub(crate) mod pipelines;
mod record;
mod steps;

use std::fmt;

use crate::error::HeapError;
use crate::shape::Shape;
pub use crate::text::{CopyWidth, Scan};

use buffers::Buffers;
use pipelines::Pipelines;
use record::BindGroups;

pub use batch::{Batch, FlipIf, List, Path};
pub use held::Place;

/// A stream of the objects of a heap.
#[derive(Clone, Copy, Debug)]
pub struct StreamDesc {
    /// Bytes of a unit in its buffers, a multiple of 16. For vertices it should be one of their
    /// stride as well, so that a whole number of them lies before each unit.
    pub unit_bytes: u32,
    /// What its buffers are for, beside `STORAGE`, `COPY_SRC` and `COPY_DST`.
    pub usage: wgpu::BufferUsages,
}

/// What a heap shall be.
#[derive(Clone, Copy, Debug)]
pub struct GpuHeapDesc<'a> {
    /// Begins the labels of its buffers.
    pub label: &'a str,
    /// Units that objects can have, 1 to 2^22. Of a heap of several buffers a few less may come,
    /// so that each has the same number.
    pub units: u32,
    /// The streams of each object, 1 to [`STREAMS_MAX`](crate::records::STREAMS_MAX).
    pub streams: &'a [StreamDesc],
    /// Whether each stream has a run of units of its own, in buffers that all streams share. Else
    /// one run stands for all streams, each in buffers of its own, and is as long as the stream
    /// needs that needs most.
    pub separate: bool,
    /// Slots of the handle table: objects that may be alive at a time.
    pub slots: u32,
    /// Requests that one batch may have, at most 65 536 runs.
    pub requests_max: u32,
    /// Frees that one batch may have, at most 65 536.
    pub frees_max: u32,
    /// Invocations of a workgroup: 64, 128 or 256. No result depends on it.
    pub workgroup: u32,
    /// How sums over a workgroup are made. [`Scan::Subgroups`] needs
    /// [`wgpu::Features::SUBGROUP`]. No result depends on it.
    pub scan: Scan,
    /// Invocations that copy 16 KiB; `None` takes what suits the device. No result depends on it.
    pub copy_width: Option<CopyWidth>,
    /// Steps of the placement in one dispatch, from 2 up to what suits the device, which `None`
    /// takes: what a batch may need beyond that takes more dispatches, which find nothing to do if
    /// it does not. No result depends on it.
    pub sweep_steps: Option<u32>,
}

impl Default for GpuHeapDesc<'_> {
    /// 64 Mi of bytes in units of 4 KiB, one stream, batches of up to 2 048.
    fn default() -> Self {
        const STREAM: StreamDesc = StreamDesc {
            unit_bytes: 4096,
            usage: wgpu::BufferUsages::VERTEX.union(wgpu::BufferUsages::INDEX),
        };
        Self {
            label: "gpu heap",
            units: 16 << 10,
            streams: &[STREAM],
            separate: false,
            slots: 16 << 10,
            requests_max: 2048,
            frees_max: 2048,
            workgroup: 256,
            scan: Scan::Steps,
            copy_width: None,
            sweep_steps: None,
        }
    }
}

/// A heap whose bookkeeping is on the GPU.
pub struct GpuHeap {
    shape: Shape,
    requests_max: u32,
    frees_max: u32,
    workgroup: u32,
    scan: Scan,
    sweep_steps: u32,
    buffers: Buffers,
    pipelines: Pipelines,
    groups: BindGroups,
    epoch: u32,
    /// The most runs of half objects that a batch may have left to take back. Of all batches, as
    /// the last one that was recorded need not be the last that is executed.
    left_max: u32,
    dispatches: u32,
}

impl fmt::Debug for GpuHeap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GpuHeap")
            .field("shape", &self.shape)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

impl GpuHeap {
    /// An empty heap.
    ///
    /// # Errors
    /// [`HeapError`] if the description is wrong or the device too weak. Memory that the device
    /// refuses is its own error, as with every buffer of wgpu.
    pub fn new(device: &wgpu::Device, desc: &GpuHeapDesc<'_>) -> Result<Self, HeapError> {
        let shape = describe::shape(desc, device)?;
        Ok(Self {
            shape,
            requests_max: desc.requests_max,
            frees_max: desc.frees_max,
            workgroup: desc.workgroup,
            scan: desc.scan,
            sweep_steps: steps::of_dispatch(desc, device),
            buffers: Buffers::new(device, desc, &shape),
            pipelines: Pipelines::new(device, desc, &shape),
            groups: BindGroups::new(),
            epoch: 0,
            left_max: 0,
            dispatches: 0,
        })
    }

    /// What it is made of.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Invocations of its workgroups.
    pub fn workgroup(&self) -> u32 {
        self.workgroup
    }

    /// How sums over its workgroups are made.
    pub fn scan(&self) -> Scan {
        self.scan
    }

    /// The batch that was recorded last; the first is 1.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Dispatches that the last recorded batch took, copies and flips among them.
    pub fn dispatches(&self) -> u32 {
        self.dispatches
    }

    /// The permanent buffers of a stream, in the order of their units; none of one that there is
    /// not.
    pub fn permanent(&self, stream: usize) -> &[wgpu::Buffer] {
        if stream >= self.shape.streams as usize {
            return &[];
        }
        let set = if self.shape.separate { 0 } else { stream };
        &self.buffers.permanent[set]
    }

    /// The bitset, one bit for each unit.
    pub fn bits(&self) -> &wgpu::Buffer {
        &self.buffers.bits
    }

    /// The handle table: one [`Slot`](crate::Slot) after the other.
    pub fn slots(&self) -> &wgpu::Buffer {
        &self.buffers.slots
    }

    /// The outcomes of the last recorded batch, one [`Outcome`](crate::Outcome) for each run.
    pub fn outcomes(&self) -> &wgpu::Buffer {
        &self.buffers.outcomes
    }

    /// Its first 64 bytes are the [`Header`](crate::Header) of the last recorded batch.
    pub fn header(&self) -> &wgpu::Buffer {
        &self.buffers.state
    }
}
