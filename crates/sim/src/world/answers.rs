//! Answers, and what each says about the heap.

use geoheap::{LayoutError, Lookup, Op, PartId, ReadBack, RequestError, Version};

use super::waiting::{Answer, Expected, PartAsk, Sent, Waiting};
use super::{World, broken, words};
use crate::fault::FaultClass;
use crate::finding::{Broken, Check, Verdict, ensure};
use crate::gpu::Gpu;
use crate::oracle::{Kept, Life, Part, PartLife};
use crate::timeline::{Actor, NONE};

/// The answer, if it has come.
macro_rules! taken {
    ($pending:expr) => {
        match $pending.try_take() {
            Some(answer) => answer,
            None => return Ok(false),
        }
    };
}

impl<G: Gpu> World<G> {
    /// Answers that have come.
    pub(super) fn take_answers(&mut self) -> Verdict {
        let waiting = core::mem::take(&mut self.waiting);
        for mut one in waiting {
            if !self.take_answer(&mut one)? {
                self.waiting.push(one);
            }
        }
        Ok(())
    }

    /// Whether the answer has come.
    fn take_answer(&mut self, waiting: &mut Waiting) -> Result<bool, Broken> {
        let since = waiting.since;
        match &mut waiting.answer {
            Answer::Part {
                block,
                at,
                nth,
                ask,
                pending,
            } => {
                let answer = taken!(pending);
                let (block, at, nth, ask) = (*block, *at, *nth, *ask);
                self.part_answered(block, at, nth, ask, answer, since)?;
            }
            Answer::PartGone { block, at, pending } => {
                let answer = taken!(pending);
                let (block, at) = (*block, *at);
                self.removal_answered(block, at, answer.err().as_ref(), since)?;
            }
            Answer::Done {
                what,
                block,
                pending,
            } => {
                let answer = taken!(pending);
                let (what, block) = (*what, *block);
                self.done_answered(what, block, answer.as_ref().err(), since)?;
            }
            Answer::Flush { sent, pending } => {
                let answer = taken!(pending);
                let sent = core::mem::take(sent);
                match answer {
                    Ok(version) => self.flushed(&sent, version, since),
                    Err(error) => broken(Check::Refusals, format!("R11: a flush: {error}"))?,
                }
            }
            Answer::Read {
                block,
                asked,
                pending,
            } => {
                let answer = taken!(pending);
                let (block, asked) = (*block, core::mem::take(asked));
                match answer {
                    Ok(read) => self.check_read_back(block, &asked, &read, since)?,
                    Err(error) => {
                        self.judge_refusal(block, Some(Op::ReadBack), Some(&error), since)?;
                    }
                }
            }
            Answer::Staged { purpose, pending } => {
                let answer = taken!(pending);
                self.staging_answered(*purpose, answer, since)?;
            }
            Answer::Outside { bytes, pending } => {
                let answer = taken!(pending);
                self.outside_answered(*bytes, answer, since)?;
            }
        }
        Ok(true)
    }

    fn removal_answered(
        &mut self,
        block: u32,
        at: usize,
        error: Option<&RequestError>,
        since: u64,
    ) -> Verdict {
        let model = self.oracle.block_mut(block);
        model.is_changing_parts = false;
        model.parts[at].life = if error.is_none() {
            PartLife::Gone
        } else {
            PartLife::There
        };
        self.judge_refusal(block, Some(Op::Part), error, since)
    }

    fn part_answered(
        &mut self,
        block: u32,
        at: usize,
        nth: usize,
        ask: PartAsk,
        answer: Result<PartId, RequestError>,
        since: u64,
    ) -> Verdict {
        let version = self.newest_version();
        let told = words::part_ask(ask)[if answer.is_ok() { 1 } else { 2 }];
        let figures = [("part", at as u64), ("version", version.get())];
        self.timeline
            .note(Actor::Engine, told, Some(block), figures);
        let order = self.order;
        let model = self.oracle.block_mut(block);
        if ask == PartAsk::Add {
            model.is_changing_parts = false;
        }
        match answer {
            Ok(id) => {
                let part = &mut model.parts[at];
                ensure(
                    part.id.is_none_or(|known| known == id),
                    Check::Handles,
                    || {
                        format!(
                            "block {block} part {at} was {}, and is answered as part {id}",
                            words::part(part.id)
                        )
                    },
                )?;
                part.id = Some(id);
                if part.life == PartLife::Asked {
                    part.life = PartLife::There;
                }
                // The answer comes once the contents are published.
                part.raise_floor(version, nth);
                Ok(())
            }
            Err(error) => {
                model.part_refused(at, nth, order);
                if ask == PartAsk::Add {
                    model.parts[at].life = PartLife::Gone;
                }
                self.judge_refusal(block, Some(Op::Part), Some(&error), since)
            }
        }
    }

    /// A request that waits since that tick is refused for a reason that is there.
    pub(super) fn judge_refusal(
        &self,
        block: u32,
        op: Option<Op>,
        error: Option<&RequestError>,
        since: u64,
    ) -> Verdict {
        let Some(error) = error else { return Ok(()) };
        let is_true = self.is_true_reason(block, op, error, since);
        ensure(is_true, Check::Refusals, || {
            let what = op.map_or("what was asked", |op| words::op(op)[0]);
            format!("R11: {what} of block {block} is valid, and was refused: {error}")
        })
    }

    /// Whether a request about a block may be refused with `error`.
    fn is_true_reason(&self, block: u32, op: Option<Op>, error: &RequestError, since: u64) -> bool {
        let model = self.oracle.block(block);
        let is_reading = op == Some(Op::ReadBack);
        match error {
            RequestError::Stale { .. } | RequestError::Part { .. } => model.life != Life::Alive,
            // New contents of a block that will come back are taken without a device too.
            RequestError::DeviceLost => {
                let is_kept = op == Some(Op::Update) && model.kept.outlives_device();
                self.was_lost_since(since) && !is_kept
            }
            RequestError::StagedOnLostDevice => self.is_staged_on_lost(block),
            RequestError::Lost { .. } => {
                let is_leaving = model.life != Life::Alive && self.epoch > 0;
                model.was_lost_since(since) || is_leaving
            }
            RequestError::TooLarge { requested, max } => requested > max,
            RequestError::Layout(LayoutError::ZeroSize) => self.given_nothing.contains(&block),
            RequestError::Layout(_) => self.plan.has(FaultClass::Odd),
            RequestError::PartCount { expected, given } => expected != given,
            RequestError::LengthDiffers { expected, given } => expected != given,
            RequestError::NotResident { .. } => {
                is_reading || op == Some(Op::Evict) || !matches!(model.kept, Kept::Retained)
            }
            RequestError::StagingFull { requested, free } => is_reading && requested > free,
            RequestError::StagingTooSmall { requested, limit } => is_reading && requested > limit,
            RequestError::Pinned { .. }
            | RequestError::LongLived { .. }
            | RequestError::NoSource { .. } => op == Some(Op::Evict),
            // Under pressure those who wait are told so; that it was true shows in the calm end.
            RequestError::Failed { .. } => true,
            _ => false,
        }
    }

    fn done_answered(
        &mut self,
        what: Expected,
        block: Option<u32>,
        error: Option<&RequestError>,
        since: u64,
    ) -> Verdict {
        let told = words::expected(what)[if error.is_none() { 1 } else { 2 }];
        self.timeline.note(Actor::Engine, told, block, [NONE, NONE]);
        if let Some(error) = error {
            return match block {
                Some(block) => self.judge_refusal(block, None, Some(error), since),
                None if self.was_lost_since(since) => Ok(()),
                None if what == Expected::Budget => Self::judge_budget(error),
                None => broken(
                    Check::Refusals,
                    format!("{} was refused: {error}", words::expected(what)[0]),
                ),
            };
        }
        let Some(block) = block else {
            return Ok(());
        };
        if what == Expected::Pin {
            let order = self.next_order();
            let model = self.oracle.block_mut(block);
            model.pins += 1;
            model.touch(order);
        }
        // Others than pinned blocks may have left again within the tick.
        let is_alive = self.oracle.block(block).life == Life::Alive;
        let is_losing = self.is_lost() || self.lost_at == self.timeline.tick();
        if what != Expected::Pin || !is_alive || is_losing {
            return Ok(());
        }
        let handle = self.handle_of(block);
        let ticket = self.frames.source().begin_frame();
        let found = ticket.get(handle);
        let is_resident = matches!(found, Lookup::Resident(_)) || ticket.is_void();
        ensure(is_resident, Check::Liveness, || {
            let found = words::lookup(&found);
            format!("the pin of block {block} was answered, and a lookup says {found}")
        })
    }

    /// Everything that was sent before the flush is in this version and later ones.
    fn flushed(&mut self, sent: &Sent, version: Version, since: u64) {
        let figures = [("version", version.get()), ("since tick", since)];
        self.timeline.note(Actor::Engine, "flushed", None, figures);
        let tick = self.timeline.tick();
        for (block, at, nth) in &sent.contents {
            let model = self.oracle.block_mut(*block);
            model.known_from.get_or_insert(version);
            model.confirm(sent.order, version, tick);
            if model.is_certain() {
                model.parts[*at].raise_floor(version, *nth);
            }
            if model.changed_at < sent.order {
                model.quiet_from.get_or_insert(version);
            }
        }
        for block in &sent.leaving {
            self.oracle.block_mut(*block).life = Life::Gone(version);
        }
    }

    /// A read-back gives contents that the block had, and none that are older than those that were
    /// sent before it was asked for.
    fn check_read_back(
        &mut self,
        block: u32,
        asked: &[(usize, usize)],
        read: &ReadBack,
        since: u64,
    ) -> Verdict {
        let ids: Vec<PartId> = read.parts.iter().map(|(id, _)| *id).collect();
        let model = self.oracle.block_mut(block);
        model.learn_ids(&ids);
        let is_certain = model.was_certain_since(since);
        for (id, bytes) in &read.parts {
            // A part may be read back before who asked for it was answered.
            let may_be = |part: &Part| part.id.is_none_or(|known| known == *id);
            let mut parts = model.parts.iter().enumerate();
            let found = parts.find_map(|(at, part)| {
                let class = may_be(part).then(|| part.class_of(bytes)).flatten()?;
                Some((at, class))
            });
            ensure(found.is_some(), Check::Contents, || {
                format!("a read-back of block {block} gives part {id} bytes that it never had")
            })?;
            let Some((at, class)) = found.filter(|_| is_certain) else {
                continue;
            };
            let sent = asked.iter().find(|(part, _)| *part == at);
            let least = sent.and_then(|(_, nth)| model.parts[at].class_upto(*nth));
            ensure(
                least.is_none_or(|least| class >= least),
                Check::Contents,
                || {
                    format!(
                        "a read-back of block {block} gives part {id} contents of class {class}; \
                     those of class {} were sent before it",
                        least.unwrap_or_default()
                    )
                },
            )?;
        }
        Ok(())
    }

    /// The newest published version.
    pub(super) fn newest_version(&self) -> Version {
        self.frames.source().begin_frame().version()
    }
}
