//! Parts of the budget that are held outside of the engine (R10).

use geoheap::{ByteLen, OutsideLease, Report, RequestError};

use super::waiting::{Answer, Waiting};
use super::{World, broken};
use crate::fault::FaultClass;
use crate::finding::{Check, Verdict, ensure};
use crate::gpu::Gpu;
use crate::timeline::{Actor, NONE};

/// Of a thousand strikes, so many give a lease back if there is one.
const GIVEN_BACK_RATE: u64 = 600;
/// Of a thousand who ask for one, so many do not wait for it.
const FORGOTTEN_RATE: u64 = 100;

impl<G: Gpu> World<G> {
    /// Asks for a part of the budget, now and then for more than there is, or gives one back.
    pub(super) fn hold_outside(&mut self) {
        let random = &mut self.chances.classes[FaultClass::Outside as usize];
        let is_over = random.chance(GIVEN_BACK_RATE);
        let at = random.index(self.leases.len());
        let bytes = random.magnitude(1, self.setting.config.budget_bytes.get());
        let is_forgotten = random.chance(FORGOTTEN_RATE);
        if let Some(at) = at.filter(|_| is_over) {
            let lease = self.leases.swap_remove(at);
            let bytes = lease.bytes().get();
            self.note_outside("give back outside", bytes);
            return;
        }
        self.note_outside("hold outside", bytes);
        let bytes = ByteLen::new(bytes);
        match self.client.hold_outside(bytes) {
            Ok(_) if is_forgotten => self.forgotten = (self.timeline.tick(), bytes.get()),
            Ok(pending) => self.wait(Waiting::new(Answer::Outside { bytes, pending })),
            Err(_) => {}
        }
    }

    fn note_outside(&mut self, what: &'static str, bytes: u64) {
        self.timeline
            .note(Actor::Client(0), what, None, [("bytes", bytes), NONE]);
    }

    /// All leases are given back, and nobody waits for one: what cannot make way would have him
    /// wait for ever.
    pub(super) fn hold_nothing_outside(&mut self) {
        self.leases.clear();
        let mut forgotten = 0;
        self.waiting.retain(|one| match &one.answer {
            Answer::Outside { bytes, .. } => {
                forgotten += bytes.get();
                false
            }
            _ => true,
        });
        self.forgotten = (self.timeline.tick(), forgotten);
    }

    pub(super) fn outside_answered(
        &mut self,
        bytes: ByteLen,
        answer: Result<OutsideLease, RequestError>,
        since: u64,
    ) -> Verdict {
        let is_true = match &answer {
            Ok(lease) => lease.bytes() == bytes,
            Err(RequestError::OutsideTooLarge { requested, max, .. }) => {
                *requested == bytes && bytes > *max
            }
            Err(RequestError::DeviceLost) => self.was_lost_since(since),
            Err(_) => false,
        };
        ensure(is_true, Check::Refusals, || {
            format!("R11: {bytes} bytes were to be held outside, and the answer is {answer:?}")
        })?;
        let told = if answer.is_ok() { "holds" } else { "refuses" };
        let figures = [("bytes outside", bytes.get()), NONE];
        self.timeline.note(Actor::Engine, told, None, figures);
        self.leases.extend(answer);
        Ok(())
    }

    /// The engine counts what is held, and nothing else.
    pub(super) fn check_outside(&self, report: &Report) -> Verdict {
        let held: u64 = self.leases.iter().map(|lease| lease.bytes().get()).sum();
        // What nobody waits for may be given by the next tick, and comes back with the one after.
        let (tick, bytes) = self.forgotten;
        let is_fresh = self.timeline.tick() <= tick + 1;
        let more = if is_fresh { bytes } else { 0 };
        if (held..=held + more).contains(&report.outside_bytes) {
            return Ok(());
        }
        broken(
            Check::Residency,
            format!(
                "R10: {held} bytes are held outside, and the engine knows of {}",
                report.outside_bytes
            ),
        )
    }

    /// A budget is refused only if it leaves the engine too little beside what is held outside.
    pub(super) fn judge_budget(error: &RequestError) -> Verdict {
        let is_true = matches!(
            error,
            RequestError::BudgetOutside { budget, outside, min } if *budget < *outside + *min
        );
        ensure(is_true, Check::Refusals, || {
            format!("R11: a budget was refused: {error}")
        })
    }
}
