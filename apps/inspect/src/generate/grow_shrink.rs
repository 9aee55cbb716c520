//! The heap fills up and empties again.

use super::maker::{Maker, remove, touch};
use super::{Program, Sink, Stop};

/// When it is emptied, one block in so many stays.
const KEPT_ONE_IN: usize = 10;

#[derive(Debug, Default)]
pub(super) struct GrowShrink {
    live: Vec<u64>,
    shrinks: bool,
}

impl Program for GrowShrink {
    fn frame(&mut self, maker: &mut Maker, sink: &mut Sink<'_>) -> Result<(), Stop> {
        if self.shrinks {
            let kept = maker.blocks() / KEPT_ONE_IN;
            for _ in 0..maker.per_frame().min(self.live.len() - kept) {
                let place = maker.random.index(self.live.len());
                remove(self.live.swap_remove(place), sink)?;
            }
            self.shrinks = self.live.len() > kept;
        } else {
            self.shrinks = maker.fill(&mut self.live, sink)?;
        }
        for _ in 0..maker.per_frame().min(self.live.len()) {
            let place = maker.random.index(self.live.len());
            touch(self.live[place], sink)?;
        }
        maker.update_some(&self.live, sink)
    }
}
