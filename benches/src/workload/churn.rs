//! Churns: a space at a steady fill, in which a random range goes and others come.

use crate::peers::Setup;
use crate::random::Random;
use crate::replay::{Op, Script, Writer};

/// A steady churn. Lengths are uniform on a logarithmic scale.
#[derive(Clone, Copy, Debug)]
pub struct Churn {
    /// As in the tables.
    pub name: &'static str,
    /// Bytes of the space.
    pub capacity: u64,
    /// What lengths are rounded up to.
    pub unit: u64,
    /// Shortest length in bytes.
    pub len_min: u64,
    /// Longest length in bytes.
    pub len_max: u64,
    /// Alignments in bytes; each allocation draws one, and its length is a multiple of it.
    pub aligns: &'static [u64],
    /// The steady fill.
    pub live_share: f64,
}

/// In how many turns the steps are played.
const TURNS: usize = 8;

impl Churn {
    /// Meshes of all sizes in a gigabyte.
    pub const A: Self = Self {
        name: "churn-a",
        capacity: 1 << 30,
        unit: 256,
        len_min: 256,
        len_max: 1 << 20,
        aligns: &[1],
        live_share: 0.85,
    };
    /// Many small ranges in a gigabyte.
    pub const B: Self = Self {
        name: "churn-b",
        len_max: 64 << 10,
        live_share: 0.90,
        ..Self::A
    };
    /// Small ranges in one chunk.
    pub const C: Self = Self {
        name: "churn-c",
        capacity: 16 << 20,
        len_max: 64 << 10,
        ..Self::A
    };
    /// Uniform data in a space of a finer unit.
    pub const ALIGNED: Self = Self {
        name: "churn-align-256",
        unit: 16,
        aligns: &[256],
        ..Self::C
    };
    /// Vertices of several strides, each addressed by its number.
    pub const STRIDES: Self = Self {
        name: "churn-strides",
        unit: 4,
        aligns: &[12, 20, 28, 36],
        ..Self::C
    };
    /// Vertices, indices, uniform and storage data in one space.
    pub const MIXED: Self = Self {
        name: "churn-mixed",
        unit: 4,
        aligns: &[4, 12, 16, 20, 36, 64, 256],
        ..Self::C
    };
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::A,
        Self::B,
        Self::C,
        Self::ALIGNED,
        Self::STRIDES,
        Self::MIXED,
    ];

    /// The script of one seed, with so many steps, each of them a free and the allocations that
    /// bring the fill back.
    pub fn script(&self, seed: u64, steps: usize) -> Script {
        let mut random = Random::new(seed);
        let mut writer = Writer::default();
        let mut peak = 0;
        self.refill(&mut writer, &mut random);
        let warm_up = writer.take();
        let turns = (0..TURNS)
            .map(|_| {
                for _ in 0..steps.div_ceil(TURNS) {
                    let nth = random.index(writer.live_count());
                    writer.free(nth);
                    self.refill(&mut writer, &mut random);
                    peak = peak.max(writer.live_count());
                }
                writer.take()
            })
            .collect();
        let fill = self.fill(&mut writer, &mut random);
        Script {
            name: self.name.to_owned(),
            setup: Setup {
                capacity: self.capacity,
                unit: self.unit,
                live_max: u32::try_from(writer.slots())
                    .expect("scripts have fewer than 2^32 slots"),
            },
            slots: writer.slots(),
            warm_up,
            turns,
            fill,
        }
    }

    /// Allocations of more than the space can hold.
    fn fill(&self, writer: &mut Writer, random: &mut Random) -> Vec<Op> {
        while writer.live_bytes <= self.capacity {
            self.alloc(writer, random);
        }
        writer.take()
    }

    fn alloc(&self, writer: &mut Writer, random: &mut Random) {
        let align = self.aligns[random.index(self.aligns.len())];
        let len = random.log_uniform(self.len_min, self.len_max);
        writer.alloc(len.next_multiple_of(self.unit.max(align)), align);
    }

    /// Bytes of the steady fill.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bytes are positive and far below 2^53"
    )]
    pub fn live_bytes(&self) -> u64 {
        (self.capacity as f64 * self.live_share) as u64
    }

    fn refill(&self, writer: &mut Writer, random: &mut Random) {
        while writer.live_bytes < self.live_bytes() {
            self.alloc(writer, random);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_churn_stays_at_its_fill_and_then_exceeds_the_space() {
        let churn = Churn {
            capacity: 1 << 20,
            len_max: 16 << 10,
            ..Churn::STRIDES
        };
        let script = churn.script(3, 400);
        let mut lens = vec![0_u64; script.slots];
        let mut play = |ops: &[Op]| {
            for op in ops {
                assert!(op.len == 0 || op.len % op.align == 0, "{op:?}");
                let len = std::mem::replace(&mut lens[op.slot as usize], op.len.into());
                assert_eq!(len == 0, op.len > 0, "{op:?} on a slot of {len}");
            }
            lens.iter().sum::<u64>()
        };
        play(&script.warm_up);
        for turn in &script.turns {
            assert!(turn.iter().filter(|op| op.len == 0).count() == 50, "a step");
            let live = play(turn);
            let above = live - churn.live_bytes();
            assert!(above < churn.len_max + 36, "{above} above the fill");
        }
        assert!(play(&script.fill) > churn.capacity, "the fill suffices");
    }
}
