//! Geometry placed on the GPU: batches of all sizes, many bytes, and a heap that is nearly full.

mod fills;
mod survey;

use std::time::Instant;

use geoheap_gpu_bitset::{HeapError, Path};

use crate::gpu_bitset::bump::Bump;
use crate::gpu_bitset::copies::Copies;
use crate::gpu_bitset::ours::Ours;
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
    /// Batches at each fill.
    pub fills: usize,
    /// Requests of the survey's batches.
    pub survey_requests: usize,
}

impl Extent {
    /// What figures are quoted from.
    pub const FULL: Self = Self {
        batches: &[1, 16, 64, 256, 2048, 16_384, 65_536],
        rounds: 31,
        copy_bytes: 64 << 20,
        fills: 2_000,
        survey_requests: 10_000,
    };
    /// Whether all of it works.
    pub const QUICK: Self = Self {
        batches: &[1, 16],
        rounds: 1,
        copy_bytes: 1 << 20,
        fills: 3,
        survey_requests: 200,
    };
}

/// Units of the objects of a batch: 1 to this.
const UNITS_MAX: u32 = 4;

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
        race(table, &format!("batch-{count}"), &mut all, &sizes, rounds);
    }
    Ok(())
}

/// A batch in an empty heap, everyone in turn; the first of them are we.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn race(
    table: &mut Table,
    workload: &str,
    all: &mut [Box<dyn Contender>],
    sizes: &[u32],
    rounds: usize,
) {
    let mut times = vec![Vec::new(); all.len()];
    let mut failed = vec![0; all.len()];
    for round in 0..=rounds {
        for (index, one) in all.iter_mut().enumerate() {
            let took = seconds(|| one.batch(sizes));
            failed[index] += one.undo();
            // The first round is for the driver to get ready.
            if round > 0 {
                times[index].push(took);
            }
        }
    }
    let rate = |times: &mut Vec<f64>| sizes.len() as f64 / median(times);
    let ours = rate(&mut times[0]);
    for (index, one) in all.iter().enumerate().skip(1) {
        let theirs = rate(&mut times[index]);
        let row = Row::new(workload, "requests_per_s", ours, one.name(), theirs);
        table.push(row);
        let (ours, theirs) = (failed[0] as f64, failed[index] as f64);
        table.push(Row::new(workload, "failures", ours, one.name(), theirs));
    }
}

/// One object of many bytes.
///
/// # Errors
/// When the device cannot have our heap.
pub fn copies(table: &mut Table, rig: &Rig, extent: &Extent) -> Result<(), HeapError> {
    let bytes = extent.copy_bytes;
    let source = rig.room(bytes.into());
    let mut ours = Ours::new(rig, &source, bytes / 4096, 4096, 1, Path::Short)?;
    let plain = Copies::new(rig, &source);
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..=extent.rounds {
        let took = [
            seconds(|| ours.batch(&[bytes / 4096])),
            seconds(|| plain.compute()),
            seconds(|| plain.buffer_to_buffer()),
        ];
        assert_eq!(ours.undo(), 0, "the heap has just that much room");
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
    Ok(())
}
