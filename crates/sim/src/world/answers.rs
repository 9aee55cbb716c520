//! What clients wait for, and what an answer says about the heap.

use geoheap::{
    BlockDesc, ByteLen, HeapEvent, Lifetime, Lookup, Op, PartData, PartId, Pending, ReadBack,
    RequestError, StagedWrite, Version,
};

use super::{World, broken};
use crate::fault::FaultClass;
use crate::finding::{Check, Verdict, ensure};
use crate::gpu::Gpu;
use crate::oracle::{Kept, Life, Part, PartLife};
use crate::timeline::{Actor, NONE};

/// A change of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartAsk {
    Add,
    Update,
}

/// A request whose answer says no more than that it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Pin,
    Resident,
    Compact,
    Trim,
    Budget,
}

/// What a piece of staging is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Add,
    Update(u32),
}

/// What was published when a flush was sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Block, part, its last contents.
    contents: Vec<(u32, usize, usize)>,
    leaving: Vec<u32>,
    order: u64,
}

/// An answer to come.
#[derive(Debug)]
pub(super) enum Answer {
    Part {
        block: u32,
        at: usize,
        nth: usize,
        ask: PartAsk,
        pending: Pending<PartId>,
    },
    PartGone {
        block: u32,
        at: usize,
        pending: Pending<()>,
    },
    Done {
        what: Expected,
        block: Option<u32>,
        pending: Pending<()>,
    },
    Flush {
        sent: Sent,
        pending: Pending<Version>,
    },
    Read {
        block: u32,
        pending: Pending<ReadBack>,
    },
    Staged {
        purpose: Purpose,
        pending: Pending<StagedWrite>,
    },
}

/// A caller who waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(super) answer: Answer,
    /// The tick in which he asked.
    pub(super) since: u64,
}

impl Waiting {
    pub(super) fn new(answer: Answer) -> Self {
        Self { answer, since: 0 }
    }
}

impl<G: Gpu> World<G> {
    pub(super) fn wait(&mut self, mut waiting: Waiting) {
        waiting.since = self.timeline.tick();
        self.waiting.push(waiting);
    }

    pub(super) fn ask_done(&mut self, what: Expected, block: Option<u32>) -> Verdict {
        let handle = block.map(|block| self.handle_of(block));
        let named = || handle.expect("requests about a block name it");
        let (word, sent) = match what {
            Expected::Pin => ("pin", self.client.pin(named())),
            Expected::Resident => ("wait for", self.client.resident(named())),
            Expected::Compact => ("compact", self.client.compact_now()),
            Expected::Trim => ("trim", self.client.trim()),
            Expected::Budget => unreachable!("budgets are a fault of their own"),
        };
        self.timeline
            .note(Actor::Client(0), word, block, [NONE, NONE]);
        let sent = sent.map(|pending| {
            if what == Expected::Pin {
                let order = self.next_order();
                let block = block.expect("a pin names its block");
                self.oracle.block_mut(block).touch(order);
            }
            self.wait(Waiting::new(Answer::Done {
                what,
                block,
                pending,
            }));
        });
        Self::judge_send(&sent)
    }

    pub(super) fn flush(&mut self) -> Verdict {
        let mut sent = Sent {
            order: self.next_order(),
            ..Sent::default()
        };
        for block in self.oracle.alive() {
            let model = self.oracle.block(*block);
            for at in model.present() {
                let nth = model.parts[at].given_count() - 1;
                sent.contents.push((*block, at, nth));
            }
        }
        let gone = self.oracle.gone().iter().copied();
        sent.leaving = gone
            .filter(|block| self.oracle.block(*block).life == Life::Leaving)
            .collect();
        self.timeline
            .note(Actor::Client(0), "flush", None, [NONE, NONE]);
        let asked = self.client.flush().map(|pending| {
            self.wait(Waiting::new(Answer::Flush { sent, pending }));
        });
        Self::judge_send(&asked)
    }

    pub(super) fn read_back(&mut self, block: u32) -> Verdict {
        self.timeline
            .note(Actor::Client(0), "read back", Some(block), [NONE, NONE]);
        let asked = self.client.read_back(self.handle_of(block)).map(|pending| {
            self.wait(Waiting::new(Answer::Read { block, pending }));
        });
        Self::judge_send(&asked)
    }

    pub(super) fn ask_staging(&mut self, purpose: Purpose) -> Verdict {
        let len = match purpose {
            Purpose::Add => self
                .chances
                .client
                .magnitude(4, self.setting.part_bytes_max),
            Purpose::Update(block) => {
                let model = self.oracle.block(block);
                let is_retained = matches!(model.kept, Kept::Retained);
                if is_retained || model.is_changing_parts || model.present().len() != 1 {
                    return Ok(());
                }
                model.bytes()
            }
        };
        let len = ByteLen::new(if purpose == Purpose::Add {
            len / 4 * 4
        } else {
            len
        });
        self.timeline.note(
            Actor::Client(0),
            "stage",
            None,
            [("bytes", len.get()), NONE],
        );
        let asked = self.client.stage(len).map(|pending| {
            self.wait(Waiting::new(Answer::Staged { purpose, pending }));
        });
        Self::judge_send(&asked)
    }

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
    fn take_answer(&mut self, waiting: &mut Waiting) -> Result<bool, crate::finding::Broken> {
        match &mut waiting.answer {
            Answer::Part {
                block,
                at,
                nth,
                ask,
                pending,
            } => {
                let Some(answer) = pending.try_take() else {
                    return Ok(false);
                };
                let (block, at, nth, ask) = (*block, *at, *nth, *ask);
                self.part_answered(block, at, nth, ask, answer)?;
            }
            Answer::PartGone { block, at, pending } => {
                let Some(answer) = pending.try_take() else {
                    return Ok(false);
                };
                let model = self.oracle.block_mut(*block);
                model.is_changing_parts = false;
                model.parts[*at].life = match answer {
                    Ok(()) => PartLife::Gone,
                    Err(_) => PartLife::There,
                };
                let block = *block;
                self.judge_refusal(block, answer.err().as_ref())?;
            }
            Answer::Done {
                what,
                block,
                pending,
            } => {
                let Some(answer) = pending.try_take() else {
                    return Ok(false);
                };
                let (what, block) = (*what, *block);
                self.done_answered(what, block, answer.as_ref().err())?;
            }
            Answer::Flush { sent, pending } => {
                let Some(answer) = pending.try_take() else {
                    return Ok(false);
                };
                let sent = core::mem::take(sent);
                if let Ok(version) = answer {
                    let figures = [("version", version.get()), ("since tick", waiting.since)];
                    self.timeline.note(Actor::Engine, "flushed", None, figures);
                    self.flushed(&sent, version);
                }
            }
            Answer::Read { block, pending } => {
                let Some(answer) = pending.try_take() else {
                    return Ok(false);
                };
                let block = *block;
                match answer {
                    Ok(read) => self.check_read_back(block, &read)?,
                    Err(error) => self.judge_refusal(block, Some(&error))?,
                }
            }
            Answer::Staged { purpose, pending } => {
                let Some(answer) = pending.try_take() else {
                    return Ok(false);
                };
                let purpose = *purpose;
                if let Ok(staged) = answer {
                    self.use_staged(purpose, staged)?;
                }
            }
        }
        Ok(true)
    }

    fn part_answered(
        &mut self,
        block: u32,
        at: usize,
        nth: usize,
        ask: PartAsk,
        answer: Result<PartId, RequestError>,
    ) -> Verdict {
        let version = self.newest_version();
        let told = if answer.is_ok() { "answers" } else { "refuses" };
        let figures = [("part", at as u64), ("version", version.get())];
        self.timeline
            .note(Actor::Engine, told, Some(block), figures);
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
                            "block {block} part {at} was {:?} and is answered as {id:?}",
                            part.id
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
                let part = &mut model.parts[at];
                part.refuse(nth);
                if ask == PartAsk::Add {
                    part.life = PartLife::Gone;
                }
                let newest = model.newest();
                model.kept.renew(newest);
                self.judge_refusal(block, Some(&error))
            }
        }
    }

    /// A request about a block that lives is never refused as one about a block that is gone, nor
    /// for parts that it has.
    fn judge_refusal(&mut self, block: u32, error: Option<&RequestError>) -> Verdict {
        let is_alive = self.oracle.block(block).life == Life::Alive;
        match error {
            Some(error @ (RequestError::Stale { .. } | RequestError::Part { .. })) if is_alive => {
                broken(
                    Check::Refusals,
                    format!("R11: block {block} lives, and a request about it was told: {error}"),
                )
            }
            Some(error @ (RequestError::DeviceLost | RequestError::ShutDown))
                if self.epoch == 0 && !self.is_lost() =>
            {
                broken(
                    Check::Refusals,
                    format!("R11: nothing is lost, and block {block} was told: {error}"),
                )
            }
            _ => Ok(()),
        }
    }

    fn done_answered(
        &mut self,
        what: Expected,
        block: Option<u32>,
        error: Option<&RequestError>,
    ) -> Verdict {
        let told = if error.is_none() {
            "answers"
        } else {
            "refuses"
        };
        self.timeline
            .note(Actor::Engine, told, block, [("what", what as u64), NONE]);
        if let Some(error) = error {
            return match block {
                Some(block) => self.judge_refusal(block, Some(error)),
                None if self.epoch > 0 || self.is_lost() => Ok(()),
                None => broken(Check::Refusals, format!("{what:?} was refused: {error}")),
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
        if what != Expected::Pin || !is_alive || self.is_lost() {
            return Ok(());
        }
        let handle = self.handle_of(block);
        let ticket = self.frames.source().begin_frame();
        let found = ticket.get(handle);
        let is_resident = matches!(found, Lookup::Resident(_)) || ticket.is_void();
        ensure(is_resident, Check::Liveness, || {
            format!("{what:?} of block {block} was answered, and a lookup says {found:?}")
        })
    }

    /// Everything that was sent before the flush is in this version and later ones.
    fn flushed(&mut self, sent: &Sent, version: Version) {
        for (block, at, nth) in &sent.contents {
            let model = self.oracle.block_mut(*block);
            model.known_from.get_or_insert(version);
            if model.vague_refusals == 0 && !model.may_be_lost && !model.has_failed {
                model.parts[*at].raise_floor(version, *nth);
            }
            model.unconfirmed.retain(|(order, _)| *order > sent.order);
            if model.changed_at < sent.order {
                model.quiet_from.get_or_insert(version);
            }
        }
        for block in &sent.leaving {
            self.oracle.block_mut(*block).life = Life::Gone(version);
        }
    }

    fn check_read_back(&mut self, block: u32, read: &ReadBack) -> Verdict {
        let ids: Vec<PartId> = read.parts.iter().map(|(id, _)| *id).collect();
        let model = self.oracle.block_mut(block);
        model.learn_ids(&ids);
        for (id, bytes) in &read.parts {
            // A part may be read back before who asked for it was answered.
            let may_be = |part: &&Part| part.id.is_none_or(|known| known == *id);
            let mut parts = model.parts.iter().filter(may_be);
            let is_known = parts.any(|part| part.class_of(bytes).is_some());
            ensure(is_known, Check::Contents, || {
                format!("a read-back of block {block} gives part {id:?} bytes that it never had")
            })?;
        }
        Ok(())
    }

    fn use_staged(&mut self, purpose: Purpose, mut staged: StagedWrite) -> Verdict {
        let len = staged.len().get();
        match purpose {
            Purpose::Add => {
                let kept = match self.plan_source() {
                    Kept::Retained => Kept::Nowhere,
                    other => other,
                };
                let block = self.oracle.new_block(kept.clone());
                let shape = crate::oracle::Shape {
                    kind: geoheap::KindId::STORAGE,
                    stride: 0,
                };
                let part = Part::new(shape, PartLife::There);
                self.oracle.block_mut(block).parts.push(part);
                let base = self.oracle.give(block, 0, len, false);
                let written = staged.write_at(0, &base.bytes(len));
                self.judge_write(written.is_ok())?;
                let part = PartData::staged(shape.kind, shape.stride, staged);
                let desc = self.furnish(block, &kept, BlockDesc::new().part(part));
                self.note_client(0, "add staged", block, len);
                match self.client.try_add(desc) {
                    Ok(handle) => {
                        let order = self.next_order();
                        self.oracle.block_mut(block).touch(order);
                        self.named(block, handle)
                    }
                    Err(refused) => self.judge_add(block, &refused.error),
                }
            }
            Purpose::Update(block) => {
                let model = self.oracle.block(block);
                let present = model.present();
                let is_fit = model.life == Life::Alive
                    && !model.is_changing_parts
                    && present.len() == 1
                    && model.bytes() == len;
                if !is_fit {
                    return Ok(());
                }
                let nth = model.parts[present[0]].given_count();
                let base = self.oracle.give(block, present[0], len, false);
                let written = staged.write_at(0, &base.bytes(len));
                self.judge_write(written.is_ok())?;
                self.note_client(0, "update staged", block, len);
                let sent = self
                    .client
                    .update_staged(self.handle_of(block), vec![staged]);
                self.sent_update(block, &[(present[0], nth, len)], sent.is_ok());
                Self::judge_send(&sent)
            }
        }
    }

    /// A write within the piece fails only when its device is gone.
    fn judge_write(&self, is_ok: bool) -> Verdict {
        ensure(
            is_ok || self.is_lost() || self.epoch > 0,
            Check::Refusals,
            || String::from("R11: a write within a piece of staging was refused"),
        )
    }

    /// What the engine tells by itself.
    pub(super) fn take_events(&mut self) -> Verdict {
        for event in self.manager.events() {
            match &event {
                HeapEvent::Refused { handle, op, error } => {
                    let block = self.oracle.by_handle(*handle);
                    let code = ("op", *op as u64);
                    self.timeline
                        .note(Actor::Engine, "refuses", block, [code, NONE]);
                    let Some(block) = block else { continue };
                    if *op == Op::SetLifetime {
                        self.oracle.block_mut(block).lifetime = Lifetime::Dynamic;
                    }
                    if *op == Op::Update {
                        self.oracle.block_mut(block).update_refused();
                    }
                    self.judge_refusal(block, Some(error))?;
                }
                HeapEvent::Failed { handle, .. } => {
                    let block = self.oracle.by_handle(*handle);
                    self.timeline
                        .note(Actor::Engine, "fails", block, [NONE, NONE]);
                    if let Some(block) = block {
                        let model = self.oracle.block_mut(block);
                        model.has_failed = true;
                        // Of a block that is resident the update failed that was under way.
                        model.update_refused();
                    }
                }
                HeapEvent::DeviceLost { .. } => {
                    self.timeline
                        .note(Actor::Engine, "device lost", None, [NONE, NONE]);
                }
                HeapEvent::OutOfMemory { requested, .. } => {
                    let bytes = ("bytes", requested.get());
                    self.timeline
                        .note(Actor::Engine, "out of memory", None, [bytes, NONE]);
                }
                HeapEvent::Degraded(_) => {
                    self.timeline
                        .note(Actor::Engine, "degraded", None, [NONE, NONE]);
                }
                HeapEvent::GpuError { message } => {
                    self.timeline
                        .note(Actor::Engine, "GPU error", None, [NONE, NONE]);
                    let classes = [
                        FaultClass::Creation,
                        FaultClass::Staging,
                        FaultClass::Submit,
                        FaultClass::Loss,
                    ];
                    let is_planted = classes.iter().any(|class| self.plan.has(*class));
                    ensure(is_planted, Check::Device, || {
                        format!("the device refuses what the engine asks: {message}")
                    })?;
                }
                HeapEvent::PublishStalled { .. } => {
                    self.timeline
                        .note(Actor::Engine, "publish stalled", None, [NONE, NONE]);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The newest published version.
    pub(super) fn newest_version(&self) -> Version {
        self.frames.source().begin_frame().version()
    }
}
