//! One frame after the other: the same for every backend, with or without a window.
//!
//! A frame takes the newest list, pins a version, narrows the list to what the camera sees, lets
//! the render threads record, submits, and ends its ticket. [`Painter`] is what differs between a
//! GPU and the virtual one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use geoheap::{
    Backend, ByteLen, Client, Config, CreateError, FrameTicket, GeometryManager, HeapEvent,
    HeapMap, Pending, RenderActors, Report as HeapReport, RestoreError, Scene, Threading,
};

use crate::cli::{BudgetChange, PictureSize};
use crate::content::camera::Camera;
use crate::draw_list::{FramePlan, Sightings};
use crate::frame_cost::{Point, Recorder, Work};
use crate::geometry::{Geometry, Pace};
use crate::heap_view::Caption;
use crate::loss::Losses;
use crate::render::device::DeviceError;
use crate::render::record::Recorded;
use crate::resolve::Counts;
use crate::world::{Figures, StepInput, World, WorldConfig, WorldError};

/// What draws frames, or only counts them.
pub trait Painter<Buf> {
    /// What a pass leaves.
    type Commands: Send + 'static;
    /// A frame's solid items, which the render threads share out.
    type Job: Scene<Buf, Piece = Recorded<Self::Commands>>;

    /// The picture.
    fn size(&self) -> PictureSize;

    /// Prepares a frame, and records what comes before the solid items, if the backend has any.
    fn begin(
        &mut self,
        plan: Arc<FramePlan>,
        camera: &Camera,
    ) -> (Self::Job, Option<Self::Commands>);

    /// Records what comes after them.
    fn finish(job: &Self::Job, ticket: &FrameTicket<Buf>) -> Recorded<Self::Commands>;

    /// Submits a frame's commands in order.
    fn submit(&mut self, commands: Vec<Self::Commands>);
}

/// Destroys the device, makes another for the painter, and gives the heap its backend.
pub type Follow<B, P> = Box<dyn FnMut(&mut P) -> Result<B, DeviceError>>;

/// Why a flight ended early.
#[derive(Debug)]
#[non_exhaustive]
pub enum FlightError {
    /// The engine refused its settings.
    Create(CreateError),
    /// The geometry side cannot go on.
    World(WorldError),
    /// A frame could not be recorded as a whole.
    Record(String),
    /// The operating system gave no thread.
    Thread(std::io::Error),
    /// After the loss of the device there was no other.
    Device(DeviceError),
    /// The heap could not go on with the other device.
    Restore(RestoreError),
}

impl std::fmt::Display for FlightError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Create(error) => write!(f, "{error}"),
            Self::World(error) => write!(f, "{error}"),
            Self::Record(why) => write!(f, "{why}"),
            Self::Thread(error) => write!(f, "no thread for the flight: {error}"),
            Self::Device(error) => write!(f, "after the device was lost: {error}"),
            Self::Restore(error) => write!(f, "after the device was lost: {error}"),
        }
    }
}

impl std::error::Error for FlightError {}

impl From<CreateError> for FlightError {
    fn from(error: CreateError) -> Self {
        Self::Create(error)
    }
}

impl From<RestoreError> for FlightError {
    fn from(error: RestoreError) -> Self {
        Self::Restore(error)
    }
}

impl From<DeviceError> for FlightError {
    fn from(error: DeviceError) -> Self {
        Self::Device(error)
    }
}

impl From<WorldError> for FlightError {
    fn from(error: WorldError) -> Self {
        Self::World(error)
    }
}

/// How to fly.
#[derive(Clone, Debug)]
pub struct FlightConfig {
    /// The world.
    pub world: WorldConfig,
    /// GPU bytes at the start.
    pub budget_bytes: u64,
    /// Changes of it, by frame.
    pub budget_changes: Vec<BudgetChange>,
    /// Frames in which the device goes.
    pub losses: Losses,
    /// Threads that record.
    pub render_threads: usize,
    /// Whether frames wait for the geometry side.
    pub pace: Pace,
}

impl FlightConfig {
    /// The settings of the heap for this flight.
    pub fn heap(&self) -> Config {
        let threading = if self.world.lockstep {
            Threading::CallerDriven
        } else {
            Threading::Actor
        };
        Config {
            budget_bytes: ByteLen::new(self.budget_bytes),
            threading,
            ..Config::default()
        }
    }
}

/// What a flight measured.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Milliseconds of each frame.
    pub frame_ms: Vec<f64>,
    /// Milliseconds of recording, each frame.
    pub record_ms: Vec<f64>,
    /// Milliseconds of each frame on the model GPU of [`crate::frame_cost`].
    pub virtual_frame_ms: Vec<f64>,
    /// The heap's part of them.
    pub virtual_heap_ms: Vec<f64>,
    /// The flight over time.
    pub series: Recorder,
    /// Lookups of all frames.
    pub counts: Counts,
    /// Blocks compared, and of them the wrong ones.
    pub checks: (u64, u64),
    /// Lookups that missed a block which was drawn shortly before.
    pub soon_missed: u64,
    /// Of each loss of the device, the frames until all that was in view was there again.
    pub frames_until_whole: Vec<Option<u64>>,
    /// The frames in which the device was lost.
    pub lost_in: Vec<u64>,
    /// Frames that were kept as pictures and lacked nothing in view.
    pub whole_pictures: Vec<u64>,
}

/// What is left of a flight when all its threads have ended.
#[derive(Clone, Debug)]
pub struct Landed {
    /// What it measured.
    pub measured: Measured,
    /// The engine's figures after the last frame, before anything was taken down.
    pub heap: HeapReport,
}

/// A flight under way.
pub struct Flight<B: Backend, P: Painter<B::Buffer>> {
    manager: GeometryManager<B>,
    client: Client,
    painter: P,
    actors: RenderActors,
    lockstep: bool,
    geometry: Geometry,
    pace: Pace,
    budget_changes: Vec<BudgetChange>,
    losses: Losses,
    follow: Follow<B, P>,
    /// Whether the last frame lacked nothing in view.
    is_whole: bool,
    measured: Measured,
    figures: Figures,
    heap: HeapReport,
    /// Of the last frame, for the next step.
    sightings: Sightings,
    map: Option<(u64, Pending<HeapMap>)>,
    /// Of the last frame.
    events: Vec<HeapEvent>,
    frame: u64,
}

impl<B: Backend, P: Painter<B::Buffer>> std::fmt::Debug for Flight<B, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flight")
            .field("frame", &self.frame)
            .finish_non_exhaustive()
    }
}

impl<B: Backend, P: Painter<B::Buffer>> Flight<B, P> {
    /// Starts the threads and sends the world's first blocks to the heap, which was made with
    /// [`FlightConfig::heap`]. `follow` is called in each frame of [`FlightConfig::losses`].
    ///
    /// # Errors
    /// [`FlightError`]; no thread is left running.
    pub fn start(
        manager: GeometryManager<B>,
        painter: P,
        follow: Follow<B, P>,
        config: FlightConfig,
    ) -> Result<Self, FlightError> {
        let lockstep = config.world.lockstep;
        let client = manager.client();
        let world = World::new(config.world, client.clone())?;
        // The pool first: it joins its threads by itself should the next thread not come.
        let count = if lockstep { 1 } else { config.render_threads };
        let actors = RenderActors::new(count).map_err(FlightError::Thread)?;
        let geometry = if lockstep {
            Geometry::inline(world)
        } else {
            Geometry::threaded(world).map_err(FlightError::Thread)?
        };
        Ok(Self {
            manager,
            client,
            painter,
            actors,
            lockstep,
            geometry,
            pace: config.pace,
            budget_changes: config.budget_changes,
            losses: config.losses,
            follow,
            is_whole: false,
            measured: Measured::default(),
            figures: Figures {
                budget_bytes: config.budget_bytes,
                ..Figures::default()
            },
            heap: HeapReport::default(),
            sightings: Sightings::default(),
            map: None,
            events: Vec::new(),
            frame: 0,
        })
    }

    /// Frames flown.
    pub fn frames(&self) -> u64 {
        self.frame
    }

    /// What was measured so far.
    pub fn measured(&self) -> &Measured {
        &self.measured
    }

    /// The engine's figures, a few frames old.
    pub fn heap(&self) -> &HeapReport {
        &self.heap
    }

    /// What happened in the heap during the last frame.
    pub fn events(&self) -> &[HeapEvent] {
        &self.events
    }

    /// A way into the heap.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What draws.
    pub fn painter(&mut self) -> &mut P {
        &mut self.painter
    }

    /// Draws one frame.
    ///
    /// # Errors
    /// [`FlightError`] when the flight cannot go on; [`Flight::land`] still ends it in order.
    pub fn frame(&mut self, camera: &Camera) -> Result<(), FlightError> {
        let started = Instant::now();
        self.apply_budget();
        let draws_before = self.measured.counts.draws;
        let size = self.painter.size();
        let step = |sightings| StepInput {
            camera: *camera,
            frame: self.frame,
            list_in_use: 0,
            size,
            sightings,
            figures: self.figures,
        };
        let mut input = Some(step(std::mem::take(&mut self.sightings)));
        let list = self.geometry.list(self.pace, &mut input)?;
        if self.lockstep {
            self.manager.poll();
        }
        let ticket = self.manager.begin_frame();
        if let Some(input) = self.geometry.start_step(input) {
            // Not taken: the next frame's step has it.
            self.sightings = input.sightings;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a picture has at most 8192 pixels a side"
        )]
        let aspect = size.width as f32 / size.height as f32;
        let (replaced, away) = (list.replaced, list.away);
        let plan = Arc::new(FramePlan::new(list, &camera.frustum(aspect)));
        let (job, first) = self.painter.begin(plan, camera);
        let job = Arc::new(job);
        let recording = Instant::now();
        let recorded = self.record(&ticket, &job)?;
        self.measured.record_ms.push(milliseconds(recording));
        let mut commands = Vec::with_capacity(recorded.len() + 1);
        commands.extend(first);
        let mut is_back = away == 0;
        for piece in recorded {
            self.measured.counts += piece.found.counts;
            is_back &= piece.found.sightings.away.is_empty();
            self.sightings.append(piece.found.sightings);
            commands.extend(piece.commands);
        }
        if self.losses.is_due(self.frame) {
            // What is recorded is never submitted, and what was submitted is never seen.
            drop((commands, job));
            let backend = (self.follow)(&mut self.painter)?;
            self.manager.restore_backend(backend)?;
            self.is_whole = false;
        } else {
            self.losses.drawn(self.frame, is_back);
            self.painter.submit(commands);
            self.is_whole = is_back && replaced == 0;
        }
        // The commands carry the version on; the frame itself is done with it.
        drop(ticket.finish());
        self.events = self.manager.events();
        for event in &self.events {
            if matches!(event, HeapEvent::Degraded(_) | HeapEvent::Recovered) {
                tracing::info!(frame = self.frame, "{event}");
            } else {
                tracing::warn!(frame = self.frame, "{event}");
            }
        }
        self.take_figures(self.measured.counts.draws - draws_before);
        self.measured.frame_ms.push(milliseconds(started));
        self.frame += 1;
        Ok(())
    }

    fn record(
        &self,
        ticket: &FrameTicket<B::Buffer>,
        job: &Arc<P::Job>,
    ) -> Result<Vec<Recorded<P::Commands>>, FlightError> {
        let recorded = self.actors.record(ticket, job);
        let mut recorded = recorded.map_err(|error| FlightError::Record(error.to_string()))?;
        recorded.push(P::finish(job, ticket));
        Ok(recorded)
    }

    fn apply_budget(&mut self) {
        while let Some(change) = self.budget_changes.first().copied() {
            if u64::from(change.frame) > self.frame {
                break;
            }
            self.budget_changes.remove(0);
            self.figures.budget_bytes = change.bytes;
            if let Err(error) = self.client.set_budget(ByteLen::new(change.bytes)) {
                tracing::error!(%error, frame = self.frame, "budget not changed");
            }
        }
    }

    /// Looks at the heap after a frame with `draws`.
    fn take_figures(&mut self, draws: u64) {
        let before = std::mem::replace(&mut self.heap, self.manager.report());
        let work = Work::between(&before, &self.heap, draws);
        let virtual_frame_ms = work.virtual_ms();
        self.measured.virtual_heap_ms.push(work.heap_ms());
        self.measured.virtual_frame_ms.push(virtual_frame_ms);
        self.measured.series.push(Point {
            virtual_frame_ms,
            upload_bytes: self.heap.upload_bytes - before.upload_bytes,
            stream_in_bytes: self.heap.stream_in_bytes - before.stream_in_bytes,
            budget_bytes: self.heap.budget_bytes,
            budget_effective_bytes: self.heap.budget_effective_bytes,
            held_bytes: self.heap.held_bytes,
            live_bytes: self.heap.live_bytes,
        });
        self.figures = Figures {
            held_bytes: self.heap.held_bytes,
            outside_bytes: self.heap.outside_bytes,
            budget_bytes: self.heap.budget_bytes,
            world_bytes: self.heap.world_bytes,
            chunks: self.heap.chunks,
        };
    }

    /// The last frame is kept as a picture.
    pub fn note_picture(&mut self) {
        if self.is_whole {
            self.measured.whole_pictures.push(self.frame - 1);
        }
    }

    /// Asks for the heap's map; [`Flight::take_map`] has it a few frames later.
    pub fn ask_map(&mut self) {
        if self.map.is_none() {
            self.map = self.client.heap_map().ok().map(|map| (self.frame, map));
        }
    }

    /// The map that was asked for, once it is there.
    pub fn take_map(&mut self) -> Option<(HeapMap, Caption)> {
        let (frame, pending) = self.map.as_mut()?;
        let frame = *frame;
        let answer = pending.try_take()?;
        self.map = None;
        answer.ok().map(|map| {
            (
                map,
                Caption {
                    frame,
                    report: self.heap.clone(),
                },
            )
        })
    }

    /// Lands: takes the last figures and comparisons, removes every block, and joins every thread.
    ///
    /// # Errors
    /// [`FlightError`] if a thread had panicked.
    pub fn land(mut self) -> Result<Landed, FlightError> {
        let lockstep = self.lockstep;
        let mut world = self.geometry.end()?;
        let manager = &mut self.manager;
        world.finish_checks(|| {
            if lockstep {
                manager.poll();
            } else {
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let checker = world.checker();
        self.measured.checks = (checker.checks(), checker.mismatches());
        self.measured.soon_missed = world.soon_missed();
        self.measured.frames_until_whole = self.losses.frames_until_whole();
        self.measured.lost_in = self.losses.lost_in().to_vec();
        let heap = self.manager.report();
        world.clear();
        drop(self.actors);
        drop(self.painter);
        let shutdown = self.manager.shutdown();
        tracing::info!(?shutdown, "heap shut down");
        Ok(Landed {
            measured: self.measured,
            heap,
        })
    }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
