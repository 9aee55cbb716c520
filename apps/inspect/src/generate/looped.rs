//! All blocks in turn: the worst for a cache that keeps what was used last.

use super::maker::{Maker, touch};
use super::{Program, Sink, Stop};

#[derive(Debug, Default)]
pub(super) struct Loop {
    live: Vec<u64>,
    full: bool,
    next: usize,
}

impl Program for Loop {
    fn frame(&mut self, maker: &mut Maker, sink: &mut Sink<'_>) -> Result<(), Stop> {
        if !self.full {
            self.full = maker.fill(&mut self.live, sink)?;
            return Ok(());
        }
        for _ in 0..maker.per_frame() {
            touch(self.live[self.next], sink)?;
            self.next = (self.next + 1) % self.live.len();
        }
        Ok(())
    }
}
