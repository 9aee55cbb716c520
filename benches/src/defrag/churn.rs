//! A gigabyte of blocks that come and go for long.

use geoheap::DefragConfig;
use geoheap_chunk_heap::HeapConfig;
use geoheap_suballoc::Align;

use super::heap::{Heap, Tally};
use crate::random::Random;

/// Additions and removals in a frame.
const OPS_PER_FRAME: usize = 64;

/// A long churn. Lengths are uniform on a logarithmic scale.
#[derive(Clone, Copy, Debug)]
pub struct Churn {
    /// As in the tables.
    pub name: &'static str,
    /// Shortest and longest block in bytes.
    pub lens: (u64, u64),
    /// Live bytes.
    pub live_bytes: u64,
    /// Live bytes at the crest of a wave: the churn swings between both.
    pub crest_bytes: u64,
}

/// Waves in the whole churn.
const WAVES: usize = 4;

impl Churn {
    /// All of them.
    pub const ALL: [Self; 3] = [
        Self {
            name: "long-churn",
            lens: (256, 1 << 20),
            live_bytes: 1 << 30,
            crest_bytes: 1 << 30,
        },
        Self {
            name: "long-churn-small",
            lens: (256, 64 << 10),
            live_bytes: 1 << 30,
            crest_bytes: 1 << 30,
        },
        Self {
            name: "long-churn-waves",
            lens: (256, 1 << 20),
            live_bytes: 1 << 30,
            crest_bytes: 3 << 29,
        },
    ];

    /// The same with so many live bytes.
    #[must_use]
    pub const fn sized(self, live_bytes: u64) -> Self {
        Self {
            live_bytes,
            crest_bytes: self.crest_bytes / (self.live_bytes / live_bytes),
            ..self
        }
    }
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Bytes held for each live byte, the mean over frames, spare chunks left out.
    pub overhead_mean: f64,
    /// The same with spare chunks.
    pub overhead_with_spare: f64,
    /// What was counted.
    pub tally: Tally,
}

/// Means over frames.
#[derive(Clone, Copy, Debug, Default)]
pub struct Means {
    frames: f64,
    without: f64,
    with: f64,
}

impl Means {
    /// Notes a frame.
    #[expect(clippy::cast_precision_loss, reason = "bytes are far below 2^53")]
    pub fn note(&mut self, heap: &Heap) {
        let ((held, spare), live) = (heap.held_bytes(), heap.live_bytes());
        if live == 0 {
            return;
        }
        self.frames += 1.0;
        self.with += held as f64 / live as f64;
        self.without += (held - spare) as f64 / live as f64;
    }

    /// The outcome with what the heap counted.
    pub fn outcome(self, heap: Heap) -> Outcome {
        Outcome {
            overhead_mean: self.without / self.frames,
            overhead_with_spare: self.with / self.frames,
            tally: heap.tally,
        }
    }
}

/// Plays so many additions and removals once the heap is full.
pub fn play(churn: &Churn, ops: usize, defrag: Option<DefragConfig>) -> Outcome {
    let mut heap = Heap::new(HeapConfig::default(), defrag);
    let mut random = Random::new(11);
    let mut live: Vec<u32> = Vec::new();
    let mut free: Vec<u32> = Vec::new();
    let mut next = 0_u32;
    let mut add =
        |heap: &mut Heap, random: &mut Random, live: &mut Vec<u32>, free: &mut Vec<u32>| {
            let len = random.log_uniform(churn.lens.0, churn.lens.1);
            let len = len.next_multiple_of(16);
            let id = free.pop().unwrap_or_else(|| {
                next += 1;
                next - 1
            });
            heap.add(id, len, len, Align::ONE);
            live.push(id);
        };
    while heap.live_bytes() < churn.live_bytes {
        for _ in 0..OPS_PER_FRAME {
            add(&mut heap, &mut random, &mut live, &mut free);
        }
        heap.frame();
    }
    heap.tally = Tally::default();
    let mut means = Means::default();
    let mut done = 0;
    while done < ops {
        let aim = wave(churn, done, ops);
        for _ in 0..OPS_PER_FRAME {
            if heap.live_bytes() < aim {
                add(&mut heap, &mut random, &mut live, &mut free);
            } else {
                let id = live.swap_remove(random.index(live.len()));
                heap.remove(id);
                free.push(id);
            }
        }
        done += OPS_PER_FRAME;
        heap.frame();
        means.note(&heap);
    }
    means.outcome(heap)
}

/// Live bytes to aim at: they rise and fall evenly.
fn wave(churn: &Churn, done: usize, ops: usize) -> u64 {
    let half = (ops / (2 * WAVES)).max(1);
    let (nth, at) = (done / half, done % half);
    let at = if nth.is_multiple_of(2) { at } else { half - at };
    let swing = u128::from(churn.crest_bytes - churn.live_bytes);
    let part = swing * at as u128 / half as u128;
    churn.live_bytes + u64::try_from(part).unwrap_or(0)
}
