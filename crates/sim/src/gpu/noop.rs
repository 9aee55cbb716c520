//! wgpu's noop device: everything passes wgpu's own validation, and bytes are really moved.

use core::fmt;
use core::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use geoheap::{ByteLen, InFlight, WgpuBackend, wgpu};
use geoheap_gpu_backend::DeviceLoss;

use super::{DeviceSetting, Executed, Gpu, ReadRange};
use crate::random::Random;

/// A buffer that some of a frame's reads go to.
struct Seen {
    buffer: wgpu::Buffer,
    /// Where each read lies in it.
    pieces: Vec<Range<u64>>,
}

impl Seen {
    /// The bytes of each read, once the buffer is mapped.
    fn bytes(&self) -> impl Iterator<Item = Vec<u8>> {
        let view = self.buffer.get_mapped_range(..);
        let seen = view.map(|view| view.to_vec()).unwrap_or_default();
        let place = |at| usize::try_from(at).expect("a frame reads what fits into memory");
        let pieces = self.pieces.iter();
        pieces.map(move |piece| seen[place(piece.start)..place(piece.end)].to_vec())
    }
}

/// A frame whose read-backs are being mapped.
struct Mapping {
    id: u64,
    seen: Vec<Seen>,
    /// So many of them are not mapped yet.
    unmapped: Arc<Mutex<usize>>,
}

/// Reads that go to one buffer, with the bytes of them all.
type Group = (u64, Vec<ReadRange<wgpu::Buffer>>);

/// The reads in their order, in as few buffers of at most `longest` bytes as that takes.
fn groups(reads: Vec<ReadRange<wgpu::Buffer>>, longest: u64) -> Vec<Group> {
    let mut groups: Vec<Group> = vec![(0, Vec::new())];
    for read in reads {
        let len = read.range.end - read.range.start;
        match groups.last_mut() {
            Some((sum, group)) if *sum + len <= longest => {
                *sum += len;
                group.push(read);
            }
            _ => groups.push((len, vec![read])),
        }
    }
    groups
}

/// A noop device and its queue.
#[derive(Clone)]
pub(crate) struct Noop {
    device: wgpu::Device,
    queue: wgpu::Queue,
    loss: DeviceLoss,
    mapping: Arc<Mutex<Vec<Mapping>>>,
}

impl fmt::Debug for Noop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Noop").finish_non_exhaustive()
    }
}

impl Noop {
    /// Records the reads of a group into a buffer of its own.
    fn record(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        sum: u64,
        group: &[ReadRange<wgpu::Buffer>],
    ) -> Seen {
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("what a frame saw"),
            size: sum.max(4),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut pieces = Vec::with_capacity(group.len());
        let mut at = 0;
        for read in group {
            let len = read.range.end - read.range.start;
            encoder.copy_buffer_to_buffer(&read.buffer, read.range.start, &buffer, at, len);
            pieces.push(at..at + len);
            at += len;
        }
        Seen { buffer, pieces }
    }
}

impl Gpu for Noop {
    type Backend = WgpuBackend;
    type Buffer = wgpu::Buffer;

    fn make(setting: &DeviceSetting) -> (WgpuBackend, Self) {
        let usual = wgpu::Limits::default();
        let longest = setting
            .buffer_bytes_max
            .map_or(usual.max_buffer_size, ByteLen::get);
        let (device, queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor {
            required_limits: wgpu::Limits {
                max_buffer_size: longest,
                max_storage_buffer_binding_size: usual.max_storage_buffer_binding_size.min(longest),
                max_uniform_buffer_binding_size: usual.max_uniform_buffer_binding_size.min(longest),
                min_uniform_buffer_offset_alignment: setting.binding_align,
                min_storage_buffer_offset_alignment: setting.binding_align,
                ..usual
            },
            ..wgpu::DeviceDescriptor::default()
        });
        let backend = WgpuBackend::new(device.clone(), queue.clone(), &setting.staging);
        let loss = backend.loss();
        let mapping = Arc::default();
        let gpu = Self {
            device,
            queue,
            loss,
            mapping,
        };
        (backend, gpu)
    }

    fn submit_reads(
        &self,
        id: u64,
        reads: Vec<ReadRange<wgpu::Buffer>>,
        token: InFlight<wgpu::Buffer>,
    ) {
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor {
                label: Some("frame"),
            });
        let longest = self.device.limits().max_buffer_size;
        let groups = groups(reads, longest);
        let seen: Vec<_> = groups
            .into_iter()
            .map(|(sum, group)| self.record(&mut encoder, sum, &group))
            .collect();
        token.attach(&encoder);
        drop(token);
        self.queue.submit([encoder.finish()]);
        let unmapped = Arc::new(Mutex::new(seen.len()));
        for one in &seen {
            let told = Arc::clone(&unmapped);
            one.buffer
                .slice(..)
                .map_async(wgpu::MapMode::Read, move |mapped| {
                    let mut left = told.lock().unwrap_or_else(PoisonError::into_inner);
                    *left -= usize::from(mapped.is_ok());
                });
        }
        let mut list = self.mapping.lock().unwrap_or_else(PoisonError::into_inner);
        list.push(Mapping { id, seen, unmapped });
    }

    fn executed(&self) -> Vec<Executed<wgpu::Buffer>> {
        if self.loss.is_lost() {
            return Vec::new();
        }
        let mut list = self.mapping.lock().unwrap_or_else(PoisonError::into_inner);
        let is_mapped = |mapping: &Mapping| {
            let left = mapping.unmapped.lock();
            *left.unwrap_or_else(PoisonError::into_inner) == 0
        };
        let ready = list.extract_if(.., |mapping| is_mapped(mapping));
        let executed = ready.map(|mapping| Executed {
            id: mapping.id,
            bytes: mapping.seen.iter().flat_map(Seen::bytes).collect(),
            token: None,
        });
        executed.collect()
    }

    fn is_same(a: &wgpu::Buffer, b: &wgpu::Buffer) -> bool {
        a == b
    }

    fn advance(&self, random: &mut Random, is_late: bool) {
        if !is_late || random.chance(300) {
            // A lost device has nothing to tell.
            let _ = self.device.poll(wgpu::PollType::Poll);
        }
    }

    fn hurry(&self) {}

    fn lose(&self) {
        self.loss.report("lost on demand");
        self.device.destroy();
    }

    fn poison(&self, _buffer: &wgpu::Buffer, _range: Range<u64>, _word: u32) {}

    fn fail_submit(&self, _n: u64) {}

    fn held_bytes(&self) -> Option<ByteLen> {
        None
    }
}
