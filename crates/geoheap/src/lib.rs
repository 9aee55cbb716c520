//! A GPU geometry memory manager for wgpu: one thread keeps adding, changing and discarding
//! geometry, several prepare render commands from it, and nobody waits for anybody.
//!
//! ```
//! use geoheap::{BlockDesc, Config, GeometryManager, PartData, wgpu};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Any device will do; this one validates and moves bytes, but draws nothing.
//! let (device, queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor::default());
//! let manager = GeometryManager::new(device.clone(), queue.clone(), Config::default())?;
//!
//! // Any thread: hand over a mesh; the handle is there at once, the bytes follow.
//! let client = manager.client();
//! let triangle: Vec<u8> = [[0.0_f32, 1.0, 0.0], [-1.0, -1.0, 0.0], [1.0, -1.0, 0.0]]
//!     .iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
//! let handle = client.add(BlockDesc::new().part(PartData::vertex(triangle, 12)).label("tri"))?;
//! client.flush()?.wait(Duration::from_secs(10))?;
//!
//! // Render side: a ticket pins one version of all placements; lookups take no lock.
//! let ticket = manager.begin_frame();
//! let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
//! ticket.in_flight().attach(&encoder);
//! if let Some(view) = ticket.get(handle).resident() {
//!     let draw = view.draw().expect("it has vertices");
//!     assert_eq!(draw.count, 3);
//!     // In a pass: view.bind_chunk(&mut pass, 0, draw.index_format);
//!     //            draw.record(&mut pass, 0..1);
//! }
//! ticket.finish();
//! queue.submit([encoder.finish()]);
//! assert!(manager.shutdown().leaks.iter().any(|leak| leak.handle == handle));
//! # Ok(()) }
//! ```
//!
//! # How it works
//!
//! A [`Client`] checks a block's layout on the caller's thread, takes a handle from a reserve, and
//! puts both into a mailbox that is bounded in messages and in bytes. The geometry actor takes
//! them out, finds places in chunks of GPU memory, copies the bytes into a staging ring and from
//! there into the chunks, submits, and only then publishes a version that names the new places.
//! A version is an immutable table of 32-byte slots, one for each handle, in a ring of replicas:
//! publishing replays the changes into a replica that nobody reads and swaps it in.
//!
//! A [`FrameTicket`] pins a version for as long as a frame is recorded; its token travels with
//! the recorded commands ([`InFlight::attach`]). What a version stops naming, an updated block's
//! old range, a removed block, a chunk that was emptied, waits until every older version is out
//! of use. So nothing is ever written over that a frame may still read, no lookup ever sees half
//! a change, and no vertex data is copied for a frame.
//!
//! When the bytes that live outgrow the budget, blocks leave that will not be used soon, as far as
//! their past tells ([`PolicyKind`]), and come back from their [`Source`] as soon as a frame asks
//! for them; what frames used is known from a private bitmap in each ticket. Where frames need more
//! than there is, those are drawn that fit by priority ([`BlockDesc::priority`]), and the rest is
//! told with numbers ([`Report::degraded`]). When chunks are ill-used, a planner picks one to
//! empty, and its blocks move out a few at a time.
//!
//! # Drawing
//!
//! Begin a frame once, and record it with the ticket, attaching its [`InFlight`] to each encoder.
//! [`RenderActors`] does that on several threads: they share out the items of a [`Scene`] while
//! they record, so that whoever is slow does less, and a panic in one of them costs the run of
//! items in which it happened, at most some hundred, and no frame. A program with threads of its
//! own gives each a [`FrameTicket::fork`].
//!
//! A [`Draw`] addresses a block's first vertex and index part from the chunk's start, so that a
//! chunk is bound once for all blocks in it. There are four ways to make use of that:
//!
//! - a [`DrawList`] sorts a frame's draws by pipeline and chunk: a lookup and a recorded draw for
//!   each mesh, a binding for each chunk. For what changes all the time.
//! - a [`DrawBundle`] is recorded once, and anew when one of its blocks changed. For what stays.
//! - a draw set ([`Client::add_draw_set`], [`FrameTicket::draw_set`]) is one multi-draw for each
//!   chunk, whose records the engine writes. For many meshes under one pipeline.
//! - a [`PlacementTable`] lets shaders look blocks up by handle; a frame patches what moved. For
//!   culling and drawing on the GPU.
//!
//! Chunks have the usages vertex, index, uniform, storage and both copies, but not indirect:
//! arguments would go stale when a block moves. That is why records of draws have buffers of their
//! own, written for each version. For the same reason a bind group over a [`PartView`] belongs to
//! one version; [`FrameTicket::moved_since`] says when to make it anew. The heap polls the device
//! itself and never waits for it.
//! `cargo run -p geoheap --example draw` draws and checks a picture with a pool of render actors,
//! `--example own_threads` with threads of the caller's own, and `--example gpu_culling` by
//! handle on the GPU; `--example levels_of_detail` has levels of detail as blocks of their own.
//!
//! # Geometry that is made on the GPU
//!
//! What a compute shader writes need not come to the CPU to be a block. A part can have its bytes
//! in a buffer of the program's own ([`Client::gpu_bytes`], [`PartData::on_gpu`]): the engine
//! copies them on the GPU, and [`Client::adopt`] says when. From then on it is a block like any
//! other, that moves, and is evicted by read-back ([`Source::ReadBack`], its default) and comes
//! back.
//!
//! Where shaders also give memory out, that is a [`gpu_bitset::GpuHeap`]. [`HandOver`] takes
//! objects of such a heap over, so that what is far away does not fill it for ever; [`HandBack`]
//! makes objects of blocks. Both keep what they take from until the other side has it. The heap's
//! own memory counts in the engine's budget under a lease ([`Client::hold_outside`]), and so can
//! any other buffers of the program.
//!
//! The order is that of the queue. What wrote the bytes is submitted before they are handed over;
//! the engine copies them in submissions of its own; what is submitted after the answer may write
//! over them. `cargo run -p geoheap --example hand_over` goes the whole circle.
//!
//! # Frames that do not end well
//!
//! A ticket that is dropped without [`FrameTicket::finish`], also by a panic, gives its version
//! back, and is counted. Commands that are dropped unsubmitted give it back too; commands that are
//! submitted late still find every byte. A ticket that is never given back keeps what its version
//! names and what was given up since, and one replica. Publishing goes on with the others. When
//! memory becomes short by that, blocks stay in sight as they are, changes wait, and
//! [`Report::backpressure`] names the version, the bytes, and whose ticket it is
//! ([`FrameSource::named`]). When the geometry actor itself stands still, frames go on with the
//! newest version, the mailbox fills up to its bounds, and [`Report::frames_since_tick`] grows.
//!
//! # When the device is lost
//!
//! Drivers crash, GPUs are unplugged, machines sleep. With the device goes all that lay on it:
//! every ticket and token is void and resolves nothing, and whoever waits for an answer gets
//! [`RequestError::DeviceLost`]. [`HeapEvent::DeviceLost`] and [`Report::device_lost`] tell of it,
//! and frames go on without geometry. The heap itself lives on, with its handles, owners, pins and
//! priorities: blocks with a [`Source`] are evicted, and take new contents meanwhile; the others
//! are [`Lookup::Lost`], and [`HeapEvent::BlocksLost`] names them.
//!
//! [`GeometryManager::restore`] puts another device in the lost one's place. What was resident
//! comes back by itself, long-lived and pinned blocks first, into chunks where blocks lie tight; a
//! lost block comes back with new contents ([`Client::update`]). [`Restored`] counts them, and
//! those that were evicted before and stay so until a frame asks. Pipelines, bind groups, bundles
//! and placement tables are the program's to make again.
//!
//! The next device may be long in coming, or be lost as it comes. So a loop asks the report
//! whether there is none, and tries again until there is one:
//!
//! ```
//! use geoheap::{
//!     BlockDesc, Config, GeometryManager, HeapEvent, Lookup, PartData, RestoreError, wgpu,
//! };
//! # use geoheap::Threading;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let config = Config { threading: Threading::CallerDriven, ..Config::default() };
//! # let mut opened = 0;
//! # let mut open = || -> Option<(wgpu::Device, wgpu::Queue)> {
//! #     opened += 1;
//! #     let (device, queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor::default());
//! #     if opened == 3 { device.destroy(); }
//! #     (opened != 2).then_some((device, queue))
//! # };
//! let (device, queue) = open().ok_or("no device")?;
//! let mut manager = GeometryManager::new(device.clone(), queue, config)?;
//! let block = BlockDesc::new().part(PartData::vertex(vec![1; 36], 12));
//! let handle = manager.client().add(block)?;
//! # for _ in 0..4 { manager.poll(); }
//! # device.destroy();
//! # manager.poll();
//! for frame in 0..600 {
//!     # manager.poll();
//!     for event in manager.events() {
//!         match event {
//!             HeapEvent::BlocksLost { handles, .. } => {
//!                 // They had no source: make their contents again, and update them as a whole
//!                 // as soon as there is a device.
//!                 assert!(!handles.contains(&handle));
//!             }
//!             other => eprintln!("{other}"), // `DeviceLost` says why, `Restored` what comes back
//!         }
//!     }
//!     // Not in each frame: looking for a device takes long.
//!     if manager.report().device_lost && frame % 60 == 0 {
//!         // Ask for an adapter anew: the one before may be gone. There may be none for a while.
//!         if let Some((device, queue)) = open() {
//!             match manager.restore(device, queue) {
//!                 Ok(_) => {} // make pipelines again
//!                 // The next one may do; the heap is as it was.
//!                 Err(error @ RestoreError::LostAgain { .. }) => eprintln!("{error}"),
//!                 // A device with lower limits: open another adapter, or give up.
//!                 Err(error) => return Err(error.into()),
//!             }
//!         }
//!     }
//!     // Frames are begun as ever; without a device they find nothing to draw.
//! }
//! # assert_eq!(opened, 4, "none at first, then one that is lost");
//! assert!(matches!(manager.begin_frame().get(handle), Lookup::Resident(_)));
//! # Ok(()) }
//! ```
//!
//! A block of [`Source::ReadBack`] has a source while it is away, and none while it is resident.
//! What works until then:
//!
//! | call | without a device |
//! |---|---|
//! | [`Client::add`], [`Client::batch`] | refused ([`AddError::DeviceLost`]) |
//! | an add that was sent before, with a source | evicted, and comes back |
//! | an add that was sent before, without one | lost, [`HeapEvent::Refused`] |
//! | [`Client::update`], also in place, with a source | kept for the next device |
//! | the same without one | [`HeapEvent::Refused`] |
//! | parts, pins, [`Client::resident`], [`Client::stage`] | [`RequestError::DeviceLost`] |
//! | [`Client::read_back`], [`Client::set_budget`] | [`RequestError::DeviceLost`] |
//! | [`Client::hold_outside`] | [`RequestError::DeviceLost`]; leases stay until they are dropped |
//! | [`Client::gpu_bytes`] | refused ([`GpuBytesError::DeviceLost`]) |
//! | [`Client::trim`], [`Client::compact_now`] | [`RequestError::DeviceLost`] |
//! | [`Client::remove`], [`Client::share`], [`Client::unpin`] | done |
//! | lifetime, priority, label | done |
//! | [`Client::flush`] | answered; no block is resident |
//! | draw sets | taken, written on the next device |
//! | reports, maps, dumps, traces | as ever; maps have no chunks |
//! | a ticket of the lost device | void; each lookup is [`Lookup::Lost`] |
//! | a frame that begins now | [`Lookup::Evicted`] with a source, [`Lookup::Lost`] without |
//!
//! A refused `add` is for the program to repeat: [`Client::try_add`] and [`Client::batch`] give
//! the blocks back.
//!
//! To try a program's own answer to all this without breaking a device, let it run on the virtual
//! GPU, whose [`VirtualControl`] loses it at will. Its successor comes by
//! [`GeometryManager::restore_backend`], which is [`restore`](GeometryManager::restore) for any
//! [`Backend`]:
//!
//! ```
//! use geoheap::{
//!     AddError, BlockDesc, Config, GeometryManager, Lookup, PartData, Threading, VirtualConfig,
//!     VirtualGpu,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (gpu, control) = VirtualGpu::new(&VirtualConfig::default());
//! let config = Config { threading: Threading::CallerDriven, ..Config::default() };
//! let mut manager = GeometryManager::with_backend(gpu, config)?;
//! let client = manager.client();
//! let block = || BlockDesc::new().part(PartData::vertex(vec![1; 36], 12));
//! let handle = client.add(block())?;
//! for _ in 0..4 { manager.poll(); }
//!
//! control.lose_device();
//! manager.poll();
//! assert!(matches!(client.add(block()), Err(AddError::DeviceLost)));
//! assert!(matches!(manager.begin_frame().get(handle), Lookup::Evicted));
//!
//! let (gpu, _control) = VirtualGpu::new(&VirtualConfig::default());
//! let restored = manager.restore_backend(gpu)?;
//! assert_eq!((restored.returning_blocks, restored.lost_blocks), (1, 0));
//! for _ in 0..4 { manager.poll(); }
//! assert!(matches!(manager.begin_frame().get(handle), Lookup::Resident(_)));
//! # Ok(()) }
//! ```
//!
//! wgpu tells a device's loss to one listener, which the heap is. A program that wants to hear of
//! it itself, or that destroys the device, makes the backend and passes the news on:
//!
//! ```no_run
//! # use geoheap::{Config, GeometryManager, WgpuBackend, wgpu};
//! # fn f(device: wgpu::Device, queue: wgpu::Queue) -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::default();
//! let backend = WgpuBackend::new(device.clone(), queue, &config.staging());
//! let loss = backend.loss();
//! let manager = GeometryManager::with_backend(backend, config)?;
//! // Waits for threads that write into its memory at this moment.
//! loss.report("another adapter is wanted");
//! device.destroy();
//! # Ok(()) }
//! ```
//!
//! # The core and the shell
//!
//! All decisions are made by a deterministic core, one function from an event to effects; the
//! actor around it owns the thread, the channels and the backend. With
//! [`Threading::CallerDriven`] there is no thread at all: [`GeometryManager::poll`] is one tick.
//!
//! # Invariants
//!
//! Cited by number in asserts and tests.
//!
//! - **R1** A version is published only after the copies that fill its places were submitted on
//!   the same queue.
//! - **R2** A range retires only at the publish that stops naming it.
//! - **R3** A retired range is reused only when its version and all older ones are out of use: no
//!   ticket holds them, and commands recorded from them have completed or were dropped.
//! - **R4** The versions that one reader sees never go down.
//! - **R5** After the loss of the device nothing of it resolves; handles survive, and blocks with a
//!   source come back on the next one.
//! - **R6** Live ranges never overlap; live, reserved, retired and free bytes add up to the
//!   capacity, in each chunk, always.
//! - **R7** A stale handle never resolves to another block; a slot whose generation reaches its
//!   maximum is taken out of service.
//! - **R8** A move never hides a block, and commits only if the block's contents are those that
//!   were copied.
//! - **R9** Pinned blocks stay put; long-lived ones stay resident.
//! - **R10** Held bytes, chunks, staging, dropped chunks not yet returned, and what is held outside
//!   under leases, never exceed the budget, but while a lowered budget is being reached; a working
//!   set beyond it is reported.
//! - **R11** A call with bad input returns an error with the limit and the value; nothing is lost
//!   or half done.
//!
//! # Trade-offs
//!
//! - Placement metadata exists four times (the replicas): 128 bytes a handle, so that neither side
//!   ever waits. Vertex data exists once.
//! - A reader that keeps a ticket or its commands for ever keeps what was given up since from being
//!   reused, also what its version never named: memory leaves strictly by the age of versions,
//!   which is one comparison for each version and no bookkeeping for each range. With
//!   `versions_alive_max` versions in use publishing pauses; while tickets that were not finished
//!   hold `replicas` minus two versions and the newest it does so at once, and says so
//!   ([`HeapEvent::PublishStalled`]): finish a frame's ticket when it is recorded.
//! - A whole update writes a fresh range, so for some frames both contents take room.
//!   [`Client::update_in_place`] avoids that for data whose readers do not mind.
//! - Retained sources cost as much system memory as the geometry itself; a reload callback trades
//!   that for the time to make the bytes again, a read-back ([`Source::ReadBack`]) for a copy
//!   before a block can leave, and a file ([`Config::spill`]) for the time to read it. What is in
//!   the file is not at hand at once: a block that has to grow, and finds no second chunk for that,
//!   is not taken apart and sent up anew as one whose copies are in memory would be.
//! - Bytes that come from buffers of the program's own take a submission of their own in each tick
//!   that copies some, so that a buffer which was destroyed fails its block and nothing else.
//! - wgpu has one queue: uploads and moves take their turn between frames, bounded by caps for
//!   each tick.
//! - A loss costs the upload of everything that was resident, and the placing of it. Nothing is
//!   kept for it beside the sources: blocks without one are gone.
#![forbid(unsafe_code)]

/// Whether this bug is planted. Without the feature it is `false`, and what hangs on it is not
/// compiled into the program, though it is still checked.
#[cfg(any(geoheap_shuttle, feature = "planted-bugs"))]
macro_rules! is_planted {
    ($bug:ident) => {
        $crate::planted::is($crate::planted::Bug::$bug)
    };
}
#[cfg(not(any(geoheap_shuttle, feature = "planted-bugs")))]
macro_rules! is_planted {
    ($bug:ident) => {
        false
    };
}

mod actor;
mod budget_origin;
mod client;
mod config;
mod core;
mod draw_set;
mod error;
mod gpu_bytes;
mod handle;
mod manager;
mod outside;
mod payload;
#[cfg(any(geoheap_shuttle, feature = "planted-bugs"))]
#[doc(hidden)]
pub mod planted;
mod recording;
mod report;
mod rising;
mod slot;
mod sync;
mod ticket;

pub use geoheap_chunk_heap::{
    AlignRule, ChunkId, ChunkState, ConfigError as HeapConfigError, KindError, KindId, KindRow,
    LayoutError, Lifetime, PartError, PartId, RangeState,
};
pub use geoheap_defrag::Triggers;
pub use geoheap_frame_sync::{RingError, Version};
pub use geoheap_gpu_backend::{
    Backend, BackendInfo, DeviceLoss, Limits, SourceBuffer, StagingConfig, VirtualBuffer,
    VirtualConfig, VirtualContents, VirtualControl, VirtualGpu, VirtualRead, WgpuBackend,
};
pub use geoheap_gpu_bitset as gpu_bitset;
pub use geoheap_heap_dump::{self, HeapDump};
pub use geoheap_residency::{
    Config as ResidencyConfig, ConfigError as ResidencyConfigError, PolicyKind,
};
pub use geoheap_suballoc::{Align, ByteLen, ByteOffset, ParseLenError};
pub use wgpu;

pub use crate::actor::recorder::TRACE_VARIABLE;
pub use crate::actor::render::{Missing, Order, RecordError, RenderActors, Scene};
pub use crate::actor::reply::Pending;
#[doc(hidden)]
pub use crate::actor::spill::SpillDisk;
pub use crate::budget_origin::{BUDGET_DEFAULT, BudgetOrigin};
pub use crate::client::{Batch, Client};
pub use crate::config::{CHUNK_SLACK, Config, ConfigError, DefragConfig, SpillConfig, Threading};
pub use crate::draw_set::{DrawSetId, DrawSetView, SetDraw, SetGroup};
pub use crate::error::{
    AddError, CreateError, DrawSetError, FailReason, FallbackError, MailboxLimit, Refused,
    RequestError, RestoreError, SendError, WaitError,
};
pub use crate::gpu_bytes::{GpuBytes, GpuBytesError};
pub use crate::handle::Handle;
pub use crate::manager::{GeometryManager, Leak, ShutdownReport};
pub use crate::outside::OutsideLease;
pub use crate::payload::{
    BlockDesc, PRIORITY_DEFAULT, PartData, Payload, ReloadFn, Source, StagedWrite, StagedWriteError,
};
pub use crate::recording::{
    Arrived, DrawBundle, DrawEncoder, DrawList, Draws, HandBack, HandBackError, HandOver,
    HandOverError, NoObject, Patched, PlacementTable, PlacementTableError, Recorded, Returned,
    Stream,
};
pub use crate::report::{
    Backpressure, ChunkMap, Degraded, HeapEvent, HeapMap, Op, RangeMap, ReadBack, Report, Restored,
    SpillStep, TicketHolder,
};
pub use crate::ticket::{
    BlockView, Draw, Each, Fallback, FrameSource, FrameTicket, InFlight, IndexFormat, Lookup,
    Lookups, Moved, PartView,
};

/// The quick start of the front page is compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
