//! The target `suballoc`: operations on a [`Space`], held against a map of intervals.
//!
//! Two or three bytes set the space up, then each operation is a byte and its arguments. Most
//! spaces are small, so that a few operations fill them, cut them and join them again.

mod shadow;
#[cfg(test)]
mod tests;

use geoheap_suballoc::{Align, ByteLen, ByteOffset, RangeId, Space, SpaceError, Strategy};

use crate::bytes::Bytes;
use crate::tally::Tally;
use shadow::{Asked, Shadow};

/// Operations that one input can ask for.
const OPS_MAX: usize = 256;

/// How often everything is compared, in operations. The running figures are, after each.
const COMPARE_EVERY: usize = 4;

/// From this first byte on, a third byte bounds the number of live ranges.
const FEW_RANGES_FROM: u8 = 216;

/// Bytes of a unit, the usual ones more often.
const UNITS: [u64; 12] = [1, 1, 1, 1, 1, 4, 4, 12, 16, 36, 256, 4096];

/// Alignments in bytes: half of them none, the rest powers of two, strides, and what fits nowhere
/// but at the start.
const ALIGNS: [u64; 32] = [
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    2,
    4,
    8,
    16,
    64,
    256,
    4096,
    3,
    12,
    20,
    28,
    36,
    60,
    100,
    1000,
    48,
    1 << 20,
    1 << 40,
    1 << 63,
    u64::MAX,
];

/// Runs one input. Returns what it reached.
///
/// # Panics
/// When the space and the oracle disagree, or the space finds itself broken.
pub fn run(input: &[u8]) -> Tally {
    let mut bytes = Bytes::new(input);
    let Some(mut pair) = Pair::new(&mut bytes) else {
        return Tally::default();
    };
    for nth in 0..OPS_MAX {
        let Some(op) = bytes.next() else { break };
        pair.step(op, &mut bytes);
        pair.shadow.compare_figures(&pair.space);
        if nth % COMPARE_EVERY == 0 {
            pair.compare();
        }
    }
    pair.compare();
    pair.finish()
}

/// A space and its oracle, driven together.
struct Pair {
    tally: Tally,
    space: Space,
    shadow: Shadow,
    live: Vec<RangeId>,
    gone: Vec<RangeId>,
}

impl Pair {
    /// The space that the first bytes ask for; `None` where there can be none.
    fn new(bytes: &mut Bytes<'_>) -> Option<Self> {
        let first = bytes.byte();
        let (capacity, unit) = if first == u8::MAX {
            (bytes.word(), bytes.word())
        } else {
            let unit = UNITS[usize::from(first) % UNITS.len()];
            let units = match bytes.byte() {
                few @ ..208 => u64::from(few) + 1,
                some @ 208..240 => u64::from(some - 207) * 297,
                many => ((1 << 40) / unit) >> (many - 240),
            };
            (units * unit, unit)
        };
        let live_max = match first {
            FEW_RANGES_FROM.. => u32::from(bytes.byte() % 32),
            _ => Space::LIVE_MAX,
        };
        let made = Space::with_live_max(ByteLen::new(capacity), ByteLen::new(unit), live_max);
        match refusal(capacity, unit) {
            Some(refusal) => {
                assert_eq!(
                    made.map(|_| ()),
                    Err(refusal),
                    "{capacity} in units of {unit}"
                );
                None
            }
            None => Some(Self {
                tally: Tally::default(),
                space: made.unwrap_or_else(|error| panic!("{capacity} by {unit}: {error}")),
                shadow: Shadow::new(capacity, unit, live_max),
                live: Vec::new(),
                gone: Vec::new(),
            }),
        }
    }

    fn step(&mut self, op: u8, bytes: &mut Bytes<'_>) {
        match op % 16 {
            0..=5 => self.alloc(Strategy::BestFit, bytes),
            6 => self.alloc(Strategy::LowestAddress, bytes),
            7 => self.alloc_at(bytes),
            8..=11 => {
                if let Some(id) = bytes.pick_of(&self.live) {
                    self.free(id);
                }
            }
            12 => self.grow(bytes),
            13 => self.shrink(bytes),
            14 => self.use_gone(bytes),
            _ => self.use_foreign(bytes),
        }
    }

    fn alloc(&mut self, strategy: Strategy, bytes: &mut Bytes<'_>) {
        let asked = Asked {
            len: self.len(bytes),
            align: bytes.pick(&ALIGNS),
            lowest: strategy == Strategy::LowestAddress,
        };
        let align = Align::new(asked.align).unwrap_or(Align::ONE);
        let name = if asked.lowest {
            "alloc_lowest"
        } else {
            "alloc"
        };
        let outcome = self.tally.note(
            name,
            self.space
                .alloc_with(ByteLen::new(asked.len), align, strategy),
        );
        self.live.extend(self.shadow.judge_alloc(&asked, outcome));
    }

    fn alloc_at(&mut self, bytes: &mut Bytes<'_>) {
        let (start, len) = (self.len(bytes), self.len(bytes));
        let outcome = self.tally.note(
            "alloc_at",
            self.space
                .alloc_at(ByteOffset::new(start), ByteLen::new(len)),
        );
        self.live
            .extend(self.shadow.judge_alloc_at(start, len, outcome));
    }

    fn free(&mut self, id: RangeId) {
        let outcome = self.tally.note("free", self.space.free(id));
        if self.shadow.judge_free(id, outcome) {
            self.live.retain(|live| *live != id);
            self.gone.push(id);
        }
    }

    /// A length that the range may or may not grow to: its own, and a little more or any other.
    fn grow(&mut self, bytes: &mut Bytes<'_>) {
        if let Some(id) = bytes.pick_of(&self.live) {
            let own = self.shadow.len_of(id);
            let len = own.saturating_add(self.len(bytes));
            let outcome = self.tally.note(
                "grow_in_place",
                self.space.grow_in_place(id, ByteLen::new(len)),
            );
            self.shadow.judge_resize(id, len, true, outcome);
        }
    }

    fn shrink(&mut self, bytes: &mut Bytes<'_>) {
        if let Some(id) = bytes.pick_of(&self.live) {
            let own = self.shadow.len_of(id);
            // Mostly shorter; the length itself where it is not.
            let len = match self.len(bytes) {
                less if less <= own => own - less,
                more => more,
            };
            let outcome = self.tally.note(
                "shrink_in_place",
                self.space.shrink_in_place(id, ByteLen::new(len)),
            );
            self.shadow.judge_resize(id, len, false, outcome);
        }
    }

    /// An id whose range was freed leads nowhere.
    fn use_gone(&mut self, bytes: &mut Bytes<'_>) {
        if let Some(id) = bytes.pick_of(&self.gone) {
            self.use_any(id, bytes);
        }
    }

    /// An id of another space: to this one it is either unknown, or stale, or one of its own.
    fn use_foreign(&mut self, bytes: &mut Bytes<'_>) {
        const RANGES: usize = 12;
        let (mut other, unit) = (self.space.clone(), self.space.unit());
        let mut ids = Vec::new();
        for nth in 0..RANGES {
            let Ok(allocation) = other.alloc(unit, Align::ONE) else {
                break;
            };
            ids.push(allocation.id);
            if nth % 3 == 0 && other.free(allocation.id).is_err() {
                break;
            }
        }
        if let Some(id) = bytes.pick_of(&ids) {
            self.use_any(id, bytes);
        }
    }

    fn use_any(&mut self, id: RangeId, bytes: &mut Bytes<'_>) {
        let which = bytes.byte();
        self.shadow.judge_get(id, self.space.get(id));
        match which % 3 {
            0 => self.free(id),
            1 => {
                let len = self.len(bytes);
                let outcome = self.tally.note(
                    "grow_in_place",
                    self.space.grow_in_place(id, ByteLen::new(len)),
                );
                self.shadow.judge_resize(id, len, true, outcome);
            }
            _ => {
                let len = self.len(bytes);
                let outcome = self.tally.note(
                    "shrink_in_place",
                    self.space.shrink_in_place(id, ByteLen::new(len)),
                );
                self.shadow.judge_resize(id, len, false, outcome);
            }
        }
    }

    /// A length or start: mostly some whole units, also some bytes more, a share of the space, or
    /// one that cannot be right.
    fn len(&self, bytes: &mut Bytes<'_>) -> u64 {
        let (capacity, unit) = (self.space.capacity().get(), self.space.unit().get());
        let byte = bytes.byte();
        let few = u64::from(byte & 0x3F);
        match byte {
            0..128 => few * unit,
            128..176 => few * unit + u64::from(bytes.byte()) % unit,
            253 => capacity,
            254 => capacity + 1 + few,
            255 => u64::MAX - u64::from(bytes.byte()),
            _ => capacity / 64 * few + u64::from(bytes.byte()) * unit,
        }
    }

    fn compare(&self) {
        self.space.validate();
        self.shadow.compare(&self.space);
        for id in self.gone.iter().rev().take(4) {
            self.shadow.judge_get(*id, self.space.get(*id));
        }
    }

    /// S8: frees all, the middle first, and takes the whole space at once.
    fn finish(mut self) -> Tally {
        while !self.live.is_empty() {
            self.free(self.live[self.live.len() / 2]);
        }
        self.compare();
        let asked = Asked {
            len: self.space.capacity().get(),
            align: u64::MAX,
            lowest: false,
        };
        let align = Align::new(asked.align).unwrap_or(Align::ONE);
        let outcome = self
            .tally
            .note("alloc", self.space.alloc(self.space.capacity(), align));
        let whole = self.shadow.judge_alloc(&asked, outcome);
        assert!(
            whole.is_some() || self.shadow.is_full(),
            "S8: an empty space serves its capacity"
        );
        self.compare();
        self.tally
    }
}

/// Why there can be no such space.
fn refusal(capacity: u64, unit: u64) -> Option<SpaceError> {
    if unit == 0 {
        Some(SpaceError::ZeroUnit)
    } else if capacity == 0 {
        Some(SpaceError::ZeroCapacity)
    } else if capacity > 1 << 40 {
        Some(SpaceError::TooLarge {
            requested: ByteLen::new(capacity),
            max: ByteLen::new(1 << 40),
        })
    } else if capacity.is_multiple_of(unit) {
        None
    } else {
        Some(SpaceError::PartialUnit {
            capacity: ByteLen::new(capacity),
            unit: ByteLen::new(unit),
        })
    }
}
