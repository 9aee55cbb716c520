//! The scheduler's own doings: what goes wrong, and when.

use geoheap::ByteLen;

use super::World;
use super::waiting::{Answer, Expected, Waiting};
use crate::disk::ReadFault;
use crate::fault::FaultClass;
use crate::finding::Verdict;
use crate::gpu::Gpu;
use crate::timeline::{Actor, NONE};

/// Of a thousand refused submits, so many begin a time in which the first of each tick is.
const SUBMITS_RATE: u64 = 100;
/// Ticks of the longest such time.
const SUBMITS_TICKS: u64 = 24;

impl<G: Gpu> World<G> {
    /// Plants what goes wrong in the next tick.
    pub(super) fn strike(&mut self) -> Verdict {
        self.unhang_callbacks();
        if self.timeline.tick() < self.refusing_until {
            self.gpu.fail_submit(1);
        }
        for class in FaultClass::ALL {
            let rate = self.plan.rate(*class);
            let chance = &mut self.chances.classes[*class as usize];
            if rate == 0 || !chance.chance(rate) {
                continue;
            }
            let n = chance.magnitude(1, 12);
            match class {
                FaultClass::Creation => self.call_faults.fail_creation(n.min(3)),
                FaultClass::Staging => {
                    self.call_faults.fail_staging(n);
                    self.call_faults.fail_lease(n);
                    self.call_faults.fail_mapping(n);
                    self.ask_for_a_piece()?;
                }
                FaultClass::Submit => {
                    self.gpu.fail_submit(n.min(3));
                    let chance = &mut self.chances.classes[*class as usize];
                    if chance.chance(SUBMITS_RATE) {
                        let ticks = chance.magnitude(2, SUBMITS_TICKS);
                        self.refusing_until = self.timeline.tick() + ticks;
                    }
                }
                FaultClass::Loss => {
                    self.strike_device(n * 4)?;
                    continue;
                }
                FaultClass::Mailbox => self.flood()?,
                FaultClass::Budget => self.change_budget(),
                FaultClass::Reload => self.hang_callbacks(),
                FaultClass::Spill => self.fail_disk(n),
                FaultClass::Outside => self.hold_outside(),
                // These are habits of the actors, not strikes.
                FaultClass::Late
                | FaultClass::Tickets
                | FaultClass::Misuse
                | FaultClass::Odd
                | FaultClass::Churn => continue,
            }
            let is_of_calls = matches!(
                class,
                FaultClass::Creation | FaultClass::Staging | FaultClass::Submit | FaultClass::Spill
            );
            let figures = [if is_of_calls { ("in calls", n) } else { NONE }, NONE];
            self.timeline
                .note(Actor::Fault, class.name(), None, figures);
        }
        Ok(())
    }

    /// Callbacks are held back for a while, as behind one that hangs.
    fn hang_callbacks(&mut self) {
        let ticks = self.chances.classes[FaultClass::Reload as usize].magnitude(1, 200);
        self.hung_until = self.timeline.tick() + ticks;
        self.manager.hold_reloads(true);
    }

    /// One of the next copies cannot be written into the file, or read from it. Blocks whose
    /// copies cannot be read have failed, so that is seldom: there are to be others.
    fn fail_disk(&mut self, n: u64) {
        let chance = &mut self.chances.classes[FaultClass::Spill as usize];
        match chance.below(100) {
            0..6 => self.disk_faults.fail_read(n, ReadFault::Refused),
            6..12 => self.disk_faults.fail_read(n, ReadFault::Short),
            _ => self.disk_faults.fail_write(n),
        }
    }

    /// Callbacks go on when it is time.
    pub(super) fn unhang_callbacks(&mut self) {
        if self.timeline.tick() >= self.hung_until || self.is_calm {
            self.manager.hold_reloads(false);
        }
    }

    /// More requests at once than the mailbox holds.
    fn flood(&mut self) -> Verdict {
        let count = u64::from(self.setting.config.mailbox_messages) + 8;
        for _ in 0..count.min(200) {
            self.client_acts(0)?;
        }
        Ok(())
    }

    /// A budget somewhere between the least possible and the one that the run began with.
    fn change_budget(&mut self) {
        let least = self.client.budget_bytes_min().get();
        let most = self.setting.config.budget_bytes.get().max(least);
        let random = &mut self.chances.classes[FaultClass::Budget as usize];
        let budget = ByteLen::new(random.between(least, most));
        self.set_budget(budget);
    }

    /// Asks for a budget.
    pub(super) fn set_budget(&mut self, budget: ByteLen) {
        self.timeline.note(
            Actor::Client(0),
            "budget",
            None,
            [("bytes", budget.get()), NONE],
        );
        if let Ok(pending) = self.client.set_budget(budget) {
            let what = Expected::Budget;
            self.wait(Waiting::new(Answer::Done {
                what,
                block: None,
                pending,
            }));
        }
    }
}
