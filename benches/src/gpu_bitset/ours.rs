//! `geoheap-gpu-bitset`.

use geoheap_gpu_bitset::{
    Batch, GpuHeap, GpuHeapDesc, Handle, Header, HeapError, List, Outcome, Path, Request, Status,
    StreamDesc,
};
use wgpu::{Buffer, BufferUsages};

use super::rig::Rig;
use super::{Contender, UNIT_BYTES};

/// The contender.
#[derive(Debug)]
pub struct Ours {
    rig: Rig,
    source: Buffer,
    heap: GpuHeap,
    path: Path,
    requests: Vec<Request>,
}

impl Ours {
    /// An empty heap of units of `unit_bytes`.
    ///
    /// # Errors
    /// As [`GpuHeap::new`].
    pub fn new(
        rig: &Rig,
        source: &Buffer,
        units: u32,
        unit_bytes: u32,
        requests_max: u32,
        path: Path,
    ) -> Result<Self, HeapError> {
        let streams = [StreamDesc {
            unit_bytes,
            usage: BufferUsages::VERTEX,
        }];
        let desc = GpuHeapDesc {
            units,
            streams: &streams,
            slots: requests_max,
            requests_max,
            frees_max: requests_max,
            ..GpuHeapDesc::default()
        };
        Ok(Self {
            heap: GpuHeap::new(&rig.device, &desc)?,
            rig: rig.clone(),
            source: source.clone(),
            path,
            requests: Vec::new(),
        })
    }

    /// Records and submits a batch, and waits for it.
    pub fn run(&mut self, frees: &[Handle], requests: &[Request]) {
        let sources = [Some(&self.source)];
        let batch = Batch {
            frees: List::Known(frees),
            requests: List::Known(requests),
            sources: &sources,
            path: self.path,
            ..Batch::default()
        };
        let (heap, device) = (&mut self.heap, &self.rig.device);
        self.rig.submit(|encoder| {
            heap.record(device, encoder, &batch)
                .expect("a batch within the heap's limits");
        });
        self.rig.wait();
    }

    /// What the last batch left.
    pub fn header(&self) -> Header {
        self.rig.read(self.heap.header(), 1)[0]
    }

    /// The outcomes of the last batch.
    pub fn outcomes(&self, count: usize) -> Vec<Outcome> {
        self.rig.read(self.heap.outcomes(), count)
    }
}

impl Contender for Ours {
    fn name(&self) -> &'static str {
        "ours"
    }

    fn batch(&mut self, units: &[u32]) {
        let mut before = 0;
        let unit_bytes = self.heap.shape().unit_bytes[0];
        let requests = (0..).zip(units).map(|(slot, &units)| {
            let bytes = units * unit_bytes;
            let request = Request {
                slot,
                bytes: [bytes, 0, 0, 0],
                source_offsets: [before, 0, 0, 0],
                ..Request::default()
            };
            before += bytes;
            request
        });
        let requests: Vec<Request> = requests.collect();
        self.run(&[], &requests);
        self.requests = requests;
    }

    fn undo(&mut self) -> usize {
        let outcomes = self.outcomes(self.requests.len());
        let is_ok = |outcome: &&Outcome| outcome.status() == Status::Ok;
        let handle = |outcome: &Outcome| Handle {
            slot: outcome.slot(),
            generation: outcome.generation,
        };
        let placed: Vec<Handle> = outcomes.iter().filter(is_ok).map(handle).collect();
        self.run(&placed, &[]);
        outcomes.len() - placed.len()
    }
}

/// Units of a heap in which the source's bytes lie as they are.
pub const SOURCE_UNIT_BYTES: u32 = UNIT_BYTES;
