//! Plays the events of a trace to an engine that the caller drives.

mod parts;

use std::fmt;

use ahash::RandomState;
use geoheap::{
    AddError, Backend, BlockDesc, ByteLen, Client, FrameTicket, GeometryManager, Handle, HeapEvent,
    Lifetime, Lookup, PartId, Pending, Report, RequestError, SendError, Source,
};
use geoheap_trace::{Add, BlockId, Event, LifetimeName, PartNo, SourceName};
use smallvec::SmallVec;

use super::blocks::{LiveBlock, LivePart, PartName, Reloads};
use super::check::{Checker, Read, Subject};
use super::contents::{Fabric, LEN_MAX};
use super::stage::Stage;

/// Frames in flight where neither the trace nor the command line says how many.
const LAG_FRAMES: u32 = 2;

/// With fixed keys, so that every replay is the same.
type Blocks = std::collections::HashMap<u64, LiveBlock, RandomState>;

/// What a replay counts by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events played.
    pub events: u64,
    /// Frames that ended.
    pub frames: u64,
    /// Events that are operations on blocks.
    pub ops: u64,
    /// Lookups.
    pub uses: u64,
    /// Lookups that found the block resident.
    pub use_hits: u64,
    /// Blocks that the engine refused, or could not bring to the GPU.
    pub failed_adds: u64,
}

/// How a replay differs from what the trace says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overrides {
    /// Commands of so many frames before the last are still being executed.
    pub lag_frames: Option<u32>,
    /// The trace's budgets are passed over.
    pub keeps_budget: bool,
    /// No block can leave.
    pub no_evict: bool,
}

/// What came of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Played {
    /// A request, or nothing.
    Request,
    /// A frame, and a tick after it.
    Frame,
    /// The recorded program took its heap down.
    End,
}

/// An engine, and what the trace has told it.
pub struct Player<B: Backend, S> {
    manager: GeometryManager<B>,
    client: Client,
    stage: S,
    checker: Option<Checker>,
    fabric: Fabric,
    overrides: Overrides,
    blocks: Blocks,
    lag_frames: u32,
    ticket: Option<FrameTicket<B::Buffer>>,
    reads: Vec<Read<B::Buffer>>,
    is_dirty: bool,
    tally: Tally,
}

impl<B: Backend, S> fmt::Debug for Player<B, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Player")
            .field("tally", &self.tally)
            .finish_non_exhaustive()
    }
}

impl<B: Backend, S: Stage<B>> Player<B, S> {
    /// Plays to `manager`, which the caller drives, with frames on `stage`.
    pub fn new(
        manager: GeometryManager<B>,
        stage: S,
        checker: Option<Checker>,
        fabric: Fabric,
        overrides: Overrides,
    ) -> Self {
        Self {
            client: manager.client(),
            manager,
            stage,
            checker,
            fabric,
            lag_frames: overrides.lag_frames.unwrap_or(LAG_FRAMES),
            overrides,
            blocks: Blocks::with_hasher(RandomState::with_seeds(1, 2, 3, 4)),
            ticket: None,
            reads: Vec::new(),
            is_dirty: false,
            tally: Tally::default(),
        }
    }

    /// Events that were read before there was an engine.
    pub fn count_preface(&mut self, events: u64) {
        self.tally.events += events;
    }

    /// What was counted so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The engine's figures.
    pub fn report(&self) -> Report {
        self.manager.report()
    }

    /// The engine, to ask it.
    pub fn manager(&mut self) -> &mut GeometryManager<B> {
        &mut self.manager
    }

    /// Violations so far, and the first of them in words.
    pub fn violations(&self) -> (u64, Vec<String>) {
        let checker = self.checker.as_ref();
        checker.map_or((0, Vec::new()), |checker| {
            let findings = checker.shared.lock();
            (findings.violations, findings.told.clone())
        })
    }

    /// Plays one event.
    ///
    /// # Errors
    /// What the engine cannot take, in words: a budget that holds no chunk.
    pub fn play(&mut self, event: &Event<'_>) -> Result<Played, String> {
        self.tally.events += 1;
        match event {
            Event::Frame { lag } => {
                self.lag_frames = self
                    .overrides
                    .lag_frames
                    .or(*lag)
                    .unwrap_or(self.lag_frames);
                self.end_frame();
                return Ok(Played::Frame);
            }
            Event::Tick { count } => (0..*count).for_each(|_| self.tick()),
            Event::End => return Ok(Played::End),
            Event::Config(_) => {}
            Event::Budget(bytes) => {
                if !self.overrides.keeps_budget {
                    self.set_budget(*bytes)?;
                }
            }
            operation => {
                self.tally.ops += 1;
                self.is_dirty = true;
                self.operation(operation);
            }
        }
        Ok(Played::Request)
    }

    fn operation(&mut self, event: &Event<'_>) {
        match event {
            Event::Add(add) => self.add(add),
            Event::Use(id) => self.look_up(*id),
            Event::Remove(id) => self.remove(*id),
            Event::Update {
                id,
                parts,
                in_place,
            } => self.update(*id, parts, *in_place),
            Event::Part { id, no, part } => self.add_part(*id, *no, part),
            Event::PartUpdate { id, no, bytes } => self.update_part(*id, *no, *bytes),
            Event::PartRemove { id, no } => self.remove_part(*id, *no),
            Event::Share(id) => {
                if let Some(block) = self.blocks.get_mut(&id.0) {
                    block.owners += 1;
                }
                self.send(*id, Client::share);
            }
            Event::Pin(id) => self.send(*id, |client, handle| client.pin(handle).map(drop)),
            Event::Unpin(id) => self.send(*id, Client::unpin),
            Event::Priority(id, priority) => {
                self.send(*id, |client, handle| client.set_priority(handle, *priority));
            }
            Event::Lifetime(id, name) => {
                let lifetime = lifetime(*name);
                self.send(*id, |client, handle| client.set_lifetime(handle, lifetime));
            }
            Event::Label(id, label) => {
                self.send(*id, |client, handle| client.set_label(handle, *label));
            }
            Event::Await(id) => {
                self.send(*id, |client, handle| client.resident(handle).map(drop));
            }
            Event::Evict(id) => self.send(*id, Client::evict),
            Event::Compact => self.send_all(|client| client.compact_now().map(drop)),
            Event::Trim => self.send_all(|client| client.trim().map(drop)),
            Event::Frame { .. }
            | Event::Tick { .. }
            | Event::End
            | Event::Config(_)
            | Event::Budget(_) => unreachable!("these are no operations on blocks"),
        }
    }

    /// The trace ends here: what was asked for since the last frame is carried out. Returns the
    /// engine's figures.
    pub fn finish(&mut self) -> Report {
        if self.is_dirty {
            self.tick();
        }
        let report = self.report();
        self.stage.finish();
        // What the last frames read is compared when the device gets there.
        for _ in 0..4 {
            self.manager.poll();
        }
        self.take_up_seen();
        report
    }

    fn tick(&mut self) {
        self.is_dirty = false;
        self.manager.poll();
        for event in self.manager.events() {
            if let HeapEvent::Failed { .. } = event {
                self.tally.failed_adds += 1;
            }
        }
        self.take_up_seen();
    }

    fn end_frame(&mut self) {
        self.tally.frames += 1;
        let ticket = self.ticket.take();
        let ticket = ticket.unwrap_or_else(|| self.manager.begin_frame());
        let frame = self.tally.frames;
        if let Some(checker) = &mut self.checker {
            // Never finished, so that looking counts as no use.
            let fork = ticket.fork();
            let blocks = self.blocks.iter().map(|(id, block)| (*id, block));
            checker.check_places::<B>(&fork, blocks, frame);
        }
        let reads = core::mem::take(&mut self.reads);
        self.stage.submit(ticket.finish(), reads, self.lag_frames);
        self.tick();
        if let Some(checker) = &mut self.checker
            && let Some(map) = self.manager.heap_map()
        {
            checker.check_map(&map, frame);
        }
    }

    /// Frames have seen newer contents, so no later one may see older ones.
    fn take_up_seen(&mut self) {
        let Some(checker) = &self.checker else { return };
        let seen = core::mem::take(&mut checker.shared.lock().seen);
        for seen in seen {
            let part = self.blocks.get_mut(&seen.subject.block).and_then(|block| {
                let mut parts = block.parts.iter_mut();
                parts.find(|part| part.no == seen.subject.part)
            });
            if let Some(part) = part {
                part.forget_older(seen.content);
            }
        }
    }

    fn set_budget(&mut self, bytes: u64) -> Result<(), String> {
        loop {
            match self.client.set_budget(ByteLen::new(bytes)) {
                Ok(_) => return Ok(()),
                Err(error @ RequestError::Budget(_)) => return Err(error.to_string()),
                // The mailbox is full.
                Err(_) => self.tick(),
            }
        }
    }

    /// Sends a request about one block, as soon as the mailbox has room.
    fn send(&mut self, id: BlockId, send: impl Fn(&Client, Handle) -> Result<(), SendError>) {
        if let Some(handle) = self.blocks.get(&id.0).and_then(|block| block.handle) {
            self.send_all(|client| send(client, handle));
        }
    }

    fn send_all(&mut self, send: impl Fn(&Client) -> Result<(), SendError>) {
        while send(&self.client).is_err_and(|error| is_full(&error)) {
            self.tick();
        }
    }

    fn content(&self, id: BlockId, no: PartNo, nth: u64, bytes: u64) -> &'static [u8] {
        self.fabric.content(id.0, no.0, nth, bytes)
    }

    fn keeps_older(&self) -> bool {
        self.checker.is_some()
    }

    fn add(&mut self, add: &Add<'_>) {
        let mut parts: SmallVec<[LivePart; 2]> = SmallVec::new();
        for (nth, part) in (0_u16..).zip(&add.parts) {
            let no = PartNo(nth.into());
            let name = PartName::Known(PartId {
                index: nth,
                generation: 1,
            });
            let content = self.content(add.id, no, 0, part.bytes);
            parts.push(LivePart::new(no, name, part, content));
        }
        let reloads = (add.source == SourceName::Reload).then(Reloads::default);
        let mut block = LiveBlock {
            handle: None,
            owners: 1,
            parts,
            reloads,
        };
        block.refresh_reloads();
        if add.parts.iter().all(|part| part.bytes <= LEN_MAX) {
            block.handle = self.send_add(&block, add);
        }
        self.tally.failed_adds += u64::from(block.handle.is_none());
        self.blocks.insert(add.id.0, block);
    }

    fn send_add(&mut self, block: &LiveBlock, add: &Add<'_>) -> Option<Handle> {
        let mut desc = self.describe(block, add);
        loop {
            match self.client.try_add(desc) {
                Ok(handle) => return Some(handle),
                Err(refused) => {
                    let AddError::Send(SendError::MailboxFull { .. }) = refused.error else {
                        return None;
                    };
                    desc = *refused.item;
                }
            }
            self.tick();
        }
    }

    fn describe(&self, block: &LiveBlock, add: &Add<'_>) -> BlockDesc {
        let source = match (&block.reloads, add.source) {
            _ if self.overrides.no_evict => Source::None,
            (Some(reloads), _) => {
                let reloads = reloads.clone();
                Source::reload(move |_| Ok(reloads.payloads()))
            }
            (None, SourceName::None) => Source::None,
            (None, _) => Source::Retained,
        };
        let mut desc = BlockDesc::new()
            .lifetime(lifetime(add.lifetime))
            .source(source)
            .spare(ByteLen::new(add.spare));
        if let Some(priority) = add.priority {
            desc = desc.priority(priority);
        }
        if let Some(label) = add.label {
            desc = desc.label(label);
        }
        for part in &block.parts {
            desc = desc.part(part.data());
        }
        desc
    }

    fn look_up(&mut self, id: BlockId) {
        self.tally.uses += 1;
        let ticket = self
            .ticket
            .get_or_insert_with(|| self.manager.begin_frame());
        let Some(block) = self.blocks.get(&id.0) else {
            return;
        };
        let Some(handle) = block.handle else { return };
        if !matches!(ticket.get(handle), Lookup::Resident(_)) {
            return;
        }
        self.tally.use_hits += 1;
        let Some(checker) = &self.checker else { return };
        for part in &block.parts {
            let PartName::Known(name) = part.name else {
                continue;
            };
            let subject = Subject {
                block: id.0,
                part: part.no,
                frame: self.tally.frames,
            };
            let view = ticket.part(handle, name);
            let read = view.and_then(|view| checker.read(subject, part, &view));
            self.reads.extend(read);
        }
    }

    fn remove(&mut self, id: BlockId) {
        self.send(id, Client::remove);
        if let Some(block) = self.blocks.get_mut(&id.0) {
            block.owners -= 1;
            if block.owners == 0 {
                self.blocks.remove(&id.0);
            }
        }
    }

    fn ask<T>(
        &mut self,
        ask: impl Fn(&Client) -> Result<Pending<T>, SendError>,
    ) -> Option<Pending<T>> {
        loop {
            match ask(&self.client) {
                Ok(pending) => return Some(pending),
                Err(error) if is_full(&error) => self.tick(),
                Err(_) => return None,
            }
        }
    }
}

fn lifetime(name: LifetimeName) -> Lifetime {
    match name {
        LifetimeName::Dynamic => Lifetime::Dynamic,
        LifetimeName::Long => Lifetime::LongLived,
    }
}

/// Whether the mailbox has no room: it has after a tick.
fn is_full(error: &SendError) -> bool {
    matches!(error, SendError::MailboxFull { .. })
}
