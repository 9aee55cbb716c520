//! The budget as it is set, and the part of it that is held outside.
//!
//! What is held outside makes the budget smaller for all else here: the engine goes down to it as
//! it does to one that was lowered, and says yes once it is there.

use geoheap_suballoc::ByteLen;

use crate::budget_origin::BudgetOrigin;
use crate::core::Core;
use crate::core::event::{Answer, Effect, ReplyId};
use crate::error::RequestError;

impl Core {
    /// A new budget. The shell has checked that it holds a chunk; with what is held outside it has
    /// to hold one, too.
    pub(super) fn set_budget(
        &mut self,
        asked: ByteLen,
        origin: BudgetOrigin,
        out: &mut Vec<Effect>,
    ) -> Result<(), RequestError> {
        let (outside, min) = (self.budget.outside, self.config.later_budget_bytes_min());
        if outside > ByteLen::ZERO && asked < outside + min {
            return Err(RequestError::BudgetOutside {
                budget: asked,
                outside,
                min,
            });
        }
        let was_cut = self.budget.make_whole();
        self.budget.asked = asked;
        self.budget.origin = origin;
        self.tell_regrown(was_cut, out);
        self.divide_budget(out);
        Ok(())
    }

    /// Part of the budget is to be held outside. Answered when the engine holds no more than the
    /// rest.
    pub(super) fn hold_outside(
        &mut self,
        requested: ByteLen,
        reply: ReplyId,
        out: &mut Vec<Effect>,
    ) -> Result<(), RequestError> {
        let taken = self.budget.outside + self.config.later_budget_bytes_min();
        let max = self.budget.asked.saturating_sub(taken);
        if requested > max {
            let budget = self.budget.asked;
            return Err(RequestError::OutsideTooLarge {
                requested,
                max,
                budget,
            });
        }
        self.budget.outside += requested;
        self.outside_waiting.push_back((reply, requested));
        self.divide_budget(out);
        if is_planted!(OutsideGivenAtOnce) {
            self.grant_outside(out);
        }
        Ok(())
    }

    /// Leases were given up.
    pub(super) fn outside_returned(&mut self, bytes: ByteLen, out: &mut Vec<Effect>) {
        assert!(
            bytes <= self.budget.outside_held,
            "R10: only what was held is returned: {bytes}"
        );
        if is_planted!(OutsideKept) {
            return;
        }
        self.budget.outside_held -= bytes;
        self.budget.outside -= bytes;
        self.divide_budget(out);
    }

    /// Those who wait for a lease.
    pub(crate) fn outside_waiting(&self) -> impl Iterator<Item = ReplyId> {
        self.outside_waiting.iter().map(|(reply, _)| *reply)
    }

    /// Somebody has given up waiting: there is nothing to go down for.
    pub(super) fn outside_forgotten(&mut self, forgotten: ReplyId, out: &mut Vec<Effect>) {
        let mut waiting = self.outside_waiting.iter();
        let Some(at) = waiting.position(|(reply, _)| *reply == forgotten) else {
            return;
        };
        let (reply, bytes) = self.outside_waiting.remove(at).expect("it was found there");
        self.budget.outside -= bytes;
        // The shell forgets him, too.
        out.push(Effect::Reply {
            reply,
            answer: Answer::Done,
        });
        self.divide_budget(out);
    }

    /// Gives those who wait what has become free, first come first. At the beginning of a tick
    /// only: there it is known what staging holds, which may be more than its new part.
    pub(super) fn grant_outside(&mut self, out: &mut Vec<Effect>) {
        while let Some((reply, bytes)) = self.outside_waiting.front().copied()
            && (self.budget.has_room_outside(bytes) || is_planted!(OutsideTooEarly))
        {
            self.outside_waiting.pop_front();
            self.budget.outside_held += bytes;
            out.push(Effect::Reply {
                reply,
                answer: Answer::Outside(bytes),
            });
        }
    }

    /// Nobody is given anything of a device that is gone.
    pub(super) fn refuse_outside(&mut self, out: &mut Vec<Effect>) {
        if self.outside_waiting.is_empty() {
            return;
        }
        for (reply, bytes) in core::mem::take(&mut self.outside_waiting) {
            self.budget.outside -= bytes;
            out.push(Effect::Reply {
                reply,
                answer: Answer::Refused(RequestError::DeviceLost),
            });
        }
        self.divide_budget(out);
    }

    /// The engine's part of the budget has changed.
    fn divide_budget(&mut self, out: &mut Vec<Effect>) {
        let total = self.budget.asked.saturating_sub(self.budget.outside);
        let staging = self.config.staging_under(total);
        let more = total.saturating_sub(self.budget.total).get();
        self.room_bytes = self.room_bytes.saturating_add(more);
        let was_cut = self.budget.is_cut();
        self.budget.divide(total, staging);
        // What the device gives may be enough for the rest.
        self.tell_regrown(was_cut && !self.budget.is_cut(), out);
        if more > 0 {
            self.returning.try_again();
        }
        out.push(Effect::SetBudget {
            budget: total,
            staging,
        });
    }
}
