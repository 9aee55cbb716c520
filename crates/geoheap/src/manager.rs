//! The manager: puts core, backend, publication and actor together, and takes them apart again.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use geoheap_chunk_heap::KindTable;
use geoheap_frame_sync::{RingConfig, ring};
use geoheap_gpu_backend::{Backend, BackendInfo, Limits, WgpuBackend};
use geoheap_heap_dump::HeapDump;
use geoheap_suballoc::ByteLen;

use crate::actor::driver::{Driver, Parts};
use crate::actor::mailbox::{Mailbox, Message, mailbox};
use crate::actor::reload::{Inline, Reloader};
use crate::actor::reply::{reply_channel, wait_restored};
use crate::actor::restore::Successor;
use crate::actor::spill::{SpillDisk, SpillFile};
use crate::actor::thread::{ActorThread, EventQueue, event_queue};
use crate::client::{Client, Shared};
use crate::config::{Config, ConfigError, Threading};
use crate::core::Core;
use crate::error::{CreateError, RestoreError};
use crate::handle::Handle;
use crate::report::{HeapEvent, HeapMap, Report, Restored};
use crate::slot::BUFFER_BYTES_MAX;
use crate::sync::Ordering;
use crate::ticket::{FrameSource, FrameTicket, VersionTable};

/// Polls that shutdown waits for the device at most.
const SHUTDOWN_POLLS_MAX: u32 = 4096;

enum Runner<B: Backend> {
    Thread(ActorThread, Successor<B>),
    Caller(Box<Driver<B>>),
}

/// A heap of geometry on one device.
///
/// Dropping it shuts it down; [`GeometryManager::shutdown`] does so with a report.
pub struct GeometryManager<B: Backend = WgpuBackend> {
    client: Client,
    frames: FrameSource<B::Buffer>,
    mailbox: Mailbox,
    shared: Arc<Shared>,
    events: EventQueue,
    info: BackendInfo,
    limits: Limits,
    runner: Option<Runner<B>>,
}

impl<B: Backend> fmt::Debug for GeometryManager<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeometryManager")
            .field("device", &self.info)
            .finish_non_exhaustive()
    }
}

/// A block that was still alive at shutdown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Its handle.
    pub handle: Handle,
    /// Its label.
    pub label: Option<Arc<str>>,
    /// Its length.
    pub bytes: ByteLen,
}

/// What was left at shutdown.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Counters and figures at the end.
    pub report: Report,
    /// Blocks that nobody removed, by handle.
    pub leaks: Vec<Leak>,
    /// Whether the actor's thread panicked; the report is then the last one it made.
    pub actor_panicked: bool,
}

/// Labels that the report of leaks names.
const LEAK_LABELS_MAX: usize = 8;

impl ShutdownReport {
    /// The leaks in a log: one warning for all, and each by itself for whoever looks closer.
    fn tell_leaks(&self) {
        if self.leaks.is_empty() {
            return;
        }
        tracing::warn!("{}", self.leak_report());
        for leak in &self.leaks {
            let bytes = leak.bytes.get();
            tracing::debug!(handle = %leak.handle, label = leak.label.as_deref(), bytes, "leaked");
        }
    }

    /// The leaks in a few lines, by label, those of the most bytes first.
    pub fn leak_report(&self) -> String {
        let mut labels: BTreeMap<&str, (u64, ByteLen)> = BTreeMap::new();
        for leak in &self.leaks {
            let label = leak.label.as_deref().unwrap_or("no label");
            let (blocks, bytes) = labels.entry(label).or_default();
            *blocks += 1;
            *bytes += leak.bytes;
        }
        let mut labels: Vec<_> = labels.into_iter().collect();
        labels.sort_by_key(|(_, (_, bytes))| Reverse(*bytes));
        let bytes: ByteLen = self.leaks.iter().map(|leak| leak.bytes).sum();
        let mut text = format!(
            "{} blocks of {bytes} bytes were not removed before shutdown",
            self.leaks.len()
        );
        for (label, (blocks, bytes)) in labels.iter().take(LEAK_LABELS_MAX) {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n  {label}: {blocks} blocks, {bytes} bytes");
        }
        if labels.len() > LEAK_LABELS_MAX {
            let others = labels.len() - LEAK_LABELS_MAX;
            let _ = write!(text, "\n  and {others} further labels");
        }
        text
    }
}

impl GeometryManager<WgpuBackend> {
    /// A heap on a wgpu device.
    ///
    /// # Errors
    /// [`CreateError`].
    pub fn new(
        device: wgpu::Device,
        queue: wgpu::Queue,
        config: Config,
    ) -> Result<Self, CreateError> {
        let limits = device.limits();
        config.validate(ByteLen::new(limits.max_buffer_size))?;
        let backend = WgpuBackend::new(device, queue, &config.staging());
        Self::with_backend(backend, config)
    }

    /// Goes on with another device after the one before was lost: see
    /// [`restore_backend`](Self::restore_backend), which says what becomes of blocks, tickets and
    /// requests.
    ///
    /// The device may be of another adapter. Pipelines, bind groups, bundles and placement tables
    /// are the program's to make anew.
    ///
    /// # Errors
    /// [`RestoreError`], which says when another try may help; the heap is as it was, and waits for
    /// a device that fits. The front page of the crate has a loop that tries again.
    pub fn restore(
        &mut self,
        device: wgpu::Device,
        queue: wgpu::Queue,
    ) -> Result<Restored, RestoreError> {
        // A buffer that the device cannot make is refused before any is made.
        let limits = device.limits();
        let config = self.config();
        config.validate(ByteLen::new(limits.max_buffer_size))?;
        let backend = WgpuBackend::new(device, queue, &config.staging());
        self.restore_backend(backend)
    }
}

impl<B: Backend> GeometryManager<B> {
    /// A heap on any backend.
    ///
    /// # Errors
    /// [`CreateError`].
    pub fn with_backend(backend: B, config: Config) -> Result<Self, CreateError> {
        Self::with_disk(backend, config, None)
    }

    /// As [`GeometryManager::with_backend`], but retained copies go to `disk`, if there is one, and
    /// [`SpillConfig::folder`](crate::SpillConfig::folder) says nothing. For simulations.
    ///
    /// # Errors
    /// [`CreateError`].
    #[doc(hidden)]
    pub fn with_disk(
        mut backend: B,
        config: Config,
        disk: Option<Box<dyn SpillDisk>>,
    ) -> Result<Self, CreateError> {
        let (info, limits) = (backend.info(), backend.limits());
        let buffer_bytes_max = limits.buffer_bytes_max.min(BUFFER_BYTES_MAX);
        config.validate(buffer_bytes_max)?;
        let limit = config.staging_under(config.budget_bytes);
        backend.set_staging_limit(limit);
        if backend.staging().free_bytes == ByteLen::ZERO {
            return Err(ConfigError::StagingTooSmall { limit }.into());
        }
        let kinds = Arc::new(kinds(&config, &limits)?);
        let core = Core::new(config.clone(), Arc::clone(&kinds), buffer_bytes_max)?;
        let table = Arc::new(VersionTable::of_device(0));
        let (publisher, reader) =
            ring(ring_config(&config), VersionTable::of_device(0)).map_err(ConfigError::Ring)?;
        let caller_driven = config.threading == Threading::CallerDriven;
        let (mailbox, inbox) =
            mailbox(config.mailbox_messages, config.mailbox_bytes, caller_driven);
        let (events_in, events) = event_queue(config.events_max);
        let reloader = if caller_driven {
            Reloader::Inline(Inline::default())
        } else {
            Reloader::worker().map_err(CreateError::Thread)?
        };
        let spill_file = config.spill.as_ref().map(|spill| match disk {
            Some(disk) => Ok(SpillFile::on(disk, None)),
            None => SpillFile::create(&spill.folder),
        });
        let spill_file = spill_file.transpose().map_err(CreateError::SpillFile)?;
        let shared = Arc::new(Shared::new(config, kinds, &backend));
        let board = Arc::clone(&shared.board);
        let successor = Successor::new();
        let driver = Driver::new(Parts {
            core,
            backend,
            publisher,
            inbox,
            reloader,
            spill_file,
            table,
            events: events_in,
            shared: Arc::clone(&shared),
            successor: successor.clone(),
        });
        let runner = if caller_driven {
            Runner::Caller(Box::new(driver))
        } else {
            let interval = shared.config.tick_interval;
            let thread = ActorThread::spawn(driver, interval).map_err(CreateError::Thread)?;
            Runner::Thread(thread, successor)
        };
        Ok(Self {
            client: Client::new(mailbox.clone(), Arc::clone(&shared)),
            frames: FrameSource::new(reader, mailbox.clone(), board),
            mailbox,
            shared,
            events,
            info,
            limits,
            runner: Some(runner),
        })
    }

    /// Goes on with another backend after the device of the one before was lost. It is done when
    /// this returns, in both ways of driving; the next tick publishes a version of the new device.
    ///
    /// Handles, owners, pins, priorities and labels are what they were, and versions go on rising
    /// (R4). Chunks are made anew, and blocks laid out in them one behind the other. What was
    /// resident, or on its way, comes back without a frame that asks: long-lived and pinned blocks
    /// first, then, behind what frames miss by then, the others by priority and by the frame that
    /// used them last, as far as there is room and within the caps of a tick. What finds no room
    /// stays evicted until a frame asks for it, or the budget is raised. Blocks without a source
    /// stay lost until they are removed or updated as a whole. Draw sets are written again under
    /// their ids.
    ///
    /// Tickets and tokens of the lost device, and those of the time without one, never resolve
    /// again (R5): frames begin anew. Staging pieces of the lost device are refused
    /// ([`RequestError::StagedOnLostDevice`]). Whoever waited for an answer when the device went
    /// got [`RequestError::DeviceLost`]; a pin that was asked for without a device is refused, too,
    /// and does not count.
    ///
    /// A loss that the engine has not noticed yet is looked for first. What was evicted when the
    /// device went, and what a frame or a caller asks for, comes as ever, by being asked for.
    ///
    /// # Errors
    /// [`RestoreError`]; the heap is as it was, and the backend is dropped.
    /// [`RestoreError::NotLost`] if the present device works: there is no way to change from one to
    /// another that works but to report the first one lost ([`DeviceLoss::report`]).
    ///
    /// [`RequestError::StagedOnLostDevice`]: crate::RequestError::StagedOnLostDevice
    /// [`RequestError::DeviceLost`]: crate::RequestError::DeviceLost
    /// [`DeviceLoss::report`]: crate::DeviceLoss::report
    pub fn restore_backend(&mut self, backend: B) -> Result<Restored, RestoreError> {
        let (info, limits) = (backend.info(), backend.limits());
        let restored = match &mut self.runner {
            Some(Runner::Caller(driver)) => driver.restore(backend)?,
            Some(Runner::Thread(_, successor)) => {
                successor.replace(Some(backend));
                let (reply, answer) = reply_channel();
                let sent = self.mailbox.send_unweighed(Message::Restore(reply));
                let answer = match sent {
                    Ok(()) => wait_restored(&answer),
                    Err(_) => Err(RestoreError::ShutDown),
                };
                // An actor that is gone has left it.
                drop(successor.replace(None));
                answer?
            }
            None => return Err(RestoreError::ShutDown),
        };
        (self.info, self.limits) = (info, limits);
        Ok(restored)
    }

    /// A way in; clone it for each thread.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Begins a frame: pins the newest version. Never waits.
    pub fn begin_frame(&self) -> FrameTicket<B::Buffer> {
        self.frames.begin_frame()
    }

    /// Begins frames on other threads.
    pub fn frames(&self) -> FrameSource<B::Buffer> {
        self.frames.clone()
    }

    /// What happened since the last call, oldest first.
    pub fn events(&self) -> Vec<HeapEvent> {
        self.events.drain()
    }

    /// Counters and figures as of the last tick.
    pub fn report(&self) -> Report {
        self.client.report()
    }

    /// Which device it is on.
    pub fn device_info(&self) -> &BackendInfo {
        &self.info
    }

    /// What the device accepts.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The settings it was made with.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Every chunk and range as of now, where the caller drives, without a tick; with an actor's
    /// own thread `None`: ask [`Client::heap_map`].
    pub fn heap_map(&self) -> Option<HeapMap> {
        match &self.runner {
            Some(Runner::Caller(driver)) => Some(driver.heap_map()),
            _ => None,
        }
    }

    /// As [`GeometryManager::heap_map`], with everything that is known: see [`Client::heap_dump`].
    pub fn heap_dump(&self) -> Option<HeapDump> {
        match &self.runner {
            Some(Runner::Caller(driver)) => Some(driver.dump()),
            _ => None,
        }
    }

    /// One tick, where the caller drives; with an actor's own thread this does nothing.
    pub fn poll(&mut self) {
        if let Some(Runner::Caller(driver)) = &mut self.runner {
            driver.take_messages();
            driver.tick();
        }
    }

    /// Where the caller drives: holds reload callbacks back, as one that hangs holds back those
    /// behind it on the worker, or lets them go on. For simulations.
    #[doc(hidden)]
    pub fn hold_reloads(&mut self, is_held: bool) {
        if let Some(Runner::Caller(driver)) = &mut self.runner
            && let Reloader::Inline(inline) = &mut driver.reloader
        {
            inline.hold(is_held);
        }
    }

    /// Ends the actor, joins its threads, and says what was left. Of the requests that are still in
    /// the mailbox, removes and unpins are carried out and all others refused; tickets that are
    /// still held stay valid.
    pub fn shutdown(mut self) -> ShutdownReport {
        self.end().expect("a manager is shut down once")
    }

    fn end(&mut self) -> Option<ShutdownReport> {
        let (report, leaks, actor_panicked) = match self.runner.take()? {
            Runner::Caller(driver) => {
                let (report, leaks) = driver.shut_down(SHUTDOWN_POLLS_MAX);
                (report, leaks, false)
            }
            Runner::Thread(thread, _) => {
                self.shared.is_ending.store(true, Ordering::Release);
                // An actor that ended by itself has closed its mailbox.
                let _ = self.mailbox.send_unweighed(Message::Shutdown);
                match thread.join() {
                    Some((report, leaks)) => (report, leaks, false),
                    None => (self.client.report(), Vec::new(), true),
                }
            }
        };
        let ended = ShutdownReport {
            report,
            leaks,
            actor_panicked,
        };
        ended.tell_leaks();
        Some(ended)
    }
}

impl<B: Backend> Drop for GeometryManager<B> {
    fn drop(&mut self) {
        self.end();
    }
}

fn ring_config(config: &Config) -> RingConfig {
    RingConfig {
        // Slots count from 1.
        slots_initial: config
            .handles_initial
            .min(config.handles_max)
            .saturating_add(1),
        versions_alive_max: config.versions_alive_max,
        replicas: config.replicas as usize,
        feed_versions: config.feed_versions,
    }
}

/// The standard kinds with the device's alignments, and the caller's own.
fn kinds(config: &Config, limits: &Limits) -> Result<KindTable, ConfigError> {
    let mut kinds = KindTable::standard(limits.uniform_align, limits.storage_align);
    for row in &config.kinds {
        kinds.push(*row).map_err(ConfigError::Kind)?;
    }
    Ok(kinds)
}
