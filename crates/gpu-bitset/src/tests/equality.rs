//! Random batches: bitset, outcomes, slots and header are the model's, word for word.

use super::random::Random;
use super::rig::{Gpu, Pair, stream};
use crate::records::{Handle, Request, Status};
use crate::{GpuHeapDesc, Path, Scan};

/// Frees and requests by chance, some of them wrong.
pub(super) fn churn(pair: &mut Pair, random: &mut Random, requests_max: u32, units_max: u32) {
    let shape = *pair.heap.shape();
    let live: Vec<Handle> = (0_u32..)
        .zip(&pair.model.slots)
        .filter(|(_, slot)| slot.flags != 0)
        .map(|(slot, entry)| Handle {
            slot,
            generation: entry.generation,
        })
        .collect();
    let frees: Vec<Handle> = (0..random.below(requests_max + 1))
        .map(|_| {
            let mut handle = Handle {
                slot: random.below(shape.slots + 2),
                generation: 0,
            };
            if !live.is_empty() && random.below(8) != 0 {
                handle = live[random.below(live.len() as u32) as usize];
            }
            handle
        })
        .collect();
    let requests: Vec<Request> = (0..random.below(requests_max + 1))
        .map(|_| {
            let mut request = Request {
                slot: random.below(shape.slots + 1),
                priority: random.below(8) / 2,
                ..Request::default()
            };
            for stream in 0..shape.streams as usize {
                let units = random.below(units_max + 1);
                request.bytes[stream] = units * shape.unit_bytes[stream];
                if units > 0 {
                    request.bytes[stream] -= 4 * random.below(4);
                }
            }
            if random.below(10) == 0 {
                // Past every source's end, or between two vectors.
                request.source_offsets[0] = [u32::MAX - 15, 8][random.below(2) as usize];
            }
            request
        })
        .collect();
    pair.batch(&frees, &requests);
}

#[test]
fn one_request_has_the_first_units() {
    let streams = [stream(16)];
    let mut pair = Pair::new(&GpuHeapDesc {
        units: 100,
        streams: &streams,
        slots: 4,
        ..GpuHeapDesc::default()
    });
    let request = Request {
        slot: 2,
        bytes: [160, 0, 0, 0],
        ..Request::default()
    };
    let result = pair.batch(&[], &[request]);
    assert_eq!(result.outcomes[0].status(), Status::Ok);
    assert_eq!(result.outcomes[0].offset_units, 0);
    assert_eq!(result.header.used_units, 10);
}

/// Batches of each of the two suites that take long: many of small heaps, some of the largest.
/// `GEOHEAP_GPU_BATCHES` sets the number of the first, and a five hundredth is that of the second.
fn batches_wanted() -> u32 {
    let set = std::env::var("GEOHEAP_GPU_BATCHES").ok();
    set.and_then(|count| count.parse().ok()).unwrap_or(1000)
}

#[test]
fn small_heaps_are_as_the_model_says() {
    let streams = [stream(16), stream(32), stream(16)];
    let gpu = Gpu::new();
    for seed in 0..batches_wanted().div_ceil(100) {
        let mut random = Random(seed.into());
        let separate = seed % 4 == 3;
        let streams = match (separate, seed % 2) {
            (true, _) => &[streams[0], streams[2]],
            (false, 0) => &streams[..1],
            (false, _) => &streams[..2],
        };
        let desc = GpuHeapDesc {
            units: 1 + random.below(1200),
            streams,
            separate,
            slots: 64,
            requests_max: 48,
            frees_max: 48,
            workgroup: [64, 128, 256][seed as usize % 3],
            ..GpuHeapDesc::default()
        };
        let mut pair = Pair::on(gpu.clone(), &desc);
        for _ in 0..100 {
            churn(&mut pair, &mut random, 40, 30);
        }
    }
}

/// Whatever a dispatch leaves to the next, and as many of them as there may have to be.
#[test]
fn steps_in_many_dispatches_come_to_the_same() {
    let streams = [stream(16)];
    for (sweep_steps, workgroup) in [(2, 64), (3, 128), (5, 256)] {
        let mut random = Random(sweep_steps.into());
        let mut pair = Pair::new(&GpuHeapDesc {
            units: 6000,
            streams: &streams,
            slots: 700,
            requests_max: 200,
            frees_max: 400,
            workgroup,
            sweep_steps: Some(sweep_steps),
            ..GpuHeapDesc::default()
        });
        // Many runs of one length, and many lengths.
        for units_max in [2, 40, 400, 1, 12].into_iter().cycle().take(30) {
            churn(&mut pair, &mut random, 200, units_max);
        }
    }
}

#[test]
fn the_largest_heap_is_as_the_model_says() {
    let streams = [stream(16)];
    let mut random = Random(1);
    let mut pair = Pair::new(&GpuHeapDesc {
        units: 1 << 22,
        streams: &streams,
        slots: 1 << 16,
        requests_max: 1 << 16,
        frees_max: 1 << 16,
        ..GpuHeapDesc::default()
    });
    // From what fills it in some batches to what takes many, so that all sizes of batches come.
    let sizes = [(1 << 16, 128), (2048, 4000), (300, 60_000), (9000, 600)];
    for batch in 0..batches_wanted().div_ceil(500) {
        let (requests_max, units_max) = sizes[batch as usize % sizes.len()];
        churn(&mut pair, &mut random, requests_max, units_max);
    }
}

/// The same requests one by one, each in one dispatch, between batches that free.
#[test]
fn single_requests_are_as_the_model_says() {
    let streams = [stream(16), stream(48)];
    for (units, workgroup) in [(31, 64), (500, 64), (9000, 128), (40_000, 256)] {
        let mut random = Random(units.into());
        let mut pair = Pair::new(&GpuHeapDesc {
            units,
            streams: &streams,
            slots: 64,
            workgroup,
            ..GpuHeapDesc::default()
        });
        for round in 0..80 {
            pair.path = [Path::Short, Path::Passes][usize::from(round % 8 == 7)];
            if round % 20 == 19 {
                churn(&mut pair, &mut random, 40, units / 8);
                continue;
            }
            let units = random.below(units / 8 + 2);
            let request = Request {
                slot: random.below(66),
                bytes: [units * 16, random.below(units + 1) * 48, 0, 0],
                ..Request::default()
            };
            pair.batch(&[], &[request]);
        }
    }
}

#[test]
fn subgroups_give_the_same() {
    let streams = [stream(16)];
    for workgroup in [64, 128, 256] {
        let mut random = Random(workgroup.into());
        let gpu = Gpu::with(wgpu::Limits::default(), wgpu::Features::SUBGROUP);
        let desc = GpuHeapDesc {
            units: 30_000,
            streams: &streams,
            slots: 4096,
            requests_max: 4096,
            frees_max: 4096,
            workgroup,
            scan: Scan::Subgroups,
            ..GpuHeapDesc::default()
        };
        let mut pair = Pair::on(gpu, &desc);
        for _ in 0..6 {
            churn(&mut pair, &mut random, 4096, 12);
        }
    }
}
