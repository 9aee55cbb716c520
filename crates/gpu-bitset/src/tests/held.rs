//! What a heap takes, and where its objects are.

use wgpu::BufferUsages;
use wgpu::util::{BufferInitDescriptor, DeviceExt};

use super::rig::{Gpu, stream};
use crate::records::{Request, Slot};
use crate::{Batch, GpuHeap, GpuHeapDesc, List, StreamDesc};

const TWO: [StreamDesc; 2] = [stream(64), stream(16)];
const SAME: [StreamDesc; 3] = [stream(48), stream(48), stream(48)];

#[test]
fn a_heap_takes_no_more_than_its_description_says() {
    let limits = wgpu::Limits {
        max_storage_buffer_binding_size: 1 << 20,
        ..wgpu::Limits::default()
    };
    let gpu = Gpu::with_limits(limits);
    let check = |streams: &[StreamDesc], separate, [units, slots, requests]: [u32; 3]| {
        let desc = GpuHeapDesc {
            units,
            streams,
            separate,
            slots,
            requests_max: requests,
            workgroup: 64,
            ..GpuHeapDesc::default()
        };
        let heap = GpuHeap::new(&gpu.device, &desc).expect("within the limits");
        let most = desc.bytes_max(&gpu.device).expect("within the limits");
        let held = heap.bytes_held();
        assert!(held <= most, "{held} bytes of at most {most}: {desc:?}");
        let permanent: usize = if separate { 1 } else { streams.len() };
        let permanent = (0..permanent).flat_map(|stream| heap.permanent(stream));
        let permanent: u64 = permanent.map(wgpu::Buffer::size).sum();
        assert!(held > permanent && most < permanent + permanent / 2 + (12 << 20));
        permanent
    };
    assert_eq!(check(&TWO, false, [1, 1, 1]), 80);
    assert_eq!(check(&TWO, false, [4_096, 100, 64]), 4_096 * 80);
    assert_eq!(check(&SAME, true, [5_000, 16 << 10, 2_048]), 240_000);
    // Four buffers of one stream, and many of everything.
    assert_eq!(
        check(&TWO[..1], false, [64 << 10, 16 << 10, 65_536]),
        4 << 20
    );
    let none = GpuHeapDesc {
        units: 0,
        ..GpuHeapDesc::default()
    };
    assert!(none.bytes_max(&gpu.device).is_err(), "as with `new`");
}

/// Bytes of each stream are found where the heap says that they are.
#[track_caller]
fn check_place(separate: bool, streams: [u32; 2], units: u32) {
    let limits = wgpu::Limits {
        max_storage_buffer_binding_size: 256 << 10,
        ..wgpu::Limits::default()
    };
    let gpu = Gpu::with_limits(limits);
    let desc = GpuHeapDesc {
        units,
        streams: &streams.map(stream),
        separate,
        slots: 100,
        requests_max: 64,
        frees_max: 64,
        ..GpuHeapDesc::default()
    };
    let mut heap = GpuHeap::new(&gpu.device, &desc).expect("within the limits");
    assert!(heap.shape().buffers > 1, "objects lie in several buffers");
    let words: Vec<u32> = (0..4_096).collect();
    let source = gpu.device.create_buffer_init(&BufferInitDescriptor {
        label: None,
        contents: bytemuck::cast_slice(&words),
        usage: BufferUsages::STORAGE,
    });
    let request = |slot: u32| Request {
        slot,
        bytes: [8_192 - slot * 4, 100, 0, 0],
        source_offsets: [slot * 16, 8_192 + slot * 16, 0, 0],
        ..Request::default()
    };
    let requests: Vec<Request> = (0..40).map(request).collect();
    let batch = Batch {
        requests: List::Known(&requests),
        sources: &[Some(&source), Some(&source)],
        ..Batch::default()
    };
    gpu.run(&mut heap, &batch);
    let slots: Vec<Slot> = gpu.read(heap.slots(), 40);
    let mut seen = [0; 4];
    for (request, slot) in requests.iter().zip(&slots) {
        for stream in 0..2 {
            let place = heap.place(slot, stream).expect("there is room for all");
            let mut buffers = heap.permanent(stream).iter();
            let buffer = buffers.position(|buffer| buffer == place.buffer);
            seen[buffer.expect("one of the heap's")] += 1;
            let len = (place.offset + place.bytes) as usize / 4;
            let found: Vec<u32> = gpu.read(place.buffer, len);
            let first = request.source_offsets[stream] as usize / 4;
            let expected = &words[first..][..request.bytes[stream] as usize / 4];
            assert_eq!(&found[place.offset as usize / 4..], expected);
        }
        assert!(heap.place(slot, 2).is_none(), "there are two streams");
        assert!(heap.place(slot, 9).is_none(), "there are two streams");
    }
    assert!(seen[1] > 0, "some are in the second buffer: {seen:?}");
    assert!(heap.place(&Slot::default(), 0).is_none(), "it is free");
    let wild = Slot {
        flags: Slot::LIVE,
        offset_units: [u32::MAX; 4],
        bytes: [4; 4],
        ..Slot::default()
    };
    assert!(heap.place(&wild, 0).is_none(), "no unit of this heap");
}

#[test]
fn objects_are_where_the_heap_says() {
    check_place(false, [1_024, 512], 600);
    check_place(true, [1_024, 1_024], 600);
}
