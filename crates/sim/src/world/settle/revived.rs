//! Blocks that are lost, failed, or of which nobody knows what was refused: whole new contents
//! bring them back. So does the next device, with what failed, so that some are left for it.

use crate::fault::FaultClass;
use crate::finding::Verdict;
use crate::gpu::Gpu;
use crate::world::World;

/// Times that a full mailbox is met again.
const TRIES: u32 = 64;

impl<G: Gpu> World<G> {
    /// Gives each block whose contents are in doubt new ones, and waits until they were taken.
    /// What is in doubt after that was refused once more.
    pub(super) fn revive(&mut self) -> Verdict {
        let leaves_some = self.plan.has(FaultClass::Loss);
        let alive = self.oracle.alive().iter().copied();
        let doubtful: Vec<_> = alive
            .filter(|block| {
                let model = self.oracle.block(*block);
                let is_left = leaves_some && block.is_multiple_of(2);
                !model.is_certain() && !model.is_changing_parts && !is_left
            })
            .collect();
        for block in doubtful {
            for _ in 0..TRIES {
                let before = self.oracle.block(block).unconfirmed.len();
                self.update_as_it_is(block)?;
                if self.oracle.block(block).unconfirmed.len() > before {
                    break;
                }
                self.quiet_tick()?;
            }
        }
        self.wait_for_answers()
    }
}
