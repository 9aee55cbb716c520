//! `geoheap-suballoc` and its peers in steady churns: what is timed is a free of a random range
//! and the allocations that bring the fill back, one on the average, with the harness's own share.
//!
//! `cargo xtask compare suballoc` says more: it takes the harness off, plays more workloads, and
//! fills each space to the first failure.

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use geoheap_benches::peers::{self, Allocator};
use geoheap_benches::random::Random;
use geoheap_benches::replay::Player;
use geoheap_benches::workload::churn::Churn;

/// Lengths drawn beforehand, so that drawing them is not timed.
const LENS: usize = 1 << 16;

struct Run<A: Allocator> {
    allocator: A,
    live: Vec<(A::Id, u64)>,
    live_bytes: u64,
    target_bytes: u64,
    align: u64,
    lens: Vec<u64>,
    random: Random,
    at: usize,
}

impl<A: Allocator> Run<A> {
    /// A space at its fill; `None` where the allocator cannot have it.
    fn new(churn: &Churn) -> Option<Self> {
        let script = churn.script(1, 1);
        let player = Player::<A>::new(&script)?;
        let mut random = Random::new(1);
        let draw = |_| {
            let len = random.log_uniform(churn.len_min, churn.len_max);
            len.next_multiple_of(churn.unit.max(churn.aligns[0]))
        };
        let lens = (0..LENS).map(draw).collect();
        let mut run = Self {
            allocator: player.allocator,
            live: Vec::new(),
            live_bytes: 0,
            target_bytes: churn.live_bytes(),
            align: churn.aligns[0],
            lens,
            random,
            at: 0,
        };
        run.refill();
        Some(run)
    }

    fn refill(&mut self) {
        while self.live_bytes < self.target_bytes {
            let len = self.lens[self.at % LENS];
            self.at += 1;
            let Some(id) = self.allocator.alloc(len, self.align) else {
                // An allocator that has no room is not timed while failing.
                return;
            };
            self.live.push((id, len));
            self.live_bytes += len;
        }
    }

    fn step(&mut self) {
        let nth = self.random.index(self.live.len());
        let (id, len) = self.live.swap_remove(nth);
        self.allocator.free(id);
        self.live_bytes -= len;
        self.refill();
    }
}

fn bench<A: Allocator>(group: &mut BenchmarkGroup<'_, WallTime>, churn: &Churn) {
    if let Some(mut run) = Run::<A>::new(churn) {
        group.bench_function(A::NAME, |bencher| {
            bencher.iter(|| black_box(&mut run).step());
        });
    }
}

fn churns(criterion: &mut Criterion) {
    for churn in [Churn::A, Churn::B, Churn::C, Churn::ALIGNED] {
        let mut group = criterion.benchmark_group(format!("suballoc {}", churn.name));
        bench::<peers::Ours>(&mut group, &churn);
        bench::<peers::Offset>(&mut group, &churn);
        #[cfg(feature = "vma")]
        bench::<peers::Vma>(&mut group, &churn);
        if churn.capacity == Churn::C.capacity {
            bench::<peers::Tlsf>(&mut group, &churn);
            bench::<peers::Ranges>(&mut group, &churn);
        }
        group.finish();
    }
}

criterion_group!(benches, churns);
criterion_main!(benches);
