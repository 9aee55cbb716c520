//! Made-up worlds, each a way in which frames draw.

use std::collections::BTreeSet;

use super::world::{Step, World};
use crate::random::Random;

/// How much of each is played.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Entries of 4 to 512 KiB.
    pub entries: u32,
    /// Frames.
    pub frames: u32,
}

/// What a frame draws; a frame's list is sorted, and names no entry twice.
type Draws<'a> = &'a mut dyn FnMut(u32, &mut Random) -> Vec<u32>;

/// All mixes.
pub fn all(extent: Extent) -> Vec<World> {
    let Extent { entries, .. } = extent;
    let half = entries / 2;
    let flat = Zipf::new(entries, 0.8);
    let steep = Zipf::new(entries, 1.1);
    let of_half = Zipf::new(half, 0.9);
    let ring = |from: u32, len: u32, at: u32, count: u32| {
        (0..count).map(move |nth| from + (at + nth) % len)
    };
    let mut worlds = Vec::new();
    let mut add = |name: &str, draws: Draws<'_>| worlds.push(world(name, extent, draws));
    add("zipf-0.8", &mut |_, random| flat.picks(40, random));
    add("zipf-1.1", &mut |_, random| steep.picks(40, random));
    // A window of 40 moves by 4 a frame over all, and comes round.
    add("loop", &mut |frame, _| {
        ring(0, entries, frame * 4, 40).collect()
    });
    // The same over an eighth, with one entry of the others a frame.
    add("loop-short", &mut |frame, _| {
        let short = ring(0, entries / 8, frame * 4, 40);
        let others = ring(entries / 8, entries - entries / 8, frame, 1);
        short.chain(others).collect()
    });
    // Twenty always, and a fly-over of all others.
    add("scan", &mut |frame, _| {
        let seen = ring(20, entries - 20, frame * 10, 20);
        (0..20).chain(seen).collect()
    });
    // Now and then a fly-over beside what is drawn by chance.
    add("zipf-scan", &mut |frame, random| {
        let mut drawn = of_half.picks(30, random);
        if frame / 200 % 2 == 1 {
            drawn.extend(ring(half, entries - half, frame * 10, 30));
        }
        drawn
    });
    add("zipf-loop", &mut |frame, random| {
        let mut drawn = of_half.picks(20, random);
        drawn.extend(ring(half, entries / 8, frame * 2, 20));
        drawn
    });
    // What is drawn often is another set every 500 frames.
    add("shift", &mut |frame, random| {
        let base = frame / 500 * (entries * 3 / 20);
        let picks = of_half.picks(40, random);
        picks.iter().map(|pick| (base + pick) % entries).collect()
    });
    // The camera looks to and fro between two sides, and moves on slowly.
    add("turn", &mut |frame, _| {
        let side = frame / 60 % 2 * (entries / 10);
        let at = frame / 120 * (entries / 100) + side + frame % 60 * 2;
        ring(0, entries, at, 40).collect()
    });
    worlds
}

fn world(name: &str, extent: Extent, draws: Draws<'_>) -> World {
    const KIB: u64 = 1024;
    let mut random = Random::new(1);
    let mut sizes = Random::new(2);
    let mut frames: Vec<Vec<Step>> = Vec::new();
    for frame in 0..extent.frames {
        let drawn: BTreeSet<u32> = draws(frame, &mut random).into_iter().collect();
        frames.push(drawn.into_iter().map(Step::Draw).collect());
    }
    let come = (0..extent.entries).map(|id| Step::Bytes {
        id,
        bytes: sizes.log_uniform(4 * KIB, 512 * KIB) / 4 * 4,
    });
    if let Some(first) = frames.first_mut() {
        first.splice(..0, come);
    }
    World::new(name, extent.entries as usize, frames)
}

/// Numbers from 0 of which the n-th comes up in proportion to a power of 1 / (n + 1).
struct Zipf {
    /// The share of all numbers up to each.
    up_to: Vec<f64>,
}

impl Zipf {
    fn new(count: u32, exponent: f64) -> Self {
        let mut sum = 0.0;
        let weights = (1..=count).map(|rank| f64::from(rank).powf(-exponent));
        let mut up_to: Vec<f64> = weights
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        for part in &mut up_to {
            *part /= sum;
        }
        Self { up_to }
    }

    fn pick(&self, random: &mut Random) -> u32 {
        const STEPS: u32 = 1 << 30;
        let drawn = u32::try_from(random.below(STEPS.into())).unwrap_or(0);
        let share = f64::from(drawn) / f64::from(STEPS);
        let nth = self.up_to.partition_point(|part| *part < share);
        u32::try_from(nth.min(self.up_to.len() - 1)).unwrap_or(0)
    }

    fn picks(&self, count: usize, random: &mut Random) -> Vec<u32> {
        (0..count).map(|_| self.pick(random)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mix_draws_what_exists() {
        let extent = Extent {
            entries: 400,
            frames: 700,
        };
        let worlds = all(extent);
        assert_eq!(worlds.len(), 9);
        for world in worlds {
            assert_eq!(world.frames.len(), 700, "{}", world.name);
            let draws = world.frames.iter().flatten();
            let draws = draws.filter(|step| match step {
                Step::Draw(id) => {
                    assert!(*id < 400, "{}: {id}", world.name);
                    true
                }
                _ => false,
            });
            assert!(draws.count() >= 700 * 10, "{}", world.name);
        }
    }

    #[test]
    fn low_numbers_come_up_most() {
        let zipf = Zipf::new(100, 1.0);
        let mut random = Random::new(7);
        let picks = zipf.picks(10_000, &mut random);
        let count = |number: u32| picks.iter().filter(|pick| **pick == number).count();
        // One of the harmonic number 5.19, and half as many.
        assert!((1_800..2_060).contains(&count(0)), "{}", count(0));
        assert!((870..1_060).contains(&count(1)), "{}", count(1));
    }
}
