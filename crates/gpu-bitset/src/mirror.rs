//! What the CPU knows of the heap: outcomes and headers that arrive frames later, in order.
//!
//! The mirror is told of a batch when it is recorded, and has its results copied into a buffer of
//! its own that is mapped once the commands have been executed. Whenever it is asked to it applies
//! those that have arrived, strictly in the order of the batches: a later one that came first
//! waits. What it says is true for the batch that [`Mirror::epoch`] names, and older than what the
//! GPU has. So nothing on the GPU depends on it: frees carry generations, and a handle that the
//! mirror still believes in does no harm.
//!
//! Frees that shaders have listed are not read back. The header tells that something was freed,
//! and its checksum when the bits have become others than the mirror thinks; then, and every so
//! many batches, the whole bitset is read, and the handle table with it.
//!
//! What is visible the mirror does not follow, as no outcome has it: that is as old as the last
//! time that the whole was read.

mod apply;

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering, fence};

use wgpu::{Buffer, BufferUsages};

use crate::heap::{Batch, GpuHeap, List};
use crate::model::hash;
use crate::records::{Handle, Header, Outcome, STREAMS_MAX, Slot};
use crate::shape::Shape;

const HEADER_BYTES: u64 = size_of::<Header>() as u64;
const OUTCOME_BYTES: u64 = size_of::<Outcome>() as u64;

/// How a mirror keeps up.
#[derive(Clone, Copy, Debug)]
pub struct MirrorDesc {
    /// Batches that may be on their way at a time, at least 3.
    pub in_flight_max: usize,
    /// Batches after which the whole bitset and the handle table are read, checksum or not; 0 for
    /// never.
    pub full_every: u32,
}

impl Default for MirrorDesc {
    fn default() -> Self {
        Self {
            in_flight_max: 4,
            full_every: 0,
        }
    }
}

/// As many batches are on their way as there may be: nothing was recorded. Poll the device and
/// the mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MirrorBehind {
    /// Batches that were recorded and not yet applied.
    pub in_flight: usize,
}

impl fmt::Display for MirrorBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} batches have not been read back yet", self.in_flight)
    }
}

impl Error for MirrorBehind {}

/// Bytes that were read back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadBack {
    /// Headers and outcomes: 64 bytes a batch, and 16 a run that it may ask for.
    pub batch_bytes: u64,
    /// Whole bitsets and handle tables.
    pub full_bytes: u64,
}

/// A batch that the mirror has applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The heap after it.
    pub header: Header,
    /// What became of its runs.
    pub outcomes: Vec<Outcome>,
}

/// What the CPU knows of a heap.
#[derive(Debug)]
pub struct Mirror {
    shape: Shape,
    desc: MirrorDesc,
    words: Vec<u32>,
    hash: u32,
    slots: Vec<Slot>,
    pending: Vec<(u32, u32)>,
    header: Header,
    recorded: u32,
    is_exact: bool,
    /// Shaders have freed some objects, and nobody knows which.
    has_unknown_slots: bool,
    asks_for_all: bool,
    in_flight: VecDeque<InFlight>,
    idle: Vec<Buffer>,
    read_back: ReadBack,
}

const WAITS: u8 = 0;
const MAPPED: u8 = 1;
const FAILED: u8 = 2;

/// A batch whose results are on their way.
#[derive(Debug)]
struct InFlight {
    buffer: Buffer,
    state: Arc<AtomicU8>,
    epoch: u32,
    /// Those that the CPU listed.
    frees: Vec<Handle>,
    /// Whether shaders listed them.
    has_hidden_frees: bool,
    /// Bytes of each request that the CPU listed.
    bytes: Vec<[u32; STREAMS_MAX]>,
    outcomes_max: u32,
    is_full: bool,
}

impl InFlight {
    /// How it stands with its results. If its commands were dropped nobody will ever say.
    fn state(&self) -> u8 {
        let is_alone = Arc::strong_count(&self.state) == 1;
        // What the other has stored before it went is seen by the load.
        fence(Ordering::Acquire);
        match self.state.load(Ordering::Acquire) {
            WAITS if is_alone => FAILED,
            state => state,
        }
    }

    fn full_bytes(&self, shape: &Shape) -> u64 {
        if self.is_full { full_bytes(shape) } else { 0 }
    }
}

fn full_bytes(shape: &Shape) -> u64 {
    u64::from(shape.words()) * 4 + u64::from(shape.slots) * size_of::<Slot>() as u64
}

impl Mirror {
    /// The mirror of a heap. If something has been recorded to that already, it knows nothing until
    /// the first batch that it is told of, with which it reads the whole.
    pub fn new(heap: &GpuHeap, desc: MirrorDesc) -> Self {
        let shape = *heap.shape();
        let words = shape.empty_words();
        Self {
            shape,
            desc: MirrorDesc {
                in_flight_max: desc.in_flight_max.max(3),
                ..desc
            },
            hash: hash(&words),
            words,
            slots: vec![Slot::default(); shape.slots as usize],
            pending: Vec::new(),
            header: Header {
                epoch: heap.epoch(),
                ..Header::default()
            },
            recorded: heap.epoch(),
            is_exact: heap.epoch() == 0,
            has_unknown_slots: heap.epoch() != 0,
            asks_for_all: heap.epoch() != 0,
            in_flight: VecDeque::new(),
            idle: Vec::new(),
            read_back: ReadBack::default(),
        }
    }

    /// Has the results of the batch that `heap` recorded last copied and mapped. To be called for
    /// each batch, right after [`GpuHeap::record`] and with the same encoder.
    ///
    /// # Errors
    /// [`MirrorBehind`], with nothing recorded: the mirror then has missed the batch, and reads
    /// the whole heap with one of the next.
    pub fn record(
        &mut self,
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        heap: &GpuHeap,
        batch: &Batch<'_>,
    ) -> Result<(), MirrorBehind> {
        let missed = heap.epoch().wrapping_sub(self.recorded) != 1;
        let is_full = self.asks_for_all
            || missed
            || (self.desc.full_every > 0 && heap.epoch().is_multiple_of(self.desc.full_every));
        if self.in_flight.len() >= self.desc.in_flight_max {
            self.asks_for_all = true;
            return Err(MirrorBehind {
                in_flight: self.in_flight.len(),
            });
        }
        self.asks_for_all = false;
        self.recorded = heap.epoch();
        let requests = u32::try_from(batch.requests.most()).expect("the heap has taken it");
        let (frees, has_hidden_frees) = match batch.frees {
            List::Known(frees) => (frees.to_vec(), false),
            List::OnGpu { .. } => (Vec::new(), true),
        };
        let bytes = match batch.requests {
            List::Known(requests) => requests.iter().map(|request| request.bytes).collect(),
            List::OnGpu { .. } => Vec::new(),
        };
        let each = u32::try_from(self.shape.runs_each()).expect("four at most");
        let mut flight = InFlight {
            buffer: heap.header().clone(),
            state: Arc::new(AtomicU8::new(WAITS)),
            epoch: heap.epoch(),
            frees,
            has_hidden_frees,
            bytes,
            outcomes_max: requests * each,
            is_full,
        };
        let outcomes = u64::from(flight.outcomes_max) * OUTCOME_BYTES;
        let all = HEADER_BYTES + outcomes + flight.full_bytes(&self.shape);
        flight.buffer = self.buffer(device, all);
        let to = &flight.buffer;
        encoder.copy_buffer_to_buffer(heap.header(), 0, to, 0, HEADER_BYTES);
        if outcomes > 0 {
            encoder.copy_buffer_to_buffer(heap.outcomes(), 0, to, HEADER_BYTES, outcomes);
        }
        if is_full {
            let (bits, at) = (u64::from(self.shape.words()) * 4, HEADER_BYTES + outcomes);
            encoder.copy_buffer_to_buffer(heap.bits(), 0, to, at, bits);
            let slots = full_bytes(&self.shape) - bits;
            encoder.copy_buffer_to_buffer(heap.slots(), 0, to, at + bits, slots);
        }
        let state = Arc::clone(&flight.state);
        encoder.map_buffer_on_submit(to, wgpu::MapMode::Read, .., move |mapped| {
            let now = if mapped.is_ok() { MAPPED } else { FAILED };
            state.store(now, Ordering::Release);
        });
        self.in_flight.push_back(flight);
        Ok(())
    }

    fn buffer(&mut self, device: &wgpu::Device, bytes: u64) -> Buffer {
        let fits = self.idle.iter().position(|buffer| buffer.size() >= bytes);
        if let Some(fits) = fits {
            return self.idle.swap_remove(fits);
        }
        // What is too small now has served its time.
        self.idle.pop();
        device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("gpu heap: mirror"),
            size: bytes.next_multiple_of(4096),
            usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// The next batch whose results have arrived, applied; nothing while they are on their way.
    /// They arrive while the device is polled.
    pub fn apply_next(&mut self) -> Option<Applied> {
        let state = self.in_flight.front()?.state();
        if state == WAITS {
            return None;
        }
        let flight = self.in_flight.pop_front().expect("there is one");
        if state == FAILED {
            // The buffer was not mapped, as on a lost device, or its commands were dropped: what
            // it should have held is never known.
            self.is_exact = false;
            self.asks_for_all = true;
            return self.apply_next();
        }
        let applied = self.apply(&flight);
        flight.buffer.unmap();
        self.idle.push(flight.buffer);
        Some(applied)
    }

    /// The batch that all it says is true for; before the first, the last that the heap had when
    /// the mirror was made.
    pub fn epoch(&self) -> u32 {
        self.header.epoch
    }

    /// Batches that were recorded and have not been applied.
    pub fn lag_batches(&self) -> u32 {
        self.recorded.wrapping_sub(self.header.epoch)
    }

    /// Whether bits are those of the GPU at that batch, as the checksum says, and the slots have
    /// the same objects at the same units.
    pub fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// The heap after that batch.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// One bit for each unit.
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// The handle table. Of what came since the whole was last read, [`Slot::bytes`] are known if
    /// the CPU listed the request, else zero; and nothing counts as visible.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The slot of a handle, if it is alive. What is known of it, [`slots`](Self::slots) says.
    pub fn get(&self, handle: Handle) -> Option<&Slot> {
        let slot = self.slots.get(handle.slot as usize)?;
        let is_live = slot.flags & Slot::LIVE != 0 && slot.generation == handle.generation;
        is_live.then_some(slot)
    }

    /// Bytes that were read back until now.
    pub fn read_back(&self) -> ReadBack {
        self.read_back
    }
}
