//! The reload worker: blocks that come back while others go, callbacks that take their time or
//! panic, and shutdown whenever it comes.

use std::panic::resume_unwind;

use geoheap::planted::Bug;
use geoheap::{
    BlockDesc, ByteLen, Client, PartData, Payload, RequestError, ResidencyConfig, Source,
};
use shuttle::future::block_on;
use shuttle::thread::{spawn, yield_now};

use crate::explore::{catches, explore};
use crate::world::{STRIDE, World, draw, small};

const SCHEDULES: usize = 3_000;
/// Schedules in which a planted bug must show.
const SCHEDULES_PLANTED: usize = 10_000;
/// Blocks that do not all find room, and their bytes.
const BLOCKS: u32 = 6;
const LARGE_BYTES: usize = 6 << 10;
/// The one whose callback panics.
const TORN: u32 = 1;

/// A block that its callback makes again, in its own time.
fn large(block: u32) -> BlockDesc {
    let bytes = move || Payload::from(vec![block.to_le_bytes()[0]; LARGE_BYTES]);
    let source = Source::reload(move |_| {
        yield_now();
        if block == TORN {
            resume_unwind(Box::new("a bug in the callback"));
        }
        Ok(vec![bytes()])
    });
    BlockDesc::new()
        .part(PartData::vertex(bytes(), STRIDE))
        .source(source)
}

/// More blocks than fit, and all of them asked for.
fn ask_for_all(client: &Client) {
    let mut handles = Vec::new();
    for block in 0..BLOCKS {
        match client.add(large(block)) {
            Ok(handle) => handles.push(handle),
            Err(error) => {
                assert!(error.to_string().contains("shut down"), "{error}");
                return;
            }
        }
    }
    for (block, handle) in (0..).zip(handles) {
        let Ok(back) = client.resident(handle) else {
            return;
        };
        match block_on(back) {
            Ok(()) => {}
            Err(RequestError::ShutDown) => return,
            Err(error) => {
                let torn = block == TORN && error.to_string().contains("panicked");
                assert!(torn, "block {block}: {error}");
            }
        }
    }
}

fn reload_and_end() {
    let mut config = small();
    config.budget_bytes = ByteLen::from_kib(48);
    config.mailbox_bytes = ByteLen::from_kib(16);
    config.residency = ResidencyConfig {
        min_resident_ticks: 1,
        protect_frames: 1,
        ..ResidencyConfig::default()
    };
    let world = World::new(config);
    let client = world.client();
    let asks = spawn(move || ask_for_all(&client));
    if draw(2) == 0 {
        asks.join().expect("it ends");
        let end = world.manager.shutdown();
        assert!(
            end.report.stream_ins > 0,
            "some came back: {:?}",
            end.report
        );
        assert!(!end.actor_panicked, "the actor ends in order");
        return;
    }
    for _ in 0..draw(200) {
        yield_now();
    }
    assert!(
        !world.manager.shutdown().actor_panicked,
        "the actor ends in order"
    );
    asks.join().expect("it ends");
}

#[test]
fn blocks_come_back_or_their_askers_hear_of_the_end() {
    explore("reloads and shutdown", SCHEDULES, reload_and_end);
}

#[test]
fn a_worker_that_is_never_told_to_end_is_caught() {
    let told = ["deadlock"];
    catches(Bug::JobsKeptOpen, &told, SCHEDULES_PLANTED, reload_and_end);
}
