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
use crate::random::Random;
use crate::table::{Row, Table};
use crate::turns::Turns;

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
    /// Units of the heaps that are kept at a fill, or more where batches need it.
    pub fill_units: u32,
    /// Batches at each fill.
    pub fills: usize,
    /// Requests of the batches at each fill, beside 64.
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
        fill_batches: &[1, 16, 256, 2048, 16_384, 65_536],
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
/// Rounds of the copies for one of the others: they are short, and on a shared machine the rates of
/// memory come and go for seconds.
const COPY_ROUNDS: usize = 10;
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
    let peers: Vec<&'static str> = all.iter().skip(1).map(|one| one.name()).collect();
    let mut failed = vec![0; all.len()];
    let mut play = |who: usize, _| {
        let one = &mut all[who];
        let took = seconds(|| one.batch(sizes));
        failed[who] += one.undo();
        sizes.len() as f64 / took
    };
    warm_up(peers.len() + 1, &mut play);
    let rates = Turns::take(rounds, peers.len() + 1, play);
    rates.rows(table, workload, "requests_per_s", &peers);
    gpu_rows(table, workload, &peers, rounds, |who| {
        let one = &mut all[who];
        let took = rig.gpu_seconds(|| one.batch(sizes));
        one.undo();
        took
    });
    let dispatches = all.iter().map(|one| f64::from(one.dispatches()));
    let failed = failed.into_iter().map(|failed| failed as f64);
    for (metric, values) in [
        ("dispatches", dispatches.collect::<Vec<f64>>()),
        ("failures", failed.collect()),
    ] {
        for (peer, &theirs) in peers.iter().zip(&values[1..]) {
            table.push(Row::new(workload, metric, values[0], peer, theirs));
        }
    }
}

/// A turn for each that does not count: it is for the driver to get ready.
fn warm_up(count: usize, play: impl FnMut(usize, usize) -> f64) {
    Turns::take(1, count, play);
}

/// Microseconds by timestamps, of those that have them.
fn gpu_rows(
    table: &mut Table,
    workload: &str,
    peers: &[&'static str],
    rounds: usize,
    mut play: impl FnMut(usize) -> Option<f64>,
) {
    let turns = Turns::take(rounds.min(GPU_ROUNDS), peers.len() + 1, |who, _| {
        play(who).map_or(f64::NAN, |seconds| seconds * 1e6)
    });
    for (who, peer) in (1..).zip(peers) {
        let row = turns.row(workload, "gpu_us", who, peer);
        // Whoever works on the CPU alone takes none of the GPU's time.
        if row.ratio.is_some_and(|ratio| ratio > 0.0) {
            table.push(row);
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
    let peers = ["plain-compute-copy", "copy-buffer"];
    let copy = |heap: &mut Ours, who| match who {
        0 => heap.batch(&[bytes / 4096]),
        1 => plain.compute(),
        _ => plain.buffer_to_buffer(),
    };
    let make_room = |heap: &mut Ours, who| {
        if who == 0 {
            assert_eq!(heap.undo(), 0, "the heap has just that much room");
        }
    };
    let mut play = |who, _| {
        let took = seconds(|| copy(&mut heap, who));
        make_room(&mut heap, who);
        f64::from(bytes) / took
    };
    warm_up(3, &mut play);
    let rates = Turns::take(extent.rounds * COPY_ROUNDS, 3, play);
    rates.rows(table, "copy-64MiB", "bytes_per_s", &peers);
    gpu_rows(table, "copy-64MiB", &peers, extent.rounds, |who| {
        let took = rig.gpu_seconds(|| copy(&mut heap, who));
        make_room(&mut heap, who);
        took
    });
    Ok(())
}
