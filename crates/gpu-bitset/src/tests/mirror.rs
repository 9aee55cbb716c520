//! The mirror: late, in order, and word for word the model of the batch that it names.

use wgpu::util::{BufferInitDescriptor, DeviceExt};

use super::random::Random;
use super::rig::{Gpu, Pair, stream};
use crate::model::{BatchResult, Model};
use crate::records::{Handle, Request, STREAMS_MAX};
use crate::{Batch, GpuHeapDesc, List, Mirror, MirrorDesc, Scan};

struct Mirrored {
    pair: Pair,
    mirror: Mirror,
    /// The model after each batch that the mirror has not applied.
    ahead: Vec<(Model, BatchResult)>,
}

impl Mirrored {
    fn new(desc: &GpuHeapDesc<'_>, mirror: MirrorDesc) -> Self {
        let pair = Pair::on(Gpu::new(), desc);
        Self {
            mirror: Mirror::new(&pair.heap, mirror),
            pair,
            ahead: Vec::new(),
        }
    }

    fn batch(&mut self, frees: &[Handle], requests: &[Request]) {
        self.submit(&known(frees, requests));
        let model = &mut self.pair.model;
        let result = model.batch(frees, requests, [u32::MAX; STREAMS_MAX]);
        self.ahead.push((model.clone(), result));
    }

    fn submit(&mut self, batch: &Batch<'_>) {
        let commands = self.record(batch, true).finish();
        self.pair.gpu.queue.submit([commands]);
    }

    /// Records a batch that is never submitted.
    fn drop_batch(&mut self, frees: &[Handle], requests: &[Request], is_mirrored: bool) {
        drop(self.record(&known(frees, requests), is_mirrored));
        // The model counts it, and does nothing.
        self.pair.model.epoch += 1;
    }

    fn record(&mut self, batch: &Batch<'_>, is_mirrored: bool) -> wgpu::CommandEncoder {
        let Pair { gpu, heap, .. } = &mut self.pair;
        let mut encoder = gpu
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        heap.record(&gpu.device, &mut encoder, batch)
            .expect("a batch within the heap's limits");
        if is_mirrored {
            self.mirror
                .record(&gpu.device, &mut encoder, heap, batch)
                .expect("it was polled in time");
        }
        encoder
    }

    /// Applies what has arrived and compares it with the model of that batch.
    fn apply(&mut self) -> usize {
        let mut count = 0;
        while let Some(applied) = self.mirror.apply_next() {
            let (model, result) = self.ahead.remove(0);
            assert_eq!(applied.header, result.header);
            assert_eq!(applied.outcomes, result.outcomes);
            assert_eq!(self.mirror.epoch(), result.header.epoch);
            assert!(self.mirror.is_exact(), "each free was listed by the CPU");
            assert!(
                self.mirror.words() == model.words,
                "bits of {}",
                result.header.epoch
            );
            for (index, slot) in model.slots.iter().enumerate() {
                let mirrored = &self.mirror.slots()[index];
                assert_eq!(mirrored.generation, slot.generation, "slot {index}");
                assert_eq!(mirrored.flags, slot.flags, "slot {index}");
                assert_eq!(mirrored.offset_units, slot.offset_units, "slot {index}");
                assert_eq!(mirrored.units, slot.units, "slot {index}");
                assert_eq!(
                    mirrored.bytes, slot.bytes,
                    "slot {index}: the CPU listed it"
                );
            }
            count += 1;
        }
        count
    }

    fn wait(&self) {
        let poll = wgpu::PollType::wait_indefinitely();
        self.pair.gpu.device.poll(poll).expect("the device works");
    }
}

fn known<'a>(frees: &'a [Handle], requests: &'a [Request]) -> Batch<'a> {
    Batch {
        frees: List::Known(frees),
        requests: List::Known(requests),
        ..Batch::default()
    }
}

fn some(random: &mut Random, mirrored: &Mirrored) -> (Vec<Handle>, Vec<Request>) {
    let shape = mirrored.pair.heap.shape();
    // Handles as the mirror knows them, which may be stale by now.
    let known = (0_u32..).zip(mirrored.mirror.slots());
    let frees = known
        .map(|(slot, entry)| Handle {
            slot,
            generation: entry.generation,
        })
        .filter(|_| random.below(4) == 0)
        .collect();
    let requests = (0..random.below(12))
        .map(|_| {
            let mut request = Request {
                slot: random.below(shape.slots),
                ..Request::default()
            };
            for stream in 0..shape.streams as usize {
                request.bytes[stream] = random.below(40) * 16;
            }
            request
        })
        .collect();
    (frees, requests)
}

fn churn(desc: &GpuHeapDesc<'_>, mirror: MirrorDesc) -> Mirrored {
    let mut random = Random(7);
    let mut mirrored = Mirrored::new(desc, mirror);
    for _ in 0..60 {
        let (frees, requests) = some(&mut random, &mirrored);
        mirrored.batch(&frees, &requests);
        if mirrored.ahead.len() == 3 || random.below(3) == 0 {
            mirrored.wait();
            assert!(mirrored.apply() > 0, "all that was submitted has arrived");
        }
    }
    mirrored.wait();
    mirrored.apply();
    assert_eq!(mirrored.mirror.lag_batches(), 0);
    mirrored
}

const SMALL: GpuHeapDesc<'static> = GpuHeapDesc {
    label: "mirrored",
    units: 300,
    streams: &[stream(16), stream(32)],
    separate: false,
    slots: 24,
    requests_max: 32,
    frees_max: 32,
    workgroup: 64,
    scan: Scan::Steps,
    copy_width: None,
    sweep_steps: None,
};

#[test]
fn it_is_the_model_of_the_batch_that_it_names() {
    let mirrored = churn(&SMALL, MirrorDesc::default());
    let read_back = mirrored.mirror.read_back();
    assert_eq!(read_back.full_bytes, 0, "no bitset was needed");
    let separate = GpuHeapDesc {
        streams: &[stream(16), stream(16)],
        separate: true,
        ..SMALL
    };
    churn(&separate, MirrorDesc::default());
}

#[test]
fn it_reads_16_bytes_a_request_and_64_a_batch() {
    let mut mirrored = Mirrored::new(&SMALL, MirrorDesc::default());
    let request = |slot| Request {
        slot,
        bytes: [16, 0, 0, 0],
        ..Request::default()
    };
    mirrored.batch(&[], &[request(0), request(1), request(2)]);
    mirrored.batch(&[], &[request(3)]);
    mirrored.wait();
    assert_eq!(mirrored.apply(), 2);
    assert_eq!(mirrored.mirror.read_back().batch_bytes, 2 * 64 + 4 * 16);
}

#[test]
fn whole_bitsets_come_when_they_are_due() {
    let every = MirrorDesc {
        full_every: 5,
        ..MirrorDesc::default()
    };
    let mirrored = churn(&SMALL, every);
    // 10 words and 24 slots of 64 bytes, with 12 of the 60 batches.
    assert_eq!(mirrored.mirror.read_back().full_bytes, 12 * (40 + 24 * 64));
}

#[test]
fn it_says_when_it_cannot_keep_up() {
    let mut mirrored = Mirrored::new(&SMALL, MirrorDesc::default());
    for _ in 0..4 {
        mirrored.batch(&[], &[]);
    }
    let Pair { gpu, heap, .. } = &mut mirrored.pair;
    let mut encoder = gpu
        .device
        .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let batch = Batch::default();
    heap.record(&gpu.device, &mut encoder, &batch)
        .expect("an empty batch");
    let mirror = &mut mirrored.mirror;
    let behind = mirror.record(&gpu.device, &mut encoder, heap, &batch);
    assert_eq!(behind.expect_err("four are under way").in_flight, 4);
    gpu.queue.submit([encoder.finish()]);
    mirrored.pair.model.batch(&[], &[], [u32::MAX; STREAMS_MAX]);
    mirrored.wait();
    assert_eq!(mirrored.apply(), 4);
    // The next one brings everything, since one was missed.
    mirrored.batch(&[], &[]);
    mirrored.wait();
    assert_eq!(mirrored.apply(), 1);
    assert!(mirrored.mirror.read_back().full_bytes > 0);
}

/// Commands that are dropped were never recorded, for the heap and for its mirror.
#[test]
fn dropped_commands_never_were() {
    for separate in [false, true] {
        let desc = GpuHeapDesc {
            streams: &[stream(16), stream(16)],
            separate,
            ..SMALL
        };
        let mut random = Random(9);
        let mut mirrored = Mirrored::new(&desc, MirrorDesc::default());
        for round in 0..40 {
            let (frees, requests) = some(&mut random, &mirrored);
            if random.below(3) == 0 {
                mirrored.drop_batch(&frees, &requests, round % 2 == 0);
            }
            mirrored.batch(&frees, &requests);
            mirrored.wait();
            assert_eq!(mirrored.apply(), 1, "it has arrived");
        }
        assert!(mirrored.pair.heap.epoch() > 45, "some were dropped");
        assert_eq!(mirrored.mirror.lag_batches(), 0);
    }
}

/// The bits after a free and a request of as many units are the same as before.
#[test]
fn frees_that_shaders_list_are_noticed() {
    let mut mirrored = Mirrored::new(&SMALL, MirrorDesc::default());
    let request = |slot| Request {
        slot,
        bytes: [48, 0, 0, 0],
        ..Request::default()
    };
    mirrored.batch(&[], &[request(0)]);
    mirrored.wait();
    assert_eq!(mirrored.apply(), 1);
    let first = Handle {
        slot: 0,
        generation: 0,
    };
    let gpu = mirrored.pair.gpu.clone();
    let list = |words: &[u32]| {
        gpu.device.create_buffer_init(&BufferInitDescriptor {
            label: None,
            contents: bytemuck::cast_slice(words),
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC,
        })
    };
    let (items, count) = (list(&[0, 0]), list(&[1]));
    let asked = [request(5)];
    let batch = Batch {
        frees: List::OnGpu {
            items: &items,
            count: &count,
            count_offset: 0,
            items_max: 1,
        },
        requests: List::Known(&asked),
        ..Batch::default()
    };
    mirrored.submit(&batch);
    mirrored
        .pair
        .model
        .batch(&[first], &asked, [u32::MAX; STREAMS_MAX]);
    mirrored.wait();
    let applied = mirrored.mirror.apply_next().expect("it was executed");
    assert_eq!((applied.header.freed, applied.header.ok), (1, 1));
    assert!(!mirrored.mirror.is_exact(), "nobody said which");
    mirrored.batch(&[], &[]);
    mirrored.wait();
    assert_eq!(mirrored.apply(), 1, "with all slots as they are");
    assert!(mirrored.mirror.get(first).is_none(), "it was freed");
}
