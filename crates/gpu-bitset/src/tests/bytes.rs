//! What the copies write, and what they leave alone.

use wgpu::util::{BufferInitDescriptor, DeviceExt};
use wgpu::{Buffer, BufferUsages};

use super::random::Random;
use super::rig::{Gpu, Pair, stream};
use crate::records::{Handle, Outcome, Request, STREAMS_MAX, Status};
use crate::{Batch, CopyWidth, GpuHeapDesc, List, Scan};

/// A heap whose bytes are known.
struct Bytes {
    pair: Pair,
    sources: Vec<Buffer>,
    source_contents: Vec<Vec<u8>>,
    /// What each permanent buffer should hold.
    expected: Vec<Vec<Vec<u8>>>,
}

impl Bytes {
    fn new(gpu: Gpu, desc: &GpuHeapDesc<'_>, source_len: usize, random: &mut Random) -> Self {
        let pair = Pair::on(gpu, desc);
        let mut some =
            |len: usize| -> Vec<u8> { (0..len).map(|_| (random.next() >> 56) as u8).collect() };
        let source_contents: Vec<Vec<u8>> = desc.streams.iter().map(|_| some(source_len)).collect();
        let sources = source_contents.iter().map(|contents| {
            pair.gpu.device.create_buffer_init(&BufferInitDescriptor {
                label: Some("source"),
                contents,
                usage: BufferUsages::STORAGE,
            })
        });
        let sources = sources.collect();
        let sets = if desc.separate { 1 } else { desc.streams.len() };
        let expected = (0..sets).map(|set| {
            let fill = |buffer: &Buffer| {
                let poison = some(buffer.size() as usize);
                pair.gpu.queue.write_buffer(buffer, 0, &poison);
                poison
            };
            pair.heap.permanent(set).iter().map(fill).collect()
        });
        Self {
            expected: expected.collect(),
            pair,
            sources,
            source_contents,
        }
    }

    fn batch(&mut self, frees: &[Handle], requests: &[Request]) -> Vec<Status> {
        let sources: Vec<Option<&Buffer>> = self.sources.iter().map(Some).collect();
        let batch = Batch {
            frees: List::Known(frees),
            requests: List::Known(requests),
            sources: &sources,
            ..Batch::default()
        };
        self.pair.gpu.run(&mut self.pair.heap, &batch);
        let mut lens = [0; STREAMS_MAX];
        for (len, source) in lens.iter_mut().zip(&self.source_contents) {
            *len = source.len() as u32;
        }
        let result = self.pair.model.batch(frees, requests, lens);
        self.pair.compare(&result);
        let shape = *self.pair.heap.shape();
        let each = shape.runs_each();
        for (request, runs) in requests.iter().zip(result.outcomes.chunks(each)) {
            if runs
                .iter()
                .all(|run| [Status::Ok, Status::Zero].contains(&run.status()))
            {
                for stream in 0..shape.streams as usize {
                    let run = runs[if shape.separate { stream } else { 0 }];
                    if request.bytes[stream] > 0 {
                        self.copy(request, stream, run.offset_units);
                    }
                }
            }
        }
        self.compare();
        result.outcomes.iter().map(Outcome::status).collect()
    }

    /// The bytes of a stream at their place, and zeros up to the next multiple of 16.
    fn copy(&mut self, request: &Request, stream: usize, unit: u32) {
        let shape = self.pair.heap.shape();
        let (buffer, unit) = shape.place_of(unit);
        let to = unit as usize * shape.unit_bytes[stream] as usize;
        let from = request.source_offsets[stream] as usize;
        let len = request.bytes[stream] as usize;
        let set = if shape.separate { 0 } else { stream };
        let end = to + len.next_multiple_of(16);
        let room = &mut self.expected[set][buffer as usize][to..end];
        room.fill(0);
        room[..len].copy_from_slice(&self.source_contents[stream][from..from + len]);
    }

    fn compare(&self) {
        for (set, buffers) in self.expected.iter().enumerate() {
            for (index, expected) in buffers.iter().enumerate() {
                let buffer = &self.pair.heap.permanent(set)[index];
                let found: Vec<u8> = self.pair.gpu.read(buffer, expected.len());
                let differs = |(found, expected): (&u8, &u8)| found != expected;
                let byte = found.iter().zip(expected).position(differs);
                assert_eq!(byte, None, "the first byte of {set}.{index} that is wrong");
            }
        }
    }
}

/// The handles of a third of the objects.
fn some_live(bytes: &Bytes, random: &mut Random) -> Vec<Handle> {
    let live = (0_u32..).zip(&bytes.pair.model.slots);
    let live = live.filter(|(_, slot)| slot.flags != 0);
    live.map(|(slot, entry)| Handle {
        slot,
        generation: entry.generation,
    })
    .filter(|_| random.below(3) == 0)
    .collect()
}

/// Batches that ask for more than there is, with frees in between.
fn churn(bytes: &mut Bytes, random: &mut Random, batches: u32, len_max: u32) {
    let shape = *bytes.pair.heap.shape();
    for _ in 0..batches {
        let live = some_live(bytes, random);
        let requests: Vec<Request> = (0..=random.below(24))
            .map(|_| {
                let mut request = Request {
                    slot: random.below(shape.slots),
                    ..Request::default()
                };
                for stream in 0..shape.streams as usize {
                    let len = random.below(len_max / 4 + 1) * 4;
                    let room = bytes.source_contents[stream].len() as u32 - len;
                    request.bytes[stream] = len;
                    request.source_offsets[stream] = random.below(room / 16 + 1) * 16;
                    // Now and then bytes that are not in the source.
                    if random.below(16) == 0 {
                        request.source_offsets[stream] = room / 16 * 16 + 16;
                    }
                }
                request
            })
            .collect();
        bytes.batch(&live, &requests);
    }
}

#[test]
fn bytes_arrive_and_nothing_else_is_written() {
    let mut random = Random(1);
    let streams = [stream(512), stream(256)];
    let desc = GpuHeapDesc {
        units: 150,
        streams: &streams,
        slots: 32,
        ..GpuHeapDesc::default()
    };
    let mut bytes = Bytes::new(Gpu::new(), &desc, 40 << 10, &mut random);
    churn(&mut bytes, &mut random, 40, 20_000);
}

#[test]
pub(super) fn four_buffers_are_one_heap() {
    four_buffers(CopyWidth::Narrow);
}

#[test]
fn the_width_of_the_copies_does_not_matter() {
    four_buffers(CopyWidth::Wide);
}

fn four_buffers(width: CopyWidth) {
    let mut random = Random(2);
    let gpu = Gpu::with_limits(wgpu::Limits {
        max_storage_buffer_binding_size: 256 << 10,
        max_buffer_size: 256 << 10,
        ..wgpu::Limits::default()
    });
    let streams = [stream(4096), stream(1024)];
    let desc = GpuHeapDesc {
        units: 250,
        streams: &streams,
        slots: 64,
        requests_max: 64,
        frees_max: 64,
        copy_width: Some(width),
        ..GpuHeapDesc::default()
    };
    let mut bytes = Bytes::new(gpu, &desc, 100 << 10, &mut random);
    assert_eq!(bytes.pair.heap.shape().buffers, 4);
    churn(&mut bytes, &mut random, 30, 60_000);
}

/// The copies of workgroups of every size, and with sums by subgroups.
#[test]
fn workgroups_of_any_size_copy_the_same() {
    let streams = [stream(512), stream(256)];
    for (workgroup, scan) in [
        (64, Scan::Steps),
        (128, Scan::Steps),
        (64, Scan::Subgroups),
        (256, Scan::Subgroups),
    ] {
        let mut random = Random(1);
        let features = match scan {
            Scan::Steps => wgpu::Features::empty(),
            Scan::Subgroups => wgpu::Features::SUBGROUP,
        };
        let gpu = Gpu::with(wgpu::Limits::default(), features);
        let desc = GpuHeapDesc {
            units: 150,
            streams: &streams,
            slots: 32,
            workgroup,
            scan,
            ..GpuHeapDesc::default()
        };
        let mut bytes = Bytes::new(gpu, &desc, 40 << 10, &mut random);
        churn(&mut bytes, &mut random, 20, 20_000);
    }
}

#[test]
pub(super) fn separate_streams_lie_in_the_same_buffers() {
    let mut random = Random(3);
    let streams = [stream(256), stream(256), stream(256)];
    let desc = GpuHeapDesc {
        units: 300,
        streams: &streams,
        separate: true,
        slots: 32,
        ..GpuHeapDesc::default()
    };
    let mut bytes = Bytes::new(Gpu::new(), &desc, 40 << 10, &mut random);
    churn(&mut bytes, &mut random, 40, 10_000);
}

/// Requests of which each number may be any, beside good ones: lengths and offsets that no source
/// has or that overflow when they are added, slots that are taken or do not exist, stale handles.
#[test]
fn wild_requests_write_nowhere_else() {
    let mut random = Random(6);
    let streams = [stream(256), stream(64)];
    for separate in [false, true] {
        let streams = if separate { [stream(64); 2] } else { streams };
        let desc = GpuHeapDesc {
            units: 120,
            streams: &streams,
            separate,
            slots: 16,
            ..GpuHeapDesc::default()
        };
        let source_len = 8 << 10;
        let mut bytes = Bytes::new(Gpu::new(), &desc, source_len, &mut random);
        let (mut placed, mut refused) = (0, 0);
        for _ in 0..60 {
            let mut frees = some_live(&bytes, &mut random);
            frees.extend((0..random.below(4)).map(|_| Handle {
                slot: random.wild(16),
                generation: random.wild(3),
            }));
            let requests: Vec<Request> = (0..=random.below(12))
                .map(|_| some_request(&mut random, source_len as u32))
                .collect();
            let statuses = bytes.batch(&frees, &requests);
            let count = |status| statuses.iter().filter(|one| **one == status).count();
            placed += count(Status::Ok);
            refused += count(Status::Invalid);
        }
        assert!(placed > 50 && refused > 50, "{placed} and {refused}");
    }
}

/// A good one, but for a number here and there.
fn some_request(random: &mut Random, source_len: u32) -> Request {
    let mut or_wild = |good: u32, near: u32| match random.below(24) {
        0 => random.wild(near),
        _ => good,
    };
    let mut request = Request {
        priority: or_wild(0, 4),
        flags: or_wild(0, 2),
        reserved: or_wild(0, 2),
        ..Request::default()
    };
    for stream in 0..2 {
        request.bytes[stream] = or_wild(1200, source_len);
        request.source_offsets[stream] = or_wild(256, source_len);
    }
    request.slot = random.below(16);
    if random.below(8) == 0 {
        request.slot = random.wild(16);
    }
    for stream in 0..2 {
        if request.bytes[stream] == 1200 {
            request.bytes[stream] = 4 * random.below(500);
        }
        if request.source_offsets[stream] == 256 {
            request.source_offsets[stream] = 16 * random.below(380);
        }
    }
    request
}

/// A batch that finds no room writes not one byte.
#[test]
fn without_room_nothing_is_written() {
    let mut random = Random(4);
    let streams = [stream(256)];
    let desc = GpuHeapDesc {
        units: 100,
        streams: &streams,
        slots: 32,
        ..GpuHeapDesc::default()
    };
    let mut bytes = Bytes::new(Gpu::new(), &desc, 64 << 10, &mut random);
    let request = |slot, units: u32| Request {
        slot,
        bytes: [units * 256, 0, 0, 0],
        ..Request::default()
    };
    let ok = bytes.batch(&[], &[request(0, 60), request(1, 20)]);
    assert_eq!(ok, [Status::Ok, Status::Ok]);
    let refused = bytes.batch(&[], &[request(2, 21), request(3, 90), request(4, 101)]);
    assert_eq!(refused, [Status::NoSpace, Status::NoSpace, Status::Invalid]);
}

/// More tiles to copy than a dispatch has workgroups in a row.
#[test]
fn copies_have_more_tiles_than_a_row() {
    let mut random = Random(5);
    let streams = [stream(16)];
    let desc = GpuHeapDesc {
        units: 1 << 17,
        streams: &streams,
        slots: 1 << 16,
        requests_max: 1 << 16,
        ..GpuHeapDesc::default()
    };
    let mut bytes = Bytes::new(Gpu::new(), &desc, 1 << 20, &mut random);
    let requests: Vec<Request> = (0..1 << 16)
        .map(|slot| Request {
            slot,
            bytes: [4 + 4 * random.below(8), 0, 0, 0],
            source_offsets: [16 * random.below(60_000), 0, 0, 0],
            ..Request::default()
        })
        .collect();
    bytes.batch(&[], &requests);
}
