//! Plans for a heap of many chunks.

use geoheap::DefragConfig;
use geoheap_chunk_heap::HeapConfig;
use geoheap_defrag::Caps;
use geoheap_suballoc::Align;

use super::heap::{Heap, Tally, caps};
use crate::random::Random;

/// A heap of so many chunks, from which blocks went until so many are left.
#[derive(Clone, Copy, Debug)]
pub struct Many {
    /// As in the tables.
    pub name: &'static str,
    /// Chunks that are filled.
    pub chunks: usize,
    /// Blocks that stay; all where there are fewer.
    pub blocks: usize,
    /// Shortest and longest block in bytes.
    pub lens: (u64, u64),
    /// Plans that are made at most.
    pub passes: usize,
}

impl Many {
    /// Some 20 000 blocks in 700 chunks that are filled to two thirds.
    pub const PLAN_20K_700: Self = Self {
        name: "plan-20k-700",
        chunks: 700,
        blocks: 20_000,
        lens: (16 << 10, 2 << 20),
        passes: usize::MAX,
    };
    /// As many chunks, as full as they get without moves: next to nothing fits anywhere.
    pub const FULL: Self = Self {
        name: "plan-20k-700-full",
        chunks: 700,
        blocks: usize::MAX,
        lens: (256 << 10, 1 << 20),
        passes: 64,
    };

    /// Plans and moves until no plan is left, under the engine's caps.
    pub fn play(&self) -> Outcome {
        let config = HeapConfig {
            keep_empty_ticks: 0,
            spare_chunks: 0,
            ..HeapConfig::default()
        };
        let mut heap = Heap::new(config, Some(DefragConfig::default()));
        let mut random = Random::new(5);
        let mut live = Vec::new();
        while heap.chunk_count() < self.chunks {
            let id = u32::try_from(live.len()).expect("far below 2^32");
            let len = random.log_uniform(self.lens.0, self.lens.1);
            let len = len.next_multiple_of(256);
            heap.add(id, len, len, Align::ONE);
            live.push(id);
        }
        while live.len() > self.blocks {
            let nth = random.index(live.len());
            heap.remove(live.swap_remove(nth));
        }
        // What went is out of use.
        let none = Caps {
            moves: 0,
            steps: 0,
            ..Caps::default()
        };
        for _ in 0..4 {
            heap.frame_compacting(&none);
        }
        heap.tally = Tally::default();
        let before = heap.live_of_chunks();
        let caps = caps(&DefragConfig::default());
        let mut passes = 0;
        while passes < self.passes && heap.frame_compacting(&caps) {
            passes += 1;
        }
        settle(&mut heap);
        Outcome {
            before,
            tally: heap.tally,
        }
    }
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Live bytes and ranges of the chunks before, the emptiest first.
    pub before: Vec<(u64, u64)>,
    /// What was counted.
    pub tally: Tally,
}

impl Outcome {
    /// Bytes and ranges of as many of the emptiest chunks as came back.
    pub fn bound(&self) -> (u64, u64) {
        let returned = usize::try_from(self.tally.returned).unwrap_or(usize::MAX);
        let emptiest = self.before.iter().take(returned);
        emptiest.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
}

/// Lets frames pass until what moves left is out of use and empty chunks are gone.
pub fn settle(heap: &mut Heap) {
    let none = Caps {
        moves: 0,
        steps: 0,
        ..Caps::default()
    };
    let plans = heap.tally.plan_us.len();
    for _ in 0..8 {
        heap.frame_compacting(&none);
    }
    heap.tally.plan_us.truncate(plans);
}
