//! What clients ask of blocks. Every request either changes the block as a whole or is refused
//! with a reason and changes nothing (R11).

use geoheap_chunk_heap::Lifetime;
use geoheap_residency::Priority;
use geoheap_suballoc::ByteLen;

use crate::core::event::{Answer, Effect, ReplyId, Request, Retired};
use crate::core::fill::{Fill, Purpose, Target};
use crate::core::record::{Away, Record};
use crate::core::{Core, Tenant, entry, sure};
use crate::error::RequestError;
use crate::handle::Handle;
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

    /// Makes `fill` the block's one job.
    pub(super) fn start_job(&mut self, handle: Handle, fill: Fill) {
        self.jobs.insert(fill.seq, handle);
        self.jobs_bytes += fill.layout.len().get();
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
        self.end_job(&fill);
        self.unguard(handle, &fill);
        if let Target::Fresh(range) = fill.target {
            sure(self.heap.cancel(range));
        }
        self.recorded.retain(|other| *other != handle);
        Some(fill)
    }

    /// Takes a job off the books.
    pub(super) fn end_job(&mut self, fill: &Fill) {
        let known = self.jobs.remove(&fill.seq);
        assert!(known.is_some(), "a job ends once");
        self.jobs_bytes -= fill.layout.len().get();
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
