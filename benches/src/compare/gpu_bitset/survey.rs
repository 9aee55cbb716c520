//! The tests of a survey of allocators on GPUs, in units of ours: Winter et al., "Are dynamic
//! memory managers on GPUs slow?" (`PPoPP` 2021). Its scaling is what the batches of all sizes
//! show, its churn what the fills show.

use geoheap_gpu_bitset::{HeapError, Path};

use super::{Extent, race};
use crate::gpu_bitset::both::{Both, Object};
use crate::gpu_bitset::bump::Bump;
use crate::gpu_bitset::ours::Ours;
use crate::gpu_bitset::read_back::ReadBack;
use crate::gpu_bitset::rig::Rig;
use crate::gpu_bitset::{Contender, UNIT_BYTES};
use crate::random::Random;
use crate::table::{Row, Table};

/// Units of the largest object: 8 KiB.
const UNITS_MAX: u32 = 32;
/// Rounds of what is repeated with the same heap.
const ROUNDS: usize = 20;

/// All of them.
///
/// # Errors
/// When the device cannot have our heap.
pub fn survey(table: &mut Table, rig: &Rig, extent: &Extent) -> Result<(), HeapError> {
    let count = extent.survey_requests;
    for units in [1, 4, UNITS_MAX] {
        let bytes = units * UNIT_BYTES;
        throughput(
            table,
            rig,
            &format!("survey-single-{bytes}"),
            &vec![units; count],
        )?;
    }
    let mut random = Random::new(8192);
    let mut sizes = |count: usize| -> Vec<u32> {
        let mut draw = |_| 1 + u32::try_from(random.below(UNITS_MAX.into())).expect("a few");
        (0..count).map(&mut draw).collect()
    };
    throughput(table, rig, "survey-mixed-8192", &sizes(count))?;
    fragmentation(table, rig, count / ROUNDS, &mut sizes)?;
    until_full(table, rig, count / ROUNDS, &mut sizes)?;
    graph(table, rig, count)
}

/// All of a batch in an empty heap, in turn with the others.
fn throughput(
    table: &mut Table,
    rig: &Rig,
    workload: &str,
    sizes: &[u32],
) -> Result<(), HeapError> {
    let units = sizes.iter().sum();
    let source = rig.room(u64::from(units) * u64::from(UNIT_BYTES));
    let requests = u32::try_from(sizes.len()).expect("65 536 at most");
    let ours = Ours::new(rig, &source, units, UNIT_BYTES, requests, Path::Passes)?;
    let mut all: Vec<Box<dyn Contender>> = vec![
        Box::new(ours),
        Box::new(ReadBack::new(rig, &source, units, sizes.len())),
        Box::new(Bump::new(rig, &source, units, sizes.len())),
    ];
    race(table, rig, workload, &mut all, sizes, 5);
    Ok(())
}

/// Half of all objects, at random, are replaced by others again and again: how high the heap
/// reaches, by what lies in it.
fn fragmentation(
    table: &mut Table,
    rig: &Rig,
    count: usize,
    sizes: &mut impl FnMut(usize) -> Vec<u32>,
) -> Result<(), HeapError> {
    let objects = u32::try_from(2 * count).expect("65 536 at most");
    let mut both = Both::new(rig, objects * UNITS_MAX, objects)?;
    both.batch(&[], &sizes(count));
    let mut random = Random::new(2021);
    for _ in 0..ROUNDS {
        let gone: Vec<Object> = (0..count / 2)
            .map(|_| both.objects.swap_remove(random.index(both.objects.len())))
            .collect();
        both.batch(&gone, &sizes(count / 2));
    }
    let used = f64::from(both.used_units);
    let [ours, theirs] = both.top_units().map(|top| f64::from(top) / used);
    let row = Row::new(
        "survey-fragmentation",
        "top_per_used",
        ours,
        "readback-cpu",
        theirs,
    );
    table.push(row);
    Ok(())
}

/// Batches without a free until something finds no room: how full the heap is by then.
fn until_full(
    table: &mut Table,
    rig: &Rig,
    count: usize,
    sizes: &mut impl FnMut(usize) -> Vec<u32>,
) -> Result<(), HeapError> {
    let units = u32::try_from(10 * count).expect("650 000 at most") * UNITS_MAX;
    let mut both = Both::new(rig, units, u32::try_from(32 * count).unwrap_or(1 << 16))?;
    let mut full = [None; 2];
    let mut placed = [0_u32; 2];
    while full.contains(&None) {
        let failed = both.failed;
        both.batch(&[], &sizes(count));
        let newest = &both.objects[both.objects.len() - count..];
        let fits = [Object::is_ours, Object::is_first_fit];
        for who in 0..2 {
            let of_batch = newest.iter().filter(|object| fits[who](object));
            placed[who] += of_batch.map(|object| object.units).sum::<u32>();
            if both.failed[who] > failed[who] {
                full[who].get_or_insert(f64::from(placed[who]) / f64::from(units));
            }
        }
    }
    let [ours, theirs] = full.map(Option::unwrap_or_default);
    table.push(Row::new(
        "survey-full",
        "used_share",
        ours,
        "readback-cpu",
        theirs,
    ));
    Ok(())
}

/// A graph's lists of neighbours grow: each that is full is replaced by one of twice its length.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn graph(table: &mut Table, rig: &Rig, count: usize) -> Result<(), HeapError> {
    let objects = u32::try_from(count).expect("65 536 at most");
    let mut both = Both::new(rig, objects * 4, 2 * objects)?;
    both.batch(&[], &vec![1; count]);
    let mut random = Random::new(10_000);
    for _ in 0..ROUNDS {
        let (mut gone, mut sizes) = (Vec::new(), Vec::new());
        for _ in 0..count / ROUNDS {
            let object = both.objects.swap_remove(random.index(both.objects.len()));
            sizes.push((2 * object.units).min(UNITS_MAX));
            gone.push(object);
        }
        both.batch(&gone, &sizes);
    }
    let ([ours, theirs], runs) = (both.failed.map(|count| count as f64), both.free_runs());
    let [our_runs, their_runs] = runs.map(f64::from);
    let workload = "survey-graph";
    table.push(Row::new(workload, "failures", ours, "readback-cpu", theirs));
    table.push(Row::new(
        workload,
        "free_runs",
        our_runs,
        "readback-cpu",
        their_runs,
    ));
    Ok(())
}
