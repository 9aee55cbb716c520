//! The loss of the device, and what comes back on the next one.
//!
//! With the device goes every byte on it, and the books of its memory are closed (R5). Blocks
//! live on: what has a source is evicted, the rest is lost until somebody brings new contents. On
//! the next device the heap is laid out anew, so that blocks lie tight, and what was resident, or
//! on its way, comes back without being asked for.
//!
//! Long-lived and pinned blocks come first. The others follow behind whatever frames miss by then,
//! by priority and then by the frame that used them last. They take what room there is, and no
//! more: one that finds none stays evicted until the budget is raised, and with the first block
//! that has to leave for others, nothing comes back any more but what somebody asks for.

use core::cmp::Reverse;
use std::collections::{BTreeSet, VecDeque};

use geoheap_chunk_heap::{ChunkHeap, HeapConfig};
use geoheap_residency::Residency;
use geoheap_suballoc::ByteLen;

use crate::core::compact::Compaction;
use crate::core::event::{Effect, Request};
use crate::core::fill::Purpose;
use crate::core::record::{Away, Record};
use crate::core::{Core, entry, refusals, sure};
use crate::error::RequestError;
use crate::handle::Handle;
use crate::payload::Content;
use crate::report::{HeapEvent, Op, Restored};
use crate::slot::Slot;

/// Lost blocks that one event names; it counts them all.
const NAMED_MAX: usize = 256;

/// What is to come back by itself.
#[derive(Debug, Default)]
pub(super) struct Returning {
    /// What the last device had, until there is another one.
    had: BTreeSet<Handle>,
    /// Long-lived and pinned blocks, first come first.
    urgent: VecDeque<Handle>,
    /// The other blocks, first come first.
    others: VecDeque<Handle>,
    /// How many blocks with a source stay away.
    evicted: u64,
    /// One of so many bytes found no room: none of this length or above is tried.
    too_long: Option<u64>,
    /// Those that found none, or were not tried, until the budget is raised.
    refused: Vec<Handle>,
}

impl Returning {
    /// Whether nothing waits for its turn.
    pub(super) fn is_done(&self) -> bool {
        self.urgent.is_empty() && self.others.is_empty()
    }

    /// Room is wanted for what somebody asked for: from now on nothing comes unasked.
    pub(super) fn stop(&mut self) {
        self.others.clear();
        self.refused.clear();
    }

    /// The budget was raised: who found no room before may find some now, and comes before those
    /// that were not looked at.
    pub(super) fn try_again(&mut self) {
        self.too_long = None;
        let later = core::mem::take(&mut self.others);
        self.others.extend(self.refused.drain(..));
        self.others.extend(later);
    }

    /// One more device is gone.
    fn gather(&mut self) {
        self.had.extend(self.urgent.drain(..));
        self.had.extend(self.others.drain(..));
        self.had.extend(self.refused.drain(..));
    }

    fn found_no_room(&mut self, bytes: u64) {
        self.too_long = Some(self.too_long.map_or(bytes, |least| least.min(bytes)));
    }

    fn is_too_long(&self, bytes: u64) -> bool {
        self.too_long.is_some_and(|least| bytes >= least)
    }
}

impl Core {
    /// Whether the device is gone and there is no other yet.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost
    }

    /// Whether the request can be carried out now. Without a device that is what asks for no GPU
    /// memory, and new contents of blocks that will come back with them.
    pub(crate) fn can_carry_out(&self, request: &Request) -> bool {
        let takes_contents = || match request {
            Request::Update {
                handle, contents, ..
            } => {
                let record = self.record(*handle);
                record.is_none_or(|record| record.takes_away(contents))
            }
            _ => false,
        };
        !self.lost || request.outlives_device() || takes_contents()
    }

    /// Tells one device from the next, and from the time without one.
    pub(crate) fn device(&self) -> u32 {
        self.device
    }

    /// What staging may hold under the present budget.
    pub(crate) fn staging_bytes(&self) -> ByteLen {
        self.budget.staging
    }

    /// The device took everything that lay on it (R5). Handles survive; blocks with a source are
    /// evicted, the others lost.
    pub(super) fn device_lost(&mut self, reason: String, out: &mut Vec<Effect>) {
        if self.lost {
            return;
        }
        self.lost = true;
        self.device += 1;
        self.report.device_lost = true;
        self.report.device_losses += 1;
        self.returning.gather();
        let mut lost = Vec::new();
        for index in (0..).take(self.seats.len()) {
            let last_generation = self.seats[index as usize].last_generation;
            if let Some(handle) = self.tenant_of(index) {
                if self.lose_block(handle, out) {
                    lost.push(handle);
                }
            } else if last_generation > 0 {
                // The versions of the next device begin with empty tables, which know nothing of
                // the handles that are stale. A slot that no block ever had has none.
                self.queue_vacant(index, Slot::vacant(last_generation));
            }
        }
        // The books of the memory that is gone are closed; whoever still holds a place in them
        // holds a version that is void.
        self.heap = sure(ChunkHeap::new(self.heap.config().clone()));
        self.budget.forget_device();
        self.refuse_outside(out);
        self.residency = sure(Residency::new(self.config.residency));
        self.wanted.clear();
        self.recorded.clear();
        self.in_batch.clear();
        self.report.degraded = None;
        self.compaction = Compaction::default();
        self.ready.clear();
        self.pending.retired.clear();
        self.pending.forget.clear();
        out.push(Effect::VoidVersions);
        out.push(Effect::Notify(HeapEvent::DeviceLost { reason }));
        if !lost.is_empty() {
            let count = lost.len() as u64;
            lost.truncate(NAMED_MAX);
            let handles = lost;
            out.push(Effect::Notify(HeapEvent::BlocksLost { count, handles }));
        }
        self.publish(out);
    }

    /// A block that comes while there is no device waits for the next one, if it has a source.
    pub(super) fn add_without_device(&mut self, handle: Handle, out: &mut Vec<Effect>) {
        let record = self.own(handle);
        if record.is_covered() {
            record.away = Away::Evicted;
            self.returning.had.insert(handle);
            self.queue_slot(handle);
        } else {
            self.add_lost(handle, RequestError::DeviceLost, out);
        }
    }

    /// The contents of a new block lie in staging memory that went with its device: it is as if
    /// it had come before the loss.
    pub(super) fn add_of_lost_staging(&mut self, handle: Handle, out: &mut Vec<Effect>) {
        let record = self.own(handle);
        if record.is_covered() {
            record.away = Away::Evicted;
            if is_urgent(record) {
                self.want(handle);
            } else {
                self.returning.others.push_back(handle);
            }
            self.queue_slot(handle);
        } else {
            self.add_lost(handle, RequestError::StagedOnLostDevice, out);
        }
    }

    /// A new block whose contents nobody has.
    fn add_lost(&mut self, handle: Handle, error: RequestError, out: &mut Vec<Effect>) {
        self.own(handle).away = Away::Lost;
        self.report.blocks_lost += 1;
        let op = Op::Add;
        out.push(Effect::Notify(HeapEvent::Refused { handle, op, error }));
        self.queue_slot(handle);
    }

    /// Whether all that lies on a device lies on the present one.
    pub(super) fn is_of_this_device(&self, contents: &[Content]) -> bool {
        let mut devices = contents.iter().filter_map(Content::device);
        devices.all(|device| device == self.device)
    }

    pub(super) fn check_staged(&self, contents: &[Content]) -> Result<(), RequestError> {
        if self.is_of_this_device(contents) {
            Ok(())
        } else {
            Err(RequestError::StagedOnLostDevice)
        }
    }

    /// A block whose contents were lost is gone, or gets new ones.
    pub(super) fn lost_no_more(&mut self, handle: Handle) {
        let record = self.own(handle);
        if record.place.is_none() && record.away == Away::Lost {
            self.report.blocks_lost -= 1;
        }
    }

    /// Takes a block off the device that is gone. Returns whether its contents went for good.
    pub(super) fn lose_block(&mut self, handle: Handle, out: &mut Vec<Effect>) -> bool {
        if is_planted!(WaitingRefusedAtLoss) {
            self.refuse_all(handle, &RequestError::DeviceLost, out);
        }
        let replies = self.own(handle).take_replies_of_job();
        out.extend(refusals(replies.into_iter(), &RequestError::DeviceLost));
        let used = self.residency.get(entry(handle));
        let used = used.and_then(|known| known.last_used);
        let job = self.cancel_job(handle);
        self.stop_leaving(handle);
        let record = self.own(handle);
        let was_there = job.is_some() || record.place.is_some() || record.reloading().is_some();
        let has_source = record.has_source();
        // How recently it was used decides when it comes back.
        let used = used.map_or(0, geoheap_residency::Frame::get);
        if used > record.wished_frame() {
            record.unsettled().wished_frame = used;
        }
        self.retire_place(handle);
        // New contents on their way are the ones to come back with. Whatever else was on its way
        // was refused.
        let brings = |purpose| match purpose {
            Purpose::Update => !is_planted!(UpdateLostWithDevice),
            other => other == Purpose::Add,
        };
        if let Some(fill) = job.filter(|fill| has_source && brings(fill.purpose)) {
            let replies = self.take_contents(handle, fill);
            debug_assert!(
                replies.is_empty(),
                "who waited for it was refused: {replies:?}"
            );
        }
        let record = self.own(handle);
        let has_source = record.is_covered();
        record.stop_reloading();
        record.shown = false;
        record.returns = false;
        record.forget_set_asides();
        let is_lost = !has_source && was_there;
        if has_source {
            record.away = Away::Evicted;
            if was_there {
                self.returning.had.insert(handle);
            }
        } else if is_lost && !is_planted!(LostCalledPending) {
            record.away = Away::Lost;
            self.report.blocks_lost += 1;
        }
        self.queue_slot(handle);
        // What waited for the job is carried out as far as it needs no device.
        self.run_deferred(handle, out);
        is_lost
    }

    /// There is a device again, with empty memory and buffers of `buffer_bytes_max` at most.
    pub(super) fn restored(&mut self, buffer_bytes_max: ByteLen, out: &mut Vec<Effect>) {
        assert!(self.lost, "R5: only a lost device is followed by another");
        self.lost = false;
        self.device += 1;
        self.report.device_lost = false;
        self.report.restores += 1;
        self.heap = sure(ChunkHeap::new(HeapConfig {
            buffer_bytes_max,
            ..self.heap.config().clone()
        }));
        let was_cut = self.budget.make_whole();
        self.tell_regrown(was_cut, out);
        self.budget.cut_tick = self.tick;
        self.budget_hunger = 0;
        self.set_aside_tick = 0;
        self.spare_from_tick = 0;
        self.line_up();
        out.push(Effect::Notify(HeapEvent::Restored(self.restored_counts())));
        self.expect_version();
    }

    /// What comes back by itself, and what does not come back.
    pub(crate) fn restored_counts(&self) -> Restored {
        let Returning {
            urgent,
            others,
            evicted,
            ..
        } = &self.returning;
        Restored {
            returning_blocks: (urgent.len() + others.len()) as u64,
            evicted_blocks: *evicted,
            lost_blocks: self.report.blocks_lost,
        }
    }

    /// Who comes back, in order.
    fn line_up(&mut self) {
        let had = core::mem::take(&mut self.returning.had);
        let mut urgent = Vec::new();
        let mut others = Vec::new();
        let mut evicted = 0;
        for record in self.records() {
            let is_away = record.away == Away::Evicted;
            let key = (
                Reverse(record.priority),
                Reverse(record.wished_frame()),
                record.handle,
            );
            if is_away && is_urgent(record) {
                urgent.push(key);
            } else if is_away && had.contains(&record.handle) {
                others.push(key);
            } else if is_away {
                evicted += 1;
            }
        }
        urgent.sort_unstable();
        others.sort_unstable();
        let handles = |keys: Vec<(_, _, Handle)>| keys.into_iter().map(|key| key.2).collect();
        self.returning = Returning {
            urgent: handles(urgent),
            others: handles(others),
            evicted,
            ..Returning::default()
        };
        // Should one of them find no room at first, it is not forgotten.
        self.wanted.extend(self.returning.urgent.iter().copied());
    }

    /// Long-lived and pinned blocks come back before anything else. Returns the bytes asked for.
    pub(super) fn return_urgent(&mut self, cap: u64, count: usize, out: &mut Vec<Effect>) -> Took {
        let mut took = Took::default();
        while took.blocks < count
            && took.bytes < cap
            && let Some(handle) = self.returning.urgent.pop_front()
        {
            let Some(bytes) = self.could_return(handle) else {
                continue;
            };
            took.add(bytes);
            self.residency.unwish(entry(handle));
            self.stream_in(handle, out);
        }
        took
    }

    /// The others come back as far as there is room that nobody else wants.
    pub(super) fn return_others(&mut self, cap: u64, count: usize, out: &mut Vec<Effect>) {
        if self.returning.others.is_empty() || self.budget_hunger > 0 {
            return;
        }
        let mut room = self.unused_bytes();
        let mut took = Took::default();
        while took.blocks < count
            && took.bytes < cap
            && let Some(handle) = self.returning.others.pop_front()
        {
            let Some(bytes) = self.could_return(handle) else {
                continue;
            };
            if bytes > room {
                self.returning.found_no_room(bytes);
            }
            if self.returning.is_too_long(bytes) {
                self.returning.refused.push(handle);
                continue;
            }
            room -= bytes;
            took.add(bytes);
            self.residency.unwish(entry(handle));
            self.own(handle).returns = true;
            self.stream_in(handle, out);
        }
    }

    /// Bytes of the block, if it is still away, nothing brings it, and a buffer could hold it.
    fn could_return(&self, handle: Handle) -> Option<u64> {
        let record = self.record(handle)?;
        let is_under_way = record.fill().is_some() || record.reloading().is_some();
        let is_away = record.place.is_none() && record.away == Away::Evicted;
        let len = record.layout.len();
        let can = is_away && !is_under_way && len <= self.block_bytes_max();
        can.then_some(len.get())
    }

    /// Bytes that dynamic blocks could have before one of them had to leave.
    fn unused_bytes(&self) -> u64 {
        let capacity = self.dynamic_capacity().get();
        let coming = self.jobs.unplaced_bytes() + self.reloading_bytes;
        let used = self.dynamic_live().get() + coming;
        self.residency.evaluate(used, capacity).room_bytes
    }

    /// A block that comes back unasked takes no room from anybody: without a place it stays
    /// evicted. Returns whether that was so.
    pub(super) fn stays_away(&mut self, handle: Handle, out: &mut Vec<Effect>) -> bool {
        let record = self.own(handle);
        let comes_back = record
            .fill()
            .is_some_and(|fill| fill.purpose == Purpose::StreamIn);
        if !comes_back || !record.returns || record.is_wanted() {
            return false;
        }
        record.returns = false;
        let fill = self.cancel_job(handle).expect("it was there just now");
        self.returning.found_no_room(fill.layout.len().get());
        self.returning.refused.push(handle);
        self.pending.replies.extend(fill.replies);
        self.run_deferred(handle, out);
        true
    }
}

/// What was asked for in a tick.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Took {
    pub(super) bytes: u64,
    pub(super) blocks: usize,
}

impl Took {
    fn add(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.blocks += 1;
    }
}

fn is_urgent(record: &Record) -> bool {
    record.is_pinned() || record.lifetime == geoheap_chunk_heap::Lifetime::LongLived
}
