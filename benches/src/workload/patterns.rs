//! The patterns that peers measure themselves with, with their parameters.

use crate::peers::Setup;
use crate::random::Random;
use crate::replay::{Op, Script, Writer};

/// In which order ranges are freed that were allocated one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Forward,
    Backward,
    Random,
}

/// All of them.
pub fn all(seed: u64) -> Vec<Script> {
    let orders = [
        (Order::Forward, "forward"),
        (Order::Backward, "backward"),
        (Order::Random, "random"),
    ];
    let mut scripts = Vec::new();
    for (order, name) in orders {
        scripts.push(vma_free(&format!("vma-empty-{name}"), order, false, seed));
        scripts.push(vma_free(&format!("vma-filled-{name}"), order, true, seed));
    }
    for align in [1, 16, 64, 256] {
        scripts.push(vma_virtual(align, seed));
    }
    scripts.push(offset_reuse());
    scripts.push(offset_zero_fragmentation());
    scripts
}

const VMA_ALLOCS: usize = 3_333;
/// As many as VMA plays one after the other.
const VMA_ITERATIONS: usize = 10;
const VMA_TURNS: usize = 8;

/// VMA's `BenchmarkAlgorithms`: 3 333 lengths from 32 to 1 023 bytes in 10 000 KiB, then all are
/// freed, on an empty block or on one that was filled to a third and lost half of that.
fn vma_free(name: &str, order: Order, filled: bool, seed: u64) -> Script {
    let capacity = 10_000 * 1_024;
    let mut random = Random::new(seed);
    let mut writer = Writer::default();
    if filled {
        while writer.live_bytes < capacity / 3 {
            writer.alloc(random.between(32, 1_023), 1);
        }
        for _ in 0..writer.live_count() / 2 {
            let nth = random.index(writer.live_count());
            writer.free(nth);
        }
    }
    let kept = writer.live_count();
    let warm_up = writer.take();
    let turns = (0..VMA_TURNS)
        .map(|_| {
            for _ in 0..VMA_ITERATIONS {
                for _ in 0..VMA_ALLOCS {
                    writer.alloc(random.between(32, 1_023), 1);
                }
                free_from(&mut writer, kept, order, &mut random);
            }
            writer.take()
        })
        .collect();
    script(name, capacity, 1, &writer, warm_up, turns)
}

/// Frees all but the first `kept`.
fn free_from(writer: &mut Writer, kept: usize, order: Order, random: &mut Random) {
    if order == Order::Forward {
        writer.reverse_from(kept);
    }
    while writer.live_count() > kept {
        let nth = match order {
            Order::Random => kept + random.index(writer.live_count() - kept),
            Order::Forward | Order::Backward => writer.live_count() - 1,
        };
        writer.free(nth);
    }
}

const VIRTUAL_ALLOCS: usize = 7_200;
const VIRTUAL_OPS: usize = 14_400;
const VIRTUAL_ITERATIONS: usize = 4;
const VIRTUAL_TURNS: usize = 8;

/// VMA's `VirtualBlocksAlgorithmsBenchmark`: 7 200 lengths from 1 to 2 056 bytes in a block of
/// two and a half times their sum, then 14 400 operations, half of them frees, then all is freed.
fn vma_virtual(align: u64, seed: u64) -> Script {
    let mut random = Random::new(seed);
    let mut writer = Writer::default();
    let turns = (0..VIRTUAL_TURNS)
        .map(|_| {
            for _ in 0..VIRTUAL_ITERATIONS {
                virtual_block(&mut writer, align, &mut random);
            }
            writer.take()
        })
        .collect();
    // The mean length is 1 028.
    let capacity = VIRTUAL_ALLOCS as u64 * 1_028 * 5 / 2;
    let name = format!("vma-align-{align}");
    script(&name, capacity, 1, &writer, Vec::new(), turns)
}

fn virtual_block(writer: &mut Writer, align: u64, random: &mut Random) {
    for _ in 0..VIRTUAL_ALLOCS {
        writer.alloc(random.between(1, 2_056), align);
    }
    for _ in 0..VIRTUAL_OPS {
        if random.below(2) == 0 && writer.live_count() > 0 {
            let nth = random.index(writer.live_count());
            writer.free(nth);
        } else {
            writer.alloc(random.between(1, 2_056), align);
        }
    }
    free_from(writer, 0, Order::Backward, random);
}

const OFFSET_CAPACITY: u64 = 256 << 20;
const OFFSET_ITERATIONS: usize = 8;
const OFFSET_ROUNDS: usize = 200;

/// `OffsetAllocator`'s reuse tests: some ranges, of which one is freed, and its room used again.
fn offset_reuse() -> Script {
    let mut writer = Writer::default();
    let round = |writer: &mut Writer| {
        writer.alloc(1_024, 1);
        writer.alloc(3_456, 1);
        writer.free(0);
        for len in [2_345, 456, 512] {
            writer.alloc(len, 1);
        }
        while writer.live_count() > 0 {
            writer.free(0);
        }
    };
    let turns = rounds(&mut writer, OFFSET_ROUNDS * 50, round);
    script(
        "offset-reuse",
        OFFSET_CAPACITY,
        1,
        &writer,
        Vec::new(),
        turns,
    )
}

/// `OffsetAllocator`'s test of zero fragmentation: 256 ranges of 1 MiB fill the space, eight go,
/// four of them neighbours, and four of 1 MiB and one of 4 MiB must find room.
fn offset_zero_fragmentation() -> Script {
    let mib = 1 << 20;
    let mut writer = Writer::default();
    let round = |writer: &mut Writer| {
        for _ in 0..256 {
            writer.alloc(mib, 1);
        }
        // The last one takes the number of the one that goes: the highest must go first.
        for nth in [243, 154, 153, 152, 151, 123, 95, 5] {
            writer.free(nth);
        }
        for _ in 0..4 {
            writer.alloc(mib, 1);
        }
        writer.alloc(4 * mib, 1);
        while writer.live_count() > 0 {
            writer.free(0);
        }
    };
    let turns = rounds(&mut writer, OFFSET_ROUNDS, round);
    let name = "offset-zero-fragmentation";
    script(name, OFFSET_CAPACITY, 1, &writer, Vec::new(), turns)
}

fn rounds(writer: &mut Writer, each: usize, round: impl Fn(&mut Writer)) -> Vec<Vec<Op>> {
    let turn = |_| {
        for _ in 0..each {
            round(writer);
        }
        writer.take()
    };
    (0..OFFSET_ITERATIONS).map(turn).collect()
}

fn script(
    name: &str,
    capacity: u64,
    unit: u64,
    writer: &Writer,
    warm_up: Vec<Op>,
    turns: Vec<Vec<Op>>,
) -> Script {
    Script {
        name: name.to_owned(),
        setup: Setup {
            capacity,
            unit,
            live_max: u32::try_from(writer.slots()).expect("scripts have fewer than 2^32 slots"),
        },
        slots: writer.slots(),
        warm_up,
        turns,
        fill: Vec::new(),
    }
}
