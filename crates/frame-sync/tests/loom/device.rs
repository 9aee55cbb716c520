//! The device is lost while frames record, and while their commands are in flight.

use crate::Model;
use geoheap_frame_sync::planted::Bug;
use geoheap_frame_sync::{Hold, Reader, RingConfig, ring};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

type Slots = Reader<u64, (), ()>;

/// A frame that may have been told of the loss, and commands of a version of the old device.
fn frame(reader: &Slots, in_flight: &Hold<()>, lost: &AtomicBool) {
    let ticket = reader.ticket();
    let was_told = lost.load(Ordering::Acquire);
    let seen = ticket.get(0).copied();
    let is_new = ticket.epoch().get() == 1;
    if was_told {
        assert!(
            is_new || seen.is_none(),
            "R5: told of the loss, {ticket:?} still resolves"
        );
        assert!(in_flight.is_void(), "R5: {in_flight:?}");
    }
    if is_new {
        assert_eq!(seen, Some(7), "the new device's version is whole");
        assert!(!ticket.is_void(), "R5: nothing of the new device is void");
    }
}

fn loss_beside_frames(frames: usize) {
    let config = RingConfig {
        replicas: 3,
        slots_initial: 1,
        ..RingConfig::default()
    };
    let (mut publisher, reader) = ring::<u64, (), (), ()>(config, ()).expect("a good ring");
    let lost = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..frames)
        .map(|_| {
            let (reader, lost) = (reader.clone(), Arc::clone(&lost));
            let in_flight = reader.ticket().finish().hold;
            thread::spawn(move || frame(&reader, &in_flight, &lost))
        })
        .collect();
    publisher.set_slot(0, 1);
    publisher
        .publish(std::sync::Arc::new(()))
        .expect("a replica is free");
    publisher.device_lost();
    lost.store(true, Ordering::Release);
    publisher.set_slot(0, 7);
    publisher
        .publish(std::sync::Arc::new(()))
        .expect("F5: nothing can stall it");
    for thread in threads {
        thread.join().expect("a frame found a broken rule");
    }
}

const LOSS: Model = Model {
    name: "the device is lost beside one frame",
    preemptions: 6,
};

#[test]
fn the_device_is_lost_beside_a_frame() {
    LOSS.explore(|| loss_beside_frames(1));
}

#[test]
fn the_device_is_lost_beside_two_frames() {
    let model = Model {
        name: "the device is lost beside two frames",
        preemptions: 4,
    };
    model.explore(|| loss_beside_frames(2));
}

#[test]
#[should_panic(expected = "R5: told of the loss")]
fn forgetting_the_current_version_is_caught() {
    LOSS.explore_with(Some(Bug::CurrentNotVoid), || loss_beside_frames(1));
}
