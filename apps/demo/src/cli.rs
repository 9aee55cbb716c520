//! The command line: every option, its allowed values, and the errors that name them.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use geoheap::{ByteLen, ParseLenError};

/// Bytes in one KiB.
pub const KIB: u64 = 1024;
/// Bytes in one MiB.
pub const MIB: u64 = 1024 * KIB;
/// Bytes in one GiB.
pub const GIB: u64 = 1024 * MIB;
/// Frames of a headless flight when `--frames` is not given.
pub const DEFAULT_FRAMES: u32 = 600;
/// The most frames `--frames` accepts.
pub const FRAMES_MAX: u32 = 10_000_000;
/// The most render threads `--render-threads` accepts.
pub const RENDER_THREADS_MAX: usize = 64;
/// The largest width or height `--size` accepts, in pixels.
pub const SIZE_MAX_PX: u32 = 8192;

/// What the heap's chunks are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendChoice {
    /// A GPU through wgpu (a software driver serves as well).
    Wgpu,
    /// A GPU made of plain memory: nothing is drawn, everything else happens and is counted.
    Virtual,
}

impl BackendChoice {
    /// The name used on the command line and in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wgpu => "wgpu",
            Self::Virtual => "virtual",
        }
    }
}

/// What stands in the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SceneChoice {
    /// The landscape with its buildings, trees and rocks, streamed around the camera.
    #[default]
    Landscape,
    /// The landscape around the first camera position, built once and never changed; what the
    /// budget does not hold is evicted while it is built.
    Still,
    /// One model and nothing else: the first of `--gltf`, or a built-in one.
    Model,
    /// The terrain that the GPU makes: `--gpu-terrain`.
    #[value(skip)]
    GpuTerrain,
}

/// A picture's size in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureSize {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

/// A budget that takes effect at the start of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetChange {
    /// The frame, counted from 0.
    pub frame: u32,
    /// The budget from then on.
    pub bytes: u64,
}

/// Fly over a real landscape that outgrows its GPU budget.
///
/// In a window where there is a display, else without one: then it writes pictures, a drawing of
/// the heap and a report. In the window the camera flies by itself; W A S D, Space, Shift and the
/// mouse (hold the left button) take over, F gives the camera back, F1 shows the heap's panel, H or
/// Tab a picture of the heap, Esc ends.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "geoheap-demo",
    version,
    about,
    long_about,
    max_term_width = 100
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub struct Args {
    /// Fly without a window and write pictures and the report into --out
    #[arg(long)]
    pub headless: bool,

    /// Frames to fly, 1 to 10000000 [default: 600 without a window, no end in a window]
    #[arg(long, value_name = "N", value_parser = parse_frames)]
    pub frames: Option<u32>,

    /// GPU bytes that the geometry may hold: a number with KiB, MiB, GiB, or plain bytes
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = parse_size)]
    pub budget: u64,

    /// Change the budget at a frame, such as 300=64MiB; may be given several times
    #[arg(long, value_name = "FRAME=SIZE", value_parser = parse_budget_at)]
    pub budget_at: Vec<BudgetChange>,

    /// Threads that record draws, 1 to 64
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = parse_render_threads)]
    pub render_threads: usize,

    /// Size of the picture in pixels, each side 16 to 8192
    #[arg(long, value_name = "WxH", default_value = "960x540", value_parser = parse_picture_size)]
    pub size: PictureSize,

    /// Scatter these models instead of the built-in ones: .gltf or .glb files, or folders of them
    #[arg(long, value_name = "FILE|DIR", num_args = 1..)]
    pub gltf: Vec<PathBuf>,

    /// Fly over this elevation instead: a 16-bit grey PNG [default: the Tien Shan, built in]
    #[arg(long, value_name = "FILE.png")]
    pub elevation: Option<PathBuf>,

    /// Fly along the camera positions in this file: lines of `frame x y z yaw pitch`, in metres and
    /// degrees, frames rising, straight in between, `#` for a comment; x goes east, y up and z
    /// south, yaw 0 looks north and 90 east; an example is `apps/demo/flights/turn_round.txt`
    /// [default: a flight made for the landscape]
    #[arg(long, value_name = "FILE")]
    pub camera_script: Option<PathBuf>,

    /// Seed of everything that is not real: 0 to 4294967295
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u32,

    /// Folder for the pictures and the report; made where it is missing
    #[arg(long, value_name = "DIR", default_value = "demo-out")]
    pub out: PathBuf,

    /// What holds the geometry
    #[arg(long, value_enum, default_value_t = BackendChoice::Wgpu)]
    pub backend: BackendChoice,

    /// Run engine, geometry and recording on one thread, one tick a frame
    #[arg(long)]
    pub lockstep: bool,

    /// Read blocks back along the way and compare them byte by byte with what was added
    #[arg(long)]
    pub check: bool,

    /// Leave out what is not resident, instead of drawing a stand-in
    #[arg(long)]
    pub no_fallback: bool,

    /// Leave out the user interface, whose figures tell one heap from another
    #[arg(long)]
    pub no_interface: bool,

    /// Destroy the GPU's device in this frame, counted from 0, with frames on their way, and go on
    /// with another; may be given several times. The report says how long it was seen
    #[arg(long, value_name = "FRAME")]
    pub lose_device_at: Vec<u32>,

    /// What stands in the world
    #[arg(long, value_enum, default_value_t = SceneChoice::Landscape)]
    pub scene: SceneChoice,

    /// Fly over a terrain that is meshed, placed and culled on the GPU, in a heap of its own
    #[arg(long, conflicts_with_all = ["scene", "gltf", "lose_device_at"])]
    pub gpu_terrain: bool,

    /// Bytes of the heap of --gpu-terrain, of those of --budget: from 1MiB up to what four buffers
    /// of each stream may have on the device. The less, the sooner the ground ends
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "64MiB",
        value_parser = parse_gpu_heap,
        requires = "gpu_terrain"
    )]
    pub gpu_heap: u64,
}

impl Args {
    /// What stands in the world, whichever option says so.
    pub fn scene(&self) -> SceneChoice {
        if self.gpu_terrain {
            SceneChoice::GpuTerrain
        } else {
            self.scene
        }
    }

    /// Whether the run has no window: asked for, or implied by a backend that draws nothing.
    pub fn is_headless(&self) -> bool {
        self.headless || self.backend == BackendChoice::Virtual
    }

    /// The budget changes in the order of their frames; of two for one frame the later given
    /// one counts.
    pub fn budget_changes(&self) -> Vec<BudgetChange> {
        let mut changes = self.budget_at.clone();
        changes.sort_by_key(|change| change.frame);
        changes
    }
}

/// Reads a size: a whole or decimal number followed by `KiB`, `MiB`, `GiB`, `B` or nothing.
///
/// # Errors
/// A sentence that names the allowed forms.
pub fn parse_size(text: &str) -> Result<u64, String> {
    text.parse()
        .map(ByteLen::get)
        .map_err(|error: ParseLenError| error.to_string())
}

/// Reads the size of the GPU's heap.
///
/// # Errors
/// A sentence that names the allowed forms, or the least.
pub fn parse_gpu_heap(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        bytes if bytes < MIB => Err(format!("{bytes} bytes hold no terrain; the least is 1MiB")),
        bytes => Ok(bytes),
    }
}

/// Reads `FRAME=SIZE`.
///
/// # Errors
/// A sentence that names the form.
pub fn parse_budget_at(text: &str) -> Result<BudgetChange, String> {
    let allowed = "write FRAME=SIZE such as 300=64MiB, with frames counted from 0";
    let (frame, size) = text
        .split_once('=')
        .ok_or_else(|| format!("no `=`; {allowed}"))?;
    let frame = frame
        .trim()
        .parse()
        .map_err(|_| format!("`{}` is not a frame number; {allowed}", frame.trim()))?;
    Ok(BudgetChange {
        frame,
        bytes: parse_size(size)?,
    })
}

/// Reads `WxH`.
///
/// # Errors
/// A sentence that names the form and the range.
pub fn parse_picture_size(text: &str) -> Result<PictureSize, String> {
    let allowed =
        format!("write WIDTHxHEIGHT such as 960x540, each from 16 to {SIZE_MAX_PX} pixels");
    let (width, height) = text
        .split_once(['x', 'X'])
        .ok_or_else(|| format!("no `x`; {allowed}"))?;
    let side = |side: &str| match side.trim().parse::<u32>() {
        Ok(pixels) if (16..=SIZE_MAX_PX).contains(&pixels) => Ok(pixels),
        _ => Err(format!("`{}` is no allowed side; {allowed}", side.trim())),
    };
    Ok(PictureSize {
        width: side(width)?,
        height: side(height)?,
    })
}

fn parse_frames(text: &str) -> Result<u32, String> {
    match text.trim().parse::<u32>() {
        Ok(frames) if (1..=FRAMES_MAX).contains(&frames) => Ok(frames),
        _ => Err(format!("allowed are 1 to {FRAMES_MAX}")),
    }
}

fn parse_render_threads(text: &str) -> Result<usize, String> {
    match text.trim().parse::<usize>() {
        Ok(threads) if (1..=RENDER_THREADS_MAX).contains(&threads) => Ok(threads),
        _ => Err(format!("allowed are 1 to {RENDER_THREADS_MAX}")),
    }
}

#[cfg(test)]
mod tests;
