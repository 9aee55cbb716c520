//! Does the cost of an operation depend on how many ranges are live?

use crate::peers::Setup;
use crate::random::Random;
use crate::replay::{Script, Writer};

/// In which order ranges go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The oldest first, as in a scene that is flown through.
    Sweep,
    /// Any: each operation looks for memory that nothing has looked at for long, and with many
    /// ranges pays for that rather than for the allocator.
    Random,
}

impl Order {
    /// As in the tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sweep => "many-sweep",
            Self::Random => "many-random",
        }
    }
}

const UNIT: u64 = 256;
const UNITS_MAX: u64 = 32;
const TURNS: usize = 4;
const TURNOVERS: usize = 2;

/// About `live` ranges of 1 to 32 units of 256 bytes, in a space that they fill to 85 %. One goes,
/// others come, until as many have gone as there are, twice before anything is timed, and twice
/// more: so that a small and a large heap are of one age.
///
/// # Panics
/// For 2^32 ranges and more.
pub fn script(live: usize, order: Order, seed: u64) -> Script {
    let mut random = Random::new(seed);
    let mut writer = Writer::default();
    for _ in 0..live {
        writer.alloc(random.between(1, UNITS_MAX) * UNIT, 1);
    }
    let capacity = (writer.live_bytes / 85 * 100).next_multiple_of(UNIT);
    let target = writer.live_bytes;
    // The last range takes the place of one that goes: a sweep over places is one over ages.
    let mut at = 0;
    let mut churn = |writer: &mut Writer, steps: usize| {
        for _ in 0..steps {
            at = match order {
                Order::Sweep => (at + 1) % writer.live_count(),
                Order::Random => random.index(writer.live_count()),
            };
            writer.free(at);
            while writer.live_bytes < target {
                writer.alloc(random.between(1, UNITS_MAX) * UNIT, 1);
            }
        }
        writer.take()
    };
    let filled = writer.take();
    let warm_up = [filled, churn(&mut writer, TURNOVERS * live)].concat();
    let turns = (0..TURNS)
        .map(|_| churn(&mut writer, (TURNOVERS * live).div_ceil(TURNS)))
        .collect();
    let slots = writer.slots();
    Script {
        name: format!("{}-{live}", order.name()),
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
