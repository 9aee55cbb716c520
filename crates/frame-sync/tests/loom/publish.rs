//! A writer publishes, and recycles replicas, while readers record frames.

use crate::Model;
use geoheap_frame_sync::planted::Bug;
use geoheap_frame_sync::{Hold, Reader, RingConfig, ring};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

/// Slots 0 and 1 both hold the number of the version, and so does the payload.
type Slots = Reader<u64, (), u64>;

/// For each item whether it was handed out for reuse. Item `i` is named by every version up to
/// `i`, and by none after it.
type Reused = Arc<[AtomicBool; 4]>;

fn check_unused(version: u64, reused: &Reused, when: &str) {
    let named = usize::try_from(version).expect("a small number")..;
    let reused = reused[named].iter().any(|item| item.load(Ordering::SeqCst));
    assert!(
        !reused,
        "R3: an item that version {version} names is reused {when}"
    );
}

/// Records a second frame while the first is in flight, then lets them end in their order.
fn draw(first: Hold<u64>, reader: &Slots, reused: &Reused) {
    let second = frame(reader, first.version().get(), reused);
    for hold in [first, second] {
        check_unused(hold.version().get(), reused, "in flight");
        drop(hold);
    }
}

fn frame(reader: &Slots, newest: u64, reused: &Reused) -> Hold<u64> {
    let ticket = reader.ticket();
    let version = ticket.version().get();
    assert!(version >= newest, "R4: {version} after {newest}");
    let before = (ticket.get(0).copied(), *ticket.payload());
    thread::yield_now();
    assert_eq!(
        before,
        (Some(version), version),
        "F1: the first slot and the payload"
    );
    assert_eq!(ticket.get(1), Some(&version), "F1: the second slot");
    check_unused(version, reused, "while pinned");
    ticket.finish().hold
}

fn writer_and_readers(readers: usize, replicas: usize, versions: u64) {
    let config = RingConfig {
        replicas,
        slots_initial: 2,
        ..RingConfig::default()
    };
    let (mut publisher, reader) = ring::<u64, (), u64, u64>(config, 0).expect("a good ring");
    let reused: Reused = Arc::new(std::array::from_fn(|_| AtomicBool::new(false)));
    let threads: Vec<_> = (0..readers)
        .map(|_| {
            let (reader, reused) = (reader.clone(), Arc::clone(&reused));
            let first = reader.ticket().finish().hold;
            thread::spawn(move || draw(first, &reader, &reused))
        })
        .collect();
    let mut out = Vec::new();
    for version in 1..=versions {
        publisher.set_slot(0, version);
        publisher.set_slot(1, version);
        publisher.retire(version - 1);
        if publisher.publish(std::sync::Arc::new(version)).is_err() {
            break;
        }
        publisher.collect(&mut out);
        for item in out.drain(..) {
            let at = usize::try_from(item).expect("a small number");
            reused[at].store(true, Ordering::SeqCst);
        }
    }
    for thread in threads {
        thread.join().expect("a reader found a broken rule");
    }
    publisher.collect(&mut out);
    assert_eq!(
        publisher.versions_alive(),
        1,
        "R3: when all is quiet everything is reclaimed"
    );
}

const ONE_READER: Model = Model {
    name: "one reader, 3 replicas, 3 publishes",
    preemptions: 7,
};

#[test]
fn one_reader() {
    ONE_READER.explore(|| writer_and_readers(1, 3, 3));
}

#[test]
fn two_readers() {
    let model = Model {
        name: "two readers, 3 replicas, 2 publishes",
        preemptions: 4,
    };
    model.explore(|| writer_and_readers(2, 3, 2));
}

#[test]
fn the_smallest_ring() {
    let model = Model {
        name: "one reader, 2 replicas, 3 publishes",
        preemptions: 7,
    };
    model.explore(|| writer_and_readers(1, 2, 3));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn recycling_without_the_test_is_caught() {
    ONE_READER.explore_with(Some(Bug::PinnedRecycled), || writer_and_readers(1, 3, 3));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn judging_a_version_before_it_is_swapped_out_is_caught() {
    ONE_READER.explore_with(Some(Bug::JudgedBeforeSwap), || writer_and_readers(1, 3, 3));
}
