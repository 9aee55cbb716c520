//! Where waiting blocks go: into chunks that are there, into new ones under the budget, or into
//! room that others leave. What finds no room for long is set aside or fails.

use geoheap_chunk_heap::{KindId, Owner, Request as RangeRequest, ReserveError};
use geoheap_suballoc::{Align, ByteLen};

use crate::core::claims::Claim;
use crate::core::event::{Answer, Effect, ReplyId};
use crate::core::fill::{Bytes, Fill, Purpose, Target};
use crate::core::record::{Away, Record, SourceKind};
use crate::core::streaming::Spare;
use crate::core::{Core, entry, refusals};
use crate::error::{FailReason, RequestError};
use crate::handle::Handle;
use crate::report::HeapEvent;

/// Jobs that may fail to find room in one tick before the rest is left for the next.
const MISSES_PER_TICK: u32 = 64;
/// Ticks without room after which a block with a source is set aside.
pub(super) const SET_ASIDE_TICKS: u32 = 16;
/// Ticks without room after which a block fails.
const FAIL_TICKS: u32 = 512;
/// Ticks without room after which retained contents are uploaded again instead of copied on the
/// GPU, which takes a second chunk.
const COPY_PATIENCE_TICKS: u32 = 4;
/// Ticks without room after which a block in sight takes that of others which were in sight
/// a moment ago.
const RECENT_PATIENCE_TICKS: u32 = 8;
/// Every so many ticks without room, bytes on their way out no longer count as room to come.
const MISS_PATIENCE_TICKS: u64 = 4;

impl Core {
    pub(super) fn check_size(&self, requested: ByteLen) -> Result<(), RequestError> {
        let max = self.block_bytes_max();
        if requested > max {
            return Err(RequestError::TooLarge { requested, max });
        }
        Ok(())
    }

    /// Finds places for the jobs that have none, in order; what finds none waits, and says how
    /// much room it needs.
    pub(super) fn place_waiting(&mut self, out: &mut Vec<Effect>) {
        let waiting = self.in_turn();
        if waiting.is_empty() {
            self.budget_hunger = 0;
            return;
        }
        let _span = tracing::trace_span!("place", blocks = waiting.len()).entered();
        let (mut demand, mut patient) = (ByteLen::ZERO, ByteLen::ZERO);
        let mut misses = 0;
        self.compaction.want_room(None);
        let mut claims: Vec<Claim> = Vec::new();
        let sheds = self.sheds_blocks();
        for (handle, claim) in waiting {
            if misses == MISSES_PER_TICK {
                break;
            }
            let unmet = claims.first().map(|claim| claim.priority);
            if sheds && self.can_stay_out(handle) {
                self.stay_out(handle, out);
                continue;
            }
            if self.yields(handle, claim, unmet) {
                self.lose_patience(handle, out);
                continue;
            }
            if let Some(missing) = self.place(handle, out) {
                if self.stays_away(handle, out) {
                    continue;
                }
                if misses == 0 {
                    let fill = self.record(handle).and_then(Record::fill);
                    let align = fill.map_or(Align::ONE, |fill| fill.layout.align());
                    self.compaction.want_room(Some((missing, align)));
                }
                if self.may_push_out_recent(handle) {
                    demand += missing;
                } else {
                    patient += missing;
                }
                misses += 1;
                claims.extend(claim.map(|priority| Claim { handle, priority }));
                self.lose_patience(handle, out);
            }
        }
        if demand + patient == ByteLen::ZERO {
            self.budget_hunger = 0;
            return;
        }
        self.budget_hunger += 1;
        if let Some(coming) = self.make_room(demand, patient, out) {
            self.displace(&claims, coming);
        }
    }

    /// Whether a new block may be evicted before it was there: nobody looks at it, waits for it or
    /// pins it, and its contents are kept or can be made again, for when somebody wants it.
    fn can_stay_out(&mut self, handle: Handle) -> bool {
        let record = self.record(handle).expect("jobs name blocks that live");
        let fill = record.fill().expect("a waiting block has a job");
        let is_wanted = record.has_waiters() || record.is_pinned() || self.is_wished_now(record);
        let is_new = fill.purpose == Purpose::Add && record.place.is_none();
        is_new && !is_wanted && !record.is_exempt() && self.can_set_aside(handle)
    }

    /// Whether a job may take the room of blocks that frames saw a moment ago. One that no frame
    /// looks at may not; one that is looked at, or that somebody waits for, waits a while for
    /// others to leave, which are young by now, or were seen a little longer ago.
    fn may_push_out_recent(&self, handle: Handle) -> bool {
        let record = self.record(handle).expect("jobs name blocks that live");
        if record.is_pinned() || record.is_exempt() {
            return true;
        }
        let recent = self.config.residency.recent_frames;
        let is_wished = record.wished_frame().saturating_add(recent) > self.frame;
        let is_looked_at = (record.wished_frame() > 0 && is_wished) || self.is_in_use(handle);
        let waited = record.fill().map_or(0, |fill| fill.misses);
        let is_wanted = is_looked_at || record.has_waiters();
        is_wanted && (waited >= RECENT_PATIENCE_TICKS || record.set_asides() > 0)
    }

    /// Finds a place for one job. Returns the bytes it lacks.
    fn place(&mut self, handle: Handle, out: &mut Vec<Effect>) -> Option<ByteLen> {
        let record = self.record(handle).expect("jobs name blocks that live");
        let fill = record.fill().expect("a waiting block has a job");
        // wgpu refuses copies within one buffer, so what is copied from the present place goes
        // to another chunk.
        let exclude = match record.place {
            Some(place) if fill.reads_present() => self.heap.range(place).map(|info| info.chunk),
            _ => None,
        };
        let request = RangeRequest {
            len: if is_planted!(PlacedShort) {
                let unit = self.heap.config().unit_bytes;
                fill.layout.len().saturating_sub(unit).max(unit)
            } else {
                fill.layout.len()
            },
            align: if is_planted!(AlignForgotten) {
                Align::ONE
            } else {
                fill.layout.align()
            },
            lifetime: record.lifetime,
            owner: Owner(handle.to_bits()),
            class: self.class_of(handle),
        };
        let reserved = match self.heap.reserve(&request, exclude) {
            Err(ReserveError::NeedsChunk {
                capacity,
                lifetime,
                dedicated,
            }) => {
                if capacity > self.budget.total.saturating_sub(self.budget.staging) {
                    self.give_up(handle, out);
                    return None;
                }
                if self.budget.allows(capacity) {
                    self.open_chunk(capacity, lifetime, dedicated, request.class, out);
                    self.heap.reserve(&request, exclude)
                } else if dedicated {
                    // There is no buffer to be had for it, but there may be room among others.
                    self.heap.reserve_shared(&request, exclude)
                } else {
                    return Some(request.len);
                }
            }
            other => other,
        };
        match reserved {
            Ok(range) => {
                let fill = self.own(handle).fill_mut();
                let fill = fill.expect("a waiting block has a job");
                fill.target = Target::Fresh(range);
                let seq = fill.seq;
                let to = self.heap.range(range);
                self.jobs
                    .set_target(seq, to.map(|info| (info.chunk, info.range.start)));
                None
            }
            Err(ReserveError::NeedsChunk { .. }) => Some(request.len),
            Err(error) => {
                let message = error.to_string();
                self.fail(handle, FailReason::Refused { message }, out);
                None
            }
        }
    }

    /// A job without room does not wait for ever. A block with a source is set aside as evicted,
    /// with its newest contents, and comes back when somebody uses it; others fail, with numbers.
    fn lose_patience(&mut self, handle: Handle, out: &mut Vec<Effect>) {
        let record = self.own(handle);
        let fill = record.fill_mut().expect("a waiting block has a job");
        fill.misses += 1;
        let misses = fill.misses;
        if misses == COPY_PATIENCE_TICKS {
            read_retained(record);
        }
        if misses < SET_ASIDE_TICKS {
            return;
        }
        // What it gave up would only join what waits for an old version: it stays in sight.
        if self.facts.is_held_back && self.own(handle).place.is_some() {
            return;
        }
        if !self.can_set_aside(handle) {
            if misses >= FAIL_TICKS {
                self.fail_without_room(handle, out);
            }
        } else if !self.is_in_use(handle) {
            self.set_aside(handle, out);
        } else if self.tick >= self.set_aside_tick + MISS_PATIENCE_TICKS {
            // Where everything is in use, one after the other makes room for the next, so that
            // frames miss few at a time.
            self.set_aside_tick = self.tick;
            self.set_aside(handle, out);
            self.wish_for(handle);
        }
    }

    /// A job that no buffer under this budget can ever hold.
    fn give_up(&mut self, handle: Handle, out: &mut Vec<Effect>) {
        read_retained(self.own(handle));
        if self.can_set_aside(handle) {
            self.set_aside(handle, out);
        } else {
            self.fail_without_room(handle, out);
        }
    }

    fn fail_without_room(&mut self, handle: Handle, out: &mut Vec<Effect>) {
        let budget = self.budget.total;
        let fill = self.own(handle).fill();
        let requested = fill.expect("a waiting block has a job").layout.len();
        self.fail(handle, FailReason::NoRoom { requested, budget }, out);
    }

    /// Whether the block may go, and come back as the job would have made it.
    fn can_set_aside(&mut self, handle: Handle) -> bool {
        let record = self.own(handle);
        let fill = record.fill().expect("a waiting block has a job");
        let complete = !fill.reads_present()
            && match record.source {
                SourceKind::Retained => true,
                SourceKind::Reload => fill.purpose != Purpose::Reshape,
                SourceKind::ReadBack => record.is_covered_by(&fill.layout, &fill.retain),
                SourceKind::None => false,
            };
        // One that is away already takes nothing from anybody by staying away.
        let may_go = record.place.is_none() || (!record.is_exempt() && !record.is_pinned());
        complete && may_go
    }

    /// Whether recent frames used the block where it lies.
    pub(super) fn is_in_use(&self, handle: Handle) -> bool {
        let last = self
            .residency
            .get(entry(handle))
            .and_then(|known| known.last_used);
        let protect = self.config.residency.protect_frames;
        last.is_some_and(|last| last.get().saturating_add(protect) > self.frame)
    }

    fn set_aside(&mut self, handle: Handle, out: &mut Vec<Effect>) {
        tracing::debug!(%handle, "set aside for want of room");
        self.end_away(handle);
        self.weary_waiters(handle, out);
        self.run_deferred(handle, out);
    }

    /// A new block is evicted before it was there. Nothing says that it finds no room, so it comes
    /// as soon as somebody wants it.
    fn stay_out(&mut self, handle: Handle, out: &mut Vec<Effect>) {
        tracing::debug!(%handle, "stays out while chunks have to go");
        self.end_away(handle);
        self.run_deferred(handle, out);
    }

    /// The block's job ends with the block away, and what it was to bring kept.
    fn end_away(&mut self, handle: Handle) {
        let fill = self.cancel_job(handle).expect("a waiting block has a job");
        self.evict_place(handle);
        self.own(handle).away = Away::Evicted;
        let replies = self.take_contents(handle, fill);
        self.pending.replies.extend(replies);
        self.queue_slot(handle);
    }

    /// A block without a place takes over what a job was to bring, for when it comes back. Returns
    /// who waits for the job.
    pub(super) fn take_contents(&mut self, handle: Handle, fill: Fill) -> Vec<(ReplyId, Answer)> {
        let record = self.own(handle);
        let before = record.layout.len();
        if fill.raises_revision {
            record.revision += 1;
            record.written = 0;
        }
        record.layout = fill.layout;
        record.retain_all(fill.retain.into_iter());
        let after = record.layout.len();
        self.count_world(before, after);
        self.note_copies(handle);
        fill.replies
    }

    /// Chunks are split by the kind of a block's first part, where that is configured.
    pub(super) fn class_of(&self, handle: Handle) -> u8 {
        if !self.config.split_by_kind {
            return 0;
        }
        let record = self.record(handle).expect("the caller looked it up");
        let parts = record.layout.parts_by_id();
        parts.first().map_or(KindId::VERTEX, |part| part.kind).get()
    }

    /// Ends a job that cannot succeed. A block that is resident stays as it was.
    pub(super) fn fail(&mut self, handle: Handle, reason: FailReason, out: &mut Vec<Effect>) {
        let fill = self.cancel_job(handle);
        let error = RequestError::Failed {
            handle,
            reason: reason.clone(),
        };
        let is_away = self.own(handle).place.is_none();
        let replies = match fill {
            // Its layout is that of the contents on their way already, so those are kept with it.
            Some(fill) if is_away && !is_planted!(FailedUpdateForgotten) => {
                self.take_contents(handle, fill)
            }
            Some(fill) => fill.replies,
            None => Vec::new(),
        };
        let record = self.own(handle);
        let mut waiting = record.take_waiters();
        waiting.extend(replies.into_iter().map(|(reply, _)| reply));
        if is_away {
            record.away = Away::Failed;
            record.stop_reloading();
            record.unsettled().failure = Some(reason.clone());
            self.queue_slot(handle);
        }
        out.extend(refusals(waiting.into_iter(), &error));
        self.report.failed += 1;
        out.push(Effect::Notify(HeapEvent::Failed { handle, reason }));
        self.run_deferred(handle, out);
    }

    /// Evicts for blocks that found no place, and asks for a compaction where the room is there
    /// but in pieces. Growth never waits for a move: this only helps the next ticks. For what is
    /// `patient` nothing leaves that frames saw lately. Returns the bytes that become free by that,
    /// or were to anyway; none where nothing is wanted, or giving up brings nothing.
    pub(super) fn make_room(
        &mut self,
        demand: ByteLen,
        patient: ByteLen,
        out: &mut Vec<Effect>,
    ) -> Option<ByteLen> {
        let wanted = [demand, patient].into_iter().filter(|one| !one.is_zero());
        let least = wanted.min()?;
        let figures = self.heap.figures();
        // An old version keeps all that is given up from being reused: eviction would take blocks
        // out of sight and bring nothing.
        if self.facts.is_held_back && figures.retired() > ByteLen::ZERO {
            return None;
        }
        // What is on its way out serves the demand too; evicting for it again each tick until
        // it arrives would empty the heap.
        let coming = if self.budget_hunger.is_multiple_of(MISS_PATIENCE_TICKS) {
            ByteLen::ZERO
        } else {
            figures.retired()
        };
        if figures.free() >= least {
            self.compaction.placement_failed(least);
        }
        let need = (demand + patient).saturating_sub(coming);
        let left = self.evict(need, Spare::Recent, out);
        let urgent = need.saturating_sub(left).min(demand);
        Some(coming + left + self.evict(urgent, Spare::Nothing, out))
    }
}

/// Takes what a change of parts would copy on the GPU from the retained contents instead: a copy
/// needs a second chunk, and under a budget of one there is none.
fn read_retained(record: &mut Record) {
    let Some(mut fill) = record.take_fill() else {
        return;
    };
    for piece in &mut fill.pieces {
        let Bytes::FromPresent(start) = piece.bytes else {
            continue;
        };
        let part = record.layout.parts().find(|part| part.range.start == start);
        if let Some(payload) = part.and_then(|part| record.retained.get(part.id)) {
            piece.bytes = Bytes::Shared(payload.clone());
        }
    }
    record.set_fill(fill);
}
