//! Blocks come, change and go; their number stays.

use super::maker::{Maker, remove, touch};
use super::{Program, Sink, Stop};

#[derive(Debug, Default)]
pub(super) struct Churn {
    live: Vec<u64>,
    full: bool,
}

impl Program for Churn {
    fn frame(&mut self, maker: &mut Maker, sink: &mut Sink<'_>) -> Result<(), Stop> {
        if !self.full {
            self.full = maker.fill(&mut self.live, sink)?;
            return Ok(());
        }
        for _ in 0..maker.per_frame() {
            let place = maker.random.index(self.live.len());
            match maker.random.below(4) {
                // Half replace a block by a new one of another size.
                0 | 1 => {
                    remove(self.live.swap_remove(place), sink)?;
                    self.live.push(maker.add(sink)?);
                }
                2 => maker.update(self.live[place], sink)?,
                _ => touch(self.live[place], sink)?,
            }
        }
        Ok(())
    }
}
