//! What a batch is told, on its way to the GPU.

use bytemuck::{Pod, bytes_of, cast_slice};
use wgpu::util::{BufferInitDescriptor, DeviceExt};
use wgpu::{Buffer, BufferUsages};

use crate::heap::batch::{Batch, List};
use crate::heap::buffers::Buffers;
use crate::records::Flip;

/// The buffers of a batch that are not always the heap's own.
pub(super) struct Lists<'a> {
    /// The batch's frees, requests and flips.
    pub(super) frees: &'a Buffer,
    pub(super) requests: &'a Buffer,
    pub(super) flips: Buffer,
    /// Where bytes come from.
    pub(super) sources: &'a [Option<&'a Buffer>],
}

/// Puts what the CPU knows of a batch into the heap's buffers, by way of one that is made for it.
pub(super) fn send<'a, P: Pod>(
    device: &wgpu::Device,
    encoder: &mut wgpu::CommandEncoder,
    heap: &'a Buffers,
    params: &P,
    batch: &Batch<'a>,
) -> Lists<'a> {
    let counts = [
        known(&batch.frees),
        known(&batch.requests),
        known(&batch.flips),
        0,
    ];
    let parts: [(&[u8], &Buffer); 4] = [
        (bytes_of(params), &heap.params),
        (cast_slice(&counts), &heap.counts),
        (bytes(&batch.frees), &heap.frees),
        (bytes(&batch.requests), &heap.requests),
    ];
    let all: usize = parts.iter().map(|(bytes, _)| bytes.len()).sum();
    let sent = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("gpu heap: batch"),
        size: all as u64,
        usage: BufferUsages::COPY_SRC,
        mapped_at_creation: true,
    });
    let mut at = 0;
    for (bytes, to) in parts.into_iter().filter(|(bytes, _)| !bytes.is_empty()) {
        let len = bytes.len() as u64;
        sent.get_mapped_range_mut(at..at + len)
            .expect("it is mapped, and as long as all of them")
            .copy_from_slice(bytes);
        encoder.copy_buffer_to_buffer(&sent, at, to, 0, len);
        at += len;
    }
    sent.unmap();
    count_on_gpu(encoder, &batch.frees, &heap.counts, 0);
    count_on_gpu(encoder, &batch.requests, &heap.counts, 4);
    count_on_gpu(encoder, &batch.flips, &heap.counts, 8);
    Lists {
        frees: items(&batch.frees, &heap.frees),
        requests: items(&batch.requests, &heap.requests),
        flips: flips(device, &batch.flips, &heap.nothing),
        sources: batch.sources,
    }
}

fn known<T>(list: &List<'_, T>) -> u32 {
    match list {
        List::Known(items) => u32::try_from(items.len()).expect("checked against the heap's"),
        List::OnGpu { .. } => 0,
    }
}

fn bytes<'a, T: Pod>(list: &List<'a, T>) -> &'a [u8] {
    match list {
        List::Known(items) => cast_slice(items),
        List::OnGpu { .. } => &[],
    }
}

fn count_on_gpu<T>(
    encoder: &mut wgpu::CommandEncoder,
    list: &List<'_, T>,
    counts: &Buffer,
    place: u64,
) {
    if let List::OnGpu {
        count,
        count_offset,
        ..
    } = list
    {
        encoder.copy_buffer_to_buffer(count, *count_offset, counts, place, 4);
    }
}

/// Few batches flip much, so that there is no room kept for it.
fn flips(device: &wgpu::Device, list: &List<'_, Flip>, nothing: &Buffer) -> Buffer {
    match list {
        List::Known([]) => nothing.clone(),
        List::Known(flips) => device.create_buffer_init(&BufferInitDescriptor {
            label: Some("gpu heap: flips"),
            contents: cast_slice(flips),
            usage: BufferUsages::STORAGE,
        }),
        List::OnGpu { items, .. } => (*items).clone(),
    }
}

fn items<'a, T>(list: &List<'a, T>, own: &'a Buffer) -> &'a Buffer {
    match list {
        List::Known(_) => own,
        List::OnGpu { items, .. } => items,
    }
}
