//! The way in for every thread that makes geometry.

mod admission;
mod budget;
pub(crate) mod drawing;

use std::path::PathBuf;
use std::sync::Arc;

use geoheap_chunk_heap::{KindTable, Lifetime, PartId};
use geoheap_frame_sync::Version;
use geoheap_gpu_backend::Limits;
use geoheap_heap_dump::HeapDump;
use geoheap_suballoc::{Align, ByteLen};

pub use self::admission::Batch;
use crate::actor::mailbox::{Mailbox, Message, Weight};
use crate::actor::reply::{
    Pending, Reply, read_bytes, read_done, read_dump, read_map, read_part, read_staged,
    read_version,
};
use crate::config::Config;
use crate::core::event::{PartOp, ReplyId, Request};
use crate::error::{RequestError, SendError};
use crate::handle::Handle;
use crate::payload::{Content, Contents, PartData, Payload, StagedWrite};
use crate::report::{HeapMap, ReadBack, Report};
use crate::slot::BUFFER_BYTES_MAX;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Mutex, Ordering, PoisonError};
use crate::ticket::board::Board;

/// What clients and the manager know together.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) kinds: Arc<KindTable>,
    pub(crate) align_max: Align,
    pub(crate) config: Config,
    /// Longest buffer of the present device.
    buffer_bytes_max: AtomicU64,
    /// Most bytes of one block under the present budget.
    pub(crate) block_bytes_max: AtomicU64,
    pub(crate) device_lost: AtomicBool,
    /// Counts devices, and the times without one.
    pub(crate) device: AtomicU32,
    /// What the kinds were made for.
    pub(crate) uniform_align: Align,
    pub(crate) storage_align: Align,
    /// The manager is being shut down: the actor ends whatever waits in its mailbox.
    pub(crate) is_ending: AtomicBool,
    pub(crate) report: Arc<Mutex<Report>>,
    /// Who holds tickets.
    pub(crate) board: Arc<Board>,
    /// Frames that had begun at the last tick.
    pub(crate) frames_at_tick: AtomicU64,
    /// Draw sets made so far.
    pub(crate) draw_sets: AtomicU64,
    /// Most draws of one set.
    pub(crate) draws_max: AtomicU32,
    /// Whether indirect draws may begin at another instance than the first.
    pub(crate) indirect_first_instance: bool,
}

impl Shared {
    /// What is known before anything runs.
    pub(crate) fn new(config: Config, kinds: Arc<KindTable>, limits: &Limits) -> Self {
        let buffer_bytes_max = limits.buffer_bytes_max.min(BUFFER_BYTES_MAX);
        let staging = config.staging_under(config.budget_bytes);
        let shared = Self {
            kinds,
            align_max: config.align_max(),
            buffer_bytes_max: AtomicU64::new(buffer_bytes_max.get()),
            uniform_align: limits.uniform_align,
            storage_align: limits.storage_align,
            device: AtomicU32::new(0),
            block_bytes_max: AtomicU64::new(0),
            device_lost: AtomicBool::new(false),
            is_ending: AtomicBool::new(false),
            report: Arc::default(),
            board: Arc::new(Board::new()),
            frames_at_tick: AtomicU64::new(0),
            draw_sets: AtomicU64::new(0),
            draws_max: AtomicU32::new(drawing::draws_under(staging)),
            indirect_first_instance: limits.indirect_first_instance,
            config,
        };
        let block_max = shared.block_bytes_under(shared.config.budget_bytes).get();
        shared.block_bytes_max.store(block_max, Ordering::Relaxed);
        shared
    }

    /// Most bytes of one block under `budget`.
    pub(crate) fn block_bytes_under(&self, budget: ByteLen) -> ByteLen {
        let device_max = self.buffer_bytes_max.load(Ordering::Relaxed);
        self.config
            .block_bytes_max(budget, ByteLen::new(device_max))
    }

    /// There is another device, whose buffers have so many bytes at most.
    pub(crate) fn device_follows(&self, device: u32, buffer_bytes_max: ByteLen, budget: ByteLen) {
        let max = &self.buffer_bytes_max;
        max.store(buffer_bytes_max.get(), Ordering::Relaxed);
        let block_max = self.block_bytes_under(budget).get();
        self.block_bytes_max.store(block_max, Ordering::Relaxed);
        self.device.store(device, Ordering::Relaxed);
        self.device_lost.store(false, Ordering::Relaxed);
    }

    /// Adds what is known without the actor, which may not tick: who holds tickets, and how many
    /// frames have begun since the last tick.
    pub(crate) fn add_frames(&self, report: &mut Report) {
        report.frames_begun = self.board.frames();
        let at_tick = self.frames_at_tick.load(Ordering::Relaxed);
        report.frames_since_tick = report.frames_begun.saturating_sub(at_tick);
        report.holders = self.board.holders();
        report.tickets_open = report.holders.len() as u64 + self.board.standing();
    }
}

/// Adds, changes and discards blocks, from any thread. Cheap to clone.
///
/// Calls return as soon as the request is in the mailbox; a full mailbox makes `add`, `update` and
/// the others wait, which is the back-pressure that keeps a fast producer from filling memory.
/// What goes wrong later is told by the lookup and by
/// [`GeometryManager::events`](crate::GeometryManager::events), or by the [`Pending`] answer.
/// Requests of one client are carried out in the order in which they were sent. While contents wait
/// for room, what makes room ([`Client::remove`], [`Client::unpin`], [`Client::set_budget`]) passes
/// whatever waits, but for requests about the same block. Of several whole updates of one block
/// that wait behind another, only the newest is carried out.
#[derive(Clone, Debug)]
pub struct Client {
    mailbox: Mailbox,
    shared: Arc<Shared>,
}

impl Client {
    pub(crate) fn new(mailbox: Mailbox, shared: Arc<Shared>) -> Self {
        Self { mailbox, shared }
    }

    /// Replaces the contents of all parts, in the order of their ids: the order in which they were
    /// given. Lengths may change. Versions up to now keep the old bytes.
    ///
    /// # Errors
    /// [`SendError`]. Later, on the event stream: [`RequestError`].
    pub fn update(&self, handle: Handle, contents: Vec<Payload>) -> Result<(), SendError> {
        self.send_update(handle, shared(contents), false)
    }

    /// As [`Client::update`], with contents that were written straight into staging. Not for
    /// blocks with a retained source, which have nothing to retain then.
    ///
    /// # Errors
    /// As for [`Client::update`].
    pub fn update_staged(
        &self,
        handle: Handle,
        contents: Vec<StagedWrite>,
    ) -> Result<(), SendError> {
        let contents = contents.into_iter().map(Content::staged).collect();
        self.send_update(handle, contents, false)
    }

    /// Writes over the contents of all parts where they lie. Versions up to now see the new bytes
    /// too, or half of them: only for data whose readers do not mind. Lengths must be the same.
    ///
    /// # Errors
    /// [`SendError`]. Later, on the event stream: [`RequestError`].
    pub fn update_in_place(&self, handle: Handle, contents: Vec<Payload>) -> Result<(), SendError> {
        self.send_update(handle, shared(contents), true)
    }

    fn send_update(
        &self,
        handle: Handle,
        contents: Contents,
        in_place: bool,
    ) -> Result<(), SendError> {
        let bytes = contents.iter().map(Content::shared_bytes).sum();
        self.send(
            Request::Update {
                handle,
                contents,
                in_place,
            },
            bytes,
            None,
        )
    }

    /// Gives up one ownership; with the last one the block goes. Versions up to now keep it.
    ///
    /// # Errors
    /// [`SendError`]. Later, on the event stream: [`RequestError::Stale`].
    pub fn remove(&self, handle: Handle) -> Result<(), SendError> {
        self.send(Request::Remove { handle }, 0, None)
    }

    /// Takes one more ownership.
    ///
    /// # Errors
    /// As for [`Client::remove`].
    pub fn share(&self, handle: Handle) -> Result<(), SendError> {
        self.send(Request::Share { handle }, 0, None)
    }

    /// Adds a part to a block: in its free room if it has some, else the block moves to a larger
    /// range, in one version either way. Answers with the part's id once that is published.
    ///
    /// # Errors
    /// [`SendError`]; the answer may be a [`RequestError`].
    pub fn add_part(&self, handle: Handle, part: PartData) -> Result<Pending<PartId>, SendError> {
        let PartData { spec, content } = part;
        let bytes = content.shared_bytes();
        self.part_op(handle, PartOp::Add { spec, content }, bytes, read_part)
    }

    /// Replaces a part's contents; the length may change.
    ///
    /// # Errors
    /// As for [`Client::add_part`].
    pub fn update_part(
        &self,
        handle: Handle,
        part: PartId,
        contents: impl Into<Payload>,
    ) -> Result<Pending<PartId>, SendError> {
        let content = Content::Shared(contents.into());
        let bytes = content.shared_bytes();
        self.part_op(handle, PartOp::Update { part, content }, bytes, read_part)
    }

    /// As [`Client::update_part`], with contents that were written straight into staging. Not for
    /// blocks with a retained source.
    ///
    /// # Errors
    /// As for [`Client::add_part`].
    pub fn update_part_staged(
        &self,
        handle: Handle,
        part: PartId,
        contents: StagedWrite,
    ) -> Result<Pending<PartId>, SendError> {
        let content = Content::staged(contents);
        self.part_op(handle, PartOp::Update { part, content }, 0, read_part)
    }

    /// Removes a part; its room is reused once no version reads it.
    ///
    /// # Errors
    /// As for [`Client::add_part`].
    pub fn remove_part(&self, handle: Handle, part: PartId) -> Result<Pending<()>, SendError> {
        self.part_op(handle, PartOp::Remove { part }, 0, read_done)
    }

    fn part_op<T>(
        &self,
        handle: Handle,
        op: PartOp,
        bytes: u64,
        read: fn(Reply) -> Result<T, RequestError>,
    ) -> Result<Pending<T>, SendError> {
        self.ask(bytes, read, |reply| Request::Part { handle, op, reply })
    }

    /// Moves the block between the chunks of the two lifetimes; a pinned one moves when its last
    /// pin is taken off, and is kept from eviction at once. A block above half a chunk has a buffer
    /// of its own, unless the budget had no room for one; a block that has one and is above half a
    /// chunk of either lifetime keeps it: nothing is copied, pinned or not.
    ///
    /// # Errors
    /// As for [`Client::remove`].
    pub fn set_lifetime(&self, handle: Handle, lifetime: Lifetime) -> Result<(), SendError> {
        self.send(Request::SetLifetime { handle, lifetime }, 0, None)
    }

    /// Higher stays longer and comes back sooner.
    ///
    /// # Errors
    /// As for [`Client::remove`].
    pub fn set_priority(&self, handle: Handle, priority: u8) -> Result<(), SendError> {
        self.send(Request::SetPriority { handle, priority }, 0, None)
    }

    /// A name for reports, pictures and logs.
    ///
    /// # Errors
    /// As for [`Client::remove`].
    pub fn set_label(&self, handle: Handle, label: impl Into<Arc<str>>) -> Result<(), SendError> {
        self.send(
            Request::SetLabel {
                handle,
                label: Some(label.into()),
            },
            0,
            None,
        )
    }

    /// Keeps the block where it is until [`Client::unpin`]: it is neither evicted nor moved by the
    /// engine, while an update or a growing part still gives it a fresh place. An evicted block
    /// first comes back, a move under way first ends. Answers once it is resident in a published
    /// version; a refused pin does not count, others do.
    ///
    /// # Errors
    /// [`SendError`]; the answer may be a [`RequestError`].
    pub fn pin(&self, handle: Handle) -> Result<Pending<()>, SendError> {
        self.ask(0, read_done, |reply| Request::Pin { handle, reply })
    }

    /// Takes one pin off.
    ///
    /// # Errors
    /// As for [`Client::remove`].
    pub fn unpin(&self, handle: Handle) -> Result<(), SendError> {
        self.send(Request::Unpin { handle }, 0, None)
    }

    /// Answers once the block is resident in a published version, and asks for it if it is
    /// evicted.
    ///
    /// # Errors
    /// [`SendError`]; the answer may be a [`RequestError`].
    pub fn resident(&self, handle: Handle) -> Result<Pending<()>, SendError> {
        self.ask(0, read_done, |reply| Request::AwaitResident {
            handle,
            reply,
        })
    }

    /// Says that frames will soon look at the block: if it is evicted, it streams in behind what
    /// frames miss, by its priority, and as long as for a frame's miss
    /// ([`ResidencyConfig::wish_max_age_frames`](crate::ResidencyConfig::wish_max_age_frames)).
    /// Blocks that no recent frame used may leave for it. A hint is not an order: without room
    /// nothing happens. To know when it is there, ask for [`Client::resident`].
    ///
    /// # Errors
    /// [`SendError`].
    pub fn prefetch(&self, handle: Handle) -> Result<(), SendError> {
        self.send(Request::Prefetch { handle }, 0, None)
    }

    /// Lets a resident block leave GPU memory now, though there may be room; it comes back as soon
    /// as a frame asks for it. For tools and tests: the engine evicts by itself.
    ///
    /// # Errors
    /// [`SendError`]. Later, on the event stream: [`RequestError::NotResident`],
    /// [`RequestError::Pinned`], [`RequestError::LongLived`] or [`RequestError::NoSource`].
    pub fn evict(&self, handle: Handle) -> Result<(), SendError> {
        self.send(Request::Evict { handle }, 0, None)
    }

    /// Reads a resident block back from the GPU, parts in the order of their ids. It takes room in
    /// staging until it is answered, in one piece.
    ///
    /// # Errors
    /// [`SendError`]; the answer may be a [`RequestError`]: `StagingFull` when uploads have all of
    /// it for now, `StagingTooSmall` for a block that is longer than staging.
    pub fn read_back(&self, handle: Handle) -> Result<Pending<ReadBack>, SendError> {
        self.ask(0, read_bytes, |reply| Request::ReadBack { handle, reply })
    }

    /// Answers once everything that was sent before is published, by this client or by another
    /// whose calls returned before: each block as resident,
    /// or, where there was no room for it, as evicted or failed, or, where the device went
    /// meanwhile, as evicted or lost. To draw a certain block, wait for [`Client::resident`]
    /// instead.
    ///
    /// It is answered without a device, too: with a version that shows no block as resident.
    ///
    /// # Errors
    /// [`SendError`]. The answer is never [`RequestError::DeviceLost`].
    pub fn flush(&self) -> Result<Pending<Version>, SendError> {
        self.ask(0, read_version, |reply| Request::Flush { reply })
    }

    /// Begins a compaction pass now, with raised caps and at any price, in a heap of two dynamic
    /// chunks or more, however few [`Config::small_heap_chunks`](crate::Config::small_heap_chunks)
    /// leaves alone. The answer comes as it begins; [`Report::moves`](crate::Report::moves) tells
    /// how it goes on. Where [`DefragConfig::enabled`](crate::DefragConfig::enabled) is off, it
    /// does nothing. For a dry run plan on a [`Client::heap_dump`] with `geoheap-defrag`.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn compact_now(&self) -> Result<Pending<()>, SendError> {
        self.ask(0, read_done, |reply| Request::Compact { reply })
    }

    /// Gives all empty chunks back now, and makes no spare for `keep_empty_ticks`. Staging stays.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn trim(&self) -> Result<Pending<()>, SendError> {
        self.ask(0, read_done, |reply| Request::Trim { reply })
    }

    /// A piece of staging memory to write into on this thread. Give it to a part with
    /// [`PartData::staged`], or to [`Client::update_staged`] and [`Client::update_part_staged`].
    /// A quarter of the staging memory is never lent out.
    ///
    /// # Errors
    /// [`SendError`]; the answer may be [`RequestError::ZeroSize`],
    /// [`RequestError::StagingTooSmall`], [`RequestError::StagingFull`] or
    /// [`RequestError::OutOfMemory`].
    pub fn stage(&self, len: ByteLen) -> Result<Pending<StagedWrite>, SendError> {
        let (reply, pending) = Pending::new(read_staged);
        self.mailbox.send_unweighed(Message::Stage { len, reply })?;
        Ok(pending)
    }

    /// Counters and figures as of the end of the last tick, and who holds tickets now. An answer
    /// may come before the end of the tick that it is of.
    pub fn report(&self) -> Report {
        let report = self.shared.report.lock();
        let mut report = report.unwrap_or_else(PoisonError::into_inner).clone();
        self.shared.add_frames(&mut report);
        report.notes_lost = self.mailbox.notes_lost();
        report
    }

    /// Every chunk and range.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn heap_map(&self) -> Result<Pending<HeapMap>, SendError> {
        let (reply, pending) = Pending::new(read_map);
        self.mailbox.send_unweighed(Message::Map(reply))?;
        Ok(pending)
    }

    /// Everything that is known of every chunk and block, for tools to look into: see
    /// [`geoheap_heap_dump`]. One pass over the heap, on the geometry actor.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn heap_dump(&self) -> Result<Pending<HeapDump>, SendError> {
        let (reply, pending) = Pending::new(read_dump);
        self.mailbox.send_unweighed(Message::Dump(reply))?;
        Ok(pending)
    }

    /// Writes down from now on what the program does with the heap, as a trace that
    /// `geoheap-inspect replay` plays: blocks that live already come first. Packed with gzip if
    /// the path ends in `.gz`. A trace under way ends. The variable `GEOHEAP_TRACE` does the same
    /// for a whole program: the trace begins with the heap and ends with it.
    ///
    /// # Errors
    /// [`SendError`]; the answer is [`RequestError::TraceNotWritten`] if the file cannot be made,
    /// or if a trace under way could not be ended in order, though the new one has begun.
    pub fn start_trace(&self, path: impl Into<PathBuf>) -> Result<Pending<()>, SendError> {
        self.trace(Some(path.into()))
    }

    /// Ends the trace under way, if there is one, and answers when it is written.
    ///
    /// # Errors
    /// [`SendError`]; the answer may be [`RequestError::TraceNotWritten`].
    pub fn stop_trace(&self) -> Result<Pending<()>, SendError> {
        self.trace(None)
    }

    fn trace(&self, path: Option<PathBuf>) -> Result<Pending<()>, SendError> {
        let (reply, pending) = Pending::new(read_done);
        self.mailbox.send_unweighed(Message::Trace(path, reply))?;
        Ok(pending)
    }

    fn ask<T>(
        &self,
        bytes: u64,
        read: fn(Reply) -> Result<T, RequestError>,
        request: impl FnOnce(ReplyId) -> Request,
    ) -> Result<Pending<T>, SendError> {
        let id = self.mailbox.reply_id();
        let (sender, pending) = Pending::new(read);
        self.send(request(id), bytes, Some((id, sender)))?;
        Ok(pending)
    }

    fn send(
        &self,
        request: Request,
        bytes: u64,
        reply: Option<crate::actor::mailbox::ReplyTo>,
    ) -> Result<(), SendError> {
        let weight = Weight { messages: 1, bytes };
        self.mailbox
            .send_weighed(Message::Request(request, reply), weight)
    }
}

/// What callers share, as contents of parts. One by one: most are one.
fn shared(payloads: Vec<Payload>) -> Contents {
    let mut contents = Contents::new();
    for payload in payloads {
        contents.push(Content::Shared(payload));
    }
    contents
}
