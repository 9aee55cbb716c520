//! A flight without a window: pictures along the way, a drawing of the heap, a report.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use geoheap::{
    Backend, ByteLen, Config, CreateError, DeviceLoss, FrameTicket, GeometryManager, HeapMap,
    Scene, VirtualConfig, VirtualGpu, WgpuBackend, wgpu,
};

use crate::cli::{Args, BackendChoice, MIB, PictureSize};
use crate::content::camera::Camera;
use crate::draw_list::FramePlan;
use crate::flight::{Flight, FlightConfig, FlightError, Landed, Painter};
use crate::gpu_terrain::Terrain;
use crate::heap_view::{self, Caption};
use crate::prepare::{Prepared, TerrainError};
use crate::progress::Progress;
use crate::render::device::{DeviceError, Gpu, GpuErrors};
use crate::render::record::{FrameJob, Recorded, Renderer};
use crate::render::targets::{COLOUR_FORMAT, ColourTarget};
use crate::report::{Report, SCHEMA, Spread, WriteError};
use crate::resolve::{Found, resolve, watch};

/// Pictures along a flight.
const PICTURES: u32 = 6;
/// Looks at the heap along a flight, of which the fullest is drawn.
const HEAP_LOOKS: u32 = 24;
/// What a device says that was destroyed on purpose.
pub(crate) const LOSS_REASON: &str = "destroyed by --lose-device-at";
/// Frames that the GPU may lag behind.
const FRAMES_IN_FLIGHT: usize = 2;

/// Why a run failed after its input was found good.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// No GPU.
    Device(DeviceError),
    /// The flight ended early.
    Flight(FlightError),
    /// A file could not be written.
    Write(WriteError),
    /// A picture could not be read back.
    Picture(String),
    /// The window could not be opened.
    Window(String),
    /// The heap of the terrain that the GPU makes.
    Terrain(TerrainError),
}

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Device(error) => write!(f, "{error}"),
            Self::Flight(error) => write!(f, "{error}"),
            Self::Write(error) => write!(f, "{error}"),
            Self::Picture(reason) => write!(f, "no picture of the frame: {reason}"),
            Self::Terrain(error) => write!(f, "{error}"),
            Self::Window(reason) => write!(f, "no window: {reason}; try `--headless`"),
        }
    }
}

impl std::error::Error for RunError {}

impl RunError {
    /// Whether other input would have helped.
    pub fn is_bad_input(&self) -> bool {
        matches!(
            self,
            Self::Flight(FlightError::Create(CreateError::Config(_))) | Self::Terrain(_)
        )
    }
}

impl From<TerrainError> for RunError {
    fn from(error: TerrainError) -> Self {
        Self::Terrain(error)
    }
}

impl From<DeviceError> for RunError {
    fn from(error: DeviceError) -> Self {
        Self::Device(error)
    }
}

impl From<FlightError> for RunError {
    fn from(error: FlightError) -> Self {
        Self::Flight(error)
    }
}

impl From<WriteError> for RunError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

/// Draws into a texture of the demo's own.
struct Offscreen {
    gpu: Gpu,
    renderer: Renderer,
    target: ColourTarget,
    size: PictureSize,
    submitted: VecDeque<wgpu::SubmissionIndex>,
}

impl Painter<wgpu::Buffer> for Offscreen {
    type Commands = wgpu::CommandBuffer;
    type Job = FrameJob;

    fn size(&self) -> PictureSize {
        self.size
    }

    fn begin(
        &mut self,
        plan: Arc<FramePlan>,
        camera: &Camera,
    ) -> (FrameJob, Option<wgpu::CommandBuffer>) {
        let (job, first) = self.renderer.begin(plan, camera, self.target.view());
        (job, Some(first))
    }

    fn finish(job: &FrameJob, ticket: &FrameTicket<wgpu::Buffer>) -> Recorded<wgpu::CommandBuffer> {
        job.finish(ticket)
    }

    fn submit(&mut self, commands: Vec<wgpu::CommandBuffer>) {
        self.submitted.push_back(self.gpu.queue.submit(commands));
        // Without a window nothing else keeps frames from piling up. The wait holds no lock that
        // anything but a window's presentation needs.
        if self.submitted.len() > FRAMES_IN_FLIGHT
            && let Some(oldest) = self.submitted.pop_front()
        {
            let wait = wgpu::PollType::Wait {
                submission_index: Some(oldest),
                timeout: None,
            };
            if let Err(error) = self.gpu.device.poll(wait) {
                tracing::warn!(%error, "frame not waited for");
            }
        }
    }
}

impl Offscreen {
    fn new(errors: &GpuErrors, size: PictureSize) -> Result<Self, DeviceError> {
        let gpu = Gpu::headless(errors)?;
        Ok(Self {
            renderer: Renderer::new(&gpu, COLOUR_FORMAT, size),
            target: ColourTarget::new(&gpu.device, size),
            size,
            submitted: VecDeque::new(),
            gpu,
        })
    }

    /// A heap's backend on the device, and the flag that says that it is lost.
    fn backend(&self, heap: &Config) -> (WgpuBackend, DeviceLoss) {
        let (device, queue) = (self.gpu.device.clone(), self.gpu.queue.clone());
        let backend = WgpuBackend::new(device, queue, &heap.staging());
        let loss = backend.loss();
        (backend, loss)
    }
}

/// Draws nothing and counts the same.
struct Counter {
    size: PictureSize,
}

impl<Buf: Send + Sync + 'static> Painter<Buf> for Counter {
    type Commands = ();
    type Job = CountedJob;

    fn size(&self) -> PictureSize {
        self.size
    }

    fn begin(&mut self, plan: Arc<FramePlan>, _camera: &Camera) -> (CountedJob, Option<()>) {
        (CountedJob(plan), None)
    }

    fn finish(CountedJob(plan): &CountedJob, ticket: &FrameTicket<Buf>) -> Recorded<()> {
        let mut found = Found::default();
        watch(ticket, plan, &mut found);
        drop(resolve(ticket, plan, &plan.flat, false, &mut found));
        Recorded {
            commands: None,
            found,
        }
    }

    fn submit(&mut self, _commands: Vec<()>) {}
}

/// A frame that is looked up and not drawn.
struct CountedJob(Arc<FramePlan>);

impl<Buf: Send + Sync + 'static> Scene<Buf> for CountedJob {
    type Pass = Found;
    type Piece = Recorded<()>;

    fn items(&self) -> usize {
        self.0.solid.len()
    }

    fn begin(&self, _ticket: &FrameTicket<Buf>) -> Found {
        Found::default()
    }

    fn record(&self, found: &mut Found, items: Range<usize>, ticket: &FrameTicket<Buf>) {
        drop(resolve(ticket, &self.0, &self.0.solid[items], true, found));
    }

    fn end(&self, found: Found, _ticket: &FrameTicket<Buf>) -> Recorded<()> {
        Recorded {
            commands: None,
            found,
        }
    }
}

/// A virtual device that never runs out of memory within the largest of the flight's budgets:
/// padding and buffers that wait to be given back come on top.
fn virtual_config(flight: &FlightConfig) -> VirtualConfig {
    let changes = flight.budget_changes.iter().map(|change| change.bytes);
    let budget = changes.fold(flight.budget_bytes, u64::max);
    let least = VirtualConfig::default();
    let memory_bytes = ByteLen::new(budget.saturating_add(budget / 4));
    VirtualConfig {
        memory_bytes: memory_bytes.max(least.memory_bytes),
        ..least
    }
}

/// Flies without a window and writes everything into `--out`.
///
/// # Errors
/// [`RunError`]; every thread has ended then as well.
pub fn run(args: &Args, prepared: &Prepared, errors: &GpuErrors) -> Result<Report, RunError> {
    let frames = prepared.frames.unwrap_or(crate::cli::DEFAULT_FRAMES);
    let run = HeadlessRun {
        args,
        frames,
        prepared,
    };
    let mut survey = None;
    let (adapter, landed) = match args.backend {
        BackendChoice::Virtual => {
            let config = virtual_config(&prepared.flight);
            let (gpu, mut control) = VirtualGpu::new(&config);
            let painter = Counter { size: args.size };
            let manager = GeometryManager::with_backend(gpu, prepared.flight.heap())
                .map_err(FlightError::from)?;
            let follow = Box::new(move |_: &mut Counter| {
                control.lose_device();
                let (gpu, next) = VirtualGpu::new(&config);
                control = next;
                Ok(gpu)
            });
            let flight = Flight::start(manager, painter, follow, prepared.flight.clone())?;
            ("virtual".to_owned(), run.fly(flight, |_| Ok(None), |_| ())?)
        }
        BackendChoice::Wgpu => {
            let mut painter = Offscreen::new(errors, args.size)?;
            let name = painter.gpu.name();
            let heap = prepared.flight.heap();
            let (backend, mut loss) = painter.backend(&heap);
            let mut manager =
                GeometryManager::with_backend(backend, heap.clone()).map_err(FlightError::from)?;
            painter.renderer.terrain = prepared.terrain(&painter.gpu, &mut manager)?;
            let follow = Box::new(move |painter: &mut Offscreen| {
                // Waits for whoever writes into the device's memory at this moment.
                loss.report(LOSS_REASON);
                painter.gpu.device.destroy();
                *painter = Offscreen::new(&painter.gpu.errors, painter.size)?;
                let (backend, next) = painter.backend(&heap);
                loss = next;
                Ok(backend)
            });
            let flight = Flight::start(manager, painter, follow, prepared.flight.clone())?;
            let picture = |painter: &mut Offscreen| {
                let picture = painter.target.read(&painter.gpu.device, &painter.gpu.queue);
                picture.map(Some).map_err(RunError::Picture)
            };
            let end = |painter: &mut Offscreen| {
                survey = painter.renderer.terrain.as_mut().map(Terrain::survey);
            };
            (name, run.fly(flight, picture, end)?)
        }
    };
    let mut report = report(args, adapter, &landed, errors);
    if let Some(survey) = survey {
        report.gpu_alloc = Some(survey.gpu_alloc);
        // Nobody looks up what the GPU has culled.
        report.whole_pictures.clear();
        if let Some(units) = survey.units {
            units.write_png(&args.out.join("units.png"))?;
        }
    }
    report.write(&args.out.join("report.json"))?;
    Ok(report)
}

/// What stays the same during a run.
struct HeadlessRun<'a> {
    args: &'a Args,
    frames: u32,
    prepared: &'a Prepared,
}

impl HeadlessRun<'_> {
    fn fly<B: Backend, P: Painter<B::Buffer>>(
        &self,
        mut flight: Flight<B, P>,
        mut picture: impl FnMut(&mut P) -> Result<Option<crate::picture::Picture>, RunError>,
        end: impl FnOnce(&mut P),
    ) -> Result<Landed, RunError> {
        let flown = self.fly_frames(&mut flight, &mut picture);
        end(flight.painter());
        // The threads are joined also where a frame failed.
        let landed = flight.land();
        flown?;
        Ok(landed?)
    }

    fn fly_frames<B: Backend, P: Painter<B::Buffer>>(
        &self,
        flight: &mut Flight<B, P>,
        picture: &mut impl FnMut(&mut P) -> Result<Option<crate::picture::Picture>, RunError>,
    ) -> Result<(), RunError> {
        let mut progress = Progress::new(u64::from(self.frames));
        let pictures = moments(self.frames, PICTURES);
        let looks = moments(self.frames, HEAP_LOOKS);
        let mut fullest: Option<(HeapMap, Caption)> = None;
        for frame in 0..self.frames {
            #[expect(clippy::cast_precision_loss, reason = "a float serves for a camera")]
            flight.frame(&self.prepared.path.camera(frame as f32))?;
            if looks.contains(&frame) {
                flight.ask_map();
            }
            if let Some(look) = flight.take_map()
                && fullest
                    .as_ref()
                    .is_none_or(|other| ranges(&look.0) >= ranges(&other.0))
            {
                fullest = Some(look);
            }
            if pictures.contains(&frame)
                && let Some(picture) = picture(flight.painter())?
            {
                picture.write_png(&self.file(&format!("frame-{frame:06}.png")))?;
                flight.note_picture();
            }
            progress.set(u64::from(frame) + 1, || words(flight));
        }
        progress.finish();
        if let Some((map, caption)) = fullest {
            heap_view::draw(&map, &caption).write_png(&self.file("heap.png"))?;
        }
        Ok(())
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new(&self.args.out).join(name)
    }
}

fn ranges(map: &HeapMap) -> usize {
    map.chunks.iter().map(|chunk| chunk.ranges.len()).sum()
}

fn words<B: Backend, P: Painter<B::Buffer>>(flight: &Flight<B, P>) -> String {
    let heap = flight.heap();
    format!(
        "GPU {} of {} MiB in {} chunks, {} MiB live, world {} MiB, {} evictions, {} moves",
        heap.held_bytes / MIB,
        heap.budget_bytes / MIB,
        heap.chunks,
        heap.live_bytes / MIB,
        heap.world_bytes / MIB,
        heap.evictions,
        heap.moves
    )
}

/// The frames of `count` moments spread evenly over a flight, each once.
fn moments(frames: u32, count: u32) -> Vec<u32> {
    let count = count.min(frames);
    let at = |moment: u64| u64::from(frames) * (2 * moment + 1) / (2 * u64::from(count));
    (0..u64::from(count))
        .filter_map(|moment| u32::try_from(at(moment)).ok())
        .collect()
}

fn report(args: &Args, adapter: String, landed: &Landed, errors: &GpuErrors) -> Report {
    let Landed { measured, heap } = landed;
    Report {
        schema: SCHEMA,
        adapter,
        backend: args.backend.name().into(),
        frames: measured.frame_ms.len() as u64,
        frame_ms: Spread::of(&measured.frame_ms),
        record_ms: Spread::of(&measured.record_ms),
        virtual_frame_ms: Spread::of(&measured.virtual_frame_ms),
        virtual_heap_ms: Spread::of(&measured.virtual_heap_ms),
        world_bytes: heap.world_bytes_peak,
        budget_bytes: heap.budget_bytes,
        budget_origin: heap.budget_origin.name(),
        gpu_bytes_peak: heap.held_bytes_peak,
        gpu_bytes_end: heap.held_bytes,
        live_bytes_end: heap.live_bytes,
        outside_bytes: heap.outside_bytes,
        staging_bytes_peak: heap.staging_bytes_peak,
        chunks_peak: heap.chunks_peak,
        chunks_end: heap.chunks,
        upload_bytes: heap.upload_bytes,
        blocks_added: heap.blocks_added,
        blocks_removed: heap.blocks_removed,
        blocks_updated: heap.blocks_updated,
        evictions: heap.evictions,
        stream_ins: heap.stream_ins,
        stream_in_bytes: heap.stream_in_bytes,
        moves: heap.moves,
        moved_bytes: heap.moved_bytes,
        chunks_returned: heap.chunks_returned,
        draws: measured.counts.draws,
        draws_fallback: measured.counts.fallback,
        draws_skipped: measured.counts.skipped,
        soon_missed: measured.soon_missed,
        hidden_uses: heap.hidden_uses,
        stale_lookups: heap.stale_lookups.max(measured.counts.stale),
        degraded_frames: heap.degraded_frames,
        long_lived_moves: heap.long_lived_moves,
        long_lived_evictions: heap.long_lived_evictions,
        gpu_errors: heap.gpu_errors + errors.count(),
        device_losses: heap.device_losses,
        device_lost_at_frames: measured.lost_in.clone(),
        frames_until_visible_resident: measured.frames_until_whole.clone(),
        whole_pictures: measured.whole_pictures.clone(),
        content_checks: measured.checks.0,
        content_mismatches: measured.checks.1,
        gpu_alloc: None,
        series: measured.series.series(),
    }
}

#[cfg(test)]
mod tests;
