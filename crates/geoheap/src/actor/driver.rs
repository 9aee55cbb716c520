//! Carries the core's effects out on a backend and feeds back what happened. One tick is one call
//! of [`Driver::tick`], from the actor's thread or from the caller.

use std::collections::VecDeque;
use std::sync::Arc;

use geoheap_chunk_heap::BlockLayout;
use geoheap_frame_sync::Publisher;
use geoheap_gpu_backend::{Backend, BackendEvent, ReadId, ReleaseId};
use geoheap_suballoc::ByteLen;

use crate::actor::backlog::Backlog;
use crate::actor::channel::{Receiver, Sender};
use crate::actor::draw_sets::{DrawSets, RetiredRecords};
use crate::actor::figures::Tally;
use crate::actor::fixed_map::{FixedMap, fixed_map};
use crate::actor::mailbox::{Envelope, Inbox, Note, Outcome};
use crate::actor::pace::Pace;
use crate::actor::recorder::Recorder;
use crate::actor::reload::Reloader;
use crate::actor::reply::Reply;
use crate::actor::restore::Successor;
use crate::actor::spill::SpillFile;
use crate::actor::submitting::Adopted;
use crate::client::Shared;
use crate::config::Threading;
use crate::core::Core;
use crate::core::event::{Effect, Event, Reading, ReplyId, Retired, TickFacts};
use crate::report::HeapEvent;
use crate::slot::Slot;
use crate::ticket::VersionTable;

pub(crate) type HeapPublisher<Buf> = Publisher<Slot, Arc<BlockLayout>, VersionTable<Buf>, Waits>;

/// What waits until no version in use names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// In the core's books.
    Core(Retired),
    /// A buffer of a draw set's records.
    Records(RetiredRecords),
}

/// The core, its backend, and everything between them.
pub(crate) struct Driver<B: Backend> {
    pub(super) core: Core,
    pub(super) backend: B,
    pub(super) publisher: HeapPublisher<B::Buffer>,
    pub(super) inbox: Inbox,
    /// Messages taken out of the inbox that wait for the next tick.
    pub(super) backlog: Backlog,
    /// The next messages, whose blocks were looked at; empty between two calls, and kept for its
    /// room.
    pub(super) run: VecDeque<Envelope>,
    pub(crate) reloader: Reloader,
    /// Where retained copies go that system memory has no budget for.
    pub(super) spill_file: Option<SpillFile>,
    /// Buffers by chunk, until the device gets them back.
    pub(super) buffers: Vec<Option<B::Buffer>>,
    /// The buffers that the next version names.
    pub(super) table: Arc<VersionTable<B::Buffer>>,
    pub(super) table_changed: bool,
    pub(super) since: Since,
    pub(super) waiting: FixedMap<ReplyId, Sender<Reply>>,
    pub(super) reading: FixedMap<ReadId, Reading>,
    pub(super) releasing: FixedMap<ReleaseId, ByteLen>,
    /// Buffers of records on their way back to the device.
    pub(super) releasing_records: FixedMap<ReleaseId, ByteLen>,
    pub(super) draw_sets: DrawSets<B::Buffer>,
    /// Ticks that the next version has waited for staging.
    pub(super) record_delays: u32,
    /// Copies from buffers of callers, for the next submit.
    pub(super) adopted: Vec<Adopted<B::Buffer>>,
    pub(super) effects: VecDeque<Effect>,
    /// Empty between two events; kept for its room.
    decided: Vec<Effect>,
    events: Sender<HeapEvent>,
    pub(super) shared: Arc<Shared>,
    /// The backend that is to follow a lost one.
    pub(super) successor: Successor<B>,
    tick_bytes: u64,
    pub(super) tally: Tally,
    /// How much of the caps a tick may use.
    pub(super) pace: Pace,
    /// While the program is being recorded.
    pub(super) recorder: Option<Recorder>,
    /// What a planted bug frees without asking whether a version still names it.
    #[cfg(any(geoheap_shuttle, feature = "planted-bugs"))]
    pub(super) unguarded: Vec<Retired>,
    /// Whether a planted bug leaves out the next submit.
    #[cfg(any(geoheap_shuttle, feature = "planted-bugs"))]
    pub(super) skips_submit: bool,
}

/// What happened since the last tick, submit or publish.
#[derive(Debug, Default)]
pub(super) struct Since {
    /// Bytes of contents taken from the mailbox since the last tick.
    pub(super) taken_bytes: u64,
    /// A frame ended since the last tick.
    pub(super) saw_frame: bool,
    /// A publish was tried in this tick.
    pub(super) tried_publish: bool,
    /// Something that was recorded since the last submit did not go into the open batch.
    pub(super) transfer_failed: bool,
}

/// What a driver is made of.
pub(crate) struct Parts<B: Backend> {
    pub(crate) core: Core,
    pub(crate) backend: B,
    pub(crate) publisher: HeapPublisher<B::Buffer>,
    pub(crate) inbox: Inbox,
    pub(crate) reloader: Reloader,
    pub(crate) spill_file: Option<SpillFile>,
    pub(crate) table: Arc<VersionTable<B::Buffer>>,
    pub(crate) events: Sender<HeapEvent>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) successor: Successor<B>,
}

impl<B: Backend> Driver<B> {
    pub(crate) fn new(parts: Parts<B>) -> Self {
        let config = &parts.shared.config;
        let tick_bytes = config.mailbox_bytes.get();
        // Who drives himself gets the same ticks each time.
        let is_measured = config.threading == Threading::Actor;
        let pace = Pace::new(is_measured.then_some(config.tick_time));
        let recorder = Recorder::of_environment(&parts.shared.config, &parts.shared.kinds);
        let mut driver = Self {
            core: parts.core,
            backend: parts.backend,
            publisher: parts.publisher,
            inbox: parts.inbox,
            backlog: Backlog::new(),
            run: VecDeque::new(),
            reloader: parts.reloader,
            spill_file: parts.spill_file,
            buffers: Vec::new(),
            table: parts.table,
            table_changed: false,
            since: Since::default(),
            waiting: fixed_map(),
            reading: fixed_map(),
            releasing: fixed_map(),
            releasing_records: fixed_map(),
            draw_sets: DrawSets::new(),
            record_delays: 0,
            adopted: Vec::new(),
            effects: VecDeque::new(),
            decided: Vec::new(),
            events: parts.events,
            shared: parts.shared,
            successor: parts.successor,
            tick_bytes,
            tally: Tally::default(),
            pace,
            recorder,
            #[cfg(any(geoheap_shuttle, feature = "planted-bugs"))]
            unguarded: Vec::new(),
            #[cfg(any(geoheap_shuttle, feature = "planted-bugs"))]
            skips_submit: true,
        };
        driver.refill_reserve();
        driver.refresh_report();
        driver
    }

    /// What clients and the manager know together.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// The mailbox's receiving end.
    pub(crate) fn receiver(&self) -> Receiver<Envelope> {
        self.inbox.receiver.clone()
    }

    /// Whether more contents can be taken before the next tick.
    pub(crate) fn has_appetite(&self) -> bool {
        self.since.taken_bytes < self.tick_bytes && self.core.backlog_bytes() < self.tick_bytes
    }

    /// Whether messages wait that can be handled now.
    pub(crate) fn can_go_on(&self) -> bool {
        self.has_appetite() && self.backlog.len() > 0
    }

    /// Whether a frame ended since the last tick.
    pub(crate) fn has_notes(&self) -> bool {
        !self.inbox.notes.is_empty()
    }

    /// What frames used. It never waits behind requests: it decides who may leave.
    fn take_notes(&mut self) {
        while let Ok(note) = self.inbox.notes.try_recv() {
            let Note {
                frame,
                version,
                outcome,
                ends_frame,
                usage,
                hidden_uses,
                stale_lookups,
            } = note;
            self.since.saw_frame |= ends_frame;
            self.record_frame(&usage, version, ends_frame);
            match outcome {
                Outcome::Finished => {}
                Outcome::Dropped => self.tally.tickets_dropped += 1,
                Outcome::Panicked => self.tally.tickets_panicked += 1,
            }
            self.step(Event::Usage {
                frame,
                version,
                ends_frame,
                usage,
                hidden_uses,
                stale_lookups,
            });
        }
    }

    /// Who has dropped what he waited with for a part of the budget does not want it any more.
    fn forget_outside(&mut self) {
        let is_gone = |reply: &ReplyId| {
            let sender = self.waiting.get(reply);
            sender.is_none_or(Sender::is_disconnected)
        };
        let gone: Vec<ReplyId> = self.core.outside_waiting().filter(is_gone).collect();
        for reply in gone {
            self.step(Event::OutsideForgotten { reply });
        }
    }

    /// One pass of the geometry actor; publishes at most one version.
    pub(crate) fn tick(&mut self) {
        let tick = self.core.tick() + 1;
        let _span = tracing::trace_span!("tick", tick).entered();
        self.poll_backend();
        self.free_unused();
        self.take_notes();
        for done in self.reloader.finished() {
            self.step(done);
        }
        let returned = self.shared.outside_returned.take();
        if returned > ByteLen::ZERO {
            self.step(Event::OutsideReturned { bytes: returned });
        }
        self.forget_outside();
        self.record_tick();
        let is_held_back = self.is_held_back();
        let idle =
            !core::mem::take(&mut self.since.saw_frame) && self.publisher.versions_alive() <= 1;
        let staging = self.backend.staging();
        self.draw_sets.tick();
        self.step(Event::TickBegin(TickFacts {
            staging_held: staging.capacity_bytes,
            idle,
            is_held_back,
            share: self.pace.share(),
        }));
        self.since.tried_publish = false;
        let staging_free = self.backend.staging().free_bytes;
        self.step(Event::Transfer { staging_free });
        self.publish_what_stalled();
        self.update_backpressure(is_held_back);
        self.note_peaks();
        self.since.taken_bytes = 0;
        self.refill_reserve();
        self.refresh_report();
    }

    /// What an earlier tick could not publish goes out with this one, also if it has no changes
    /// of its own.
    fn publish_what_stalled(&mut self) {
        if self.since.tried_publish || !self.has_news() {
            return;
        }
        if let Some(event) = self.try_publish() {
            self.step(event);
        }
    }

    /// Whether the next version would show anything new.
    fn has_news(&self) -> bool {
        self.publisher.has_pending() || self.table_changed || self.draw_sets.is_changed()
    }

    /// Frees what no version in use names any more (R3).
    pub(super) fn free_unused(&mut self) {
        let mut freed = Vec::new();
        self.publisher.collect(&mut freed);
        let mut items = Vec::with_capacity(freed.len());
        for item in freed {
            match item {
                Waits::Core(item) => items.push(item),
                Waits::Records(retired) => self.free_records(retired),
            }
        }
        #[cfg(any(geoheap_shuttle, feature = "planted-bugs"))]
        items.append(&mut self.unguarded);
        if !items.is_empty() {
            self.step(Event::Released(items));
        }
    }

    pub(super) fn poll_backend(&mut self) {
        let mut events = Vec::new();
        self.backend.poll(&mut events);
        for event in events {
            match event {
                BackendEvent::ReadBack { id, bytes } => self.read_done(id, Some(bytes)),
                BackendEvent::ReadFailed { id } => self.read_done(id, None),
                BackendEvent::Released(id, bytes) if self.releasing_records.contains_key(&id) => {
                    self.releasing_records.remove(&id);
                    self.core.side_returned(bytes);
                }
                BackendEvent::Released(id, bytes) => {
                    let known = self.releasing.remove(&id);
                    debug_assert_eq!(known, Some(bytes), "R10: a buffer is returned once");
                    self.step(Event::ChunkReturned { bytes });
                }
                BackendEvent::DeviceLost { reason } => self.step(Event::DeviceLost { reason }),
                BackendEvent::Error { message } => self.gpu_error(message),
                _ => {}
            }
        }
    }

    pub(super) fn gpu_error(&mut self, message: String) {
        tracing::error!(message, "GPU error");
        self.tally.gpu_errors += 1;
        self.notify(HeapEvent::GpuError { message });
    }

    fn read_done(&mut self, id: ReadId, bytes: Option<Vec<u8>>) {
        if let Some(read) = self.reading.remove(&id) {
            let event = match bytes {
                None => self.read_failed(read),
                bytes => Some(Event::ReadBackDone { read, bytes }),
            };
            if let Some(event) = event {
                self.step(event);
            }
        } else {
            assert!(
                self.backend.is_lost(),
                "read-backs are asked for by this driver only: {id:?}"
            );
        }
    }

    /// Feeds an event and carries out all that follows from it.
    pub(super) fn step(&mut self, event: Event) {
        self.decide(event);
        while let Some(effect) = self.effects.pop_front() {
            if let Some(event) = self.carry_out(effect) {
                self.decide(event);
            }
        }
    }

    /// Queues what the core wants done about an event.
    fn decide(&mut self, event: Event) {
        self.core.step(event, &mut self.decided);
        // Most requests ask for nothing at once.
        if !self.decided.is_empty() {
            self.effects.extend(self.decided.drain(..));
        }
    }

    pub(super) fn notify(&mut self, mut event: HeapEvent) {
        if let HeapEvent::PublishStalled { held, holders } = &mut event {
            *holders = self.shared.board.holders();
            holders.retain(|holder| held.contains(&holder.version));
        }
        tracing::debug!(%event, "event");
        if self.events.try_send(event).is_err() {
            self.tally.events_lost += 1;
        }
    }

    /// Whether another tick would have something to do.
    pub(crate) fn is_settled(&self) -> bool {
        self.core.is_settled()
            && self.publisher.figures().retired_items == 0
            && self.publisher.figures().pending_changes == 0
            && !self.table_changed
            && !self.draw_sets.is_changed()
            && self.releasing.is_empty()
            && self.releasing_records.is_empty()
            && self.reading.is_empty()
    }
}
