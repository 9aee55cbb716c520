//! How many allocations fail at a fill at which best fit still finds room for most.

use crate::peers::{Allocator, Setup};
use crate::random::Random;

/// A churn that is driven into failures.
#[derive(Clone, Copy, Debug)]
pub struct Failures {
    /// As in the tables.
    pub name: &'static str,
    /// The fill that no allocation may exceed: a random range goes instead.
    pub live_share: f64,
    /// Longest length in bytes; the shortest is 256, and each one in between is possible.
    pub len_max: u64,
}

const CAPACITY: u64 = 16 << 20;
const UNIT: u64 = 1;
const LEN_MIN: u64 = 256;

impl Failures {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::new("fail-80", 0.80, 1 << 20),
        Self::new("fail-90", 0.90, 1 << 20),
        Self::new("fail-95", 0.95, 1 << 20),
        Self::new("fail-95-small", 0.95, 64 << 10),
    ];

    const fn new(name: &'static str, live_share: f64, len_max: u64) -> Self {
        Self {
            name,
            live_share,
            len_max,
        }
    }

    /// The share of the allocations that fail, in so many steps: one draws a length, and either
    /// allocates it or, where the fill would be exceeded, frees a random range. After a failure
    /// one random range goes, so that the ranges of two allocators drift apart: a ranking rather
    /// than a measure.
    ///
    /// `None` where the allocator cannot have the space, or nothing was allocated.
    #[expect(clippy::cast_precision_loss, reason = "bytes are far below 2^53")]
    pub fn failed_share<A: Allocator>(&self, seed: u64, steps: usize) -> Option<f64> {
        let setup = Setup {
            capacity: CAPACITY,
            unit: UNIT,
            live_max: u32::try_from(CAPACITY / LEN_MIN).ok()?,
        };
        let mut allocator = A::new(&setup)?;
        let mut random = Random::new(seed);
        let mut live: Vec<(A::Id, u64)> = Vec::new();
        let (mut live_bytes, mut tried, mut failed) = (0, 0, 0);
        for _ in 0..steps {
            let len = random.log_uniform(LEN_MIN, self.len_max);
            if (live_bytes + len) as f64 > CAPACITY as f64 * self.live_share {
                free_one(&mut allocator, &mut live, &mut live_bytes, &mut random);
                continue;
            }
            tried += 1;
            if let Some(id) = allocator.alloc(len, 1) {
                live.push((id, len));
                live_bytes += len;
            } else {
                failed += 1;
                free_one(&mut allocator, &mut live, &mut live_bytes, &mut random);
            }
        }
        for (id, _) in live {
            allocator.free(id);
        }
        (tried > 0).then(|| f64::from(failed) / f64::from(tried))
    }
}

fn free_one<A: Allocator>(
    allocator: &mut A,
    live: &mut Vec<(A::Id, u64)>,
    live_bytes: &mut u64,
    random: &mut Random,
) {
    let (id, len) = live.swap_remove(random.index(live.len()));
    allocator.free(id);
    *live_bytes -= len;
}
