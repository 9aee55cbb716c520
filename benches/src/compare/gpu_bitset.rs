//! Geometry placed on the GPU: batches of all sizes, many bytes, and a heap that is nearly full.

mod fills;
mod survey;

use std::time::Instant;

use geoheap_gpu_bitset::{HeapError, Path};

use crate::gpu_bitset::bump::Bump;
use crate::gpu_bitset::copies::Copies;
use crate::gpu_bitset::ours::{Ours, Single};
use crate::gpu_bitset::read_back::ReadBack;
use crate::gpu_bitset::rig::Rig;
use crate::gpu_bitset::seed::{self, Seed};
use crate::gpu_bitset::{Contender, UNIT_BYTES};
use crate::measure::median;
use crate::random::Random;
use crate::table::{Row, Table};

pub use fills::fills;
pub use survey::survey;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Requests of the batches.
    pub batches: &'static [usize],
    /// Rounds of each; of what takes long, a few.
    pub rounds: usize,
    /// Bytes of the large copy.
    pub copy_bytes: u32,
    /// Units of the heaps that are kept at a fill.
    pub fill_units: u32,
    /// Batches at each fill.
    pub fills: usize,
    /// Requests of the batches at the highest fill, beside 64.
    pub fill_batches: &'static [usize],
    /// Requests of the survey's batches.
    pub survey_requests: usize,
}

impl Extent {
    /// What figures are quoted from.
    pub const FULL: Self = Self {
        batches: &[1, 16, 64, 256, 2048, 16_384, 65_536],
        rounds: 31,
        copy_bytes: 64 << 20,
        fill_units: 256 << 10,
        fills: 2_000,
        fill_batches: &[1, 16, 256, 2048],
        survey_requests: 10_000,
    };
    /// Whether all of it works.
    pub const QUICK: Self = Self {
        batches: &[1, 16],
        rounds: 1,
        copy_bytes: 1 << 20,
        fill_units: 16 << 10,
        fills: 3,
        fill_batches: &[1, 16],
        survey_requests: 200,
    };
}

/// Units of the objects of a batch: 1 to this.
const UNITS_MAX: u32 = 4;
/// Rounds with timestamps, which the clock's time is not taken of.
const GPU_ROUNDS: usize = 5;

fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// Batches in an empty heap, everyone in turn.
///
/// # Errors
/// When the device cannot have our heap.
pub fn batches(table: &mut Table, rig: &Rig, extent: &Extent) -> Result<(), HeapError> {
    for &count in extent.batches {
        let requests = u32::try_from(count).expect("65 536 at most");
        let units = (requests * UNITS_MAX).max(seed::UNITS);
        let source = rig.room(u64::from(units) * u64::from(UNIT_BYTES));
        let ours = Ours::new(rig, &source, units, UNIT_BYTES, requests, Path::Short)?;
        let mut all: Vec<Box<dyn Contender>> = vec![
            Box::new(ours),
            Box::new(ReadBack::new(rig, &source, units, count)),
            Box::new(Bump::new(rig, &source, units, count)),
        ];
        // More than it has room for is not asked of it.
        if units == seed::UNITS {
            all.push(Box::new(Seed::new(rig, &source, UNITS_MAX)));
            let ours = Ours::new(rig, &source, units, UNIT_BYTES, requests, Path::Short)?;
            all.push(Box::new(Single::new(ours, requests)));
        }
        let mut random = Random::new(count as u64);
        let sizes: Vec<u32> = (0..count)
            .map(|_| 1 + u32::try_from(random.index(UNITS_MAX as usize)).expect("a few"))
            .collect();
        let rounds = if count > 256 {
            extent.rounds.min(5)
        } else {
            extent.rounds
        };
        let workload = format!("batch-{count}");
        race(table, rig, &workload, &mut all, &sizes, rounds);
    }
    Ok(())
}

/// A batch in an empty heap, everyone in turn; the first of them are we.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn race(
    table: &mut Table,
    rig: &Rig,
    workload: &str,
    all: &mut [Box<dyn Contender>],
    sizes: &[u32],
    rounds: usize,
) {
    let mut times = vec![Vec::new(); all.len()];
    let mut gpu_times = times.clone();
    let mut failed = vec![0; all.len()];
    // The first round is for the driver to get ready.
    for round in 0..=rounds {
        for (index, one) in all.iter_mut().enumerate() {
            let took = seconds(|| one.batch(sizes));
            failed[index] += one.undo();
            if round > 0 {
                times[index].push(took);
            }
        }
    }
    for _ in 0..rounds.min(GPU_ROUNDS) {
        for (one, times) in all.iter_mut().zip(&mut gpu_times) {
            times.extend(rig.gpu_seconds(|| one.batch(sizes)));
            one.undo();
        }
    }
    let rates = times
        .iter_mut()
        .map(|times| sizes.len() as f64 / median(times));
    let gpu_us = gpu_times.iter_mut().map(|times| median(times) * 1e6);
    let dispatches = all.iter().map(|one| f64::from(one.dispatches()));
    let failed = failed.into_iter().map(|failed| failed as f64);
    for (metric, values) in [
        ("requests_per_s", rates.collect::<Vec<f64>>()),
        ("gpu_us", gpu_us.collect()),
        ("dispatches", dispatches.collect()),
        ("failures", failed.collect()),
    ] {
        for (one, &theirs) in all.iter().zip(&values).skip(1) {
            if metric == "gpu_us" && (values[0] == 0.0 || theirs == 0.0) {
                continue;
            }
            table.push(Row::new(workload, metric, values[0], one.name(), theirs));
        }
    }
}

/// One object of many bytes.
///
/// # Errors
/// When the device cannot have our heap.
pub fn copies(table: &mut Table, rig: &Rig, extent: &Extent) -> Result<(), HeapError> {
    let bytes = extent.copy_bytes;
    let source = rig.room(bytes.into());
    let mut heap = Ours::new(rig, &source, bytes / 4096, 4096, 1, Path::Short)?;
    let plain = Copies::new(rig, &source);
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..=extent.rounds {
        let took = [
            seconds(|| heap.batch(&[bytes / 4096])),
            seconds(|| plain.compute()),
            seconds(|| plain.buffer_to_buffer()),
        ];
        assert_eq!(heap.undo(), 0, "the heap has just that much room");
        if round > 0 {
            for (times, took) in times.iter_mut().zip(took) {
                times.push(took);
            }
        }
    }
    let [ours, compute, device] = times.map(|mut times| f64::from(bytes) / median(&mut times));
    for (peer, value) in [("plain-compute-copy", compute), ("copy-buffer", device)] {
        table.push(Row::new("copy-64MiB", "bytes_per_s", ours, peer, value));
    }
    let mut gpu_us = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..extent.rounds.min(GPU_ROUNDS) {
        gpu_us[0].extend(rig.gpu_seconds(|| heap.batch(&[bytes / 4096])));
        gpu_us[1].extend(rig.gpu_seconds(|| plain.compute()));
        gpu_us[2].extend(rig.gpu_seconds(|| plain.buffer_to_buffer()));
        heap.undo();
    }
    if gpu_us.iter().all(|times| !times.is_empty()) {
        let [ours, compute, device] = gpu_us.map(|mut times| median(&mut times) * 1e6);
        for (peer, value) in [("plain-compute-copy", compute), ("copy-buffer", device)] {
            table.push(Row::new("copy-64MiB", "gpu_us", ours, peer, value));
        }
    }
    Ok(())
}
