//! Geometry placed on the GPU: batches of all sizes, many bytes, and a heap that is nearly full.

use std::time::Instant;

use geoheap_gpu_bitset::{Handle, HeapError, Path, Request, Status};

use crate::gpu_bitset::bump::Bump;
use crate::gpu_bitset::copies::Copies;
use crate::gpu_bitset::first_fit::FirstFit;
use crate::gpu_bitset::ours::Ours;
use crate::gpu_bitset::read_back::ReadBack;
use crate::gpu_bitset::rig::Rig;
use crate::gpu_bitset::seed::{self, Seed};
use crate::gpu_bitset::{Contender, UNIT_BYTES};
use crate::measure::median;
use crate::random::Random;
use crate::table::{Row, Table};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Requests of the batches.
    pub batches: &'static [usize],
    /// Rounds of each; of what takes long, a few.
    pub rounds: usize,
    /// Bytes of the large copy.
    pub copy_bytes: u32,
    /// Batches at a high fill.
    pub fills: usize,
}

impl Extent {
    /// What figures are quoted from.
    pub const FULL: Self = Self {
        batches: &[1, 16, 64, 256, 2048, 16_384, 65_536],
        rounds: 31,
        copy_bytes: 64 << 20,
        fills: 500,
    };
    /// Whether all of it works.
    pub const QUICK: Self = Self {
        batches: &[1, 16],
        rounds: 1,
        copy_bytes: 1 << 20,
        fills: 3,
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
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
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
        let mut times = vec![Vec::new(); all.len()];
        let mut failed = vec![0; all.len()];
        for round in 0..=rounds {
            for (index, one) in all.iter_mut().enumerate() {
                let took = seconds(|| one.batch(&sizes));
                failed[index] += one.undo();
                // The first round is for the driver to get ready.
                if round > 0 {
                    times[index].push(took);
                }
            }
        }
        let rate = |times: &mut Vec<f64>| count as f64 / median(times);
        let workload = format!("batch-{count}");
        let ours = rate(&mut times[0]);
        for (index, one) in all.iter().enumerate().skip(1) {
            let theirs = rate(&mut times[index]);
            let row = Row::new(&workload, "requests_per_s", ours, one.name(), theirs);
            table.push(row);
            let (ours, theirs) = (failed[0] as f64, failed[index] as f64);
            table.push(Row::new(&workload, "failures", ours, one.name(), theirs));
        }
    }
    Ok(())
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

/// Units of the heap that is kept nearly full, and objects of a batch.
const FILL_UNITS: u32 = 256 << 10;
const FILL_BATCH: usize = 64;
/// Units of its objects: 1 to this.
const FILL_UNITS_MAX: usize = 16;

/// A heap kept at 97 % by batches of 64: as much is freed, at random, as comes. Counted are those
/// that find no room in the second half.
///
/// # Errors
/// When the device cannot have our heap.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub fn fills(table: &mut Table, rig: &Rig, extent: &Extent) -> Result<(), HeapError> {
    let source = rig.room(16 << 10);
    let slots = 1 << 16;
    let mut ours = Ours::new(rig, &source, FILL_UNITS, 16, slots, Path::Passes)?;
    let mut first_fit = FirstFit::new(FILL_UNITS);
    let mut random = Random::new(97);
    let mut objects: Vec<Object> = Vec::new();
    let mut free_slots: Vec<u32> = (0..slots).rev().collect();
    let full = FILL_UNITS / 100 * 97;
    let (mut used, mut failed) = (0, [0_u64; 2]);
    let warm_up = full / 8;
    let mut came = 0;
    let mut batch = 0;
    while batch < extent.fills {
        let size = |random: &mut Random| {
            1 + u32::try_from(random.index(FILL_UNITS_MAX)).expect("16 at most")
        };
        let count = if came < warm_up { 4096 } else { FILL_BATCH };
        let sizes: Vec<u32> = (0..count).map(|_| size(&mut random)).collect();
        came += u32::try_from(count).expect("a few");
        let mut gone = Vec::new();
        used += sizes.iter().sum::<u32>();
        while used > full {
            let object = objects.swap_remove(random.index(objects.len()));
            used -= object.units;
            if let Some(start) = object.first_fit {
                first_fit.free(start, object.units);
            }
            free_slots.push(object.handle.slot);
            if object.is_ours {
                gone.push(object.handle);
            }
        }
        let placed = place(&mut ours, &gone, &sizes, &mut free_slots);
        for (units, (handle, is_ours)) in sizes.into_iter().zip(placed) {
            let place = first_fit.take(units);
            if came >= warm_up && batch >= extent.fills / 2 {
                failed[0] += u64::from(!is_ours);
                failed[1] += u64::from(place.is_none());
            }
            objects.push(Object {
                handle,
                is_ours,
                first_fit: place,
                units,
            });
        }
        batch += usize::from(came >= warm_up);
    }
    let [ours, theirs] = failed.map(|count| count as f64);
    table.push(Row::new(
        "fill-97",
        "failures",
        ours,
        "readback-cpu",
        theirs,
    ));
    Ok(())
}

struct Object {
    handle: Handle,
    is_ours: bool,
    first_fit: Option<u32>,
    units: u32,
}

/// Our batch: the handle of each object, and whether it has its room.
fn place(
    ours: &mut Ours,
    gone: &[Handle],
    sizes: &[u32],
    free_slots: &mut Vec<u32>,
) -> Vec<(Handle, bool)> {
    let requests: Vec<Request> = sizes
        .iter()
        .map(|units| Request {
            slot: free_slots.pop().expect("more slots than objects"),
            bytes: [units * 16, 0, 0, 0],
            ..Request::default()
        })
        .collect();
    ours.run(gone, &requests);
    let outcomes = ours.outcomes(requests.len());
    let handle = |(request, outcome): (&Request, &geoheap_gpu_bitset::Outcome)| {
        let handle = Handle {
            slot: request.slot,
            generation: outcome.generation,
        };
        (handle, outcome.status() == Status::Ok)
    };
    requests.iter().zip(&outcomes).map(handle).collect()
}
