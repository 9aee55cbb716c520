//! `report.json`: what a run measured and counted.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::frame_cost::Series;
use crate::gpu_terrain::GpuAlloc;

/// The name and version of the report's form, its first key.
pub const SCHEMA: &str = "geoheap-demo-report/1";

/// Milliseconds of a step that happens once a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Half of the frames took no longer.
    pub p50: f64,
    /// 99 of 100 frames took no longer.
    pub p99: f64,
    /// The slowest frame.
    pub max: f64,
}

impl Spread {
    /// The spread of `samples` in milliseconds, rounded to microseconds; zero where there are
    /// none. Percentiles are by nearest rank.
    pub fn of(samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let rank = |percent: usize| {
            let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(index).map_or(0.0, |ms| (ms * 1e3).round() / 1e3)
        };
        Self {
            p50: rank(50),
            p99: rank(99),
            max: rank(100),
        }
    }
}

/// Everything in `report.json`. Byte counts are bytes; `*_peak` is the highest value seen at the
/// end of any frame, `*_end` the value after the last.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The name of the GPU or of the software driver.
    pub adapter: String,
    /// `wgpu` or `virtual`.
    pub backend: String,
    /// Frames flown.
    pub frames: u64,
    /// Milliseconds of whole frames.
    pub frame_ms: Spread,
    /// Milliseconds of recording the draws of a frame, all threads together by the clock.
    pub record_ms: Spread,
    /// Milliseconds of whole frames on the model GPU of [`crate::frame_cost`].
    pub virtual_frame_ms: Spread,
    /// The heap's part of them.
    pub virtual_heap_ms: Spread,
    /// The most bytes of live handles, resident or not.
    pub world_bytes: u64,
    /// The budget in force at the end.
    pub budget_bytes: u64,
    /// Where it comes from: `default`, `explicit` or `probe`.
    pub budget_origin: &'static str,
    /// The most GPU bytes held at once: chunks, staging, and what waits to be given back.
    pub gpu_bytes_peak: u64,
    /// GPU bytes held at the end.
    pub gpu_bytes_end: u64,
    /// Bytes of resident blocks at the end.
    pub live_bytes_end: u64,
    /// Bytes of `gpu_bytes_end` that are not the engine's: the terrain's heap.
    pub outside_bytes: u64,
    /// The most bytes of staging buffers.
    pub staging_bytes_peak: u64,
    /// The most chunks at once.
    pub chunks_peak: u64,
    /// Chunks at the end.
    pub chunks_end: u64,
    /// Bytes copied to the GPU.
    pub upload_bytes: u64,
    /// Blocks added.
    pub blocks_added: u64,
    /// Blocks whose last owner removed them.
    pub blocks_removed: u64,
    /// Contents replaced.
    pub blocks_updated: u64,
    /// Blocks that left the GPU for want of room.
    pub evictions: u64,
    /// Evicted blocks that came back.
    pub stream_ins: u64,
    /// Bytes of them.
    pub stream_in_bytes: u64,
    /// Blocks moved by defragmentation.
    pub moves: u64,
    /// Bytes of them.
    pub moved_bytes: u64,
    /// Chunks given back to the driver.
    pub chunks_returned: u64,
    /// Draws recorded, stand-ins among them.
    pub draws: u64,
    /// Draws of a stand-in.
    pub draws_fallback: u64,
    /// Things in view that were left out because neither they nor a stand-in were there.
    pub draws_skipped: u64,
    /// Lookups that missed a block which was drawn in one of the 30 frames before.
    pub soon_missed: u64,
    /// Lookups that missed a block which the version before had: must stay 0.
    pub hidden_uses: u64,
    /// Lookups of a handle that was removed.
    pub stale_lookups: u64,
    /// Frames whose working set was larger than the budget.
    pub degraded_frames: u64,
    /// Long-lived blocks moved: must stay 0.
    pub long_lived_moves: u64,
    /// Long-lived blocks evicted: must stay 0.
    pub long_lived_evictions: u64,
    /// Errors that the GPU's driver or its validation raised: must stay 0.
    pub gpu_errors: u64,
    /// Devices that were lost on purpose, each followed by another.
    pub device_losses: u64,
    /// The frames in which they went, counted from 0, rising.
    pub device_lost_at_frames: Vec<u64>,
    /// For each of them, the frames until nothing in view was away any more that had been there;
    /// null where the flight ended before.
    pub frames_until_visible_resident: Vec<Option<u64>>,
    /// Frames of those pictures that lack nothing in view: nothing coarser or standing in for it,
    /// nothing still to be loaded. With `--lockstep` and `--no-interface`
    /// they are the same in every flight along the same path.
    pub whole_pictures: Vec<u64>,
    /// Blocks read back and compared.
    pub content_checks: u64,
    /// Of them, those whose bytes were wrong: must stay 0.
    pub content_mismatches: u64,
    /// The heap on the GPU; only of flights over the terrain that the GPU makes.
    pub gpu_alloc: Option<GpuAlloc>,
    /// The flight over time.
    pub series: Series,
}

impl Report {
    /// The report as JSON, indented, with a newline at the end.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Writes the report.
    ///
    /// # Errors
    /// [`WriteError`] with the path.
    pub fn write(&self, path: &Path) -> Result<(), WriteError> {
        std::fs::write(path, self.to_json()).map_err(|source| WriteError::new(path, source))
    }
}

/// A file of the output folder could not be written.
#[derive(Debug)]
pub struct WriteError {
    path: PathBuf,
    source: std::io::Error,
}

impl WriteError {
    /// `source` happened at `path`.
    pub fn new(path: &Path, source: impl Into<std::io::Error>) -> Self {
        Self {
            path: path.to_path_buf(),
            source: source.into(),
        }
    }
}

impl std::fmt::Display for WriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot write {}: {}", self.path.display(), self.source)
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests;
