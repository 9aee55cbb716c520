//! What clients ask of blocks. Every request either changes the block as a whole or is refused
//! with a reason and changes nothing (R11).

use geoheap_chunk_heap::Lifetime;
use geoheap_residency::Priority;
use geoheap_suballoc::ByteLen;

use crate::core::deferral::must_wait;
use crate::core::event::{Answer, Effect, ReplyId, Request, Retired};
use crate::core::fill::{Fill, Target};
use crate::core::jobs::Job;
use crate::core::record::Away;
use crate::core::{Core, entry, refusals, sure};
use crate::error::RequestError;
use crate::handle::Handle;
use crate::report::{HeapEvent, Op};
use crate::slot::Slot;

impl Core {
    /// Gives a request its place in the order of all, and carries it out or defers it.
    pub(super) fn request(&mut self, request: Request, out: &mut Vec<Effect>) {
        let order = self.next_seq();
        self.carry_out(order, request, out);
    }

    /// Carries out or defers one request, at its place in the order.
    pub(super) fn carry_out(&mut self, order: u64, request: Request, out: &mut Vec<Effect>) {
        self.order = order;
        if !self.can_carry_out(&request) {
            return refuse_any(&request, RequestError::DeviceLost, out);
        }
        match request {
            Request::Add { handle, block } => self.add(handle, *block, out),
            Request::Remove { handle } => self.remove(handle, out),
            Request::SetBudget {
                budget,
                origin,
                reply,
            } => {
                let answer = match self.set_budget(budget, origin, out) {
                    Ok(()) => Answer::Done,
                    Err(error) => Answer::Refused(error),
                };
                out.push(Effect::Reply { reply, answer });
            }
            Request::HoldOutside { bytes, reply } => {
                if let Err(error) = self.hold_outside(bytes, reply, out) {
                    out.extend(refusals(core::iter::once(reply), &error));
                }
            }
            Request::Flush { reply } => self.flushes.push((reply, order)),
            Request::Compact { reply } => {
                self.compaction.request();
                out.push(Effect::Reply {
                    reply,
                    answer: Answer::Done,
                });
            }
            Request::Trim { reply } => {
                self.compaction.trim = true;
                self.spare_from_tick = self.tick.saturating_add(self.config.keep_empty_ticks);
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
        let handle = request.handle().expect("others are handled before");
        let op = op_of(&request);
        let order = self.order;
        let handle = if is_planted!(StaleRequestServed) {
            self.tenant_of(handle.index()).unwrap_or(handle)
        } else {
            handle
        };
        let Some(record) = self.record_mut(handle) else {
            return refuse_any(&request, RequestError::Stale { handle }, out);
        };
        if must_wait(record, &request) {
            self.defer(handle, order, request);
            return;
        }
        let reply = request.reply();
        let done = match request {
            Request::Update {
                contents, in_place, ..
            } => self.update(handle, contents, in_place),
            Request::Part { op, reply, .. } => self.part_op(handle, op, reply),
            Request::Share { .. } => {
                record.add_owner();
                Ok(())
            }
            Request::SetLifetime { lifetime, .. } => {
                self.set_lifetime(handle, lifetime);
                Ok(())
            }
            Request::SetPriority { priority, .. } => {
                self.set_priority(handle, priority);
                Ok(())
            }
            Request::SetLabel { label, .. } => {
                record.set_label(label);
                Ok(())
            }
            Request::Pin { reply, .. } => self.pin(handle, reply),
            Request::Unpin { .. } => self.unpin(handle),
            Request::AwaitResident { reply, .. } => self.await_resident(handle, reply, false),
            Request::ReadBack { reply, .. } => self.read_back(handle, reply, out),
            Request::Evict { .. } => self.evict_on_demand(handle),
            Request::Prefetch { .. } => {
                self.prefetch(handle);
                Ok(())
            }
            _ => unreachable!("requests without a subject are handled before"),
        };
        if let Err(error) = done {
            refuse(reply, handle, op, error, out);
        }
    }

    /// Makes `fill` the block's one job.
    pub(super) fn start_job(&mut self, handle: Handle, mut fill: Fill) {
        if !is_planted!(CopyUnchecked) {
            // What is read back would not be what it has then.
            self.stop_leaving(handle);
        }
        let record = self.own(handle);
        let (placed, is_urgent) = (record.place, record.is_urgent());
        let to = match fill.target {
            Target::Unplaced => None,
            Target::Fresh(range) => self.heap.range(range),
            Target::Present => placed.and_then(|range| self.heap.range(range)),
        };
        let job = Job {
            handle,
            to: to.map(|info| (info.chunk, info.range.start)),
            is_stream_in: fill.purpose.is_stream_in(),
            is_urgent,
            bytes: fill.layout.len().get(),
        };
        self.jobs.insert(fill.seq, job);
        if fill.since != fill.seq {
            self.open.insert(fill.since);
        }
        if placed.is_some() {
            sure(self.residency.pin(entry(handle)));
        }
        fill.is_guarded = placed.is_some();
        let spare = self.spare_rooms.pop();
        let record = self.own(handle);
        let spare = record.unsettle_in(spare);
        record.set_fill(fill);
        self.spare_rooms.extend(spare);
    }

    /// Ends the block's job without a result; its range was never published, so it is free at
    /// once. Returns who waits for it.
    pub(super) fn cancel_job(&mut self, handle: Handle) -> Option<Fill> {
        let fill = self.own(handle).take_fill()?;
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
        self.jobs.remove(fill.seq);
        if fill.since != fill.seq {
            self.open.remove(&fill.since);
        }
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
        if !record.drop_owner() {
            return;
        }
        // Whoever removes a block has no use for what he sent before; whoever waits is answered.
        let error = RequestError::Stale { handle };
        while let Some((_, request)) = self.pop_deferred(handle) {
            out.extend(refusals(request.reply().into_iter(), &error));
        }
        self.refuse_all(handle, &error, out);
        self.cancel_job(handle);
        self.stop_leaving(handle);
        self.forget_copies(handle);
        self.lost_no_more(handle);
        self.retire_place(handle);
        self.residency.remove(entry(handle));
        let record = self.own(handle);
        let bytes = record.layout.len();
        self.room_bytes = self.room_bytes.saturating_add(bytes.get());
        self.count_world(bytes, ByteLen::ZERO);
        self.report.blocks -= 1;
        self.report.blocks_removed += 1;
        self.vacate(handle);
    }

    /// Takes the block out of the map and shows its slot as vacant.
    fn vacate(&mut self, handle: Handle) {
        let index = handle.index() as usize;
        let seat = &mut self.seats[index];
        seat.generation = 0;
        seat.last_generation = handle.generation();
        let slot = Slot::vacant(handle.generation());
        self.queue_vacant(handle.index(), slot);
        // slotmap counts two for each tenant: the next one would have this generation plus two.
        let next = handle.generation().saturating_add(2);
        if next > self.config.generation_max && !is_planted!(SlotNeverRetires) {
            self.blocks[handle.key()] = None;
            self.report.slots_out_of_service += 1;
        } else {
            self.blocks.remove(handle.key());
        }
    }

    /// Ends the block's presence in GPU memory, if any: its range retires with the next version
    /// (R2). The policy remembers its uses for when it is back.
    pub(super) fn retire_place(&mut self, handle: Handle) {
        let Some(range) = self.own(handle).place.take() else {
            return;
        };
        sure(self.heap.retire(range));
        if is_planted!(FreedAtRemoval) {
            sure(self.heap.release(range));
        } else {
            self.pending.retired.push(Retired::Range(range));
        }
        sure(self.residency.evict(entry(handle)));
    }

    fn set_priority(&mut self, handle: Handle, priority: u8) {
        let record = self.own(handle);
        record.priority = priority;
        let (placed, wished) = (record.place.is_some(), record.wished_frame());
        if placed {
            let priority = Priority::new(priority);
            sure(self.residency.set_priority(entry(handle), priority));
        } else if self.residency.unwish(entry(handle)) {
            self.wish_as_of(handle, wished);
        }
    }

    fn set_lifetime(&mut self, handle: Handle, lifetime: Lifetime) {
        let order = self.order;
        let record = self.own(handle);
        if record.lifetime == lifetime {
            // Perhaps it found no room when it was to move.
            return self.move_to_its_lifetime(handle, order);
        }
        record.lifetime = lifetime;
        let (exempt, away) = (record.is_exempt(), record.away == Away::Evicted);
        if record.place.is_some() {
            sure(self.residency.set_exempt(entry(handle), exempt));
            self.move_to_its_lifetime(handle, order);
        } else if away && lifetime == Lifetime::LongLived {
            // A long-lived block is resident, whether or not somebody looks at it.
            self.want(handle);
        }
        self.queue_slot(handle);
    }
}

/// What a request about a block is called on the event stream.
fn op_of(request: &Request) -> Op {
    match request {
        Request::Add { .. } => Op::Add,
        Request::Update { .. } => Op::Update,
        Request::Remove { .. } => Op::Remove,
        Request::Share { .. } => Op::Share,
        Request::Part { .. } => Op::Part,
        Request::SetLifetime { .. } => Op::SetLifetime,
        Request::SetPriority { .. } => Op::SetPriority,
        Request::SetLabel { .. } => Op::SetLabel,
        Request::Pin { .. } => Op::Pin,
        Request::Unpin { .. } => Op::Unpin,
        Request::AwaitResident { .. } => Op::AwaitResident,
        Request::ReadBack { .. } => Op::ReadBack,
        Request::Evict { .. } => Op::Evict,
        Request::Prefetch { .. } => Op::Prefetch,
        Request::SetBudget { .. }
        | Request::HoldOutside { .. }
        | Request::Flush { .. }
        | Request::Compact { .. }
        | Request::Trim { .. } => unreachable!("requests about the whole heap are answered"),
    }
}

/// Refuses a request about a block or about the whole heap.
pub(super) fn refuse_any(request: &Request, error: RequestError, out: &mut Vec<Effect>) {
    let reply = request.reply();
    if let Some(handle) = request.handle() {
        refuse(reply, handle, op_of(request), error, out);
    } else {
        out.extend(refusals(reply.into_iter(), &error));
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
