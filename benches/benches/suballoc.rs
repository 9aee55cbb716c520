//! `geoheap-suballoc` against an allocator over ordered maps, with the same operations.
//!
//! A churn fills a space to a share of its capacity with ranges of random lengths, then frees a
//! random range and allocates a new one, over and over. What is timed is one such pair. When the
//! space has no room, the next allocations are left out until there is, so that no allocator is
//! timed while failing.
//!
//! Before the timed part, the tightness of each is printed: after a churn, the space is filled
//! until the first allocation fails, and the share that is live then is its fill.

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use geoheap_suballoc::{Align, ByteLen, RangeId, Space};

/// Lengths are uniform on a logarithmic scale, from `len_min` to `len_max`.
#[derive(Clone, Copy)]
struct Churn {
    name: &'static str,
    capacity: u64,
    unit: u64,
    len_min: u64,
    len_max: u64,
    align: u64,
    live_share: f64,
}

const CHURNS: [Churn; 4] = [
    // Meshes of a few to a few thousand vertices.
    Churn {
        name: "A",
        capacity: 16 << 20,
        unit: 16,
        len_min: 256,
        len_max: 64 << 10,
        align: 16,
        live_share: 0.8,
    },
    // Many small ranges, as of instances and constants.
    Churn {
        name: "B",
        capacity: 16 << 20,
        unit: 16,
        len_min: 32,
        len_max: 1 << 10,
        align: 16,
        live_share: 0.8,
    },
    // Few ranges, up to a sixteenth of the space each.
    Churn {
        name: "C",
        capacity: 16 << 20,
        unit: 16,
        len_min: 256,
        len_max: 1 << 20,
        align: 16,
        live_share: 0.8,
    },
    // Meshes at a uniform buffer's alignment, in a space of a finer unit.
    Churn {
        name: "A aligned to 256",
        capacity: 16 << 20,
        unit: 16,
        len_min: 256,
        len_max: 64 << 10,
        align: 256,
        live_share: 0.8,
    },
];

trait Allocator {
    type Id;
    fn new(churn: &Churn) -> Self;
    fn alloc(&mut self, len: u64) -> Option<Self::Id>;
    fn free(&mut self, id: Self::Id);
}

struct Ours {
    space: Space,
    align: Align,
}

impl Allocator for Ours {
    type Id = RangeId;

    fn new(churn: &Churn) -> Self {
        let space = Space::new(ByteLen::new(churn.capacity), ByteLen::new(churn.unit))
            .expect("a churn's capacity is a multiple of its unit");
        Self {
            space,
            align: Align::new(churn.align).expect("a churn has an alignment"),
        }
    }

    fn alloc(&mut self, len: u64) -> Option<RangeId> {
        self.space
            .alloc(ByteLen::new(len), self.align)
            .ok()
            .map(|allocation| allocation.id)
    }

    fn free(&mut self, id: RangeId) {
        self.space.free(id).expect("a churn frees live ranges");
    }
}

/// Best fit, as a standard library makes it easy: free ranges by address and by length.
struct Maps {
    unit: u64,
    align: u64,
    by_start: BTreeMap<u64, u64>,
    by_len: BTreeSet<(u64, u64)>,
}

impl Maps {
    fn insert(&mut self, start: u64, len: u64) {
        if len > 0 {
            self.by_start.insert(start, len);
            self.by_len.insert((len, start));
        }
    }

    fn remove(&mut self, start: u64, len: u64) {
        self.by_start.remove(&start);
        self.by_len.remove(&(len, start));
    }
}

impl Allocator for Maps {
    type Id = (u64, u64);

    fn new(churn: &Churn) -> Self {
        let mut maps = Self {
            unit: churn.unit,
            align: churn.align,
            by_start: BTreeMap::new(),
            by_len: BTreeSet::new(),
        };
        maps.insert(0, churn.capacity);
        maps
    }

    fn alloc(&mut self, len: u64) -> Option<(u64, u64)> {
        let len = len.next_multiple_of(self.unit);
        let (hole, start, at) = self.by_len.range((len, 0)..).find_map(|&(hole, start)| {
            let at = start.next_multiple_of(self.align);
            (at + len <= start + hole).then_some((hole, start, at))
        })?;
        self.remove(start, hole);
        self.insert(start, at - start);
        self.insert(at + len, start + hole - at - len);
        Some((at, len))
    }

    fn free(&mut self, (mut start, mut len): (u64, u64)) {
        if let Some((&before, &before_len)) = self.by_start.range(..start).next_back()
            && before + before_len == start
        {
            self.remove(before, before_len);
            (start, len) = (before, before_len + len);
        }
        if let Some(&after_len) = self.by_start.get(&(start + len)) {
            self.remove(start + len, after_len);
            len += after_len;
        }
        self.insert(start, len);
    }
}

/// A small generator of random numbers (Marsaglia, *Xorshift RNGs*, 2003), the same for all.
struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("below a usize")
    }
}

/// Lengths drawn beforehand, so that drawing them is not timed.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths are positive and far below 2^53"
)]
fn lens(churn: &Churn, random: &mut Xorshift) -> Vec<u64> {
    let (low, high) = ((churn.len_min as f64).ln(), (churn.len_max as f64).ln());
    (0..LENS)
        .map(|_| {
            let share = random.below(1 << 30) as f64 / (1_u64 << 30) as f64;
            (low + (high - low) * share).exp() as u64
        })
        .collect()
}

const LENS: usize = 1 << 16;
const WARM_UP_PAIRS: usize = 200_000;
/// The tightness is the mean of so many churns.
const SEEDS: u32 = 5;

struct Run<A: Allocator> {
    allocator: A,
    live: Vec<(A::Id, u64)>,
    live_bytes: u64,
    lens: Vec<u64>,
    random: Xorshift,
    at: usize,
}

impl<A: Allocator> Run<A> {
    /// A space after its churn.
    #[expect(clippy::cast_precision_loss, reason = "bytes are far below 2^53")]
    fn new(churn: &Churn, seed: u64) -> Self {
        let mut random = Xorshift(0x9E37_79B9_7F4A_7C15 ^ seed);
        let lens = lens(churn, &mut random);
        let allocator = A::new(churn);
        let mut run = Self {
            allocator,
            live: Vec::new(),
            live_bytes: 0,
            lens,
            random,
            at: 0,
        };
        while (run.live_bytes as f64) < churn.capacity as f64 * churn.live_share {
            if !run.alloc() {
                break;
            }
        }
        for _ in 0..WARM_UP_PAIRS {
            run.pair(churn);
        }
        run
    }

    fn alloc(&mut self) -> bool {
        let len = self.lens[self.at % LENS];
        self.at += 1;
        let Some(id) = self.allocator.alloc(len) else {
            return false;
        };
        self.live.push((id, len));
        self.live_bytes += len;
        true
    }

    /// Frees one range, then allocates up to the live share again: one range on average.
    #[expect(clippy::cast_precision_loss, reason = "bytes are far below 2^53")]
    fn pair(&mut self, churn: &Churn) {
        let nth = self.random.below(self.live.len());
        let (id, len) = self.live.swap_remove(nth);
        self.allocator.free(id);
        self.live_bytes -= len;
        while (self.live_bytes as f64) < churn.capacity as f64 * churn.live_share {
            if !self.alloc() {
                break;
            }
        }
    }

    /// The share of the space that is live when the first allocation fails.
    #[expect(clippy::cast_precision_loss, reason = "bytes are far below 2^53")]
    fn fill(mut self, churn: &Churn) -> f64 {
        while self.alloc() {}
        self.live_bytes as f64 / churn.capacity as f64
    }
}

fn bench<A: Allocator>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, churn: &Churn) {
    let runs = f64::from(SEEDS);
    let fills = (1..=SEEDS).map(|seed| Run::<A>::new(churn, u64::from(seed)).fill(churn));
    println!(
        "churn {}, {name}: fill at the first failure {:.4}",
        churn.name,
        fills.sum::<f64>() / runs
    );
    let mut run = Run::<A>::new(churn, 1);
    group.bench_function(name, |bencher| {
        bencher.iter(|| black_box(&mut run).pair(churn));
    });
}

fn churns(criterion: &mut Criterion) {
    for churn in &CHURNS {
        let mut group = criterion.benchmark_group(format!("suballoc churn {}", churn.name));
        bench::<Ours>(&mut group, "geoheap", churn);
        bench::<Maps>(&mut group, "ordered maps", churn);
        group.finish();
    }
}

criterion_group!(benches, churns);
criterion_main!(benches);
