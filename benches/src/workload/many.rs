//! Does the cost of an operation depend on how many ranges are live?

use crate::peers::Setup;
use crate::random::Random;
use crate::replay::{Script, Writer};

/// Ranges of 1 to 32 units of 256 bytes, about `live` of them, in a space that they fill to 85 %,
/// and then so many steps of churn: a random one goes, another one comes.
pub fn script(live: usize, steps: usize, seed: u64) -> Script {
    const UNIT: u64 = 256;
    const TURNS: usize = 20;
    let mut random = Random::new(seed);
    let mut writer = Writer::default();
    for _ in 0..live {
        writer.alloc(random.between(1, 32) * UNIT, 1);
    }
    let capacity = (writer.live_bytes / 85 * 100).next_multiple_of(UNIT);
    let target = writer.live_bytes;
    let warm_up = writer.take();
    let turns = (0..TURNS)
        .map(|_| {
            for _ in 0..steps.div_ceil(TURNS) {
                let nth = random.index(writer.live_count());
                writer.free(nth);
                while writer.live_bytes < target {
                    writer.alloc(random.between(1, 32) * UNIT, 1);
                }
            }
            writer.take()
        })
        .collect();
    let slots = writer.slots();
    Script {
        name: format!("many-{live}"),
        setup: Setup {
            capacity,
            unit: UNIT,
            live_max: u32::try_from(slots).expect("scripts have fewer than 2^32 slots"),
        },
        slots,
        warm_up,
        turns,
        fill: Vec::new(),
    }
}
