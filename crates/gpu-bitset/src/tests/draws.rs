//! Flips, and the draw records of what is visible.

use wgpu::BufferUsages;
use wgpu::util::{BufferInitDescriptor, DeviceExt};

use super::random::Random;
use super::rig::{Gpu, Pair, stream};
use crate::records::{Flip, Handle, Request, Slot};
use crate::{Batch, DrawDesc, Draws, DrawsError, FlipIf, GpuHeap, GpuHeapDesc, List, Scan};

const DESC: GpuHeapDesc<'static> = GpuHeapDesc {
    label: "drawn",
    units: 500,
    // 16 vertices of 32 bytes, and 64 indices of four.
    streams: &[stream(512), stream(256)],
    separate: false,
    slots: 300,
    requests_max: 64,
    frees_max: 64,
    workgroup: 64,
    scan: Scan::Steps,
    copy_width: None,
    sweep_steps: None,
};

const HOW: DrawDesc = DrawDesc {
    vertex_stream: 0,
    vertex_bytes: 32,
    index_stream: 1,
    index_format: wgpu::IndexFormat::Uint32,
};

/// The records that the model's table should give.
fn expected(slots: &[Slot], seen: Option<&[u32]>) -> (Vec<[u32; 5]>, Vec<u32>) {
    let both = Slot::LIVE | Slot::VISIBLE;
    let is_drawn = |index: usize, slot: &Slot| {
        let is_seen = seen.is_none_or(|seen| seen[index] != 0);
        slot.flags == both && slot.bytes[1] > 0 && is_seen
    };
    let drawn = slots.iter().enumerate();
    let drawn = drawn.filter(|(index, slot)| is_drawn(*index, slot));
    drawn
        .map(|(index, slot)| {
            let unit = slot.offset_units[1];
            (
                [slot.bytes[1] / 4, 1, unit * 64, unit * 16, 0],
                index as u32,
            )
        })
        .unzip()
}

fn check(pair: &Pair, draws: &Draws, seen: Option<&[u32]>) {
    let gpu = &pair.gpu;
    let buffer = seen.map(|seen| {
        gpu.device.create_buffer_init(&BufferInitDescriptor {
            label: Some("seen"),
            contents: bytemuck::cast_slice(seen),
            usage: BufferUsages::STORAGE,
        })
    });
    let mut encoder = gpu
        .device
        .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    draws.record(&gpu.device, &mut encoder, &pair.heap, buffer.as_ref());
    gpu.queue.submit([encoder.finish()]);
    let (records, slots) = expected(&pair.model.slots, seen);
    assert_eq!(gpu.read::<u32>(draws.counts(), 1), [records.len() as u32]);
    let found: Vec<[u32; 5]> = gpu.read(draws.records(), pair.model.slots.len());
    assert_eq!(found[..records.len()], records);
    assert!(
        found[records.len()..].iter().all(|record| record[1] == 0),
        "no more is drawn"
    );
    assert_eq!(gpu.read::<u32>(draws.drawn_slots(), slots.len()), slots);
}

fn flip(pair: &mut Pair, requests: &[Request], flips: &[Flip], flip_if: FlipIf) {
    let batch = Batch {
        requests: List::Known(requests),
        flips: List::Known(flips),
        flip_if,
        ..Batch::default()
    };
    pair.gpu.run(&mut pair.heap, &batch);
    let result = pair.model.batch(&[], requests, [u32::MAX; 4]);
    let is_whole = result.header.no_space + result.header.invalid == 0;
    if is_whole || flip_if == FlipIf::Always {
        pair.model.flip(flips);
    }
    pair.compare(&result);
}

fn ask(slot: u32, random: &mut Random) -> Request {
    Request {
        slot,
        flags: random.below(2),
        bytes: [random.below(1000) * 4, random.below(400) * 4, 0, 0],
        ..Request::default()
    }
}

#[test]
pub(super) fn records_are_those_of_what_is_visible() {
    let mut random = Random(1);
    let mut pair = Pair::new(&DESC);
    let draws = Draws::new(&pair.gpu.device, &pair.heap, &HOW).expect("units of whole vertices");
    for _ in 0..10 {
        let requests: Vec<Request> = (0..60)
            .map(|_| ask(random.below(300), &mut random))
            .collect();
        let flips: Vec<Flip> = (0..40)
            .map(|_| Flip {
                handle: Handle {
                    slot: random.below(310),
                    generation: random.below(8) / 7,
                },
                visible: random.below(2),
                reserved: 0,
            })
            .collect();
        flip(&mut pair, &requests, &flips, FlipIf::Always);
        check(&pair, &draws, None);
        let seen: Vec<u32> = (0..300).map(|_| random.below(2)).collect();
        check(&pair, &draws, Some(&seen));
    }
}

/// What replaces something is shown, and that hidden, if all of it is there; else nothing is.
#[test]
fn what_replaces_is_shown_as_a_whole() {
    let mut pair = Pair::new(&DESC);
    let request = |slot, units: u32, flags| Request {
        slot,
        flags,
        bytes: [units * 512, 256, 0, 0],
        ..Request::default()
    };
    flip(&mut pair, &[request(0, 200, 1)], &[], FlipIf::AllPlaced);
    let shown = |slot, visible| Flip {
        handle: Handle {
            slot,
            generation: 0,
        },
        visible,
        reserved: 0,
    };
    let swap = [shown(0, 0), shown(1, 1), shown(2, 1)];
    let flags = |pair: &Pair| [0, 1, 2].map(|slot: usize| pair.model.slots[slot].flags);
    let too_much = [request(1, 200, 0), request(2, 200, 0)];
    flip(&mut pair, &too_much, &swap, FlipIf::AllPlaced);
    assert_eq!(flags(&pair), [3, 1, 0]);
    flip(&mut pair, &[request(2, 100, 0)], &swap, FlipIf::AllPlaced);
    assert_eq!(flags(&pair), [1, 3, 3]);
}

#[test]
fn units_of_broken_vertices_are_refused() {
    let pair = Pair::on(Gpu::new(), &DESC);
    let how = DrawDesc {
        vertex_bytes: 24,
        ..HOW
    };
    let error = Draws::new(&pair.gpu.device, &pair.heap, &how).expect_err("512 is no multiple");
    let expected = DrawsError::BrokenUnit {
        unit_bytes: 512,
        item_bytes: 24,
    };
    assert_eq!(error, expected);
    let gpu = Gpu::with_limits(wgpu::Limits {
        max_storage_buffer_binding_size: 64 << 10,
        ..wgpu::Limits::default()
    });
    let separate = GpuHeapDesc {
        units: 400,
        streams: &[stream(512); 2],
        separate: true,
        ..DESC
    };
    let heap = GpuHeap::new(&gpu.device, &separate).expect("four buffers");
    let buffers = heap.shape().buffers;
    assert!(buffers > 1, "{buffers}");
    let error = Draws::new(&gpu.device, &heap, &HOW).expect_err("two buffers of one object");
    assert_eq!(error, DrawsError::SeparateBuffers { buffers });
    for stream in [DESC.streams.len() as u32, 7] {
        let how = DrawDesc {
            index_stream: stream,
            ..HOW
        };
        let error = Draws::new(&pair.gpu.device, &pair.heap, &how).expect_err("there is none");
        let streams = DESC.streams.len() as u32;
        assert_eq!(error, DrawsError::NoStream { stream, streams });
        assert!(pair.heap.permanent(stream as usize).is_empty());
    }
}
