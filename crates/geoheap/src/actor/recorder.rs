//! Writes down what the program does with its heap, in the order in which the engine does it.
//!
//! The geometry actor records, not the clients: then the order is the one that decided, nobody
//! takes a lock for it, and while nothing is recorded it costs one comparison for each message.

mod words;

use std::io;
use std::path::{Path, PathBuf};

use geoheap_chunk_heap::{BlockLayout, KindTable, PartId, PartSpec};
use geoheap_frame_sync::{Usage, Version};
use geoheap_gpu_backend::Backend;
use geoheap_trace::{
    Add, BlockId, Event, Output, PartNo, Settings, State, Writer, shortened_label,
};
use smallvec::SmallVec;

use self::words::{lifetime_name, numbered, priority, settings, source_name, trace_part};
use crate::actor::driver::Driver;
use crate::actor::fixed_map::{FixedMap, fixed_map};
use crate::actor::reply::Reply;
use crate::config::Config;
use crate::core::event::{Answer, PartOp, PreparedBlock, ReplyId, Request};
use crate::core::record::{Record, SourceKind};
use crate::error::RequestError;
use crate::handle::Handle;
use crate::sync::{AtomicU64, Ordering};

/// The environment variable that names the file into which a program's heaps are recorded; see
/// [`Client::start_trace`](crate::Client::start_trace).
pub const TRACE_VARIABLE: &str = "GEOHEAP_TRACE";

/// A length for each part.
type Lens = SmallVec<[u64; 2]>;

/// A block as the trace names it.
#[derive(Debug)]
struct Known {
    handle: Handle,
    id: BlockId,
    /// Parts in the order of their numbers; one that was added has no id before it is answered.
    parts: SmallVec<[(PartNo, Option<PartId>); 2]>,
    next_no: u32,
}

/// A trace that is being written.
#[derive(Debug)]
pub(crate) struct Recorder {
    writer: Writer<Output>,
    /// Keeps out of the trace what the engine refuses, such as requests about stale handles.
    state: State,
    /// By slot.
    blocks: Vec<Option<Known>>,
    next_id: u64,
    /// Parts that wait for their ids.
    asked: FixedMap<ReplyId, (Handle, PartNo)>,
    /// Pins that may be refused.
    pins: FixedMap<ReplyId, Handle>,
    /// Ticks since the last event that is written.
    ticks: u32,
    lag: Option<u32>,
    failed: Option<io::Error>,
}

impl Recorder {
    /// Begins a trace of a heap that has `blocks` already.
    pub(crate) fn new<'r>(
        writer: Writer<Output>,
        config: &Config,
        budget_bytes: u64,
        kinds: &KindTable,
        blocks: impl Iterator<Item = &'r Record>,
    ) -> Self {
        let mut recorder = Self {
            writer,
            state: State::new(),
            blocks: Vec::new(),
            next_id: 1,
            asked: fixed_map(),
            pins: fixed_map(),
            ticks: 0,
            lag: None,
            failed: None,
        };
        let settings = settings(config);
        if settings != Settings::default() {
            recorder.write(&Event::Config(settings));
        }
        recorder.write(&Event::Budget(budget_bytes));
        for record in blocks {
            recorder.found(record, kinds);
        }
        recorder
    }

    /// The recorder that [`TRACE_VARIABLE`] asks for: the first heap of a program writes into the
    /// file that it names, later ones into files beside it.
    pub(crate) fn of_environment(config: &Config, kinds: &KindTable) -> Option<Self> {
        static HEAPS: AtomicU64 = AtomicU64::new(0);
        let named = std::env::var_os(TRACE_VARIABLE).filter(|name| !name.is_empty())?;
        let heaps = HEAPS.fetch_add(1, Ordering::Relaxed);
        let path = numbered(PathBuf::from(named), heaps + 1);
        let shown = path.display();
        match geoheap_trace::create(&path) {
            Ok(writer) => {
                tracing::info!(path = %shown, "recording");
                let budget = config.budget_bytes.get();
                Some(Self::new(writer, config, budget, kinds, std::iter::empty()))
            }
            Err(error) => {
                tracing::error!(path = %shown, %error, "cannot record");
                // Whoever set the variable may listen to no events.
                eprintln!("geoheap: {TRACE_VARIABLE}: {shown}: {error}");
                None
            }
        }
    }

    /// Writes what is held back.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.write_ticks();
        match self.failed {
            Some(error) => Err(error),
            None => self.writer.finish(),
        }
    }

    /// A request, before it is carried out.
    pub(crate) fn request(&mut self, request: &Request, kinds: &KindTable) {
        match request {
            Request::Add { handle, block } => self.add(*handle, block, kinds),
            Request::Update {
                handle,
                contents,
                in_place,
            } => {
                let lens = contents.iter().map(|content| content.len().get());
                self.update(*handle, &lens.collect::<Lens>(), *in_place);
            }
            Request::Remove { handle } => {
                self.about(*handle, Event::Remove);
            }
            Request::Share { handle } => self.about(*handle, Event::Share),
            Request::Part { handle, op, reply } => self.part(*handle, op, *reply, kinds),
            Request::SetLifetime { handle, lifetime } => {
                let name = lifetime_name(*lifetime);
                self.about(*handle, |id| Event::Lifetime(id, name));
            }
            Request::SetPriority { handle, priority } => {
                self.about(*handle, |id| Event::Priority(id, *priority));
            }
            Request::SetLabel { handle, label } => {
                if let Some(label) = label {
                    let label = shortened_label(label);
                    self.about(*handle, |id| Event::Label(id, label));
                }
            }
            Request::Pin { handle, reply } => {
                self.about(*handle, Event::Pin);
                self.pins.insert(*reply, *handle);
            }
            Request::Unpin { handle } => self.about(*handle, Event::Unpin),
            Request::AwaitResident { handle, .. } => self.about(*handle, Event::Await),
            Request::Evict { handle } => self.about(*handle, Event::Evict),
            Request::Prefetch { handle } => self.about(*handle, Event::Prefetch),
            Request::Compact { .. } => {
                self.write(&Event::Compact);
            }
            Request::Trim { .. } => {
                self.write(&Event::Trim);
            }
            // They change nothing, or what they change is written when it changes.
            Request::ReadBack { .. }
            | Request::Flush { .. }
            | Request::SetBudget { .. }
            | Request::HoldOutside { .. } => {}
        }
    }

    /// What the engine has of the budget changed: a replay has nothing outside.
    pub(crate) fn budget(&mut self, bytes: u64) {
        self.write(&Event::Budget(bytes));
    }

    /// A part that was asked for has its id, or was refused.
    fn part_answered(&mut self, reply: ReplyId, part: Option<PartId>) {
        let Some((handle, no)) = self.asked.remove(&reply) else {
            return;
        };
        let Some(known) = self.known(handle) else {
            return;
        };
        let id = known.id;
        if part.is_none() {
            known.parts.retain(|entry| entry.0 != no);
            self.write(&Event::PartRemove { id, no });
        } else if let Some(entry) = known.parts.iter_mut().find(|entry| entry.0 == no) {
            entry.1 = part;
        }
    }

    /// A pin took hold, or was refused and does not count.
    fn pin_answered(&mut self, reply: ReplyId, is_refused: bool) {
        if let Some(handle) = self.pins.remove(&reply)
            && is_refused
        {
            self.about(handle, Event::Unpin);
        }
    }

    /// A frame, or a worker's share of one, is over and used these blocks. `lag` frames before it
    /// are not executed yet.
    pub(crate) fn frame(
        &mut self,
        used: impl Iterator<Item = Handle>,
        ends_frame: bool,
        lag: usize,
    ) {
        for handle in used {
            self.about(handle, Event::Use);
        }
        if ends_frame {
            let lag = u32::try_from(lag).unwrap_or(u32::MAX);
            let changed = (self.lag != Some(lag)).then_some(lag.min(geoheap_trace::LAG_MAX));
            self.lag = Some(lag);
            self.write(&Event::Frame { lag: changed });
        }
    }

    /// A tick in which no frame ended.
    pub(crate) fn tick(&mut self) {
        self.ticks = self.ticks.saturating_add(1);
    }

    /// The program takes its heap down.
    pub(crate) fn end(&mut self) {
        self.write(&Event::End);
    }

    fn known(&mut self, handle: Handle) -> Option<&mut Known> {
        let entry = self.blocks.get_mut(handle.index() as usize)?.as_mut();
        entry.filter(|known| known.handle == handle)
    }

    fn about<'e>(&mut self, handle: Handle, event: impl FnOnce(BlockId) -> Event<'e>) {
        if let Some(id) = self.known(handle).map(|known| known.id) {
            self.write(&event(id));
        }
    }

    /// Writes an event, unless it cannot be: then the engine refuses it, too.
    fn write(&mut self, event: &Event<'_>) -> bool {
        self.write_ticks();
        self.write_now(event)
    }

    fn write_ticks(&mut self) {
        let mut ticks = core::mem::take(&mut self.ticks);
        while ticks > 0 {
            let count = ticks.min(geoheap_trace::TICKS_MAX);
            ticks -= count;
            self.write_now(&Event::Tick { count });
        }
    }

    fn write_now(&mut self, event: &Event<'_>) -> bool {
        if self.failed.is_some() || self.state.apply(event).is_err() {
            return false;
        }
        if let Err(error) = self.writer.write(event) {
            tracing::error!(%error, "the trace ends here");
            // Told again to whoever ends the trace.
            self.failed = Some(error);
        }
        true
    }

    /// Gives a block its number, and its parts theirs.
    fn enter(&mut self, handle: Handle, layout: &BlockLayout, kinds: &KindTable) -> Add<'static> {
        let index = handle.index() as usize;
        if self.blocks.len() <= index {
            self.blocks.resize_with(index + 1, || None);
        }
        let id = BlockId(self.next_id);
        self.next_id += 1;
        let parts = layout.parts_by_id();
        let ids = (0..).zip(&parts);
        self.blocks[index] = Some(Known {
            handle,
            id,
            next_no: u32::try_from(parts.len()).unwrap_or(u32::MAX),
            parts: ids.map(|(no, part)| (PartNo(no), Some(part.id))).collect(),
        });
        let parts = parts.iter().map(|part| {
            let spec = (part.kind, part.used_len.get(), part.stride);
            trace_part(spec, part.align, kinds)
        });
        Add::new(id, parts.collect())
    }

    fn add(&mut self, handle: Handle, block: &PreparedBlock, kinds: &KindTable) {
        let add = Add {
            spare: block.spare.get(),
            lifetime: lifetime_name(block.lifetime),
            priority: priority(block.priority),
            source: source_name(SourceKind::of(&block.source)),
            label: block.label.as_deref().map(shortened_label),
            ..self.enter(handle, &block.layout, kinds)
        };
        self.write(&Event::Add(add));
    }

    /// A block that was there when the trace began.
    fn found(&mut self, record: &Record, kinds: &KindTable) {
        let add = Add {
            lifetime: lifetime_name(record.lifetime),
            priority: priority(record.priority),
            source: source_name(record.source),
            label: record.label().map(|label| shortened_label(label)),
            ..self.enter(record.handle, &record.layout, kinds)
        };
        let id = add.id;
        self.write(&Event::Add(add));
        (1..record.owners()).for_each(|_| {
            self.write(&Event::Share(id));
        });
        (0..record.pins()).for_each(|_| {
            self.write(&Event::Pin(id));
        });
    }

    /// `lens` are in the order of the engine's ids, the trace has them in that of its numbers.
    fn update(&mut self, handle: Handle, lens: &Lens, in_place: bool) {
        let Some(known) = self.known(handle) else {
            return;
        };
        let id = known.id;
        let mut order: SmallVec<[usize; 2]> = (0..known.parts.len()).collect();
        if order.len() != lens.len() {
            // The engine refuses it.
            return;
        }
        let index = |nth: &usize| known.parts[*nth].1.map_or(u16::MAX, |part| part.index);
        order.sort_by_key(index);
        let mut parts = lens.clone();
        for (len, nth) in lens.iter().zip(order) {
            parts[nth] = *len;
        }
        self.write(&Event::Update {
            id,
            parts,
            in_place,
        });
    }

    fn part(&mut self, handle: Handle, op: &PartOp, reply: ReplyId, kinds: &KindTable) {
        let Some(known) = self.known(handle) else {
            return;
        };
        let id = known.id;
        let number = |known: &Known, part: &PartId| {
            let mut parts = known.parts.iter();
            let found = parts.find(|(_, name)| name.as_ref() == Some(part));
            found.map(|(no, _)| *no)
        };
        match op {
            PartOp::Add { spec, .. } => {
                let PartSpec { kind, len, stride } = *spec;
                let no = PartNo(known.next_no);
                let Ok(align) = kinds.align_of(spec) else {
                    // The engine refuses it.
                    return;
                };
                let part = trace_part((kind, len.get(), stride), align, kinds);
                if self.write(&Event::Part { id, no, part })
                    && let Some(known) = self.known(handle)
                {
                    known.next_no += 1;
                    known.parts.push((no, None));
                    self.asked.insert(reply, (handle, no));
                }
            }
            PartOp::Update { part, content } => {
                if let Some(no) = number(known, part) {
                    let bytes = content.len().get();
                    self.write(&Event::PartUpdate { id, no, bytes });
                }
            }
            PartOp::Remove { part } => {
                if let Some(no) = number(known, part)
                    && self.write(&Event::PartRemove { id, no })
                    && let Some(known) = self.known(handle)
                {
                    known.parts.retain(|entry| entry.0 != no);
                }
            }
        }
    }
}

impl<B: Backend> Driver<B> {
    pub(super) fn record_request(&mut self, request: &Request) {
        let counts = self.core.can_carry_out(request);
        if let Some(recorder) = self.recorder.as_mut().filter(|_| counts) {
            recorder.request(request, &self.shared.kinds);
        }
    }

    pub(super) fn record_answer(&mut self, reply: ReplyId, answer: &Answer) {
        let Some(recorder) = &mut self.recorder else {
            return;
        };
        match answer {
            Answer::Part(part) => recorder.part_answered(reply, Some(*part)),
            Answer::Refused(_) => {
                recorder.part_answered(reply, None);
                recorder.pin_answered(reply, true);
            }
            _ => recorder.pin_answered(reply, false),
        }
    }

    pub(super) fn record_frame(&mut self, usage: &Usage, version: Version, ends_frame: bool) {
        if let Some(recorder) = &mut self.recorder {
            let lag = self.publisher.versions_alive().saturating_sub(1);
            let used = usage.iter();
            let used = used.filter_map(|index| self.core.seen_in(index, version));
            recorder.frame(used, ends_frame, lag);
        }
    }

    /// Called once a tick, after the notes of frames.
    pub(super) fn record_tick(&mut self) {
        let Some(recorder) = &mut self.recorder else {
            return;
        };
        if !self.since.saw_frame {
            recorder.tick();
        }
    }

    pub(super) fn record_end(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.end();
        }
    }

    pub(super) fn end_recording(&mut self) {
        if let Some(recorder) = self.recorder.take()
            && let Err(error) = recorder.finish()
        {
            tracing::error!(%error, "the trace lacks its end");
        }
    }

    /// Ends the recording under way, if there is one, and then begins another: it may be to the
    /// same file.
    pub(super) fn change_recording(&mut self, path: Option<&Path>) -> Reply {
        let ended = self.recorder.take().map_or(Ok(()), Recorder::finish);
        let begun = path.map(geoheap_trace::create).transpose();
        let begun = begun.map(|writer| {
            self.recorder = writer.map(|writer| {
                let shared = &self.shared;
                let budget = self.core.budget_bytes().get();
                let blocks = self.core.records();
                Recorder::new(writer, &shared.config, budget, &shared.kinds, blocks)
            });
        });
        Reply::Answer(match ended.and(begun) {
            Ok(()) => Answer::Done,
            Err(error) => Answer::Refused(RequestError::TraceNotWritten {
                message: error.to_string(),
            }),
        })
    }
}
