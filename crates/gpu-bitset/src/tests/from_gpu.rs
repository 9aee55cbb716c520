//! Lists whose items and numbers come from the GPU, good ones and wild ones.

use bytemuck::Pod;
use wgpu::util::{BufferInitDescriptor, DeviceExt};
use wgpu::{Buffer, BufferUsages};

use super::random::Random;
use super::rig::{Gpu, Pair, stream};
use crate::records::{Handle, Request, STREAMS_MAX};
use crate::{Batch, BatchError, GpuHeapDesc, List, Scan};

const DESC: GpuHeapDesc<'static> = GpuHeapDesc {
    label: "fed by the GPU",
    units: 400,
    streams: &[stream(64), stream(16)],
    separate: false,
    slots: 40,
    requests_max: 64,
    frees_max: 64,
    workgroup: 128,
    scan: Scan::Steps,
    copy_width: None,
    sweep_steps: None,
};

fn buffer<T: Pod>(gpu: &Gpu, contents: &[T]) -> Buffer {
    gpu.device.create_buffer_init(&BufferInitDescriptor {
        label: Some("list"),
        contents: bytemuck::cast_slice(contents),
        usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC,
    })
}

/// A batch whose lists are buffers, with numbers that may be larger than these.
fn batch(pair: &mut Pair, frees: &[Handle], requests: &[Request], counts: [u32; 2]) {
    let gpu = &pair.gpu;
    let (free_items, request_items) = (buffer(gpu, frees), buffer(gpu, requests));
    let numbers = buffer(gpu, &counts);
    let most = |len: usize| u32::try_from(len).expect("a few");
    let batch = Batch {
        frees: List::OnGpu {
            items: &free_items,
            count: &numbers,
            count_offset: 0,
            items_max: most(frees.len()),
        },
        requests: List::OnGpu {
            items: &request_items,
            count: &numbers,
            count_offset: 4,
            items_max: most(requests.len()),
        },
        ..Batch::default()
    };
    pair.gpu.run(&mut pair.heap, &batch);
    let counted = [frees.len(), requests.len()];
    let [frees_len, requests_len] = [0, 1].map(|list| counted[list].min(counts[list] as usize));
    let expected = pair.model.batch(
        &frees[..frees_len],
        &requests[..requests_len],
        [u32::MAX; STREAMS_MAX],
    );
    pair.compare(&expected);
}

#[test]
fn numbers_of_the_gpu_count_up_to_what_there_is() {
    let mut random = Random(1);
    let mut pair = Pair::new(&DESC);
    for _ in 0..60 {
        let frees: Vec<Handle> = (0..=random.below(30))
            .map(|_| Handle {
                slot: random.wild(40),
                generation: random.wild(4),
            })
            .collect();
        let requests: Vec<Request> = (0..=random.below(30))
            .map(|_| Request {
                slot: random.wild(40),
                priority: random.wild(4),
                flags: random.wild(2),
                reserved: random.wild(2),
                bytes: [0; 4].map(|_| random.wild(3000)),
                source_offsets: [0; 4].map(|_| random.wild(64)),
            })
            .collect();
        let counts = [30, 30].map(|near| random.wild(near));
        batch(&mut pair, &frees, &requests, counts);
    }
}

#[test]
fn buffers_that_do_not_serve_are_refused() {
    let mut pair = Pair::new(&DESC);
    let gpu = &pair.gpu;
    let short = buffer(gpu, &[0_u32; 4]);
    let long = buffer(gpu, &[Request::default(); 65]);
    let plain = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 4096,
        usage: BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let list = |items, count, count_offset, items_max| List::OnGpu {
        items,
        count,
        count_offset,
        items_max,
    };
    let mut check = |requests, expected: BatchError| {
        let batch = Batch {
            requests,
            ..Batch::default()
        };
        let mut encoder = gpu
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let recorded = pair.heap.record(&gpu.device, &mut encoder, &batch);
        assert_eq!(recorded, Err(expected));
    };
    let what = "requests";
    check(
        list(&long, &short, 0, 65),
        BatchError::Requests {
            requests: 65,
            requests_max: 64,
        },
    );
    check(
        list(&short, &short, 0, 1),
        BatchError::BufferBytes {
            what,
            bytes: 16,
            needed: 48,
            multiple_of: 4,
        },
    );
    check(
        list(&long, &short, 16, 1),
        BatchError::CountOffset {
            what,
            count_offset: 16,
            bytes: 16,
        },
    );
    check(
        list(&plain, &short, 0, 1),
        BatchError::BufferUsage {
            what,
            missing: BufferUsages::STORAGE,
        },
    );
    check(
        list(&long, &plain, 0, 1),
        BatchError::BufferUsage {
            what,
            missing: BufferUsages::COPY_SRC,
        },
    );
    let own = pair.heap.permanent(1)[0].clone();
    let mut encoder = pair.gpu.encoder();
    let batch = Batch {
        sources: &[None, Some(&own)],
        ..Batch::default()
    };
    let recorded = pair.heap.record(&pair.gpu.device, &mut encoder, &batch);
    let what = "source";
    assert_eq!(recorded, Err(BatchError::OwnBuffer { what }));
    let (bytes, limit) = ((128 << 20) + 16, 128 << 20);
    let long = pair.gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: bytes,
        usage: BufferUsages::STORAGE,
        mapped_at_creation: false,
    });
    let batch = Batch {
        sources: &[Some(&long)],
        ..Batch::default()
    };
    let recorded = pair.heap.record(&pair.gpu.device, &mut encoder, &batch);
    let expected = BatchError::BufferLimit { what, bytes, limit };
    assert_eq!(recorded, Err(expected));
    assert_eq!(pair.heap.epoch(), 0, "nothing was recorded");
}
