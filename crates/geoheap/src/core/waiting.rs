//! Callers who wait until a block is resident, pins, and wishes that must not age.
//!
//! A wish of a frame ages: when no frame looks at a block any more, nobody needs it. A caller who
//! waits, a pin, and a long life do not: the wishes of such blocks are made anew each tick.

use geoheap_chunk_heap::{ChunkInfo, Lifetime, RangeKey};
use geoheap_suballoc::ByteLen;

use crate::core::event::{Answer, Effect, ReplyId, Request};
use crate::core::place::SET_ASIDE_TICKS;
use crate::core::record::{Away, Record};
use crate::core::requests::refuse_any;
use crate::core::unsettled::Waiter;
use crate::core::{Core, entry, refusals, sure};
use crate::error::{FailReason, RequestError};
use crate::handle::Handle;
use crate::report::HeapEvent;

/// Times that a block may find no room before those who wait for it are told so.
const SET_ASIDES_MAX: u32 = 3;
/// After so many more times the event stream is told again of one that should be resident.
const REMIND_EVERY: u32 = 32;
/// The pause before the next try doubles with each try, so many times at most: soon those that fit
/// nowhere take less than half of the time from others.
const BACKOFF_DOUBLINGS_MAX: u32 = 5;

impl Core {
    pub(super) fn pin(&mut self, handle: Handle, reply: ReplyId) -> Result<(), RequestError> {
        if self.own(handle).place.is_none() {
            self.await_resident(handle, reply, true)?;
            self.own(handle).add_pin();
            return Ok(());
        }
        let record = self.own(handle);
        record.add_pin();
        // The policy is told of the first one alone.
        if record.pins() == 1 {
            sure(self.residency.pin(entry(handle)));
        }
        self.pending.replies.push((reply, Answer::Done));
        Ok(())
    }

    pub(super) fn unpin(&mut self, handle: Handle) -> Result<(), RequestError> {
        let order = self.order;
        let record = self.own(handle);
        if !record.is_pinned() {
            return Err(RequestError::NotPinned { handle });
        }
        record.drop_pins(1);
        let pins = record.pins();
        if record.place.is_some() {
            if pins == 0 {
                sure(self.residency.unpin(entry(handle)));
                self.move_to_its_lifetime(handle, order);
            }
            return Ok(());
        }
        // A pin that is taken off before it took hold: who waits for it waits for the block.
        let Some(open) = &mut record.unsettled else {
            return Ok(());
        };
        let waiting = open.waiters.iter().filter(|waiter| waiter.pins).count();
        let surplus = (waiting as u64).saturating_sub(pins);
        let waiting = open.waiters.iter_mut().filter(|waiter| waiter.pins);
        for (_, waiter) in (0..surplus).zip(waiting) {
            waiter.pins = false;
        }
        Ok(())
    }

    pub(super) fn await_resident(
        &mut self,
        handle: Handle,
        reply: ReplyId,
        pins: bool,
    ) -> Result<(), RequestError> {
        let max = self.block_bytes_max();
        let record = self.own(handle);
        if record.place.is_some() {
            self.pending.replies.push((reply, Answer::Done));
            return Ok(());
        }
        let requested = record.layout.len();
        match record.away {
            Away::Failed if record.fill().is_none() => {
                let reason = record.failure();
                return Err(RequestError::Failed { handle, reason });
            }
            Away::Lost => return Err(RequestError::Lost { handle }),
            Away::Evicted if record.fill().is_none() && requested > max => {
                return Err(RequestError::TooLarge { requested, max });
            }
            _ => {}
        }
        record.unsettled().waiters.push(Waiter { reply, pins });
        if record.away == Away::Evicted {
            self.want(handle);
        }
        Ok(())
    }

    /// The block is to come back whether or not a frame looks at it.
    pub(super) fn want(&mut self, handle: Handle) {
        self.wanted.insert(handle);
        self.renew_wish(handle);
    }

    /// What is pinned or long-lived is as urgent as what a frame misses; what somebody waits for
    /// comes after that. One that found no room lets others try before it tries again, unless
    /// as much room as it needs has come since.
    fn renew_wish(&mut self, handle: Handle) {
        let record = self.record(handle).expect("the caller looked it up");
        if !self.may_try(record) {
            return;
        }
        if record.is_pinned() || record.lifetime == Lifetime::LongLived {
            self.wish_for(handle);
        } else {
            self.wish_behind_frames(handle);
        }
    }

    /// Whether a block has waited long enough since it found no room, or as much as it needs has
    /// come since.
    pub(super) fn may_try(&self, record: &Record) -> bool {
        let (retry_tick, room_then) = record.retry();
        let room_came = self.room_bytes - room_then;
        self.tick >= retry_tick || room_came >= record.layout.len().get()
    }

    /// Makes the wishes that must not age anew. Costs the blocks that are away and wanted.
    pub(super) fn renew_wishes(&mut self, out: &mut Vec<Effect>) {
        let max = self.block_bytes_max();
        for handle in core::mem::take(&mut self.wanted) {
            let Some(record) = self.record(handle) else {
                continue;
            };
            let away = record.place.is_none() && record.away == Away::Evicted;
            if !away || !record.is_wanted() {
                continue;
            }
            let requested = record.layout.len();
            if requested > max {
                let error = RequestError::TooLarge { requested, max };
                self.refuse_waiters(handle, &error, out);
            }
            let record = self.record(handle).expect("it was there just now");
            let under_way = record.fill().is_some() || record.reloading().is_some();
            if record.is_wanted() {
                self.wanted.insert(handle);
                if !under_way {
                    self.renew_wish(handle);
                }
            }
        }
    }

    /// A block found no room once more and was set aside: it comes back when there is some, but
    /// nobody waits for ever, and one that should be resident is told on the event stream.
    pub(super) fn weary_waiters(&mut self, handle: Handle, out: &mut Vec<Effect>) {
        let (budget, tick, room_bytes) = (self.budget.total, self.tick, self.room_bytes);
        let open = self.own(handle).unsettled();
        open.room_bytes = room_bytes;
        open.set_asides = open.set_asides.saturating_add(1);
        let times = open.set_asides;
        let doublings = if is_planted!(HopelessFirst) {
            0
        } else {
            times.min(BACKOFF_DOUBLINGS_MAX)
        };
        let pause = SET_ASIDE_TICKS << doublings;
        open.retry_tick = tick.saturating_add(pause.into());
        let requested = self.own(handle).layout.len();
        let reason = FailReason::NoRoom { requested, budget };
        if times >= SET_ASIDES_MAX {
            let error = RequestError::Failed {
                handle,
                reason: reason.clone(),
            };
            self.refuse_waiters(handle, &error, out);
        }
        let record = self.own(handle);
        let urgent = record.is_pinned() || record.lifetime == Lifetime::LongLived;
        if urgent && times % REMIND_EVERY == SET_ASIDES_MAX {
            out.push(Effect::Notify(HeapEvent::Failed { handle, reason }));
        }
        if self.own(handle).is_wanted() {
            self.want(handle);
        }
    }

    pub(super) fn refuse_waiters(
        &mut self,
        handle: Handle,
        error: &RequestError,
        out: &mut Vec<Effect>,
    ) {
        let replies = self.own(handle).take_waiters();
        out.extend(refusals(replies.into_iter(), error));
    }

    /// Refuses everybody who waits for anything about the block, and drops what they asked.
    pub(super) fn refuse_all(
        &mut self,
        handle: Handle,
        error: &RequestError,
        out: &mut Vec<Effect>,
    ) {
        while let Some((_, request)) = self.pop_deferred(handle) {
            match request {
                // It asks for nothing that could be refused.
                Request::Unpin { .. } => drop(self.unpin(handle)),
                other => refuse_any(&other, error.clone(), out),
            }
        }
        let replies = self.own(handle).take_replies();
        out.extend(refusals(replies.into_iter(), error));
    }

    /// Where the block lies, and the chunk around it.
    pub(super) fn home(&self, handle: Handle) -> Option<(RangeKey, ChunkInfo)> {
        let place = self.record(handle)?.place?;
        let info = self.heap.range(place)?;
        Some((place, self.heap.chunk(info.chunk)?))
    }

    /// Bytes that no block may exceed: the largest buffer that the device makes and the budget
    /// allows.
    pub(super) fn block_bytes_max(&self) -> ByteLen {
        let device_max = self.heap.config().buffer_bytes_max;
        self.config.block_bytes_max(self.budget.total, device_max)
    }
}
