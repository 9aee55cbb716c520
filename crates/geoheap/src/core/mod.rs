//! The deterministic heart of the engine: `step(event) -> effects`.
//!
//! Nothing in here knows a clock, a thread, a channel or a GPU. The shell around it (`actor`)
//! feeds what clients asked for and what the device answered, and carries out the effects in the
//! order given. The same events give the same effects, always.
//!
//! A tick is four events. `TickBegin` decides: evictions, what streams back, where waiting blocks
//! go, which chunks to make. `Transfer` records: uploads and moves under the tick's caps, ending
//! with one `Submit`. `Submitted` commits what those copies fill, and only then asks to publish
//! (R1). `Released` frees what no version in use names any more (R3).
//!
//! | module | what it does |
//! |---|---|
//! | `event` | the words: requests, events, effects, answers |
//! | `seats` | who has which slot |
//! | `record`, `retained` | one block, and what is kept of its contents |
//! | `rare`, `unsettled` | what few blocks have; what one has while it is not at rest |
//! | `fill`, `filling` | a job that brings a block bytes; its share of a tick |
//! | `jobs` | the jobs in order, by what they wait for |
//! | `copies` | a tick's copies, in the order of addresses |
//! | `layouts` | layouts that blocks have in common |
//! | `requests`, `contents`, `parts` | what clients ask for |
//! | `ahead` | a look at what comes next, for the caches |
//! | `deferral` | requests that wait for a block's job |
//! | `waiting` | callers who wait for a block, pins, wishes that must not age |
//! | `budget`, `outside` | the bytes that may be held and those that are, here and outside |
//! | `place` | where waiting blocks go, what becomes of those that find no room |
//! | `claims` | what takes the room of blocks of lower priority |
//! | `chunks` | growth, running out of memory, spares, giving chunks back |
//! | `transfer` | recording under caps, and the commit |
//! | `spread` | how much of what may wait goes in a tick |
//! | `publish` | slots of the next version, and what it supersedes |
//! | `spill` | retained copies that go to a file |
//! | `streaming` | usage, eviction, streaming back |
//! | `leaving` | bytes that come back from the GPU before their block leaves |
//! | `loss` | the loss of the device, and what comes back on the next |
//! | `compact` | moves that give chunks back |
//! | `figures` | counters and the heap map |
//! | `dump` | the heap's state for tools |

pub(crate) mod ahead;
pub(crate) mod event;
pub(crate) mod record;
pub(crate) mod unsettled;

mod budget;
mod chunks;
mod claims;
mod compact;
mod contents;
mod copies;
mod deferral;
mod dump;
mod figures;
mod fill;
mod filling;
mod jobs;
mod layouts;
mod leaving;
mod loss;
mod outside;
mod parts;
mod place;
#[cfg(any(geoheap_shuttle, feature = "planted-bugs"))]
mod planted;
mod publish;
mod rare;
mod requests;
mod retained;
mod seats;
pub(crate) mod spill;
mod spread;
mod streaming;
#[cfg(test)]
mod tests;
mod transfer;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use geoheap_chunk_heap::{ChunkHeap, ChunkId, HeapConfig, KindTable};
use geoheap_frame_sync::Version;
use geoheap_residency::{EntryId, Now, Residency};
use geoheap_suballoc::{Align, ByteLen};
use slotmap::{DefaultKey, SlotMap};

use crate::budget_origin::BudgetOrigin;
use crate::config::{Config, ConfigError};
use crate::core::budget::Budget;
use crate::core::compact::Compaction;
use crate::core::copies::TickCopies;
use crate::core::event::{Answer, Change, Effect, Event, Reading, ReplyId, Retired, TickFacts};
use crate::core::jobs::Jobs;
use crate::core::layouts::Layouts;
use crate::core::loss::Returning;
use crate::core::seats::{Seat, Tenant};
use crate::core::spill::Copies;
use crate::core::spread::Spread;
use crate::core::unsettled::Unsettled;
use crate::error::RequestError;
use crate::handle::Handle;
use crate::manager::Leak;
use crate::report::{HeapEvent, Report};
use crate::slot::Slot;

/// What the next version changes.
#[derive(Debug, Default)]
struct Pending {
    changes: Vec<Change>,
    retired: Vec<Retired>,
    forget: Vec<ChunkId>,
    /// The shell has something for it beside the core's own.
    others: bool,
    /// Answers due when it is published.
    replies: Vec<(ReplyId, Answer)>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        !self.others && self.changes.is_empty() && self.retired.is_empty() && self.forget.is_empty()
    }
}

/// The engine's state.
#[derive(Debug)]
pub(crate) struct Core {
    config: Config,
    kinds: Arc<KindTable>,
    align_max: Align,
    blocks: SlotMap<DefaultKey, Tenant>,
    /// By slot index.
    seats: Vec<Seat>,
    /// Layouts that blocks have in common.
    layouts: Layouts,
    /// Rooms for the affairs of blocks that are not at rest, for the next ones.
    #[expect(
        clippy::vec_box,
        reason = "they go to records, which have room for a pointer"
    )]
    spare_rooms: Vec<Box<Unsettled>>,
    reserved: u32,
    heap: ChunkHeap,
    residency: Residency,
    budget: Budget,
    compaction: Compaction,
    /// Jobs not done yet.
    jobs: Jobs,
    spread: Spread,
    /// Chunks whose buffer exists.
    ready: Vec<bool>,
    /// The last place given in the order of requests and jobs.
    seq: u64,
    /// The place of the request that is being carried out; its job has the same.
    order: u64,
    /// Places, beside those of `jobs`, of requests whose contents are not published yet: requests
    /// that wait, and contents that others replaced. Flushes wait for them.
    open: BTreeSet<u64>,
    /// Bytes of contents in requests that wait for a block's job.
    deferred_bytes: u64,
    /// Blocks to bring back also if no frame looks at them, as far as they are away.
    wanted: BTreeSet<Handle>,
    tick: u64,
    frame: u64,
    /// The tick before which the last frame ended.
    frame_tick: u64,
    facts: TickFacts,
    pending: Pending,
    /// Copies of a tick until they are sorted; empty between two ticks, and kept for its room.
    transfers: TickCopies,
    /// Jobs and moves recorded in this tick, to be committed once they are submitted.
    recorded: Vec<Handle>,
    /// Jobs of which something was recorded in this tick before they were done.
    in_batch: Vec<Handle>,
    flushes: Vec<(ReplyId, u64)>,
    /// The last publish found no free replica, so what it holds is not published yet.
    stalled: bool,
    /// Ticks in a row in which a block found no room.
    budget_hunger: u64,
    /// Bytes of room that came so far, by removes and by raised budgets: what found none before may
    /// find some then.
    room_bytes: u64,
    /// Ticks in a row in which a chunk had to go for a lowered budget, and none went.
    shed_ticks: u64,
    /// A chunk that is cleared for a lowered budget: nothing comes in any more, so that what frames
    /// still look at does not keep it.
    clearing: Option<ChunkId>,
    /// The last tick, and the newest frame then, at which frames used more than there is room for.
    degraded_at: (u64, u64),
    /// Tick in which a block in use was set aside last.
    set_aside_tick: u64,
    /// No spare is made before this tick: somebody gave all empty chunks back.
    spare_from_tick: u64,
    /// Bytes that reload callbacks are making.
    reloading_bytes: u64,
    /// Blocks whose bytes are on their way back from the GPU, in the order in which that began.
    leaving: BTreeMap<u64, Handle>,
    /// Retained copies, where system memory has a budget for them.
    copies: Copies,
    /// Who waits until part of the budget is free to be held outside, first come first.
    outside_waiting: VecDeque<(ReplyId, ByteLen)>,
    /// What comes back by itself after the loss of a device.
    returning: Returning,
    version: Version,
    lost: bool,
    /// Counts devices, and the times without one.
    device: u32,
    report: Report,
}

impl Core {
    /// An empty heap under `config`, which was validated against the device.
    ///
    /// # Errors
    /// [`ConfigError`] from the heap's or the policy's part of it.
    pub(crate) fn new(
        config: Config,
        kinds: Arc<KindTable>,
        buffer_bytes_max: ByteLen,
    ) -> Result<Self, ConfigError> {
        config.validate(buffer_bytes_max)?;
        let align_max = config.align_max();
        let heap = ChunkHeap::new(heap_config(&config, buffer_bytes_max));
        let mut heap = heap.map_err(ConfigError::Heap)?;
        let mut residency = Residency::new(config.residency).map_err(ConfigError::Residency)?;
        // Slots count from 1.
        let room = config.handles_initial.min(config.handles_max);
        let room = (room as usize).saturating_add(1);
        residency.reserve(room);
        // Blocks that change have two ranges for a while.
        heap.reserve_ranges(room.saturating_add(room / 8));
        let staging = config.staging_under(config.budget_bytes);
        let origin = config.budget_origin;
        let origin = origin.unwrap_or(BudgetOrigin::of(config.budget_bytes));
        let budget = Budget::new(config.budget_bytes, origin, staging);
        Ok(Self {
            heap,
            residency,
            budget,
            compaction: Compaction::default(),
            blocks: SlotMap::with_capacity(room),
            seats: Vec::with_capacity(room),
            layouts: Layouts::default(),
            spare_rooms: Vec::new(),
            reserved: 0,
            jobs: Jobs::default(),
            spread: Spread::default(),
            ready: Vec::new(),
            seq: 0,
            order: 0,
            open: BTreeSet::new(),
            deferred_bytes: 0,
            wanted: BTreeSet::new(),
            tick: 0,
            frame: 0,
            frame_tick: 0,
            facts: TickFacts::default(),
            pending: Pending::default(),
            transfers: TickCopies::default(),
            recorded: Vec::new(),
            in_batch: Vec::new(),
            flushes: Vec::new(),
            stalled: false,
            budget_hunger: 0,
            room_bytes: 0,
            shed_ticks: 0,
            clearing: None,
            degraded_at: (0, 0),
            set_aside_tick: 0,
            spare_from_tick: 0,
            reloading_bytes: 0,
            leaving: BTreeMap::new(),
            copies: Copies::default(),
            version: Version::default(),
            outside_waiting: VecDeque::new(),
            returning: Returning::default(),
            lost: false,
            device: 0,
            report: Report::default(),
            config,
            kinds,
            align_max,
        })
    }

    /// One event in, effects out.
    pub(crate) fn step(&mut self, event: Event, out: &mut Vec<Effect>) {
        match event {
            Event::Request(request) => self.request(request, out),
            Event::Usage {
                frame,
                version,
                ends_frame,
                usage,
                hidden_uses,
                stale_lookups,
            } => {
                self.report.hidden_uses += hidden_uses;
                self.report.stale_lookups += stale_lookups;
                self.note_frame(frame, ends_frame);
                self.note_usage(frame, version, &usage);
            }
            Event::TickBegin(facts) => self.begin_tick(facts, out),
            Event::Transfer { staging_free } => self.transfer(staging_free, out),
            Event::Submitted { ok, refused } => self.submitted(ok, &refused, out),
            Event::Published { version } => self.published(version, out),
            Event::PublishDelayed => self.stalled = true,
            Event::PublishStalled { held } => {
                self.report.publish_stalls += 1;
                if !core::mem::replace(&mut self.stalled, true) {
                    // The shell knows who holds tickets.
                    let holders = Vec::new();
                    out.push(Effect::Notify(HeapEvent::PublishStalled { held, holders }));
                }
            }
            // What lay on a lost device is off the books already.
            Event::Released(_)
            | Event::ChunkReturned { .. }
            | Event::ChunkReady { .. }
            | Event::ChunkFailed { .. }
                if self.lost => {}
            Event::ChunkReady { chunk } => self.chunk_ready(chunk),
            Event::ChunkFailed { chunk, reason } => self.chunk_failed(chunk, &reason, out),
            Event::Released(items) => self.released(&items, out),
            Event::ChunkReturned { .. } if is_planted!(DroppedUncounted) => {}
            Event::ChunkReturned { bytes } => self.budget.came_back(bytes),
            Event::Reloaded {
                handle,
                seq,
                bytes,
                result,
            } => {
                self.reloaded(handle, seq, bytes, result, out);
            }
            Event::ReadBackDone { read, bytes } => match read {
                Reading::Asked(asked) => self.answer_read_back(asked, bytes, out),
                Reading::Leaving { handle, seq } => self.leaving_read(handle, seq, bytes),
            },
            Event::ReadBackDelayed { read } => self.leaving_delayed(&read),
            Event::Spilled {
                handle,
                seq,
                bytes,
                result,
            } => self.spilled(handle, seq, bytes, result, out),
            Event::DeviceLost { reason } => self.device_lost(reason, out),
            Event::OutsideReturned { bytes } => self.outside_returned(bytes, out),
            Event::OutsideForgotten { reply } => self.outside_forgotten(reply, out),
            Event::Restored { buffer_bytes_max } => self.restored(buffer_bytes_max, out),
        }
    }

    fn begin_tick(&mut self, facts: TickFacts, out: &mut Vec<Effect>) {
        self.tick += 1;
        self.facts = facts;
        self.budget.staging_held = facts.staging_held;
        self.spill_copies(out);
        if self.lost {
            return;
        }
        self.keep_below_water(out);
        self.start_streaming(out);
        self.place_waiting(out);
        self.tend_chunks(out);
        self.grant_outside(out);
        self.update_degraded(out);
    }

    /// Ticks so far.
    pub(crate) fn tick(&self) -> u64 {
        self.tick
    }

    /// Time as the policy counts it.
    fn now(&self) -> Now {
        Now::new(self.tick, self.frame)
    }

    fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// Bytes of contents that wait to be uploaded, or for a job before them.
    pub(crate) fn backlog_bytes(&self) -> u64 {
        self.jobs.bytes() + self.deferred_bytes
    }

    /// The shell has something for the next version that the core does not know: flushes wait for
    /// it as for everything else.
    pub(crate) fn expect_version(&mut self) {
        self.pending.others = true;
    }

    /// The slot of that index as the next version shows it, whosever block has it.
    pub(crate) fn slot_at(&self, index: u32) -> Option<Slot> {
        let record = self.record(self.tenant_of(index)?)?;
        Some(self.shown_slot(record))
    }

    /// What the caller set, less what is held outside.
    pub(crate) fn budget_bytes(&self) -> ByteLen {
        self.budget.total
    }

    /// Bytes of ranges that only older versions name, in O(1).
    pub(crate) fn retired_bytes(&self) -> u64 {
        self.heap.figures().retired().get()
    }

    /// Bytes of chunks, of buffers beside them, and of what is held outside, in O(1).
    pub(crate) fn held_bytes(&self) -> ByteLen {
        self.budget.held + self.budget.side + self.budget.outside_held
    }

    /// Whether a block found no room in the last tick.
    pub(crate) fn is_short_of_room(&self) -> bool {
        self.budget_hunger > 0
    }

    /// Blocks that nobody removed, by handle.
    pub(crate) fn leaks(&self) -> Vec<Leak> {
        let leaks = self.records().map(|record| Leak {
            handle: record.handle,
            label: record.label().cloned(),
            bytes: record.layout.len(),
        });
        leaks.collect()
    }

    /// Everything that waits for an answer gets one: the shell is about to end.
    pub(crate) fn abandon(&mut self, out: &mut Vec<Effect>) {
        let error = RequestError::ShutDown;
        out.extend(refusals(
            self.flushes.drain(..).map(|(reply, _)| reply),
            &error,
        ));
        out.extend(refusals(
            self.pending.replies.drain(..).map(|(reply, _)| reply),
            &error,
        ));
        for record in self.blocks.values_mut().flatten() {
            let replies = record.take_replies();
            out.extend(refusals(replies.into_iter(), &error));
        }
        self.deferred_bytes = 0;
    }

    /// Whether another tick would change nothing by itself.
    pub(crate) fn is_settled(&self) -> bool {
        self.jobs.is_empty()
            && self.pending.is_empty()
            && self.pending.replies.is_empty()
            && self.flushes.is_empty()
            && self.reloading_bytes == 0
            && self.leaving.is_empty()
            && self.copies.is_at_rest()
            && self.residency.figures().wishes == 0
            && self.compaction.is_at_rest()
            && self.returning.is_done()
            && self.outside_waiting.is_empty()
            && !self.stalled
    }
}

/// The heap that a configuration asks for.
fn heap_config(config: &Config, buffer_bytes_max: ByteLen) -> HeapConfig {
    HeapConfig {
        long_lived_chunk_bytes: config.long_lived_chunk_bytes,
        buffer_bytes_max,
        spare_chunks: config.spare_chunks,
        keep_empty_ticks: config.keep_empty_ticks,
        small_heap_chunks: config.small_heap_chunks,
        split_by_kind: config.split_by_kind,
        ..HeapConfig::with_chunk_bytes(config.chunk_bytes)
    }
}

/// The same refusal for everybody who waits.
fn refusals(
    replies: impl Iterator<Item = ReplyId>,
    error: &RequestError,
) -> impl Iterator<Item = Effect> {
    replies.map(move |reply| Effect::Reply {
        reply,
        answer: Answer::Refused(error.clone()),
    })
}

/// The policy's name of a block: its slot index.
fn entry(handle: Handle) -> EntryId {
    EntryId::new(handle.index())
}

/// The heap's own books and the core's agree; where they do not, the engine is wrong, not the
/// caller (R6).
#[track_caller]
fn sure<T, E: core::fmt::Debug>(result: Result<T, E>) -> T {
    result.expect("R6: the core keeps the heap's books right")
}
