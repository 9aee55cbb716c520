//! `geoheap-gpu-bitset`.

use geoheap_gpu_bitset::records::{FREES_MAX, REQUESTS_MAX};
use geoheap_gpu_bitset::{
    Batch, GpuHeap, GpuHeapDesc, Handle, Header, HeapError, List, Outcome, Path, Request, Status,
    StreamDesc,
};
use wgpu::{Buffer, BufferUsages};

use super::Contender;
use super::rig::Rig;

const OUTCOME_BYTES: u64 = size_of::<Outcome>() as u64;

/// The contender.
#[derive(Debug)]
pub struct Ours {
    rig: Rig,
    source: Buffer,
    heap: GpuHeap,
    path: Path,
    /// Requests and dispatches of the last batch.
    asked: usize,
    dispatches: u32,
}

impl Ours {
    /// An empty heap of units of `unit_bytes`, for so many objects at a time, and in a batch.
    ///
    /// # Errors
    /// As [`GpuHeap::new`].
    pub fn new(
        rig: &Rig,
        source: &Buffer,
        units: u32,
        unit_bytes: u32,
        objects: u32,
        path: Path,
    ) -> Result<Self, HeapError> {
        let streams = [StreamDesc {
            unit_bytes,
            usage: BufferUsages::VERTEX,
        }];
        let desc = GpuHeapDesc {
            units,
            streams: &streams,
            slots: objects,
            requests_max: objects.min(REQUESTS_MAX),
            frees_max: objects.min(FREES_MAX),
            ..GpuHeapDesc::default()
        };
        Ok(Self {
            heap: GpuHeap::new(&rig.device, &desc)?,
            rig: rig.clone(),
            source: source.clone(),
            path,
            asked: 0,
            dispatches: 0,
        })
    }

    /// Records and submits a batch, and waits for it.
    pub fn run(&mut self, frees: &[Handle], requests: &[Request]) {
        self.submit(frees, requests, |_, _| {});
        self.rig.wait();
    }

    /// Submits a batch, and what `then` records after it.
    fn submit(
        &mut self,
        frees: &[Handle],
        requests: &[Request],
        then: impl FnOnce(&mut wgpu::CommandEncoder, &GpuHeap),
    ) {
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
            then(encoder, heap);
        });
    }

    /// Requests for objects of so many units, whose bytes lie one after the other in the source.
    fn requests(&self, units: &[u32]) -> Vec<Request> {
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
        requests.collect()
    }

    /// Frees what was placed. Returns how many were not.
    fn free(&mut self, outcomes: &[Outcome]) -> usize {
        let is_ok = |outcome: &&Outcome| outcome.status() == Status::Ok;
        let handle = |outcome: &Outcome| Handle {
            slot: outcome.slot(),
            generation: outcome.generation,
        };
        let placed: Vec<Handle> = outcomes.iter().filter(is_ok).map(handle).collect();
        self.run(&placed, &[]);
        outcomes.len() - placed.len()
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
        self.asked = units.len();
        let requests = self.requests(units);
        self.run(&[], &requests);
        self.dispatches = self.heap.dispatches();
    }

    fn dispatches(&self) -> u32 {
        self.dispatches
    }

    fn undo(&mut self) -> usize {
        let outcomes = self.outcomes(self.asked);
        self.free(&outcomes)
    }
}

/// The contender, a request at a time.
#[derive(Debug)]
pub struct Single {
    ours: Ours,
    outcomes: Buffer,
}

impl Single {
    /// As [`Ours::new`], for batches of up to as many requests as it was made for.
    pub fn new(ours: Ours, requests_max: u32) -> Self {
        let bytes = u64::from(requests_max) * OUTCOME_BYTES;
        Self {
            outcomes: ours.rig.room(bytes),
            ours,
        }
    }
}

impl Contender for Single {
    fn name(&self) -> &'static str {
        "ours-single"
    }

    fn batch(&mut self, units: &[u32]) {
        let (ours, kept) = (&mut self.ours, &self.outcomes);
        ours.asked = units.len();
        ours.dispatches = 0;
        let places = (0..).step_by(size_of::<Outcome>());
        for (request, place) in ours.requests(units).iter().zip(places) {
            ours.submit(&[], std::slice::from_ref(request), |encoder, heap| {
                let outcome = heap.outcomes();
                encoder.copy_buffer_to_buffer(outcome, 0, kept, place, OUTCOME_BYTES);
            });
            ours.dispatches += ours.heap.dispatches();
        }
        ours.rig.wait();
    }

    fn dispatches(&self) -> u32 {
        self.ours.dispatches
    }

    fn undo(&mut self) -> usize {
        let outcomes: Vec<Outcome> = self.ours.rig.read(&self.outcomes, self.ours.asked);
        self.ours.free(&outcomes)
    }
}
