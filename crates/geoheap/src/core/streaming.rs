//! Who leaves GPU memory and who comes back: the core's side of the residency policy.

use geoheap_chunk_heap::{Lifetime, PartId};
use geoheap_frame_sync::{Usage, Version};
use geoheap_residency::{EntryId, Frame, Priority};
use geoheap_suballoc::ByteLen;

use crate::core::event::Effect;
use crate::core::fill::{Bytes, Fill, Piece, Purpose};
use crate::core::leaving::Cause;
use crate::core::place::SET_ASIDE_TICKS;
use crate::core::record::Away;
use crate::core::transfer::compact_layout;
use crate::core::unsettled::Reloading;
use crate::core::{Core, entry};
use crate::error::{FailReason, RequestError};
use crate::handle::Handle;
use crate::payload::Payload;
use crate::report::{Degraded, HeapEvent};

/// Wishes turned into jobs in one tick.
const STREAM_INS_PER_TICK: usize = 64;

/// Ticks for which frames use no more than there is before they are told to fit: some turns of
/// blocks that are set aside, and wished for again.
const RECOVERY_TICKS: u64 = 3 * SET_ASIDE_TICKS as u64;
/// One part in so many of what frames can have is room to spare.
const WELL_SHARE: u64 = 8;

/// What has to stay, beside what always does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spare {
    /// What frames saw lately, as long as there are frames.
    Recent,
    /// Nothing.
    Nothing,
}

impl Core {
    /// A frame, or a worker's share of it, is over.
    pub(super) fn note_frame(&mut self, frame: u64, ends_frame: bool) {
        self.frame = self.frame.max(frame);
        if ends_frame {
            self.frame_tick = self.tick;
            self.report.frames += 1;
            self.report.degraded_frames += u64::from(self.report.degraded.is_some());
        }
    }

    /// Whether frames came lately. Ages in frames stand still where none comes, and there is
    /// nothing to keep steady.
    pub(super) fn is_drawing(&self) -> bool {
        let patience = self.config.residency.min_resident_ticks;
        self.frame_tick > 0 && self.tick < self.frame_tick.saturating_add(patience)
    }

    /// What a frame used is recent, what it missed is wished for.
    pub(super) fn note_usage(&mut self, frame: u64, version: Version, usage: &Usage) {
        for index in usage.iter() {
            let Some(handle) = self.seen_in(index, version) else {
                continue;
            };
            if self.residency.touch(entry(handle), Frame::new(frame)) {
                continue;
            }
            let record = self.own(handle);
            record.unsettled().wished_frame = frame;
            record.returns = false;
            let is_away = record.away == Away::Evicted && record.fill().is_none();
            if is_away && !is_planted!(WishLost) {
                self.wish_for(handle);
            }
        }
    }

    /// The block that a version shows in a slot, if it still lives: another may have come to the
    /// slot since.
    pub(crate) fn seen_in(&self, index: u32, version: Version) -> Option<Handle> {
        let handle = self.tenant_of(index)?;
        (self.seats[index as usize].added < version).then_some(handle)
    }

    /// Asks the policy to bring an evicted block back, unless no place could hold it.
    pub(super) fn wish_for(&mut self, handle: Handle) {
        self.wish_as_of(handle, self.frame);
    }

    /// Wishes for the block behind what recent frames missed, so that a caller who waits for more
    /// than fits neither takes room from the frames nor makes them seem to need more than there
    /// is.
    pub(super) fn wish_behind_frames(&mut self, handle: Handle) {
        let config = self.residency.config();
        let back = config.protect_frames.min(config.wish_max_age_frames);
        self.wish_as_of(handle, self.frame.saturating_sub(back));
    }

    pub(super) fn wish_as_of(&mut self, handle: Handle, frame: u64) {
        let frame = Frame::new(frame);
        let max = self.block_bytes_max();
        let record = self.record(handle).expect("the caller looked it up");
        if self.lost || record.reloading().is_some() || record.layout.len() > max {
            return;
        }
        // One that found no room lets others go first: what waits for room takes its turn of the
        // tick's bytes, and a few blocks that fit nowhere would leave none to those that do.
        let patience = if is_planted!(HopelessFirst) {
            0
        } else {
            record.set_asides()
        };
        let priority = record.priority.checked_shr(patience).unwrap_or(0);
        let (bytes, priority) = (record.layout.len().get(), Priority::new(priority));
        self.residency.wish(entry(handle), bytes, priority, frame);
    }

    /// Evicts down to the low-water mark once the high one is passed, so that new and returning
    /// blocks find room without waiting.
    pub(super) fn keep_below_water(&mut self, out: &mut Vec<Effect>) {
        let budget = self.dynamic_capacity().get();
        let live = self.dynamic_live().get();
        let pressure = self.residency.evaluate(live, budget);
        let mut over = ByteLen::ZERO;
        if pressure.is_over() {
            over = ByteLen::new(pressure.over_bytes);
        }
        // Where chunks have to go, what leaves the one that is emptied need not move.
        let sheds = self.config.defrag.enabled && self.budget.overshoot_to_shed() > ByteLen::ZERO;
        let to_shed = if sheds { over } else { ByteLen::ZERO };
        over -= self.compaction.take_share(to_shed, self.config.chunk_bytes);
        self.evict(over, Spare::Recent, out);
    }

    /// Bytes that dynamic blocks can have at most under the budget: what chunks of the other
    /// kinds leave, in whole chunks.
    pub(super) fn dynamic_capacity(&self) -> ByteLen {
        let mut other = ByteLen::ZERO;
        for info in self.heap.chunks() {
            if info.lifetime == Lifetime::LongLived || info.dedicated {
                other += info.capacity;
            }
        }
        let left = self.budget.for_chunks().saturating_sub(other).get();
        let chunk = self.config.chunk_bytes.get();
        ByteLen::new(left / chunk * chunk)
    }

    /// Bytes that the frames' working set can have. Unlike `dynamic_capacity` this counts what
    /// long-lived blocks and those in dedicated buffers have: they are of the working set.
    fn working_capacity(&self) -> ByteLen {
        let mut other = ByteLen::ZERO;
        for info in self.heap.chunks() {
            if info.lifetime == Lifetime::LongLived {
                other += info.live;
            } else if info.dedicated {
                other += info.capacity;
            }
        }
        self.dynamic_capacity() + other
    }

    /// Bytes that dynamic blocks have in shared chunks. One that moves counts once: the place that
    /// is held for it must not make others leave.
    pub(super) fn dynamic_live(&self) -> ByteLen {
        let dynamic = self
            .heap
            .chunks()
            .filter(|info| info.lifetime == Lifetime::Dynamic && !info.dedicated);
        let taken: ByteLen = dynamic.map(|info| info.live + info.reserved).sum();
        taken.saturating_sub(self.held_for_moves())
    }

    /// The blocks that the policy would let go of for `need` bytes, the first one first.
    fn victims(&self, need: ByteLen, spare: Spare) -> Vec<EntryId> {
        let (need, now, mut victims) = (need.get(), self.now(), Vec::new());
        if spare == Spare::Recent && self.is_drawing() {
            self.residency.victims_not_recent(need, now, &mut victims);
        } else {
            self.residency.victims(need, now, &mut victims);
        }
        victims
    }

    /// The priority of the first block that would leave for `need` bytes and is not about to: as
    /// long as it is there, none of a higher one leaves.
    pub(super) fn priority_to_leave(&self, need: ByteLen) -> Option<Priority> {
        let victims = self.victims(need, Spare::Recent).into_iter();
        let mut open = victims.filter(|id| {
            let record = self.tenant_of(id.get());
            let record = record.and_then(|handle| self.record(handle));
            record.is_some_and(|record| !record.is_busy() && record.leaving().is_none())
        });
        let first = self.residency.get(open.next()?);
        first.map(|known| known.priority)
    }

    /// Evicts at least `need` bytes, as far as the policy lets go of so many. Returns how many.
    pub(super) fn evict(&mut self, need: ByteLen, spare: Spare, _out: &mut Vec<Effect>) -> ByteLen {
        let mut left = ByteLen::ZERO;
        if need == ByteLen::ZERO {
            return left;
        }
        let _span = tracing::trace_span!("evict", need_bytes = need.get()).entered();
        let victims = self.victims(need, spare);
        if !victims.is_empty() {
            self.returning.stop();
        }
        for id in victims {
            let handle = self
                .tenant_of(id.get())
                .expect("entries of the policy live");
            let record = self.record(handle).expect("entries of the policy live");
            if record.is_busy() {
                continue;
            }
            if record.leaving().is_some() {
                left += record.layout.len();
                continue;
            }
            assert!(
                !record.is_exempt(),
                "R9: long-lived blocks stay resident: {handle:?}"
            );
            left += record.layout.len();
            self.send_away(handle, Cause::Age);
        }
        left
    }

    /// A caller wants the block to leave, though there may be room.
    pub(super) fn evict_on_demand(&mut self, handle: Handle) -> Result<(), RequestError> {
        let record = self.record(handle).expect("the caller looked it up");
        if record.place.is_none() {
            return Err(RequestError::NotResident { handle });
        }
        if record.is_pinned() && !is_planted!(PinnedEvicted) {
            return Err(RequestError::Pinned { handle });
        }
        if record.lifetime == Lifetime::LongLived && !is_planted!(LongLivedEvicted) {
            return Err(RequestError::LongLived { handle });
        }
        if !record.has_source() {
            return Err(RequestError::NoSource { handle });
        }
        self.send_away(handle, Cause::Order);
        Ok(())
    }

    /// A caller knows that frames will soon look at the block. One that is there, or on its way, is
    /// left alone.
    pub(super) fn prefetch(&mut self, handle: Handle) {
        let record = self.record(handle).expect("the caller looked it up");
        let is_away = record.away == Away::Evicted && record.place.is_none();
        if is_away && record.fill().is_none() {
            self.wish_behind_frames(handle);
        }
    }

    /// The next version shows the block as evicted; or a later one, if its bytes have to be copied
    /// back before.
    pub(super) fn send_away(&mut self, handle: Handle, cause: Cause) {
        if !self.begin_leaving(handle, cause) {
            self.leave(handle);
        }
    }

    /// The next version shows the block as evicted.
    pub(super) fn leave(&mut self, handle: Handle) {
        self.evict_place(handle);
        let record = self.own(handle);
        let (bytes, label) = (
            record.layout.len().get(),
            record.label().map(|label| &**label),
        );
        tracing::trace!(%handle, bytes, label, "evicted");
        record.away = Away::Evicted;
        record.forget_wish();
        if is_planted!(EvictedStillNamed) {
            return;
        }
        self.queue_slot(handle);
    }

    /// Ends a block's presence in GPU memory, if any, for want of room.
    pub(super) fn evict_place(&mut self, handle: Handle) {
        let record = self.own(handle);
        if record.place.is_some() {
            let long_lived = record.lifetime == Lifetime::LongLived;
            self.report.evictions += 1;
            self.report.long_lived_evictions += u64::from(long_lived);
            self.retire_place(handle);
        }
    }

    /// Turns the best wishes into jobs, as many as the tick can bring.
    pub(super) fn start_streaming(&mut self, out: &mut Vec<Effect>) {
        let now = self.now();
        self.residency.expire_wishes(now);
        self.renew_wishes(out);
        let under_way = self.jobs.streaming_bytes() + self.reloading_bytes;
        let twice = self.config.tick_upload_bytes.get().saturating_mul(2);
        let cap = twice.saturating_sub(under_way);
        if cap == 0 {
            return;
        }
        let urgent = self.return_urgent(cap, STREAM_INS_PER_TICK, out);
        let cap = cap.saturating_sub(urgent.bytes);
        let count = STREAM_INS_PER_TICK - urgent.blocks;
        let mut wishes = Vec::new();
        let wished = self.residency.wishes(cap, count, now, &mut wishes);
        let count = count - wishes.len();
        for id in wishes {
            self.residency.unwish(id);
            let Some(handle) = self.tenant_of(id.get()) else {
                continue;
            };
            self.stream_in(handle, out);
        }
        self.return_others(cap.saturating_sub(wished), count, out);
    }

    pub(super) fn stream_in(&mut self, handle: Handle, out: &mut Vec<Effect>) {
        let record = self.record(handle).expect("the caller looked it up");
        if record.away != Away::Evicted || record.fill().is_some() || record.place.is_some() {
            return;
        }
        // What the file has is asked for as of a callback.
        let make = record.spilled().or(record.retained.callback());
        match make {
            None => {
                assert!(
                    record.keeps_copies(),
                    "R9: a block without a source is never evicted: {handle:?}"
                );
                let kept = |id| Some((id, record.retained.get(id)?.clone()));
                let parts = record.layout.parts();
                let contents: Vec<_> = parts.filter_map(|part| kept(part.id)).collect();
                self.note_copies(handle);
                self.start_stream_in(handle, contents);
            }
            Some(make) => {
                let (make, bytes) = (make.clone(), record.layout.len().get());
                if record.keeps_copies() {
                    // What is read is that of now, whatever was being written.
                    self.note_copies(handle);
                }
                let seq = self.next_seq();
                self.own(handle).unsettled().reloading = Some(Reloading { seq });
                self.reloading_bytes += bytes;
                out.push(Effect::Reload {
                    handle,
                    seq,
                    make,
                    bytes,
                });
            }
        }
    }

    fn start_stream_in(&mut self, handle: Handle, contents: Vec<(PartId, Payload)>) {
        let record = self.record(handle).expect("the caller looked it up");
        let layout = compact_layout(self, &record.layout);
        let pieces = contents
            .into_iter()
            .filter_map(|(id, payload)| {
                let part = layout.part(id).ok()?;
                let bytes = Bytes::Shared(payload);
                Some(Piece {
                    to: part.range.start,
                    len: part.range.len,
                    bytes,
                })
            })
            .collect();
        let seq = self.next_seq();
        self.start_job(handle, Fill::new(seq, Purpose::StreamIn, layout, pieces));
    }

    /// A reload callback answered. An answer to an older question is dropped.
    pub(super) fn reloaded(
        &mut self,
        handle: Handle,
        seq: u64,
        bytes: u64,
        result: Result<Vec<Payload>, FailReason>,
        out: &mut Vec<Effect>,
    ) {
        self.reloading_bytes -= bytes;
        let Some(record) = self.record_mut(handle) else {
            return;
        };
        if record.reloading() != Some(Reloading { seq }) {
            return;
        }
        record.stop_reloading();
        let contents = result.and_then(|payloads| {
            if record.keeps_copies() {
                record.join_copies(payloads)
            } else {
                match_lengths(record, payloads)
            }
        });
        match contents {
            Ok(contents) => self.start_stream_in(handle, contents),
            Err(reason) => self.fail(handle, reason, out),
        }
    }

    /// Notes whether what frames use fits the budget at all.
    pub(super) fn update_degraded(&mut self, out: &mut Vec<Effect>) {
        let budget = self.working_capacity().get();
        let waiting = self.wished_without_room();
        let used = self.residency.working_set_bytes(self.now());
        let missing = self
            .residency
            .missing_bytes(self.now())
            .saturating_add(waiting);
        let working_set_bytes = used.saturating_add(missing);
        let found = (working_set_bytes > budget).then_some(Degraded {
            working_set_bytes,
            missing_bytes: missing,
            budget_bytes: budget,
        });
        let found = found.filter(|_| !is_planted!(DegradedUntold));
        // What is set aside counts nowhere for some ticks, so what seems to fit just so may soon
        // not fit any more: it has to fit for a while, or with room to spare.
        let fits_well = working_set_bytes <= budget - budget / WELL_SHARE;
        let (tick, frame) = self.degraded_at;
        let recent = self.config.residency.recent_frames;
        let was_lately = self.tick < tick + RECOVERY_TICKS || self.frame < frame + recent;
        if found.is_some() {
            self.degraded_at = (self.tick, self.frame);
        } else if self.report.degraded.is_some() && was_lately && !fits_well {
            return;
        }
        if found.is_some() != self.report.degraded.is_some() {
            out.push(Effect::Notify(match found {
                Some(degraded) => HeapEvent::Degraded(degraded),
                None => HeapEvent::Recovered,
            }));
        }
        self.report.degraded = found;
    }
}

/// The payloads by part, if each has the length that its part has.
fn match_lengths(
    record: &crate::core::record::Record,
    payloads: Vec<Payload>,
) -> Result<Vec<(PartId, Payload)>, FailReason> {
    let parts = record.layout.parts_by_id();
    let expected: ByteLen = parts.iter().map(|part| part.used_len).sum();
    let given: ByteLen = payloads.iter().map(Payload::len).sum();
    let matches = parts.len() == payloads.len()
        && parts
            .iter()
            .zip(&payloads)
            .all(|(part, payload)| part.used_len == payload.len());
    if !matches {
        return Err(FailReason::ReloadLength { expected, given });
    }
    Ok(parts.iter().map(|part| part.id).zip(payloads).collect())
}
