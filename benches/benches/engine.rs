//! The engine on the virtual GPU: lookups on a ticket against a flat slice of the same payload,
//! and a churn of small blocks through the whole core.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use geoheap::{
    BlockDesc, ByteLen, Config, GeometryManager, Handle, PartData, Payload, Threading,
    VirtualConfig, VirtualGpu,
};

/// Bytes of one small block.
const BLOCK_BYTES: usize = 256;

fn heap(config: Config) -> GeometryManager<VirtualGpu> {
    let memory_bytes = ByteLen::from_mib(4096);
    let (gpu, _control) = VirtualGpu::new(&VirtualConfig {
        memory_bytes,
        ..VirtualConfig::default()
    });
    GeometryManager::with_backend(gpu, config).expect("a valid configuration")
}

fn config() -> Config {
    Config {
        budget_bytes: ByteLen::from_mib(1024),
        threading: Threading::CallerDriven,
        mailbox_messages: 1 << 16,
        tick_copies: 1 << 16,
        ..Config::default()
    }
}

/// A heap with `count` resident blocks.
fn filled(count: usize) -> (GeometryManager<VirtualGpu>, Vec<Handle>) {
    let mut manager = heap(config());
    let client = manager.client();
    let bytes = Payload::from(vec![7_u8; BLOCK_BYTES]);
    let mut handles = Vec::with_capacity(count);
    while handles.len() < count {
        for _ in 0..(count - handles.len()).min(8_192) {
            let block = BlockDesc::new().part(PartData::vertex(bytes.clone(), 16));
            handles.push(client.add(block).expect("a valid block"));
        }
        manager.poll();
    }
    let mut flush = client.flush().expect("the manager runs");
    while flush.try_take().is_none() {
        manager.poll();
    }
    (manager, handles)
}

/// A fixed shuffle: every index once, in an order that no prefetcher guesses.
fn shuffled(count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for at in (1..count).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).expect("31 bits") % (at + 1);
        order.swap(at, other);
    }
    order
}

fn lookups(criterion: &mut Criterion) {
    let count = 64 * 1024;
    let (manager, handles) = filled(count);
    let order = shuffled(count);
    let random: Vec<Handle> = order.iter().map(|at| handles[*at]).collect();
    let flat: Vec<[u64; 4]> = (0..count as u64).map(|nth| [nth; 4]).collect();
    let mut group = criterion.benchmark_group("lookup-random-64Ki");
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function("ticket", |bencher| {
        let ticket = manager.begin_frame();
        bencher.iter(|| {
            let offsets = random
                .iter()
                .filter_map(|handle| ticket.get(*handle).resident());
            black_box(offsets.fold(0, |sum, view| sum ^ view.offset().get()))
        });
    });
    group.bench_function("flat-slice", |bencher| {
        bencher.iter(|| black_box(order.iter().fold(0, |sum, at| sum ^ flat[*at][2])));
    });
    group.finish();
}

fn churn(criterion: &mut Criterion) {
    let count = 4_096;
    let mut group = criterion.benchmark_group("churn-small-blocks");
    group.throughput(Throughput::Elements(2 * count as u64));
    group.bench_function("add-and-remove", |bencher| {
        let (mut manager, mut handles) = filled(count);
        let client = manager.client();
        let bytes = Payload::from(vec![7_u8; BLOCK_BYTES]);
        bencher.iter_batched(
            || (),
            |()| {
                for handle in &mut handles {
                    client.remove(*handle).expect("the mailbox has room");
                    let block = BlockDesc::new().part(PartData::vertex(bytes.clone(), 16));
                    *handle = client.add(block).expect("a valid block");
                }
                manager.poll();
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, lookups, churn);
criterion_main!(benches);
