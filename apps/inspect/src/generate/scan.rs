//! A small set that is always used, and a rest that passes by.

use super::maker::{Maker, touch};
use super::{Program, Sink, Stop};

/// The set that is always used is one block in so many.
const HOT_ONE_IN: usize = 10;

#[derive(Debug, Default)]
pub(super) struct Scan {
    live: Vec<u64>,
    full: bool,
    next: usize,
}

impl Program for Scan {
    fn frame(&mut self, maker: &mut Maker, sink: &mut Sink<'_>) -> Result<(), Stop> {
        if !self.full {
            self.full = maker.fill(&mut self.live, sink)?;
            return Ok(());
        }
        let hot = self.live.len().div_ceil(HOT_ONE_IN);
        let cold = self.live.len() - hot;
        for nth in 0..maker.per_frame() {
            if nth % 2 == 0 || cold == 0 {
                let place = maker.random.index(hot);
                touch(self.live[place], sink)?;
            } else {
                touch(self.live[hot + self.next], sink)?;
                self.next = (self.next + 1) % cold;
            }
        }
        Ok(())
    }
}
