//! The end of a run: the faults stop, and then everything must come right.

mod contents;
mod emptied;
mod lost;
mod revived;

use core::sync::atomic::Ordering;

use geoheap::{DrawSetError, Lifetime, Lookup, RequestError};

use super::{World, broken, words};
use crate::fault::FaultClass;
use crate::finding::{Broken, Check, Verdict};
use crate::gpu::Gpu;
use crate::heap_check::free_ranges;
use crate::oracle::{Block, Life};
use crate::timeline::{Actor, NONE};

/// Ticks in which what is under way has to come to its end.
const CALM_TICKS: u64 = 8_000;
/// Blocks that a frame misses at the end.
const WISHED: usize = 8;
/// Ticks in which the heap says that frames use more than it can hold.
const DEGRADED_TICKS: u64 = 8;
/// Ticks in which one block has to come back.
const RETURN_TICKS: u64 = 1_500;

impl<G: Gpu> World<G> {
    /// No faults any more: everybody is answered (C9), nothing stays retired (C5), each block shows
    /// the contents that it was given last (C8), and nothing is left behind.
    pub(super) fn settle(&mut self) -> Verdict {
        self.calm_down()?;
        self.wait_for_answers()?;
        self.check_retired()?;
        self.check_wishes()?;
        self.revive()?;
        self.check_contents()?;
        self.check_copies()?;
        if self.plan.has(FaultClass::Loss) {
            self.check_loss()?;
            self.check_failed_contents()?;
        }
        self.check_degraded()?;
        self.check_budget_reached()?;
        self.check_emptied()?;
        self.check_usable()
    }

    fn quiet_tick(&mut self) -> Verdict {
        self.timeline.set_tick(self.timeline.tick() + 1);
        self.device_acts();
        self.tick()
    }

    fn calm_down(&mut self) -> Verdict {
        self.is_calm = true;
        self.hold_nothing_outside();
        self.unhang_callbacks();
        self.frames.calm().store(true, Ordering::Release);
        self.call_faults.clear();
        self.disk_faults.clear();
        self.timeline
            .note(Actor::Fault, "all faults stop", None, [NONE, NONE]);
        self.gpu.hurry();
        while self.is_lost() {
            self.quiet_tick()?;
        }
        self.end_frames()?;
        for _ in 0..CALM_TICKS {
            if self.frames.are_idle() {
                break;
            }
            self.quiet_tick()?;
        }
        let budget = self.setting.config.budget_bytes;
        self.set_budget(budget);
        Ok(())
    }

    fn wait_for_answers(&mut self) -> Verdict {
        self.flush()?;
        for _ in 0..CALM_TICKS {
            if self.waiting.is_empty() {
                return Ok(());
            }
            self.quiet_tick()?;
        }
        let oldest = &self.waiting[0];
        broken(
            Check::Liveness,
            format!(
                "{} callers wait, the first since tick {} for an answer to: {}; {:?}",
                self.waiting.len(),
                oldest.since,
                words::answer(&oldest.answer),
                self.manager.report()
            ),
        )
    }

    /// With all tickets and commands gone nothing waits for them (C5).
    fn check_retired(&mut self) -> Verdict {
        for _ in 0..CALM_TICKS {
            let report = self.manager.report();
            if report.retired_bytes == 0 && report.versions_alive <= 1 {
                return Ok(());
            }
            self.quiet_tick()?;
        }
        let report = self.manager.report();
        broken(
            Check::Retirement,
            format!(
                "R3: nobody holds a version, and {} bytes stay retired; versions alive {}",
                report.retired_bytes, report.versions_alive
            ),
        )
    }

    /// Blocks that a frame misses come back because it misses them.
    fn check_wishes(&mut self) -> Verdict {
        let is_odd = self.plan.has(FaultClass::Odd);
        let small = self.setting.config.chunk_bytes.get() / 8;
        let alive = self.oracle.alive().to_vec();
        let is_wanted = |model: &&Block| {
            let is_plain = model.comes_back() && model.pins == 0;
            // Odd parts together may need an alignment of a whole chunk.
            let is_dynamic = model.lifetime == Lifetime::Dynamic && !is_odd;
            is_plain && is_dynamic && model.is_as_it_came() && model.bytes() < small
        };
        let models = alive.iter().map(|block| self.oracle.block(*block));
        let models = models.filter(is_wanted).take(WISHED);
        let wanted: Vec<_> = models
            .map(|model| (model.number, self.handle_of(model.number)))
            .collect();
        for (_, handle) in &wanted {
            self.sent(|client| client.evict(*handle))?;
        }
        let mut missing = Vec::new();
        for _ in 0..RETURN_TICKS {
            self.quiet_tick()?;
            missing.clear();
            let ticket = self.frames.source().begin_frame();
            for (block, handle) in &wanted {
                if !matches!(ticket.get(*handle), Lookup::Resident(_) | Lookup::Failed) {
                    missing.push((*block, *handle));
                }
            }
            drop(ticket.finish());
            if missing.is_empty() {
                return Ok(());
            }
        }
        // Blocks that can neither leave nor move may leave no room that is long enough.
        let longest = self.longest_hole();
        missing.retain(|(block, _)| self.is_taken_by(longest, *block));
        if missing.is_empty() {
            return Ok(());
        }
        let missing = words::blocks(&missing);
        let report = self.manager.report();
        broken(
            Check::Liveness,
            format!("frames looked at {missing} for {RETURN_TICKS} ticks, in vain: {report:?}"),
        )
    }

    /// Whether a free range of `hole_bytes` takes a block for sure. What is longer than half a
    /// chunk gets a buffer of its own, for which there may be no room beside the chunks.
    fn is_taken_by(&self, hole_bytes: u64, block: u32) -> bool {
        let block = self.oracle.block(block);
        let shared_max = self.setting.config.chunk_bytes.get() / 2;
        block.length_max() <= shared_max && block.room_bytes_max() <= hole_bytes
    }

    /// Bytes of the longest free range that any block could have.
    fn longest_hole(&self) -> u64 {
        let map = self.manager.heap_map().unwrap_or_default();
        let is_split = self.setting.config.split_by_kind;
        let open = map
            .chunks
            .iter()
            .filter(|chunk| !is_split && chunk.lifetime == Lifetime::Dynamic && !chunk.dedicated);
        let holes = open.flat_map(free_ranges);
        holes.map(|(start, end)| end - start).max().unwrap_or(0)
    }

    /// Copies that system memory has no budget for are in the file when nobody brings others.
    fn check_copies(&mut self) -> Verdict {
        let Some(spill) = &self.setting.config.spill else {
            return Ok(());
        };
        let most = spill.retained_bytes_max.get();
        for _ in 0..CALM_TICKS {
            if self.manager.report().retained_bytes <= most {
                return Ok(());
            }
            self.quiet_tick()?;
        }
        let report = self.manager.report();
        broken(
            Check::Residency,
            format!("copies of more than {most} bytes stay in memory: {report:?}"),
        )
    }

    /// A frame that looks at more than the budget holds makes the heap say so (R10).
    fn check_degraded(&mut self) -> Verdict {
        let largest = self.setting.config.chunk_bytes.get() / 2;
        let alive = self.oracle.alive().to_vec();
        let (mut handles, mut bytes) = (Vec::new(), 0);
        for block in alive {
            let model = self.oracle.block(block);
            let can_come = model.comes_back() && !model.is_changing_parts;
            if can_come && model.bytes() < largest && model.lifetime == Lifetime::Dynamic {
                bytes += model.bytes();
                handles.push(self.handle_of(block));
            }
        }
        if bytes <= self.setting.config.budget_bytes.get() {
            return Ok(());
        }
        for _ in 0..DEGRADED_TICKS {
            let ticket = self.frames.source().begin_frame();
            for handle in &handles {
                let _ = ticket.get(*handle);
            }
            drop(ticket.finish());
            self.quiet_tick()?;
            if self.manager.report().degraded.is_some() {
                return Ok(());
            }
        }
        broken(
            Check::Residency,
            format!("R10: frames use {bytes} bytes, and the heap says nothing of it"),
        )
    }

    /// Asks until the mailbox has room.
    fn sent<T>(
        &mut self,
        ask: impl Fn(&geoheap::Client) -> Result<T, geoheap::SendError>,
    ) -> Result<T, Broken> {
        for _ in 0..RETURN_TICKS {
            if let Ok(sent) = ask(&self.client) {
                return Ok(sent);
            }
            self.quiet_tick()?;
        }
        ask(&self.client).map_err(|error| mailbox(&error))
    }

    /// Ticks until the answer is there.
    fn until<T>(
        &mut self,
        mut pending: geoheap::Pending<T>,
    ) -> Result<Option<Result<T, RequestError>>, Broken> {
        for _ in 0..RETURN_TICKS {
            self.quiet_tick()?;
            if let Some(answer) = pending.try_take() {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    /// A budget that is lowered is reached, with nothing in the heap that has to stay (R10).
    fn check_budget_reached(&mut self) -> Verdict {
        for block in self.oracle.alive().to_vec() {
            let model = self.oracle.block(block);
            let must_stay = model.pins > 0
                || model.changes_lifetime
                || model.lifetime == Lifetime::LongLived
                || !model.kept.can_leave();
            if must_stay {
                self.remove_for_good(block)?;
            }
        }
        for set in core::mem::take(&mut self.sets) {
            self.sent(|client| client.remove_draw_set(set.id()).map_err(send_error))?;
        }
        let budget = self.client.budget_bytes_min();
        self.set_budget(budget);
        for _ in 0..CALM_TICKS {
            self.quiet_tick()?;
            let report = self.manager.report();
            if report.budget_bytes == budget.get() && report.held_bytes <= budget.get() {
                return Ok(());
            }
        }
        let report = self.manager.report();
        broken(
            Check::Residency,
            format!(
                "R10: nothing has to stay, and a budget of {budget} is not reached: {report:?}"
            ),
        )
    }

    /// Gives up all ownerships of a block.
    fn remove_for_good(&mut self, block: u32) -> Verdict {
        while self.oracle.block(block).life == Life::Alive {
            let handle = self.handle_of(block);
            self.sent(|client| client.remove(handle))?;
            let model = self.oracle.block_mut(block);
            model.owners -= 1;
            if model.owners == 0 {
                let order = self.next_order();
                self.leave(block, order);
            }
        }
        Ok(())
    }
}

/// With nobody else sending, there is room.
fn mailbox(error: &geoheap::SendError) -> Broken {
    Broken {
        check: Check::Liveness,
        message: format!("the mailbox refuses a request of one caller: {error}"),
    }
}

/// Removing a set that was made can only meet a full mailbox.
fn send_error(error: DrawSetError) -> geoheap::SendError {
    match error {
        DrawSetError::Send(error) => error,
        other => unreachable!("the set was made by this manager: {other}"),
    }
}
