//! Comparisons as rows: printed as a table, and kept as JSON.
//!
//! The file is an object with two keys: `schema`, which is `"geoheap-compare/1"`, and `rows`, a
//! list of objects with these:
//!
//! | key | what |
//! |---|---|
//! | `workload` | which one, as in [`workload`](crate::workload) and [`frames`](crate::frames) |
//! | `metric` | what was measured |
//! | `ours`, `peer_value` | the two values; null where that side cannot take part |
//! | `peer` | whose value is compared with ours |
//! | `ratio` | ours divided by the peer's; null where that is not a number |
//! | `harness_ns` | with `ns_per_op`: what the harness takes, already taken off both |
//!
//! Allocators (`cargo xtask compare suballoc`):
//!
//! | metric | what | better |
//! |---|---|---|
//! | `ns_per_op` | nanoseconds for an allocation or a free | lower |
//! | `instructions_per_op` | instructions for an allocation or a free | lower |
//! | `cost_growth` | `ns_per_op` with 4 Mi live ranges, by that with 64 Ki | lower |
//! | `first_failure_fill` | share of the space that is live at the first failure | higher |
//! | `failed_share` | share of the allocations that failed | lower |
//! | `metadata_bytes` | most bytes that the books took | lower |
//! | `capacity_needed` | bytes of the smallest space in which nothing fails | lower |
//! | `held_per_live` | mean of the bytes held for each live byte | lower |
//! | `copied_per_added` | bytes that growth copied, for each byte added | lower |
//! | `buffers_made` | GPU buffers made | lower |
//! | `returned_share` | share of the most bytes held that came back after a shrink | higher |
//!
//! Frames (`cargo xtask compare frames`). Where both sides have turns in the same rounds, `ours` is
//! the median of ours, `ratio` the median of the rounds' ratios, and `peer_value` ours by that
//! ratio, so that a disturbed round counts for neither:
//!
//! | metric | what | better |
//! |---|---|---|
//! | `ns` | nanoseconds for a lookup, the frame's beginning and end included | lower |
//! | `ns_per_change` | nanoseconds for a change, all of its version's work included | lower |
//! | `p50_ns`, `p99_ns` | nanoseconds to begin a frame: median of the turns' percentiles | lower |
//! | `p999_ns`, `max_ns` | the same of all turns' frames together | lower |
//! | `frame_p99_ns` | nanoseconds for a whole frame of 1000 lookups, as `p99_ns` | lower |
//! | `publishes_per_s` | versions of the storm's writer in a second; 500 keep its pace | higher |
//! | `ns_per_draw` | ns to record a draw, to finished commands; ours keeps its list | lower |
//! | `ns_per_draw_anew` | ours with a list made anew, against the peer's `ns_per_draw` | lower |
//! | `ns_per_draw_multi` | ours by multi-draw, against the peer's `ns_per_draw` | lower |
//! | `speedup` | time of one recording thread by that of two | higher |
//! | `over_ideal` | time of two threads with an uneven load, by that of its ideal split | lower |
//! | `upload_bytes_per_frame` | mean of the bytes sent to the GPU in a frame | lower |
//! | `held_per_live_byte` | mean of the bytes of GPU memory held by those of the meshes | lower |
//!
//! Streaming under a budget (`cargo xtask compare residency`). Workloads are `NAME@SHARE`, the
//! budget as a share of the most bytes that exist at a time; `best-of-five` is the peer that
//! streamed the least but for the optimum, `belady`:
//!
//! | metric | what | better |
//! |---|---|---|
//! | `bytes_streamed` | bytes that frames drew and that were not there | lower |
//! | `hit_rate` | share of the draws whose entry was there | higher |
//! | `engine_bytes_streamed` | bytes that the engine uploaded, drawn or not; no bar | lower |
//! | `engine_hit_rate` | share of the engine's draws whose block was there; no bar | higher |
//!
//! Defragmentation (`cargo xtask compare defrag`), on `geoheap-chunk-heap` and `geoheap-defrag`
//! under the engine's default caps. `no-defrag` is the same heap left alone; `lower-bound` what
//! emptying the emptiest chunks would take, counted from the heap and not by the planner. Where
//! blocks come in meanwhile, a chunk counts if it can be emptied: if the rooms of the others can
//! have as many ranges of each length or above as it has, each length for itself:
//!
//! | metric | what | better |
//! |---|---|---|
//! | `overhead_mean` | bytes held for each live byte, on average; of traces with spares | lower |
//! | `overhead_with_spare` | the same with spare chunks | lower |
//! | `bytes_per_chunk_returned` | bytes moved, in vain or not, for a chunk that came back | lower |
//! | `bytes_per_chunk_returned_strict` | the same; the bound counts all chunks, no bar | lower |
//! | `moves` | ranges moved | lower |
//! | `chunks_returned` | chunks that moves emptied and that came back | higher |
//! | `plan_us`, `plan_us_max` | microseconds of a plan, median and longest (best of 3) | lower |
//! | `frames_hidden` | frames that did not find a block's contents where it was | lower |
//!
//! The engine under load, on the virtual GPU (`cargo xtask compare engine`). Each heap is compared
//! with the smallest:
//!
//! | metric | what | better |
//! |---|---|---|
//! | `ops_per_s` | additions, updates and removals of a block, up to the version | higher |
//! | `ns_per_op` | the same, nanoseconds for one | lower |
//! | `book_bytes_per_block` | bytes of books for a live block, beyond the replicas | lower |
//! | `bytes_per_s` | bytes of contents sent to the GPU in a second | higher |
//!
//! Geometry placed on the GPU (`cargo xtask compare gpu-bitset`). The peers are those of
//! [`gpu_bitset`](crate::gpu_bitset), and for `copy-64MiB`, one object of as many bytes,
//! `plain-compute-copy`, an invocation for each 16 bytes, and `copy-buffer`, wgpu's own. Rates and
//! `gpu_us` of these and of the batches in empty heaps are medians over rounds, as those of frames:
//!
//! | workload | what |
//! |---|---|
//! | `batch-M` | M objects of 1 to 4 units in an empty heap |
//! | `fill-P` | a heap kept P % full by batches of 64 objects of 1 to 16 units |
//! | `fill-P-20-120`, `fill-P-log-512` | of 20 to 120; of 1 to 512, logarithms spread evenly |
//! | `fill-P-S-batch-M` | each of them in batches of M, where a heap can have so many units |
//! | `survey-single-B`, `survey-mixed-B` | objects of B bytes, or of up to B, in an empty heap |
//! | `survey-fragmentation` | half of all objects are replaced, again and again |
//! | `survey-full` | batches without a free until something finds no room |
//! | `survey-graph` | lists that are replaced by ones twice as long when they are full |
//!
//! | metric | what | better |
//! |---|---|---|
//! | `requests_per_s` | requests of a batch placed and copied in a second, by the clock | higher |
//! | `bytes_per_s` | bytes of one object copied in a second, its placement included | higher |
//! | `gpu_us` | microseconds of all submissions of that, by timestamps, where offered | lower |
//! | `dispatches` | dispatches of the batch | lower |
//! | `batch_us` | microseconds of a batch; `first-fit` has no read-back and no copy | lower |
//! | `failures` | requests that found no room | lower |
//! | `free_runs` | maximal runs of free units at the end | lower |
//! | `top_per_used` | highest unit in use, by units in use, at the end | lower |
//! | `used_share` | share of the heap in use at the first failure | higher |

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

/// The form of the file.
pub const SCHEMA: &str = "geoheap-compare/1";

/// One value of ours against a peer's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The workload's name.
    pub workload: String,
    /// What was measured.
    pub metric: &'static str,
    /// Our value.
    pub ours: f64,
    /// The peer's name.
    pub peer: &'static str,
    /// The peer's value.
    pub peer_value: f64,
    /// Ours by the peer's.
    pub ratio: Option<f64>,
    /// The harness's share, already taken off both values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub harness_ns: Option<f64>,
}

/// All rows of a comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    schema: &'static str,
    rows: Vec<Row>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            rows: Vec::new(),
        }
    }
}

impl Row {
    /// A row without a harness.
    pub fn new(
        workload: &str,
        metric: &'static str,
        ours: f64,
        peer: &'static str,
        peer_value: f64,
    ) -> Self {
        let ratio = ours / peer_value;
        Self {
            workload: workload.to_owned(),
            metric,
            ours,
            peer,
            peer_value,
            ratio: ratio.is_finite().then_some(ratio),
            harness_ns: None,
        }
    }

    /// A row of medians over rounds in which both had a turn. A disturbed round must not count, so
    /// the median of the rounds' ratios is what is kept, and the peer's value is ours by it.
    pub fn of_rounds(
        workload: &str,
        metric: &'static str,
        ours: f64,
        peer: &'static str,
        ratio: f64,
    ) -> Self {
        Self::new(workload, metric, ours, peer, ours / ratio)
    }
}

impl Table {
    /// The rows so far.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Adds a row, and prints it.
    pub fn push(&mut self, row: Row) {
        if self.rows.is_empty() {
            println!(
                "{:<27} {:<22} {:>14} {:>14}  {:<22} {:>7}",
                "workload", "metric", "ours", "peer's", "peer", "ratio"
            );
        }
        let ratio = row.ratio.map_or_else(
            || "-".to_owned(),
            // A thousandth has digits too.
            |ratio| format!("{ratio:.*}", if ratio < 0.01 { 5 } else { 3 }),
        );
        let harness = row.harness_ns;
        let harness = harness.map_or_else(String::new, |ns| format!("  (harness {ns:.1} ns)"));
        println!(
            "{:<27} {:<22} {:>14} {:>14}  {:<22} {ratio:>7}{harness}",
            row.workload,
            row.metric,
            shown(row.ours),
            shown(row.peer_value),
            row.peer,
        );
        self.rows.push(row);
    }

    /// Writes the file, with the folders it lies in.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        text.push('\n');
        fs::write(path, text)
    }
}

/// Four digits that mean something, or a dash for who cannot take part.
fn shown(value: f64) -> String {
    if value.is_nan() {
        return "-".to_owned();
    }
    if value >= 1_000.0 || value == 0.0 {
        return format!("{value:.0}");
    }
    if value >= 10.0 {
        return format!("{value:.1}");
    }
    format!("{value:.4}")
}
