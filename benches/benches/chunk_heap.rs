//! `geoheap-chunk-heap` with many chunks: a range retires, and others are reserved and committed.
//!
//! A churn fills a heap with ranges of random lengths, then retires a random range and reserves
//! and commits new ones until as many bytes are live as before, over and over. What is timed is one
//! such step; every 16 of them a frame ends, in which the ranges that retired three frames before
//! are released and chunks that were empty for long are closed. Chunks are made and gone at once.
//!
//! Before the timed part, what each churn holds is printed: chunks, and bytes held by live byte.

use std::collections::VecDeque;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use geoheap_benches::random::Random;
use geoheap_benches::workload::churn::Churn;
use geoheap_chunk_heap::{ChunkHeap, HeapConfig, Lifetime, Owner, RangeKey, Request, ReserveError};
use geoheap_suballoc::{Align, ByteLen};

/// Whose lengths the ranges have, and bytes of them.
const CHURNS: [(&str, Churn, u64); 3] = [
    ("A", Churn::A, 870 << 20),
    ("B", Churn::B, 870 << 20),
    ("C", Churn::C, 64 << 20),
];
/// What starts are multiples of: a vertex of 16 or 32 bytes, or of 36.
const ALIGNS: [u64; 2] = [16, 36];

const STEPS_PER_FRAME: u64 = 16;
const LAG_FRAMES: u64 = 3;
const LENS: usize = 1 << 16;
const WARM_UP_STEPS: u64 = 20_000;

struct Run {
    heap: ChunkHeap,
    align: Align,
    live: Vec<(RangeKey, u64)>,
    live_bytes: u64,
    target_bytes: u64,
    retired: VecDeque<(u64, RangeKey)>,
    /// Lengths drawn beforehand, so that drawing them is not timed.
    lens: Vec<u64>,
    random: Random,
    adds: usize,
    steps: u64,
    frame: u64,
}

impl Run {
    /// A heap in the midst of its churn.
    fn new(churn: &Churn, target_bytes: u64, align: u64) -> Self {
        let mut random = Random::new(1);
        let lens = (0..LENS).map(|_| random.log_uniform(churn.len_min, churn.len_max));
        let lens = lens.collect();
        let mut run = Self {
            heap: ChunkHeap::new(HeapConfig::default()).expect("the default is well formed"),
            align: Align::new(align).expect("alignments are not zero"),
            live: Vec::new(),
            live_bytes: 0,
            target_bytes,
            retired: VecDeque::new(),
            lens,
            random,
            adds: 0,
            steps: 0,
            frame: 0,
        };
        run.fill();
        for _ in 0..WARM_UP_STEPS {
            run.step();
        }
        run
    }

    fn fill(&mut self) {
        while self.live_bytes < self.target_bytes {
            self.add();
        }
    }

    fn add(&mut self) {
        let len = self.lens[self.adds % LENS];
        self.adds += 1;
        let request = Request {
            len: ByteLen::new(len),
            align: self.align,
            lifetime: Lifetime::Dynamic,
            owner: Owner(self.adds as u64),
            class: 0,
        };
        let key = self.heap.reserve(&request, None).or_else(|error| {
            let ReserveError::NeedsChunk {
                capacity,
                lifetime,
                dedicated,
            } = error
            else {
                return Err(error);
            };
            self.open(capacity, lifetime, dedicated);
            self.heap.reserve(&request, None)
        });
        let key = key.expect("a chunk was opened for it");
        self.heap.commit(key).expect("its chunk is ready");
        self.live.push((key, len));
        self.live_bytes += len;
    }

    fn open(&mut self, capacity: ByteLen, lifetime: Lifetime, dedicated: bool) {
        let id = self.heap.open_chunk(capacity, lifetime, dedicated, 0);
        let id = id.expect("the heap asked for a chunk that it can have");
        self.heap.chunk_ready(id).expect("the chunk is opening");
    }

    /// Retires one range, then adds up to the target again: one range on average.
    fn step(&mut self) {
        let nth = self.random.index(self.live.len());
        let (key, len) = self.live.swap_remove(nth);
        self.heap.retire(key).expect("it is live");
        self.retired.push_back((self.frame + LAG_FRAMES, key));
        self.live_bytes -= len;
        self.fill();
        self.steps += 1;
        if self.steps.is_multiple_of(STEPS_PER_FRAME) {
            self.end_frame();
        }
    }

    fn end_frame(&mut self) {
        self.frame += 1;
        let now = self.frame;
        while let Some((_, key)) = self.retired.pop_front_if(|(at, _)| *at <= now) {
            self.heap.release(key).expect("it is retired");
        }
        let mut closed = Vec::new();
        self.heap.close_empty(now, false, &mut closed);
        for id in closed {
            self.heap.chunk_gone(id).expect("the chunk is closing");
        }
        if let Some((capacity, lifetime)) = self.heap.wants_spare() {
            self.open(capacity, lifetime, false);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "bytes are far below 2^53")]
    fn held_per_live(&self) -> f64 {
        self.heap.figures().capacity().get() as f64 / self.live_bytes as f64
    }
}

fn churns(criterion: &mut Criterion) {
    for (name, churn, target_bytes) in &CHURNS {
        let mut group = criterion.benchmark_group(format!("chunk-heap churn {name}"));
        for align in ALIGNS {
            let mut run = Run::new(churn, *target_bytes, align);
            println!(
                "churn {name}, aligned to {align}: {} ranges in {} chunks, {:.4} held by live byte",
                run.live.len(),
                run.heap.figures().chunks(),
                run.held_per_live()
            );
            group.bench_function(format!("aligned to {align}"), |bencher| {
                bencher.iter(|| black_box(&mut run).step());
            });
        }
        group.finish();
    }
}

criterion_group!(benches, churns);
criterion_main!(benches);
