//! The buffers of a heap.

use bytemuck::{Pod, cast_slice};
use wgpu::util::{BufferInitDescriptor, DeviceExt};
use wgpu::{Buffer, BufferUsages};

use crate::heap::GpuHeapDesc;
use crate::heap::record::Params;
use crate::model::{free_runs, hash};
use crate::records::{Handle, Header, Outcome, Request, Slot};
use crate::shape::Shape;

/// Bytes of the state that a batch begins with zeros.
pub(super) const STATE_BATCH_BYTES: u64 = 96;
/// All of its words.
const STATE_WORDS: usize = 28;
/// Runs in a chunk of runs, and chunks in a chunk of chunks.
const CHUNK: u64 = 64;
/// Where the maxima of chunks of chunks begin: see `sweep.wgsl`.
const SUPERS: u64 = 32_769;

/// The buffers of a heap.
#[derive(Debug)]
pub(super) struct Buffers {
    /// What a batch is told: its numbers, and the lists that the CPU knows.
    pub(super) params: Buffer,
    pub(super) counts: Buffer,
    pub(super) frees: Buffer,
    pub(super) requests: Buffer,
    pub(super) bits: Buffer,
    /// As a batch leaves them, which is copied over the others at its end.
    pub(super) bits_after: Buffer,
    pub(super) slots: Buffer,
    pub(super) claims: Buffer,
    pub(super) state: Buffer,
    pub(super) pending: Buffer,
    pub(super) outcomes: Buffer,
    pub(super) keys: Buffer,
    pub(super) sorted: [(Buffer, Buffer); 2],
    pub(super) bins: Buffer,
    pub(super) digits: Vec<Buffer>,
    pub(super) run_tiles: Buffer,
    pub(super) runs: Buffer,
    pub(super) chunks: Buffer,
    pub(super) segments: Buffer,
    pub(super) copy_tiles: Buffer,
    pub(super) copies: Buffer,
    pub(super) streams: Vec<Buffer>,
    /// For each stream, or once for all that are separate.
    pub(super) permanent: Vec<Vec<Buffer>>,
    /// Stands where a stream has no source.
    pub(super) nothing: Buffer,
}

impl Buffers {
    pub(super) fn new(device: &wgpu::Device, desc: &GpuHeapDesc<'_>, shape: &Shape) -> Self {
        let maker = Maker {
            device,
            label: desc.label,
        };
        let runs_asked = u64::from(desc.requests_max) * shape.runs_each() as u64;
        let objects = u64::from(desc.requests_max);
        let streams = u64::from(shape.streams);
        let units = u64::from(shape.units);
        let blocks = |count: u64| count.div_ceil(u64::from(desc.workgroup));
        let words = shape.empty_words();
        let ends = BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let sorted = || {
            let room = |name| maker.room(name, runs_asked * 4);
            (room("sorted keys"), room("order"))
        };
        let run_tiles = blocks(u64::from(shape.words()).div_ceil(4));
        let sets = if shape.separate {
            1
        } else {
            desc.streams.len()
        };
        let permanent = (0..sets).map(|set| maker.permanent(desc, shape, set));
        let told =
            |name, bytes| maker.make(name, bytes, BufferUsages::COPY_DST | BufferUsages::STORAGE);
        let list = |name, most: u32, each: usize| told(name, u64::from(most) * each as u64);
        let params = size_of::<Params>() as u64;
        Self {
            params: maker.make(
                "batch",
                params,
                BufferUsages::COPY_DST | BufferUsages::UNIFORM,
            ),
            counts: told("counts", 16),
            frees: list("frees", desc.frees_max, size_of::<Handle>()),
            requests: list("requests", desc.requests_max, size_of::<Request>()),
            bits: maker.filled("bits", &words, ends),
            bits_after: maker.filled("bits after", &words, ends),
            slots: maker.zeros("slots", u64::from(shape.slots) * size_of::<Slot>() as u64),
            claims: maker.filled("claims", &vec![u32::MAX; shape.slots as usize], ends),
            state: maker.filled("state", &state(shape, &words), ends),
            pending: maker.room("pending", runs_asked * 8),
            outcomes: maker.room("outcomes", runs_asked * size_of::<Outcome>() as u64),
            keys: maker.room("keys", runs_asked * 4),
            sorted: [sorted(), sorted()],
            bins: maker.room("bins", 128 * blocks(runs_asked) * 4),
            digits: (0..4)
                .map(|digit| {
                    let words = [7 * digit, u32::from(digit == 0), 0, 0];
                    maker.filled("digit", &words, BufferUsages::UNIFORM)
                })
                .collect(),
            run_tiles: maker.room("run tiles", run_tiles * 4),
            runs: maker.room("runs", (units / 2 + 1 + CHUNK) * 8),
            chunks: maker.room("chunks", (SUPERS + units / 2 / CHUNK / CHUNK + 2) * 4),
            segments: maker.room("segments", runs_asked * 16),
            copy_tiles: maker.room(
                "copy tiles",
                streams * (5 * objects + blocks(objects) + 1) * 4,
            ),
            copies: maker.copies(),
            streams: (0..shape.streams)
                .map(|stream| maker.filled("stream", &[stream, 0, 0, 0], BufferUsages::UNIFORM))
                .collect(),
            permanent: permanent.collect(),
            nothing: maker.room("no source", 16),
        }
    }
}

/// The state of an empty heap, with a header that is true for it.
fn state(shape: &Shape, words: &[u32]) -> Vec<u32> {
    let runs = free_runs(words);
    let header = Header {
        runs: u32::try_from(runs.len()).expect("one for each buffer"),
        largest_run_units: shape.units_per_buffer,
        hash: hash(words),
        ..Header::default()
    };
    let mut state: Vec<u32> = cast_slice(&[header]).to_vec();
    state.resize(STATE_WORDS, 0);
    state
}

struct Maker<'a> {
    device: &'a wgpu::Device,
    label: &'a str,
}

impl Maker<'_> {
    fn filled<T: Pod>(&self, name: &str, contents: &[T], usage: BufferUsages) -> Buffer {
        self.device.create_buffer_init(&BufferInitDescriptor {
            label: Some(&format!("{}: {name}", self.label)),
            contents: cast_slice(contents),
            usage: usage | BufferUsages::STORAGE,
        })
    }

    fn make(&self, name: &str, bytes: u64, usage: BufferUsages) -> Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(&format!("{}: {name}", self.label)),
            size: bytes.next_multiple_of(16),
            usage,
            mapped_at_creation: false,
        })
    }

    fn room(&self, name: &str, bytes: u64) -> Buffer {
        self.make(name, bytes, BufferUsages::STORAGE | BufferUsages::COPY_SRC)
    }

    /// wgpu gives buffers that are all zero.
    fn zeros(&self, name: &str, bytes: u64) -> Buffer {
        let ends = BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        self.make(name, bytes, BufferUsages::STORAGE | ends)
    }

    fn copies(&self) -> Buffer {
        let usage = BufferUsages::STORAGE | BufferUsages::INDIRECT | BufferUsages::COPY_SRC;
        self.make("copies", 64, usage)
    }

    fn permanent(&self, desc: &GpuHeapDesc<'_>, shape: &Shape, set: usize) -> Vec<Buffer> {
        let usages = desc.streams.iter().map(|stream| stream.usage);
        let usage = if shape.separate {
            usages.fold(BufferUsages::empty(), BufferUsages::union)
        } else {
            desc.streams[set].usage
        };
        let ends = BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let bytes = u64::from(shape.units_per_buffer) * u64::from(shape.unit_bytes[set]);
        let make = |buffer| {
            let name = format!("permanent {set}.{buffer}");
            self.make(&name, bytes, usage | ends | BufferUsages::STORAGE)
        };
        (0..shape.buffers).map(make).collect()
    }
}
