//! Plays the events of a trace to an engine that the caller drives.

mod parts;
mod settle;

use std::collections::HashSet;
use std::fmt;

use ahash::RandomState;
use geoheap::{
    AddError, Backend, BlockDesc, ByteLen, Client, FrameTicket, GeometryManager, Handle, HeapDump,
    HeapEvent, Lifetime, Lookup, PartId, Pending, Report, RequestError, SendError, Source,
};
use geoheap_trace::{Add, BlockId, Event, LifetimeName, PartNo, SourceName};
use smallvec::SmallVec;

use super::blocks::{LiveBlock, LivePart, PartName, Reloads};
use super::check::{Checker, Read, Subject};
use super::contents::{Fabric, LEN_MAX};
use super::kinds;
use super::settings::NO_BUDGET;
use super::stage::Stage;

/// Frames in flight where neither the trace nor the command line says how many.
const LAG_FRAMES: u32 = 2;

/// Ticks that a budget waits for room in the mailbox.
const BUDGET_TICKS_MAX: u32 = 4096;

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
    /// Requests that the engine refused later.
    pub refused: u64,
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
    /// Blocks added so far.
    serial: u64,
    /// Blocks with parts that wait for their names.
    unnamed: Vec<u64>,
    /// Blocks of which the engine refused something.
    refused: HashSet<Handle, RandomState>,
    /// Answers to updates of parts that are waited for.
    answers: Vec<(Handle, Pending<PartId>)>,
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
            serial: 0,
            unnamed: Vec::new(),
            refused: HashSet::with_hasher(RandomState::with_seeds(5, 6, 7, 8)),
            answers: Vec::new(),
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

    /// The heap's state.
    pub fn dump(&self) -> HeapDump {
        let dump = self.manager.heap_dump();
        let mut dump = dump.expect("the caller drives this engine");
        kinds::rename(&mut dump);
        if dump.budget_bytes == NO_BUDGET.get() {
            dump.budget_bytes = 0;
        }
        dump
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
            Event::Prefetch(id) => self.send(*id, Client::prefetch),
            Event::Compact => self.send_all(|client| client.compact_now().map(drop)),
            Event::Trim => self.send_all(|client| client.trim().map(drop)),
            Event::Frame { .. }
            | Event::Tick { .. }
            | Event::End
            | Event::Config(_)
            | Event::Budget(_) => unreachable!("these are no operations on blocks"),
        }
    }

    fn tick(&mut self) {
        self.is_dirty = false;
        self.manager.poll();
        for event in self.manager.events() {
            match event {
                HeapEvent::Failed { handle, .. } => {
                    self.tally.failed_adds += 1;
                    self.refused.insert(handle);
                }
                HeapEvent::Refused { handle, .. } => {
                    self.tally.refused += 1;
                    self.refused.insert(handle);
                }
                _ => {}
            }
        }
        let (refused, count) = (&mut self.refused, &mut self.tally.refused);
        self.answers.retain_mut(|(handle, answer)| {
            let answer = answer.try_take();
            if let Some(Err(_)) = &answer {
                *count += 1;
                refused.insert(*handle);
            }
            answer.is_none()
        });
        self.settle_names();
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

    fn set_budget(&mut self, bytes: u64) -> Result<(), String> {
        for _ in 0..BUDGET_TICKS_MAX {
            match self.client.set_budget(ByteLen::new(bytes)) {
                Ok(_) => return Ok(()),
                Err(error @ RequestError::Budget(_)) => return Err(error.to_string()),
                // The mailbox is full.
                Err(_) => self.tick(),
            }
        }
        Err(format!(
            "the engine took no budget in {BUDGET_TICKS_MAX} ticks"
        ))
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

    fn keeps_older(&self) -> bool {
        self.checker.is_some()
    }

    fn add(&mut self, add: &Add<'_>) {
        self.serial += 1;
        let serial = self.serial;
        let mut parts: SmallVec<[LivePart; 2]> = SmallVec::new();
        for (nth, part) in (0_u16..).zip(&add.parts) {
            let no = PartNo(nth.into());
            let name = PartName::Known(PartId {
                index: nth,
                generation: 1,
            });
            let content = self.fabric.content(serial, no.0, 0, part.bytes);
            let mut part = LivePart::new(no, name, part, content);
            part.named_frame = self.tally.frames;
            parts.push(part);
        }
        let reloads = (add.source == SourceName::Reload).then(Reloads::default);
        let mut block = LiveBlock {
            serial,
            read_frame: 0,
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
            (None, SourceName::ReadBack) => Source::ReadBack,
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
        let Some(block) = self.blocks.get_mut(&id.0) else {
            return;
        };
        let Some(handle) = block.handle else { return };
        if !matches!(ticket.get(handle), Lookup::Resident(_)) {
            return;
        }
        self.tally.use_hits += 1;
        let frame = self.tally.frames;
        let Some(checker) = &self.checker else { return };
        if core::mem::replace(&mut block.read_frame, frame + 1) == frame + 1 {
            // This frame reads it already.
            return;
        }
        for part in &block.parts {
            let PartName::Known(name) = part.name else {
                continue;
            };
            let subject = Subject {
                block: id.0,
                serial: block.serial,
                part: part.no,
                frame,
            };
            match ticket.part(handle, name) {
                Some(view) => self.reads.extend(checker.read(subject, part, &view)),
                None if part.named_frame < frame => checker.missing(subject),
                None => {}
            }
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
