//! A software driver with one thread and with two leaves the same bytes.

use std::env;
use std::process::Command;

use wgpu::util::{BufferInitDescriptor, DeviceExt};

use super::equality::churn;
use super::random::Random;
use super::rig::{Pair, stream};
use crate::records::{Header, Request};
use crate::{Batch, GpuHeapDesc, List};

/// Set in the processes that only say what they have come to.
const ASKED: &str = "GEOHEAP_GPU_BITSET_SAYS";

/// Runs some batches and says what the last left.
fn say() -> String {
    let streams = [stream(16)];
    let mut random = Random(11);
    let mut pair = Pair::new(&GpuHeapDesc {
        units: 50_000,
        streams: &streams,
        slots: 8192,
        requests_max: 4096,
        frees_max: 4096,
        ..GpuHeapDesc::default()
    });
    for _ in 0..4 {
        churn(&mut pair, &mut random, 4096, 20);
    }
    copy(&mut pair, &mut random);
    let permanent = &pair.heap.permanent(0)[0];
    let copied = pair
        .gpu
        .read::<u32>(permanent, permanent.size() as usize / 4);
    let bits = pair
        .gpu
        .read::<u32>(pair.heap.bits(), pair.model.words.len());
    let [bits, copied] = [bits, copied].map(|words| crate::model::hash(&words));
    format!("bits {bits:08x} bytes {copied:08x}")
}

/// Objects whose bytes are copied, into slots that are free.
fn copy(pair: &mut Pair, random: &mut Random) {
    let contents: Vec<u32> = (0..1 << 14).map(|_| random.next() as u32).collect();
    let source = pair.gpu.device.create_buffer_init(&BufferInitDescriptor {
        label: Some("source"),
        contents: bytemuck::cast_slice(&contents),
        usage: wgpu::BufferUsages::STORAGE,
    });
    let free = (0_u32..).zip(&pair.model.slots);
    let free = free.filter(|(_, slot)| slot.flags == 0);
    let requests: Vec<Request> = free
        .take(500)
        .map(|(slot, _)| Request {
            slot,
            bytes: [4 * random.below(500), 0, 0, 0],
            source_offsets: [16 * random.below(3900), 0, 0, 0],
            ..Request::default()
        })
        .collect();
    let batch = Batch {
        requests: List::Known(&requests),
        sources: &[Some(&source)],
        ..Batch::default()
    };
    pair.gpu.run(&mut pair.heap, &batch);
    let header: Vec<Header> = pair.gpu.read(pair.heap.header(), 1);
    assert!(header[0].ok > 100, "{:?}", header[0]);
}

#[test]
fn threads_give_the_same() {
    if env::var_os(ASKED).is_some() {
        println!("{}", say());
        return;
    }
    let program = env::current_exe().expect("a test knows its own program");
    let said = ["1", "2"].map(|threads| {
        let output = Command::new(&program)
            .args([
                "--exact",
                "tests::threads::threads_give_the_same",
                "--nocapture",
            ])
            .env(ASKED, "1")
            .env("LP_NUM_THREADS", threads)
            .output()
            .expect("the program runs again");
        assert!(
            output.status.success(),
            "with {threads} threads: {output:?}"
        );
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text
            .lines()
            .find(|line| line.contains("bits "))
            .map(str::to_owned);
        line.expect("it says what it has come to")
    });
    assert_eq!(said[0], said[1]);
}
