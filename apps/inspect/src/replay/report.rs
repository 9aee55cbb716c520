//! What a replay comes to.

use std::fmt;

use geoheap::Report;
use serde::Serialize;

use super::player::Tally;
use super::series::Series;

/// Name and version of the format.
const SCHEMA: &str = "geoheap-replay/1";

/// The figures of a replay. Its JSON has these keys; they are kept. Bytes, counts, nanoseconds.
#[derive(Clone, Debug, Serialize)]
pub struct ReplayReport {
    /// `geoheap-replay/1`.
    pub schema: &'static str,
    /// The device: `virtual`, or the adapter's name.
    pub device: String,
    /// Lines of the trace that say something.
    pub events: u64,
    /// Frames.
    pub frames: u64,
    /// Events that are operations on blocks; lookups are among them.
    pub ops: u64,
    /// Wall-clock time for each of them, reading the trace and all frames included.
    pub ns_per_op: f64,
    /// Most bytes that a version named.
    pub live_bytes_peak: u64,
    /// Most GPU bytes held: chunks, staging, chunks on their way back.
    pub gpu_bytes_peak: u64,
    /// GPU bytes held at the end.
    pub gpu_bytes_end: u64,
    /// Bytes that the last version names.
    pub live_bytes_end: u64,
    /// GPU bytes held for each live byte: mean over the frames after the first tenth.
    pub overhead_mean: f64,
    /// The same: 99 of 100 frames are not above it.
    pub overhead_p99: f64,
    /// Most chunks.
    pub chunks_peak: u64,
    /// Chunks at the end.
    pub chunks_end: u64,
    /// Blocks moved by compaction.
    pub moves: u64,
    /// Their bytes.
    pub moved_bytes: u64,
    /// Chunks given back to the device.
    pub chunks_returned: u64,
    /// Blocks evicted.
    pub evictions: u64,
    /// Evicted blocks that came back.
    pub stream_ins: u64,
    /// Their bytes.
    pub stream_in_bytes: u64,
    /// Lookups.
    pub uses: u64,
    /// Lookups that found the block resident.
    pub use_hits: u64,
    /// Lookups of a block that was resident, was not evicted, and had no valid place: must be 0.
    pub hidden_uses: u64,
    /// Blocks that were refused, or could not be brought to the GPU.
    pub failed_adds: u64,
    /// Other requests that the engine refused, such as an eviction of what is pinned.
    pub refused: u64,
    /// What `--check` found: must be 0. `null` without it.
    pub violations: Option<u64>,
    /// Bytes of contents sent to the GPU.
    pub upload_bytes: u64,
    /// Ticks of the engine: more than frames where a frame brought more than the mailbox holds.
    pub ticks: u64,
    /// Errors that the device reported: must be 0.
    pub gpu_errors: u64,
}

impl ReplayReport {
    /// From what was counted. `elapsed_ns` is the time of the whole replay.
    #[expect(clippy::cast_precision_loss, reason = "a mean for a report")]
    pub fn new(
        device: String,
        tally: &Tally,
        heap: &Report,
        series: &Series,
        violations: Option<u64>,
        elapsed_ns: u128,
    ) -> Self {
        let (overhead_mean, overhead_p99) = series.overhead();
        Self {
            schema: SCHEMA,
            device,
            events: tally.events,
            frames: tally.frames,
            ops: tally.ops,
            ns_per_op: elapsed_ns as f64 / tally.ops.max(1) as f64,
            live_bytes_peak: series.live_bytes_peak,
            gpu_bytes_peak: series.gpu_bytes_peak,
            gpu_bytes_end: heap.held_bytes,
            live_bytes_end: heap.live_bytes,
            overhead_mean,
            overhead_p99,
            chunks_peak: series.chunks_peak,
            chunks_end: heap.chunks,
            moves: heap.moves,
            moved_bytes: heap.moved_bytes,
            chunks_returned: heap.chunks_returned,
            evictions: heap.evictions,
            stream_ins: heap.stream_ins,
            stream_in_bytes: heap.stream_in_bytes,
            uses: tally.uses,
            use_hits: tally.use_hits,
            hidden_uses: heap.hidden_uses,
            failed_adds: tally.failed_adds,
            refused: tally.refused,
            violations,
            upload_bytes: heap.upload_bytes,
            ticks: heap.tick,
            gpu_errors: heap.gpu_errors,
        }
    }

    /// Whether something is wrong with the engine.
    pub fn has_findings(&self) -> bool {
        self.hidden_uses > 0 || self.violations.unwrap_or_default() > 0 || self.gpu_errors > 0
    }
}

/// For people.
impl fmt::Display for ReplayReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| Mib(bytes);
        let (events, frames, ops) = (self.events, self.frames, self.ops);
        writeln!(
            f,
            "played    {events} events, {frames} frames, {ops} operations on {}",
            self.device
        )?;
        let with = if self.violations.is_some() {
            ", checks included"
        } else {
            ""
        };
        writeln!(
            f,
            "time      {:.0} ns for each operation{with}",
            self.ns_per_op
        )?;
        let (live, held) = (mib(self.live_bytes_peak), mib(self.gpu_bytes_peak));
        writeln!(
            f,
            "peak      {live} live, {held} held in {} chunks",
            self.chunks_peak
        )?;
        let (live, held) = (mib(self.live_bytes_end), mib(self.gpu_bytes_end));
        writeln!(
            f,
            "end       {live} live, {held} held in {} chunks",
            self.chunks_end
        )?;
        let (mean, p99) = (self.overhead_mean, self.overhead_p99);
        writeln!(
            f,
            "overhead  {mean:.3} GPU bytes for each live byte, p99 {p99:.3}"
        )?;
        let (moves, moved) = (self.moves, mib(self.moved_bytes));
        let returned = self.chunks_returned;
        writeln!(
            f,
            "compacted {moves} moves of {moved}, {returned} chunks given back"
        )?;
        let (evictions, back) = (self.evictions, self.stream_ins);
        let bytes = mib(self.stream_in_bytes);
        writeln!(
            f,
            "streamed  {evictions} evictions, {back} came back with {bytes}"
        )?;
        let (uses, hits, hidden) = (self.uses, self.use_hits, self.hidden_uses);
        writeln!(
            f,
            "lookups   {uses}, {hits} found the block resident, {hidden} hidden"
        )?;
        let (failed, errors) = (self.failed_adds, self.gpu_errors);
        let refused = self.refused;
        write!(
            f,
            "failed    {failed} adds, {refused} other requests, {errors} GPU errors"
        )?;
        match self.violations {
            Some(violations) => write!(f, ", {violations} violations"),
            None => write!(f, "; contents were not checked (--check)"),
        }
    }
}

/// Bytes in MiB, with two decimals.
struct Mib(u64);

impl fmt::Display for Mib {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (u128::from(self.0) * 100) >> 20;
        write!(f, "{}.{:02} MiB", hundredths / 100, hundredths % 100)
    }
}
