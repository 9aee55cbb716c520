//! What clients ask of blocks. Every request either changes the block as a whole or is refused
//! with a reason and changes nothing (R11).

use std::collections::VecDeque;

use geoheap_chunk_heap::{BlockLayout, Growth, Lifetime, PartId};
use geoheap_residency::Priority;
use geoheap_suballoc::ByteLen;
use smallvec::SmallVec;

use crate::core::event::{Answer, Effect, PreparedBlock, ReplyId, Request, Retired};
use crate::core::fill::{Fill, Piece, Purpose, Target};
use crate::core::record::{Away, Record};
use crate::core::{Core, Tenant, entry, sure};
use crate::error::RequestError;
use crate::handle::Handle;
use crate::payload::{Content, Source};
use crate::report::{HeapEvent, Op};
use crate::slot::Slot;

/// Who waits for the answer of a request.
pub(super) fn reply_of(request: &Request) -> Option<ReplyId> {
    match request {
        Request::Part { reply, .. }
        | Request::Pin { reply, .. }
        | Request::AwaitResident { reply, .. }
        | Request::ReadBack { reply, .. }
        | Request::SetBudget { reply, .. }
        | Request::Flush { reply }
        | Request::Compact { reply }
        | Request::Trim { reply } => Some(*reply),
        _ => None,
    }
}

impl Core {
    /// Carries out or defers one request.
    pub(super) fn request(&mut self, request: Request, out: &mut Vec<Effect>) {
        match request {
            Request::Add { handle, block } => self.add(handle, *block, out),
            Request::Remove { handle } => self.remove(handle, out),
            Request::SetBudget {
                budget,
                staging,
                reply,
            } => {
                self.set_budget(budget, staging, out);
                out.push(Effect::Reply {
                    reply,
                    answer: Answer::Done,
                });
            }
            Request::Flush { reply } => self.flushes.push((reply, self.seq)),
            Request::Compact { reply } => {
                self.compaction.request();
                out.push(Effect::Reply {
                    reply,
                    answer: Answer::Done,
                });
            }
            Request::Trim { reply } => {
                self.compaction.trim = true;
                out.push(Effect::Reply {
                    reply,
                    answer: Answer::Done,
                });
            }
            other => self.block_request(other, out),
        }
    }

    /// A request about one block that must be there.
    fn block_request(&mut self, request: Request, out: &mut Vec<Effect>) {
        let (handle, op) = subject(&request);
        let Some(record) = self.record_mut(handle) else {
            refuse(
                reply_of(&request),
                handle,
                op,
                RequestError::Stale { handle },
                out,
            );
            return;
        };
        if must_wait(record, &request) {
            record.deferred.push_back(request);
            return;
        }
        let reply = reply_of(&request);
        let done = match request {
            Request::Update {
                contents, in_place, ..
            } => self.update(handle, contents, in_place),
            Request::Part { op, reply, .. } => self.part_op(handle, op, reply),
            Request::Share { .. } => {
                record.owners += 1;
                Ok(())
            }
            Request::SetLifetime { lifetime, .. } => self.set_lifetime(handle, lifetime),
            Request::SetPriority { priority, .. } => {
                record.priority = priority;
                if record.place.is_some() {
                    let known = self
                        .residency
                        .set_priority(entry(handle), Priority::new(priority));
                    debug_assert!(known.is_ok(), "a placed block is an entry of the policy");
                }
                Ok(())
            }
            Request::SetLabel { label, .. } => {
                record.label = label;
                Ok(())
            }
            Request::Pin { reply, .. } => self.pin(handle, reply, out),
            Request::Unpin { .. } => self.unpin(handle),
            Request::AwaitResident { reply, .. } => self.await_resident(handle, reply),
            Request::ReadBack { reply, .. } => self.read_back(handle, reply, out),
            _ => unreachable!("requests without a subject are handled before"),
        };
        if let Err(error) = done {
            refuse(reply, handle, op, error, out);
        }
    }

    fn add(&mut self, handle: Handle, block: PreparedBlock, out: &mut Vec<Effect>) {
        let Some(tenant) = self.blocks.get_mut(handle.key()) else {
            unreachable!("the reserve gave out {handle:?}, which is not in the map")
        };
        assert!(
            matches!(tenant, Tenant::Reserved),
            "R7: {handle:?} is given to one block only"
        );
        self.reserved -= 1;
        let ids: Vec<PartId> = block.layout.parts().map(|part| part.id).collect();
        let mut record = Record {
            handle,
            label: block.label,
            lifetime: block.lifetime,
            priority: block.priority,
            owners: 1,
            pins: 0,
            source: block.source,
            layout: block.layout.clone(),
            retained: SmallVec::new(),
            place: None,
            away: Away::Pending,
            fill: None,
            reloading: None,
            revision: 0,
            deferred: VecDeque::new(),
            waiters: SmallVec::new(),
            shown: false,
            wished_frame: 0,
        };
        record.retain_all(shared(&ids, &block.contents));
        let index = handle.index() as usize;
        if self.by_index.len() <= index {
            self.by_index.resize(index + 1, None);
        }
        self.by_index[index] = Some(handle);
        *tenant = Tenant::Block(Box::new(record));
        self.report.blocks_added += 1;
        self.count_world(ByteLen::ZERO, block.layout.len());
        self.report.blocks += 1;
        self.queue_slot(handle);
        if self.lost {
            self.lose_block(handle);
            out.push(Effect::Notify(HeapEvent::Refused {
                handle,
                op: Op::Add,
                error: RequestError::DeviceLost,
            }));
            return;
        }
        let pieces = pieces(&block.layout, &ids, block.contents);
        let seq = self.next_seq();
        self.start_job(handle, Fill::new(seq, Purpose::Add, block.layout, pieces));
    }

    /// Makes `fill` the block's one job.
    pub(super) fn start_job(&mut self, handle: Handle, fill: Fill) {
        self.jobs.insert(fill.seq, handle);
        let placed = self.own(handle).place.is_some();
        if placed {
            sure(self.residency.pin(entry(handle)));
        }
        let record = self.own(handle);
        assert!(record.fill.is_none(), "{handle:?} has one job at a time");
        record.fill = Some(Box::new(Fill {
            is_guarded: placed,
            ..fill
        }));
    }

    /// Ends the block's job without a result; its range was never published, so it is free at
    /// once. Returns who waits for it.
    pub(super) fn cancel_job(&mut self, handle: Handle) -> Option<Box<Fill>> {
        let fill = self.own(handle).fill.take()?;
        self.jobs.remove(&fill.seq);
        self.unguard(handle, &fill);
        if let Target::Fresh(range) = fill.target {
            sure(self.heap.cancel(range));
        }
        self.recorded.retain(|other| *other != handle);
        Some(fill)
    }

    /// The policy may choose the block again.
    pub(super) fn unguard(&mut self, handle: Handle, fill: &Fill) {
        if fill.is_guarded && self.own(handle).place.is_some() {
            sure(self.residency.unpin(entry(handle)));
        }
    }

    fn remove(&mut self, handle: Handle, out: &mut Vec<Effect>) {
        let Some(record) = self.record_mut(handle) else {
            let error = RequestError::Stale { handle };
            refuse(None, handle, Op::Remove, error, out);
            return;
        };
        record.owners -= 1;
        if record.owners > 0 {
            return;
        }
        let stale = || Answer::Refused(RequestError::Stale { handle });
        for reply in record.waiters.drain(..) {
            out.push(Effect::Reply {
                reply,
                answer: stale(),
            });
        }
        for request in record.deferred.drain(..) {
            if let Some(reply) = reply_of(&request) {
                out.push(Effect::Reply {
                    reply,
                    answer: stale(),
                });
            }
        }
        if let Some(fill) = self.cancel_job(handle) {
            for (reply, _) in &fill.replies {
                out.push(Effect::Reply {
                    reply: *reply,
                    answer: stale(),
                });
            }
        }
        self.retire_place(handle);
        self.residency.unwish(entry(handle));
        let record = self.own(handle);
        let bytes = record.layout.len();
        self.count_world(bytes, ByteLen::ZERO);
        self.report.blocks -= 1;
        self.report.blocks_removed += 1;
        self.vacate(handle);
    }

    /// Takes the block out of the map and shows its slot as vacant.
    fn vacate(&mut self, handle: Handle) {
        self.by_index[handle.index() as usize] = None;
        let slot = Slot::vacant(handle.generation());
        self.queue_vacant(handle.index(), slot);
        // slotmap counts two for each tenant: the next one would have this generation plus two.
        if handle.generation().saturating_add(2) > self.config.generation_max {
            self.blocks[handle.key()] = Tenant::OutOfService;
            self.report.slots_out_of_service += 1;
        } else {
            self.blocks.remove(handle.key());
        }
    }

    /// Ends the block's presence in GPU memory, if any: its range retires with the next version
    /// (R2), and the policy forgets it.
    pub(super) fn retire_place(&mut self, handle: Handle) {
        let Some(range) = self.own(handle).place.take() else {
            return;
        };
        sure(self.heap.retire(range));
        self.pending.retired.push(Retired::Range(range));
        sure(self.residency.remove(entry(handle)));
    }

    fn update(
        &mut self,
        handle: Handle,
        contents: Vec<Content>,
        in_place: bool,
    ) -> Result<(), RequestError> {
        let record = self.record(handle).expect("the caller looked it up");
        let ids: Vec<PartId> = live_parts(record);
        if ids.len() != contents.len() {
            let (expected, given) = (ids.len(), contents.len());
            return Err(RequestError::PartCount { expected, given });
        }
        check_retainable(record, &contents)?;
        let same = same_lengths(record, &ids, &contents);
        if in_place && let Err((expected, given)) = same {
            return Err(RequestError::LengthDiffers { expected, given });
        }
        let lens: Vec<_> = ids
            .iter()
            .copied()
            .zip(contents.iter().map(Content::len))
            .collect();
        let growth = Growth {
            resize: &lens,
            ..Growth::default()
        };
        let layout = record
            .layout
            .grown(&growth, &self.kinds, self.align_max)?
            .layout;
        self.check_size(layout.len())?;
        self.report.blocks_updated += 1;
        self.replace_contents(handle, layout, &ids, contents, in_place);
        Ok(())
    }

    /// The checked half of an update: everything is valid, so nothing is half done.
    fn replace_contents(
        &mut self,
        handle: Handle,
        layout: BlockLayout,
        ids: &[PartId],
        contents: Vec<Content>,
        in_place: bool,
    ) {
        let seq = self.next_seq();
        let record = self.own(handle);
        let before = record.layout.len();
        let failed = matches!(record.away, Away::Failed(_));
        let away = record.place.is_none() && record.fill.is_none();
        if away && !failed && record.has_source() {
            // An evicted block takes its new contents when it comes back. A callback that was
            // asked for the old ones is asked again.
            let was_coming = record.reloading.take().is_some();
            record.revision += 1;
            record.layout = layout;
            record.retain_all(shared(ids, &contents));
            let after = record.layout.len();
            self.count_world(before, after);
            if was_coming {
                self.wish_for(handle);
            }
            return;
        }
        let in_place = in_place && record.place.is_some() && record.fill.is_none();
        let target_layout = if in_place {
            record.layout.clone()
        } else {
            layout
        };
        let earlier = self.cancel_job(handle);
        let retain = self.own(handle).retainable(shared(ids, &contents));
        let mut fill = Fill::new(
            seq,
            Purpose::Update,
            target_layout.clone(),
            pieces(&target_layout, ids, contents),
        );
        fill.retain = retain;
        if let Some(earlier) = earlier {
            fill.replies = earlier.replies;
            if earlier.purpose == Purpose::Add {
                fill.purpose = Purpose::Add;
            }
        }
        if in_place {
            fill.target = Target::Present;
        } else if self.own(handle).place.is_none() {
            let record = self.own(handle);
            record.away = Away::Pending;
            record.layout = target_layout;
            let after = record.layout.len();
            self.count_world(before, after);
            self.queue_slot(handle);
        }
        self.start_job(handle, fill);
    }

    fn set_lifetime(&mut self, handle: Handle, lifetime: Lifetime) -> Result<(), RequestError> {
        let record = self.own(handle);
        if record.lifetime == lifetime {
            return Ok(());
        }
        record.lifetime = lifetime;
        let exempt = record.is_exempt();
        if record.place.is_some() {
            sure(self.residency.set_exempt(entry(handle), exempt));
            self.start_reshape(handle)?;
        } else if record.away == Away::Evicted {
            // A long-lived block is resident, whether or not somebody looks at it.
            self.wish_for(handle);
        }
        self.queue_slot(handle);
        Ok(())
    }

    fn pin(
        &mut self,
        handle: Handle,
        reply: ReplyId,
        out: &mut Vec<Effect>,
    ) -> Result<(), RequestError> {
        let record = self.own(handle);
        record.pins += 1;
        if record.place.is_none() {
            return self.await_resident(handle, reply);
        }
        sure(self.residency.pin(entry(handle)));
        out.push(Effect::Reply {
            reply,
            answer: Answer::Done,
        });
        Ok(())
    }

    fn unpin(&mut self, handle: Handle) -> Result<(), RequestError> {
        let record = self.own(handle);
        if record.pins == 0 {
            return Err(RequestError::NotPinned { handle });
        }
        record.pins -= 1;
        if record.place.is_some() {
            let known = self.residency.unpin(entry(handle));
            debug_assert!(
                known.is_ok(),
                "a pinned, placed block is pinned in the policy"
            );
        }
        Ok(())
    }

    fn await_resident(&mut self, handle: Handle, reply: ReplyId) -> Result<(), RequestError> {
        let record = self.own(handle);
        if record.place.is_some() {
            self.pending.replies.push((reply, Answer::Done));
            return Ok(());
        }
        match &record.away {
            Away::Failed(reason) if record.fill.is_none() => {
                return Err(RequestError::Failed {
                    handle,
                    reason: reason.clone(),
                });
            }
            Away::Lost => return Err(RequestError::DeviceLost),
            _ => {}
        }
        record.waiters.push(reply);
        if record.away == Away::Evicted {
            self.wish_for(handle);
        }
        Ok(())
    }
}

/// Whether `request` has to wait for the block's job.
fn must_wait(record: &Record, request: &Request) -> bool {
    let Some(fill) = &record.fill else {
        return false;
    };
    // What was sent first is done first: nothing overtakes a deferred request but what asks for
    // no bytes.
    match request {
        Request::Update { .. } => fill.purpose == Purpose::Reshape || !record.deferred.is_empty(),
        Request::Part { .. } | Request::SetLifetime { .. } | Request::ReadBack { .. } => true,
        _ => false,
    }
}

fn subject(request: &Request) -> (Handle, Op) {
    match request {
        Request::Add { handle, .. } => (*handle, Op::Add),
        Request::Update { handle, .. } => (*handle, Op::Update),
        Request::Remove { handle } => (*handle, Op::Remove),
        Request::Share { handle } => (*handle, Op::Share),
        Request::Part { handle, .. } => (*handle, Op::Part),
        Request::SetLifetime { handle, .. } => (*handle, Op::SetLifetime),
        Request::SetPriority { handle, .. } => (*handle, Op::SetPriority),
        Request::SetLabel { handle, .. } => (*handle, Op::SetLabel),
        Request::Pin { handle, .. } => (*handle, Op::Pin),
        Request::Unpin { handle } => (*handle, Op::Unpin),
        Request::AwaitResident { handle, .. } => (*handle, Op::AwaitResident),
        Request::ReadBack { handle, .. } => (*handle, Op::ReadBack),
        Request::SetBudget { .. }
        | Request::Flush { .. }
        | Request::Compact { .. }
        | Request::Trim { .. } => unreachable!("requests about the whole heap have no subject"),
    }
}

/// Tells whoever asked; requests that nobody waits for go to the event stream.
pub(super) fn refuse(
    reply: Option<ReplyId>,
    handle: Handle,
    op: Op,
    error: RequestError,
    out: &mut Vec<Effect>,
) {
    out.push(match reply {
        Some(reply) => Effect::Reply {
            reply,
            answer: Answer::Refused(error),
        },
        None => Effect::Notify(HeapEvent::Refused { handle, op, error }),
    });
}

/// Ids of the block's live parts in address order.
pub(super) fn live_parts(record: &Record) -> Vec<PartId> {
    record.layout.parts().map(|part| part.id).collect()
}

/// The shared memory among `contents`, by part.
pub(super) fn shared<'a>(
    ids: &'a [PartId],
    contents: &'a [Content],
) -> impl Iterator<Item = (PartId, crate::payload::Payload)> + 'a {
    ids.iter()
        .zip(contents)
        .filter_map(|(id, content)| content.payload().map(|payload| (*id, payload.clone())))
}

/// One piece a part.
pub(super) fn pieces(layout: &BlockLayout, ids: &[PartId], contents: Vec<Content>) -> Vec<Piece> {
    ids.iter()
        .zip(contents)
        .map(|(id, content)| Piece::of_part(layout, *id, content))
        .collect()
}

/// A retained source needs memory to retain.
pub(super) fn check_retainable(record: &Record, contents: &[Content]) -> Result<(), RequestError> {
    let retained = matches!(record.source, Source::Retained);
    if retained && contents.iter().any(|content| content.payload().is_none()) {
        return Err(RequestError::StagedCannotRetain);
    }
    Ok(())
}

/// Whether every part keeps its length; else the first that does not: expected, given.
fn same_lengths(
    record: &Record,
    ids: &[PartId],
    contents: &[Content],
) -> Result<(), (ByteLen, ByteLen)> {
    for (id, content) in ids.iter().zip(contents) {
        let part = record
            .layout
            .part(*id)
            .expect("the ids were taken from this layout");
        if part.used_len != content.len() {
            return Err((part.used_len, content.len()));
        }
    }
    Ok(())
}
