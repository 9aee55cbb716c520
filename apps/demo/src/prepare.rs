//! From the command line to a flight: reads and checks all input before anything starts (D2).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use geoheap::{
    Backend, ByteLen, Config, ConfigError, GeometryManager, OutsideLease, Threading, WaitError,
};
use geoheap_gpu_bitset::HeapError;

use crate::cli::{Args, BackendChoice, DEFAULT_FRAMES, SceneChoice};
use crate::content::camera::{Camera, CameraScript, ScriptError, default_flight};
use crate::content::elevation::{Elevation, ElevationError};
use crate::content::gltf_load::{Model, ModelError, load_paths};
use crate::content::scene::Scene;
use crate::content::select::SelectConfig;
use crate::flight::FlightConfig;
use crate::geometry::Pace;
use crate::gpu_terrain::{self, Pace as TerrainPace, Terrain, TerrainConfig};
use crate::loss::Losses;
use crate::render::device::Gpu;
use crate::world::WorldConfig;

/// Input that cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum InputError {
    /// The elevation.
    Elevation(ElevationError),
    /// A model.
    Model(ModelError),
    /// The camera script.
    Script(ScriptError),
    /// A budget that the engine cannot work with.
    Budget {
        /// The option that gave it.
        option: &'static str,
        /// What is wrong with it, with the least that works.
        error: ConfigError,
    },
    /// Something that the flight would not live to see.
    Late {
        /// The option that asks for it.
        option: &'static str,
        /// Its frame.
        frame: u32,
        /// The frames that are flown.
        frames: u32,
    },
    /// The GPU shall make the terrain, and there is none.
    NoGpu,
    /// The folder for the output cannot be made.
    Out {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl std::fmt::Display for InputError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Elevation(error) => write!(f, "{error}"),
            Self::Model(error) => write!(f, "{error}"),
            Self::Script(error) => write!(f, "{error}"),
            Self::Budget { option, error } => write!(f, "{option}: {error}"),
            Self::Late {
                option,
                frame,
                frames,
            } => write!(
                f,
                "{option}: frame {frame} is not one of the {frames} that are flown; allowed are \
                 0 to {}",
                frames - 1
            ),
            Self::NoGpu => {
                write!(f, "--gpu-terrain: needs a GPU; allowed is `--backend wgpu`")
            }
            Self::Out { path, source } => {
                write!(f, "cannot make the folder {}: {source}", path.display())
            }
        }
    }
}

impl std::error::Error for InputError {}

/// A flight that is ready to start.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// How to fly.
    pub flight: FlightConfig,
    /// Where the camera is, frame by frame.
    pub path: FlightPath,
    /// Frames; `None` flies on until the window is closed.
    pub frames: Option<u32>,
    /// The terrain that the GPU makes, if that is flown over.
    pub terrain: Option<TerrainConfig>,
}

impl Prepared {
    /// The terrain that the GPU makes, if that is flown over. Its heap is a part of the budget of
    /// `manager`, which nobody uses yet.
    ///
    /// # Errors
    /// [`TerrainError`] if the budget or the device cannot have its heap.
    pub fn terrain<B: Backend>(
        &self,
        gpu: &Gpu,
        manager: &mut GeometryManager<B>,
    ) -> Result<Option<Terrain>, TerrainError> {
        let Some(config) = self.terrain.clone() else {
            return Ok(None);
        };
        let bytes = gpu_terrain::bytes_max(&gpu.device, config.heap_bytes)?;
        let lease = hold(manager, ByteLen::new(bytes))?;
        let eye = self.path.camera(0.0).position;
        let mut terrain = Terrain::new(&gpu.device, &gpu.queue, config, eye)?;
        terrain.keep(lease);
        Ok(Some(terrain))
    }
}

/// Why there is no terrain.
#[derive(Debug)]
#[non_exhaustive]
pub enum TerrainError {
    /// The device cannot have its heap.
    Heap(HeapError),
    /// The budget has no room for it.
    Budget(WaitError),
}

impl std::fmt::Display for TerrainError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Heap(error) => write!(f, "--gpu-heap: {error}"),
            Self::Budget(error) => write!(f, "--gpu-heap is a part of --budget: {error}"),
        }
    }
}

impl std::error::Error for TerrainError {}

impl From<HeapError> for TerrainError {
    fn from(error: HeapError) -> Self {
        Self::Heap(error)
    }
}

impl From<WaitError> for TerrainError {
    fn from(error: WaitError) -> Self {
        Self::Budget(error)
    }
}

/// Time for a heap that holds nothing yet to take note of what is held outside of it.
const HOLD_WAIT: Duration = Duration::from_secs(10);
/// The same in ticks, where nobody but the caller makes any.
const HOLD_TICKS: u32 = 1_000;

fn hold<B: Backend>(
    manager: &mut GeometryManager<B>,
    bytes: ByteLen,
) -> Result<OutsideLease, WaitError> {
    let pending = manager.client().hold_outside(bytes);
    let mut pending = pending.map_err(WaitError::Request)?;
    if manager.config().threading == Threading::CallerDriven {
        for _ in 0..HOLD_TICKS {
            manager.poll();
            if let Some(answer) = pending.try_take() {
                return answer.map_err(WaitError::Request);
            }
        }
    }
    pending.wait(HOLD_WAIT)
}

/// Where the camera is.
#[derive(Clone, Debug)]
pub struct FlightPath {
    script: CameraScript,
    still: bool,
}

impl FlightPath {
    /// The camera of a frame, which may lie between two.
    pub fn camera(&self, frame: f32) -> Camera {
        self.script
            .camera_at_frame(if self.still { 0.0 } else { frame })
    }

    /// The frame after which the camera stays where it is.
    pub fn last_frame(&self) -> u32 {
        self.script.last_frame()
    }
}

/// Checks all budgets against what the engine needs at least, and all frames against the flight.
///
/// # Errors
/// [`InputError::Budget`] with the option and the least budget, [`InputError::Late`].
pub fn check_budget(args: &Args) -> Result<(), InputError> {
    let frames = args.frames.or(args.is_headless().then_some(DEFAULT_FRAMES));
    let changes = args.budget_at.iter();
    let changes = changes.map(|change| ("--budget-at", change.frame));
    let losses = args.lose_device_at.iter();
    let mut asked = changes.chain(losses.map(|frame| ("--lose-device-at", *frame)));
    if let Some(frames) = frames
        && let Some((option, frame)) = asked.find(|(_, frame)| *frame >= frames)
    {
        return Err(InputError::Late {
            option,
            frame,
            frames,
        });
    }
    let changes = args
        .budget_at
        .iter()
        .map(|change| ("--budget-at", change.bytes));
    for (option, bytes) in std::iter::once(("--budget", args.budget)).chain(changes) {
        let config = Config {
            budget_bytes: ByteLen::new(bytes),
            ..Config::default()
        };
        config
            .validate(ByteLen::new(u64::MAX))
            .map_err(|error| InputError::Budget { option, error })?;
    }
    Ok(())
}

/// Reads everything that `args` names.
///
/// # Errors
/// [`InputError`] with the path and what is allowed.
pub fn prepare(args: &Args) -> Result<Prepared, InputError> {
    if args.gpu_terrain && args.backend == BackendChoice::Virtual {
        return Err(InputError::NoGpu);
    }
    let elevation = match &args.elevation {
        Some(path) => Elevation::load(path, args.seed),
        None => Elevation::built_in(args.seed),
    }
    .map_err(InputError::Elevation)?;
    let models: Vec<Model> = if args.gltf.is_empty() {
        Vec::new()
    } else {
        load_paths(&args.gltf).map_err(InputError::Model)?
    };
    let given = match &args.camera_script {
        Some(path) => Some(CameraScript::load(path).map_err(InputError::Script)?),
        None => None,
    };
    if args.is_headless() {
        std::fs::create_dir_all(&args.out).map_err(|source| InputError::Out {
            path: args.out.clone(),
            source,
        })?;
    }
    let scene = Arc::new(Scene::new(elevation, args.seed));
    let frames = match (&given, args.frames) {
        (_, Some(frames)) => Some(frames),
        (Some(script), None) => Some(script.last_frame() + 1),
        (None, None) if args.is_headless() => Some(DEFAULT_FRAMES),
        (None, None) => None,
    };
    // Without a window, the flight made for the landscape is fitted into the frames there are.
    let fitted = frames
        .filter(|_| args.is_headless())
        .unwrap_or(WINDOW_FLIGHT_FRAMES);
    let script = given.unwrap_or_else(|| default_flight(&scene, flight_frames(args, fitted)));
    Ok(Prepared {
        terrain: terrain(args, &scene, frames),
        path: FlightPath {
            script,
            still: matches!(args.scene(), SceneChoice::Still | SceneChoice::Model),
        },
        frames,
        flight: FlightConfig {
            world: WorldConfig {
                scene,
                models: Arc::new(models),
                choice: args.scene(),
                select: SelectConfig::default(),
                stand_ins: !args.no_fallback,
                interface: !args.no_interface,
                check: args.check,
                lockstep: args.lockstep,
                hurry: hurry(fitted),
            },
            budget_bytes: args.budget,
            budget_changes: args.budget_changes(),
            losses: Losses::new(&args.lose_device_at),
            render_threads: args.render_threads,
            pace: if args.is_headless() {
                Pace::Locked
            } else {
                Pace::Free
            },
        },
    })
}

/// How the terrain is made that the GPU makes, if it is asked for.
fn terrain(args: &Args, scene: &Arc<Scene>, frames: Option<u32>) -> Option<TerrainConfig> {
    args.gpu_terrain.then(|| TerrainConfig {
        scene: Arc::clone(scene),
        heap_bytes: args.gpu_heap,
        pace: if args.is_headless() {
            TerrainPace::After(RESULTS_AFTER_FRAMES)
        } else {
            TerrainPace::AsTheyCome
        },
        look_every: frames
            .filter(|_| args.is_headless())
            .map(|frames| frames.div_ceil(UNIT_LOOKS)),
    })
}

/// Looks at the unit map of the terrain along a flight.
const UNIT_LOOKS: u32 = 48;
/// Without a window, frames after which results of the terrain's heap count.
const RESULTS_AFTER_FRAMES: u64 = 2;
/// The terrain that the GPU makes ends nearer than the landscape: it is flown over so many times
/// slower, along the beginning of the way.
const TERRAIN_SLOWER: u32 = 4;

/// The frames that the flight made for the landscape is fitted into.
fn flight_frames(args: &Args, frames: u32) -> u32 {
    if args.gpu_terrain {
        frames.saturating_mul(TERRAIN_SLOWER)
    } else {
        frames
    }
}

/// Frames of the flight through a window before it begins again: some minutes.
const WINDOW_FLIGHT_FRAMES: u32 = 7200;

/// How many times faster than usual the camera flies: a flight fitted into few frames has to build
/// more in each.
fn hurry(frames: u32) -> u32 {
    DEFAULT_FRAMES.div_ceil(frames.max(1)).clamp(1, 16)
}
