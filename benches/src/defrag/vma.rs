//! What the Vulkan Memory Allocator tests its defragmentation with, in our terms: the tests
//! `Simple`, `Algorithms`, `Full` and `IncrementalComplex` of its `Tests.cpp`. Its images are
//! longer blocks of a larger alignment here.

use geoheap::DefragConfig;
use geoheap_chunk_heap::HeapConfig;
use geoheap_defrag::Caps;
use geoheap_suballoc::{Align, ByteLen};

use super::heap::Heap;
use super::many::{Outcome, settle};
use crate::random::Random;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// One of the tests.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// As in the tables.
    pub name: &'static str,
    chunk_bytes: u64,
    /// Blocks: how many, from and to which length, and their alignment.
    kinds: [(usize, u64, u64, u64); 2],
    /// How many of a hundred stay, and how many of those that stay may not move.
    keep_percent: usize,
    fixed_percent: usize,
    /// Every second block goes, instead of random ones.
    alternate: bool,
    caps: Caps,
    /// Blocks that come in while moves are under way, one a frame.
    arrivals: usize,
}

const WHOLE: Caps = Caps {
    bytes: ByteLen::new(u64::MAX),
    moves: u32::MAX,
    steps: u32::MAX,
};

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::SIMPLE,
        Self::STEPWISE,
        Self::RANDOM,
        Self::ALGORITHMS,
        Self::ALGORITHMS_FIXED,
        Self::FULL,
        Self::INCREMENTAL,
    ];
    /// Two chunks of eight blocks of 64 KiB, of which every second goes.
    pub const SIMPLE: Self = Self {
        name: "vma-simple",
        chunk_bytes: 8 * 64 * KIB,
        kinds: [(16, 64 * KIB, 64 * KIB, 1), (0, 0, 0, 1)],
        keep_percent: 50,
        fixed_percent: 0,
        alternate: true,
        caps: WHOLE,
        arrivals: 0,
    };
    /// The same with one move a pass.
    pub const STEPWISE: Self = Self {
        name: "vma-simple-stepwise",
        caps: Caps { moves: 1, ..WHOLE },
        ..Self::SIMPLE
    };
    /// The same with lengths from 32 bytes to 256 KiB, aligned to 64.
    pub const RANDOM: Self = Self {
        name: "vma-simple-random",
        kinds: [(16, 32, 256 * KIB, 64), (0, 0, 0, 1)],
        ..Self::SIMPLE
    };
    /// Buffers and images of which 55 % go.
    pub const ALGORITHMS: Self = Self {
        name: "vma-algorithms",
        chunk_bytes: 12_900_000 / 16 * 16,
        kinds: [
            (400, 2 * KIB, 256 * KIB, 256),
            (100, 64 * KIB, MIB, 4 * KIB),
        ],
        keep_percent: 45,
        fixed_percent: 0,
        alternate: false,
        caps: WHOLE,
        arrivals: 0,
    };
    /// The same with a fifth that may not move.
    pub const ALGORITHMS_FIXED: Self = Self {
        name: "vma-algorithms-fixed",
        fixed_percent: 20,
        ..Self::ALGORITHMS
    };
    /// Buffers of which 80 % go.
    pub const FULL: Self = Self {
        name: "vma-full",
        chunk_bytes: 8 * MIB,
        kinds: [(400, 32, 256 * KIB, 64), (0, 0, 0, 1)],
        keep_percent: 20,
        fixed_percent: 0,
        alternate: false,
        caps: WHOLE,
        arrivals: 0,
    };
    /// Three chunks of 256 MiB full of blocks of 5 to 10 MiB, of which 30 % stay and of these 3 %
    /// may not move; 100 come in during the moves, which are under the engine's caps.
    pub const INCREMENTAL: Self = Self {
        name: "vma-incremental",
        chunk_bytes: 256 * MIB,
        kinds: [(102, 5 * MIB, 10 * MIB, 1), (0, 0, 0, 1)],
        keep_percent: 30,
        fixed_percent: 3,
        alternate: false,
        caps: Caps {
            bytes: ByteLen::new(2 * MIB),
            moves: 64,
            steps: 4_096,
        },
        arrivals: 100,
    };

    /// Plays it.
    pub fn play(&self) -> Outcome {
        let config = HeapConfig {
            chunk_bytes: ByteLen::new(self.chunk_bytes),
            long_lived_chunk_bytes: ByteLen::new(self.chunk_bytes),
            dedicated_above_bytes: ByteLen::new(self.chunk_bytes / 2),
            buffer_bytes_max: ByteLen::new(self.chunk_bytes),
            keep_empty_ticks: 0,
            spare_chunks: 0,
            ..HeapConfig::default()
        };
        let mut heap = Heap::new(config, Some(DefragConfig::default()));
        let mut random = Random::new(3);
        let mut live = self.fill(&mut heap, &mut random);
        self.thin_out(&mut heap, &mut random, &mut live);
        settle(&mut heap);
        let before = heap.live_of_chunks();
        let next = self.kinds[0].0 + self.kinds[1].0;
        let mut arrived = 0;
        loop {
            if arrived < self.arrivals {
                let id = u32::try_from(next + arrived).expect("few");
                self.add(&mut heap, &mut random, 0, id);
                arrived += 1;
            }
            let goes_on = heap.frame_compacting(&self.caps);
            if !goes_on && arrived == self.arrivals {
                break;
            }
        }
        settle(&mut heap);
        Outcome {
            before,
            tally: heap.tally,
        }
    }

    fn fill(&self, heap: &mut Heap, random: &mut Random) -> Vec<u32> {
        let mut of_kind = [self.kinds[0].0, self.kinds[1].0];
        let mut live = Vec::new();
        while of_kind[0] + of_kind[1] > 0 {
            let kind = usize::from(random.index(of_kind[0] + of_kind[1]) >= of_kind[0]);
            of_kind[kind] -= 1;
            let id = u32::try_from(live.len()).expect("few");
            self.add(heap, random, kind, id);
            live.push(id);
        }
        live
    }

    fn add(&self, heap: &mut Heap, random: &mut Random, kind: usize, id: u32) {
        let (_, low, high, align) = self.kinds[kind];
        let span = usize::try_from(high - low).expect("lengths are short");
        let len = low + random.index(span + 1) as u64;
        let len = len.next_multiple_of(16);
        heap.add(id, len, len, Align::new(align).expect("above zero"));
    }

    fn thin_out(&self, heap: &mut Heap, random: &mut Random, live: &mut Vec<u32>) {
        if self.alternate {
            for id in live.iter().filter(|id| !id.is_multiple_of(2)) {
                heap.remove(*id);
            }
            live.retain(|id| id.is_multiple_of(2));
        } else {
            let stay = live.len() * self.keep_percent / 100;
            while live.len() > stay {
                let nth = random.index(live.len());
                heap.remove(live.swap_remove(nth));
            }
        }
        let fixed = live.len() * self.fixed_percent / 100;
        let fixed = fixed.max(usize::from(self.fixed_percent > 0));
        for _ in 0..fixed {
            let nth = random.index(live.len());
            heap.fix(live.swap_remove(nth));
        }
    }
}
