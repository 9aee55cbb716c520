//! What a frame would cost on a modest GPU: a model, so that figures of a flight on the virtual GPU
//! or on a software driver say how even its frames would be.
//!
//! The model GPU is one inside a laptop's processor of some years ago. The engine's uploads and
//! moves run on its one queue before the frame's own draws, so a frame takes the time of all of
//! them, one after the other:
//!
//! | what | costs | because |
//! |---|---|---|
//! | each frame | 2.5 ms | two million lit pixels, and the passes around them |
//! | a draw | 0.005 ms | its recording, and a change of buffers |
//! | a byte sent to the GPU | 1 s / 4 GB | memory that is shared with everything else |
//! | a byte moved on the GPU | 1 s / 8 GB | it is read and written there |
//! | a copy | 0.005 ms | a command and its barrier |
//!
//! How many triangles a draw has is left out: how much a frame draws is the scene's matter, and the
//! model is to show what the heap adds to it. [`Work::heap_ms`] is that part alone.
//!
//! A copy counts whether it is part of an upload or of a move, and after neighbours were merged. In
//! a flight of several threads the engine's work falls to the frame in which it was seen; with
//! `--lockstep` there is one tick a frame.

use geoheap::Report as HeapReport;
use serde::Serialize;

/// Milliseconds that each frame takes.
const FRAME_MS: f64 = 2.5;
/// Milliseconds of a draw.
const DRAW_MS: f64 = 0.005;
/// Bytes sent to the GPU in a millisecond.
const UPLOAD_BYTES_PER_MS: f64 = 4.0e6;
/// Bytes moved on the GPU in a millisecond.
const MOVE_BYTES_PER_MS: f64 = 8.0e6;
/// Milliseconds of a copy.
const COPY_MS: f64 = 0.005;
/// The most points of a [`Series`].
pub const POINTS_MAX: usize = 4096;

/// What one frame did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Bytes sent to the GPU.
    pub upload_bytes: u64,
    /// Bytes moved on the GPU.
    pub moved_bytes: u64,
    /// Copies on the GPU, those of uploads among them.
    pub copies: u64,
    /// Draws recorded.
    pub draws: u64,
}

impl Work {
    /// What was done between two looks at the heap, and the draws of the frame between them.
    pub fn between(before: &HeapReport, after: &HeapReport, draws: u64) -> Self {
        Self {
            upload_bytes: after.upload_bytes - before.upload_bytes,
            moved_bytes: after.moved_bytes - before.moved_bytes,
            copies: after.gpu_copies - before.gpu_copies,
            draws,
        }
    }

    /// Milliseconds on the model GPU.
    #[expect(clippy::cast_precision_loss, reason = "draws are far below 2^52")]
    pub fn virtual_ms(&self) -> f64 {
        FRAME_MS + self.draws as f64 * DRAW_MS + self.heap_ms()
    }

    /// The part of them that is the heap's: uploads and moves.
    #[expect(
        clippy::cast_precision_loss,
        reason = "what a frame does is far below 2^52"
    )]
    pub fn heap_ms(&self) -> f64 {
        self.upload_bytes as f64 / UPLOAD_BYTES_PER_MS
            + self.moved_bytes as f64 / MOVE_BYTES_PER_MS
            + self.copies as f64 * COPY_MS
    }
}

/// What a frame was like, for a [`Series`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Milliseconds on the model GPU.
    pub virtual_frame_ms: f64,
    /// Bytes sent to the GPU.
    pub upload_bytes: u64,
    /// Bytes of evicted blocks that came back.
    pub stream_in_bytes: u64,
    /// The budget that was set.
    pub budget_bytes: u64,
    /// What the device was seen to give of it.
    pub budget_effective_bytes: u64,
    /// GPU bytes held.
    pub held_bytes: u64,
    /// Bytes of resident blocks.
    pub live_bytes: u64,
}

impl Point {
    /// The worst of both: the longest frame, the most bytes held; what adds up is added, and
    /// budgets are those of the later one.
    fn joined(self, later: Self) -> Self {
        Self {
            virtual_frame_ms: self.virtual_frame_ms.max(later.virtual_frame_ms),
            upload_bytes: self.upload_bytes + later.upload_bytes,
            stream_in_bytes: self.stream_in_bytes + later.stream_in_bytes,
            budget_bytes: later.budget_bytes,
            budget_effective_bytes: later.budget_effective_bytes,
            held_bytes: self.held_bytes.max(later.held_bytes),
            live_bytes: self.live_bytes.max(later.live_bytes),
        }
    }
}

/// A flight over time, in at most [`POINTS_MAX`] points of as many frames each. Each list has one
/// number a point.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Series {
    /// Frames of a point; 1 up to as many frames as there may be points. The last point may have
    /// fewer.
    pub frames_per_point: u64,
    /// The longest frame of each, in milliseconds on the model GPU.
    pub virtual_frame_ms: Vec<f64>,
    /// Bytes sent to the GPU.
    pub upload_bytes: Vec<u64>,
    /// Bytes of evicted blocks that came back.
    pub stream_in_bytes: Vec<u64>,
    /// The budget that was set.
    pub budget_bytes: Vec<u64>,
    /// What the device was seen to give of it.
    pub budget_effective_bytes: Vec<u64>,
    /// The most GPU bytes held.
    pub held_bytes: Vec<u64>,
    /// The most bytes of resident blocks.
    pub live_bytes: Vec<u64>,
}

/// Collects a [`Series`] in bounded memory, however long the flight is.
#[derive(Clone, Debug)]
pub struct Recorder {
    points: Vec<Point>,
    frames_per_point: u64,
    /// Frames in the last point.
    frames_in_last: u64,
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            points: Vec::new(),
            frames_per_point: 1,
            frames_in_last: 1,
        }
    }
}

impl Recorder {
    /// One more frame.
    pub fn push(&mut self, point: Point) {
        if let Some(last) = self.points.last_mut()
            && self.frames_in_last < self.frames_per_point
        {
            *last = last.joined(point);
            self.frames_in_last += 1;
            return;
        }
        if self.points.len() == POINTS_MAX {
            let pairs = self.points.chunks(2);
            self.points = pairs.map(|pair| pair[0].joined(pair[1])).collect();
            self.frames_per_point *= 2;
        }
        self.points.push(point);
        self.frames_in_last = 1;
    }

    /// All frames so far.
    pub fn series(&self) -> Series {
        let bytes = |pick: fn(&Point) -> u64| self.points.iter().map(pick).collect();
        let ms = self.points.iter().map(|point| point.virtual_frame_ms);
        Series {
            frames_per_point: self.frames_per_point,
            virtual_frame_ms: ms.map(|ms| (ms * 1e3).round() / 1e3).collect(),
            upload_bytes: bytes(|point| point.upload_bytes),
            stream_in_bytes: bytes(|point| point.stream_in_bytes),
            budget_bytes: bytes(|point| point.budget_bytes),
            budget_effective_bytes: bytes(|point| point.budget_effective_bytes),
            held_bytes: bytes(|point| point.held_bytes),
            live_bytes: bytes(|point| point.live_bytes),
        }
    }
}

#[cfg(test)]
mod tests;
