//! Random batches: bitset, outcomes, slots and header are the model's, word for word.

use super::random::Random;
use super::rig::{Gpu, Pair, stream};
use crate::records::{Handle, Request, Status};
use crate::{GpuHeapDesc, Path, Scan};

fn churn(pair: &mut Pair, random: &mut Random, requests_max: u32, units_max: u32) {
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

#[test]
fn small_heaps_are_as_the_model_says() {
    let streams = [stream(16), stream(32)];
    for seed in 0..6 {
        let mut random = Random(seed);
        let mut pair = Pair::new(&GpuHeapDesc {
            units: 200 + random.below(800),
            streams: &streams[..1 + seed as usize % 2],
            separate: false,
            slots: 64,
            requests_max: 48,
            frees_max: 48,
            workgroup: [64, 128, 256][seed as usize % 3],
            ..GpuHeapDesc::default()
        });
        for _ in 0..50 {
            churn(&mut pair, &mut random, 40, 30);
        }
    }
}

#[test]
fn separate_streams_are_as_the_model_says() {
    let streams = [stream(16), stream(16), stream(16)];
    for seed in 0..3 {
        let mut random = Random(seed);
        let mut pair = Pair::new(&GpuHeapDesc {
            units: 200 + random.below(800),
            streams: &streams,
            separate: true,
            slots: 64,
            requests_max: 48,
            frees_max: 48,
            workgroup: 64,
            ..GpuHeapDesc::default()
        });
        for _ in 0..50 {
            churn(&mut pair, &mut random, 30, 20);
        }
    }
}

#[test]
fn many_requests_are_as_the_model_says() {
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
    for _ in 0..4 {
        churn(&mut pair, &mut random, 1 << 16, 128);
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
