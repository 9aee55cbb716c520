//! Few blocks are used often, many seldom.

use super::maker::{Maker, touch};
use super::{Program, Shape, Sink, Stop};

/// The weight of the most used block; that of the n-th is an n-th of it.
const FIRST_WEIGHT: u64 = 1 << 32;

/// How often each of some ranks comes, as sums from the first on.
#[derive(Clone, Debug)]
struct Ranks {
    sums: Vec<u64>,
}

impl Ranks {
    fn new(count: u32) -> Self {
        let mut sum = 0;
        let sums = (1..=u64::from(count)).map(|rank| {
            sum += FIRST_WEIGHT / rank;
            sum
        });
        Self {
            sums: sums.collect(),
        }
    }

    fn draw(&self, maker: &mut Maker) -> usize {
        let total = self.sums.last().copied().unwrap_or(1);
        let at = maker.random.below(total);
        self.sums.partition_point(|&sum| sum <= at)
    }
}

#[derive(Debug)]
pub(super) struct Zipf {
    /// In the order of their ranks, which has nothing to do with the order in which they came.
    live: Vec<u64>,
    ranks: Ranks,
    full: bool,
}

impl Zipf {
    pub(super) fn new(shape: &Shape) -> Self {
        Self {
            live: Vec::new(),
            ranks: Ranks::new(shape.blocks),
            full: false,
        }
    }
}

impl Program for Zipf {
    fn frame(&mut self, maker: &mut Maker, sink: &mut Sink<'_>) -> Result<(), Stop> {
        if !self.full {
            self.full = maker.fill(&mut self.live, sink)?;
            if self.full {
                // Fisher and Yates.
                for last in (1..self.live.len()).rev() {
                    let other = maker.random.index(last + 1);
                    self.live.swap(last, other);
                }
            }
            return Ok(());
        }
        for _ in 0..maker.per_frame() {
            let rank = self.ranks.draw(maker);
            touch(self.live[rank], sink)?;
        }
        maker.update_some(&self.live, sink)
    }
}
