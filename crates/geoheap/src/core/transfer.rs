//! Recording a tick's copies under its caps, and committing what they fill once they are
//! submitted.
//!
//! All of a tick's work shares one allowance of bytes and copies. Up to half of it is for bytes
//! that come back from blocks which are to leave, as their room is waited for. Of the rest, urgent
//! blocks go first: those
//! that somebody waits for, long-lived and pinned ones, and those above the default priority.
//! The others are spread over a few ticks while frames are drawn (`spread`), so that a burst of
//! them makes no long frame. Blocks that come back and blocks that are new share what a tick has
//! for them: each of the two gets half of it where both wait, and what one leaves the other takes.
//! Moves, which nobody waits for, have the rest of the allowance. A block larger than a tick's
//! share goes over several ticks; it stays pending until its last byte is submitted.

use std::sync::Arc;

use geoheap_chunk_heap::{BlockLayout, Growth, PartState, RangeKey};
use geoheap_residency::{Frame, Priority};
use geoheap_suballoc::ByteLen;

use crate::config::{WORD_BYTES, whole_words};
use crate::core::ahead::AHEAD;
use crate::core::copies::TickCopies;
use crate::core::event::{Answer, Effect, Retired};
use crate::core::fill::{Fill, Purpose, Target};
use crate::core::filling::record_fill;
use crate::core::jobs::{Job, Jobs, Queue};
use crate::core::record::{Record, SourceKind};
use crate::core::{Core, entry, sure};
use crate::error::FailReason;
use crate::handle::Handle;

/// Submits of a block's bytes that may fail before the block does.
const SUBMIT_FAILURES_MAX: u32 = 8;
/// Rooms for the affairs of blocks that are kept for the next ones: about two megabytes.
const SPARE_ROOMS_MAX: usize = 4 << 10;

/// What may still be recorded in this tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    pub(super) bytes: u64,
    pub(super) copies: u32,
    pub(super) staging: u64,
}

impl Allowance {
    /// One more copy, of `len` bytes.
    pub(super) fn take_copy(&mut self, len: u64) {
        self.bytes -= len.min(self.bytes);
        self.copies -= 1;
    }
}

impl Core {
    /// Records uploads and moves, then asks for one submit of them all.
    pub(super) fn transfer(&mut self, staging_free: ByteLen, out: &mut Vec<Effect>) {
        if self.lost {
            // Nothing to submit; but blocks are still removed, and callers answered.
            self.publish(out);
            return;
        }
        let mut copies = core::mem::take(&mut self.transfers);
        let mut left = self.allowance(staging_free);
        self.read_leaving(&mut left, out);
        let jobs = core::mem::take(&mut self.jobs);
        self.record_jobs(jobs.urgent(), &mut left, &mut copies);
        let held_back = left.bytes - self.spread_bytes(&jobs).min(left.bytes);
        left.bytes -= held_back;
        self.record_in_turn(&jobs, &mut left, &mut copies);
        left.bytes += held_back;
        self.jobs = jobs;
        if is_planted!(UploadForgotten) {
            copies.forget_last();
        }
        copies.drain_into(out);
        self.transfers = copies;
        self.compact(&left, out);
        out.push(Effect::Submit);
    }

    /// What this tick may record in all.
    fn allowance(&self, staging_free: ByteLen) -> Allowance {
        let share = self.facts.share;
        let bytes = share.of(self.config.tick_upload_bytes.get());
        let copies = share.of(self.config.tick_copies.into());
        Allowance {
            bytes: whole_words(bytes).max(WORD_BYTES),
            copies: u32::try_from(copies).unwrap_or(u32::MAX),
            staging: whole_words(staging_free.get()),
        }
    }

    /// Records blocks that come back and blocks that are new, half of what is left for each.
    fn record_in_turn(&mut self, jobs: &Jobs, left: &mut Allowance, copies: &mut TickCopies) {
        let (back, new) = (jobs.back(), jobs.others());
        let waits = |queue: &Queue| queue.iter().any(|job| self.can_record(job));
        if waits(back) && waits(new) {
            let half = Allowance {
                bytes: whole_words(left.bytes / 2),
                copies: left.copies / 2,
                ..*left
            };
            let mut share = half;
            self.record_jobs(new, &mut share, copies);
            left.bytes -= half.bytes - share.bytes;
            left.copies -= half.copies - share.copies;
            left.staging = share.staging;
        }
        self.record_jobs(back, left, copies);
        self.record_jobs(new, left, copies);
    }

    /// Whether the buffer of the job's place exists.
    fn can_record(&self, job: &Job) -> bool {
        job.to.is_some_and(|(chunk, _)| self.ready[chunk.index()])
    }

    fn record_jobs(&mut self, jobs: &Queue, left: &mut Allowance, copies: &mut TickCopies) {
        let mut ahead = jobs.iter();
        for (nth, job) in jobs.iter().enumerate() {
            if left.bytes == 0 || left.copies == 0 {
                return;
            }
            if nth.is_multiple_of(AHEAD) {
                let next = ahead.by_ref().take(AHEAD).map(|job| job.handle);
                self.look_ahead_at_jobs(next);
            }
            let Some(to) = job.to.filter(|_| self.can_record(job)) else {
                continue;
            };
            let handle = job.handle;
            let fill = self.record(handle).and_then(Record::fill);
            let fill = fill.expect("placed jobs are jobs");
            if fill.is_recorded() {
                // A block whose parts are all removed has nothing to send, and is done at once.
                if fill.pieces.is_empty() && !self.recorded.contains(&handle) {
                    self.recorded.push(handle);
                }
                continue;
            }
            let record = self.record(handle).expect("jobs name blocks that live");
            let reads_present = fill.reads_present();
            let present = record.place.filter(|_| reads_present);
            let from = present.and_then(|place| self.heap.range(place));
            let fill = self.own(handle).fill_mut();
            let fill = fill.expect("jobs name blocks with a job");
            record_fill(handle, fill, to, from, left, copies);
            let (is_new, is_recorded) = (!fill.in_batch, fill.is_recorded());
            fill.in_batch = true;
            if is_recorded {
                self.recorded.push(handle);
            } else if is_new {
                self.in_batch.push(handle);
            }
        }
    }

    /// The copies are on the queue (R1): what they fill may be named by the next version.
    ///
    /// What was to come from buffers of callers has a submission of its own: those of `refused` go
    /// back to their start alone.
    pub(super) fn submitted(&mut self, ok: bool, refused: &[Handle], out: &mut Vec<Effect>) {
        if ok && !refused.is_empty() {
            let is_refused = |handle: &Handle| refused.contains(handle);
            self.recorded.retain(|handle| !is_refused(handle));
            self.in_batch.retain(|handle| !is_refused(handle));
            self.rewind_jobs(refused.iter().copied(), out);
        }
        let mut recorded = core::mem::take(&mut self.recorded);
        let moves = self.moves_to_commit();
        self.moves_submitted(ok);
        if ok {
            for run in recorded.chunks(AHEAD) {
                self.look_ahead(run);
                for handle in run {
                    self.commit_fill(*handle, out);
                }
            }
            recorded.clear();
            self.keep_batch();
            for moved in moves {
                self.commit_move(moved);
            }
        } else {
            self.rewind_batch(&recorded, out);
            recorded.clear();
            for moved in moves {
                self.cancel_move(moved);
            }
        }
        if self.recorded.is_empty() {
            self.recorded = recorded;
        }
        self.publish(out);
    }

    /// The jobs of this tick's batch that are not done keep what was recorded of them.
    fn keep_batch(&mut self) {
        for handle in core::mem::take(&mut self.in_batch) {
            let record = self.record_mut(handle);
            let fill = record.and_then(Record::fill_mut);
            if let Some(fill) = fill.filter(|fill| fill.in_batch) {
                let sent = fill.sent_in_batch();
                fill.keep_progress();
                self.report.upload_bytes += sent;
            }
        }
    }

    /// Where a submit failed, nobody can tell which copies reached the queue, so none of the batch
    /// counts (R1).
    fn rewind_batch(&mut self, recorded: &[Handle], out: &mut Vec<Effect>) {
        let in_batch = core::mem::take(&mut self.in_batch);
        self.rewind_jobs(in_batch.into_iter().chain(recorded.iter().copied()), out);
    }

    fn rewind_jobs(&mut self, jobs: impl Iterator<Item = Handle>, out: &mut Vec<Effect>) {
        for handle in jobs {
            let record = self.record_mut(handle);
            let fill = record.and_then(Record::fill_mut);
            let Some(fill) = fill.filter(|fill| fill.in_batch) else {
                continue;
            };
            fill.submit_failures += 1;
            let attempts = fill.submit_failures;
            if !fill.rewind() || attempts >= SUBMIT_FAILURES_MAX {
                self.fail(handle, FailReason::Transfer { attempts }, out);
            }
        }
    }

    fn commit_fill(&mut self, handle: Handle, out: &mut Vec<Effect>) {
        // What is committed now is shown by the next version.
        let next_version = self.version.get() + 1;
        let record = self.own(handle);
        let mut fill = record.take_fill().expect("a recorded block has its job");
        record.revision += u64::from(fill.raises_revision);
        if fill.raises_revision || record.written == 0 {
            record.written = next_version;
        }
        let before = record.layout.len();
        let revived = record.place.is_none();
        let old_place = record.place;
        let is_same = Arc::ptr_eq(&record.layout, &fill.layout) || record.layout == fill.layout;
        // While a block is shown, its table of parts is that of its layout.
        let keeps_parts = record.shown && (is_same || is_planted!(PartsStale));
        if !is_same {
            record.layout = Arc::clone(&fill.layout);
        }
        self.end_job(&fill);
        if !is_same {
            self.note_gaps(handle);
        }
        self.commit_target(handle, &fill, old_place, out);
        self.unguard(handle, &fill);
        let after = self.own(handle).layout.len();
        self.keep_contents(handle, &mut fill);
        self.count_world(before, after);
        self.count_fill(&fill, revived);
        self.pending.replies.extend(fill.replies);
        let record = self.own(handle);
        record.forget_set_asides();
        record.returns = false;
        let waiters = record.unsettled.as_mut();
        let waiters = waiters.map(|open| core::mem::take(&mut open.waiters));
        let answers = waiters.into_iter().flatten();
        let answers = answers.map(|waiter| (waiter.reply, Answer::Done));
        self.pending.replies.extend(answers);
        if keeps_parts {
            self.queue_moved(handle);
        } else {
            self.queue_slot(handle);
        }
        self.run_deferred(handle, out);
        if fill.target == Target::Present && self.record(handle).is_some() {
            // It stayed where it lay, perhaps since a time when its lifetime was another.
            let order = self.next_seq();
            self.move_to_its_lifetime(handle, order);
        }
        let room = self.record_mut(handle).and_then(Record::settle);
        if let Some(room) = room
            && self.spare_rooms.len() < SPARE_ROOMS_MAX
        {
            self.spare_rooms.push(room);
        }
    }

    /// What the job filled is where the block lies from now on.
    fn commit_target(
        &mut self,
        handle: Handle,
        fill: &Fill,
        old_place: Option<RangeKey>,
        out: &mut Vec<Effect>,
    ) {
        match fill.target {
            Target::Fresh(range) => self.enter_place(handle, range),
            Target::Present => {
                let place = old_place.expect("a job in place has a place");
                let rooms = fill.retire_rooms.iter().map(|part| Retired::Room {
                    handle,
                    place,
                    part: *part,
                });
                if is_planted!(RoomFreedAtOnce) {
                    self.released(&rooms.collect::<Vec<_>>(), out);
                } else {
                    self.pending.retired.extend(rooms);
                }
            }
            Target::Unplaced => unreachable!("a recorded job has a place"),
        }
    }

    /// Keeps what a job brought, as far as its block is to come back from that.
    fn keep_contents(&mut self, handle: Handle, fill: &mut Fill) {
        let record = self.own(handle);
        if record.source == SourceKind::ReadBack {
            // From now on the GPU has them, and may change them.
            return self.forget_copies(handle);
        }
        if fill.retain.is_empty() || is_planted!(SourceStale) {
            return;
        }
        for (part, payload) in fill.retain.drain(..) {
            record.retained.put(part, payload);
        }
        self.note_copies(handle);
    }

    /// Makes a filled range the block's place, and retires the one before it.
    fn enter_place(&mut self, handle: Handle, range: RangeKey) {
        sure(self.heap.commit(range));
        let (tick, id) = (self.now(), entry(handle));
        let record = self.own(handle);
        let bytes = record.layout.len().get();
        let (pinned, exempt) = (record.is_pinned(), record.is_exempt());
        let (priority, wished) = (Priority::new(record.priority), record.wished_frame());
        if let Some(old) = record.place.replace(range) {
            sure(self.heap.retire(old));
            self.pending.retired.push(Retired::Range(old));
            sure(self.residency.resize(id, bytes));
            return;
        }
        let fresh = self.residency.insert(id, bytes, priority, tick);
        assert!(
            fresh.is_ok(),
            "a block without a place is no entry of the policy: {fresh:?}"
        );
        if pinned {
            sure(self.residency.pin(id));
        }
        sure(self.residency.set_exempt(id, exempt));
        if wished > 0 {
            self.residency.touch(id, Frame::new(wished));
        }
    }

    fn count_fill(&mut self, fill: &Fill, revived: bool) {
        self.report.upload_bytes += fill.sent_in_batch();
        if revived && fill.purpose == Purpose::StreamIn {
            self.report.stream_ins += 1;
            self.report.stream_in_bytes += fill.sent_bytes;
        }
    }

    /// No version in use names these any more (R3).
    pub(super) fn released(&mut self, items: &[Retired], out: &mut Vec<Effect>) {
        for (nth, item) in items.iter().enumerate() {
            if nth.is_multiple_of(AHEAD) {
                self.look_ahead_of_release(&items[nth..items.len().min(nth + AHEAD)]);
            }
            match *item {
                Retired::Range(range) => {
                    sure(self.heap.release(range));
                }
                Retired::Room {
                    handle,
                    place,
                    part,
                } => {
                    // A block that left that place took its parts along and left the room.
                    if let Some(record) = self.record_mut(handle)
                        && record.place == Some(place)
                    {
                        release_room(record, part);
                        self.note_gaps(handle);
                    }
                }
                Retired::Chunk(chunk) => {
                    let len = self
                        .heap
                        .chunk(chunk)
                        .map_or(ByteLen::ZERO, |info| info.capacity);
                    sure(self.heap.chunk_gone(chunk));
                    self.ready[chunk.get() as usize] = false;
                    self.report.chunks_returned += 1;
                    if is_planted!(DroppedUncounted) {
                        self.budget.came_back(len);
                    }
                    out.push(Effect::DropChunk { chunk, len });
                }
            }
        }
    }
}

/// Frees the oldest retired room of `part`, in the job's layout too if one is under way.
fn release_room(record: &mut Record, part: geoheap_chunk_heap::PartId) {
    let known = Arc::make_mut(&mut record.layout).release(part);
    debug_assert!(known.is_ok(), "R2: a room retires once: {known:?}");
    if let Some(fill) = record.fill_mut()
        && fill.target == Target::Present
    {
        let known = Arc::make_mut(&mut fill.layout).release(part);
        debug_assert!(
            known.is_ok(),
            "a job in place has all rooms of its block: {known:?}"
        );
    }
}

/// A layout at a place that no version has named before has nobody to wait for.
pub(super) fn without_retired_rooms(layout: &mut Arc<BlockLayout>) {
    let retired: Vec<_> = layout
        .rooms()
        .filter(|room| room.state == PartState::Retired)
        .map(|room| room.id)
        .collect();
    for part in retired {
        let known = Arc::make_mut(layout).release(part);
        debug_assert!(
            known.is_ok(),
            "each retired room is released once: {known:?}"
        );
    }
}

/// A layout with its live parts tight, for a place that is yet to be found.
pub(super) fn compact_layout(core: &Core, layout: &Arc<BlockLayout>) -> Arc<BlockLayout> {
    match layout.grown(&Growth::default(), &core.kinds, core.align_max) {
        Ok(grown) if grown.layout != **layout => Arc::new(grown.layout),
        _ => Arc::clone(layout),
    }
}
