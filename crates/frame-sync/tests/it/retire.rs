//! What comes out of `collect`, and when.

use geoheap_frame_sync::{Publisher, Reader, RingConfig, ring};
use std::sync::{Arc, Weak};

type Pair = (Publisher<u32, (), u32, u32>, Reader<u32, (), u32>);

fn fresh() -> Pair {
    ring(RingConfig::default(), 0).expect("the default configuration works")
}

fn collected(publisher: &mut Publisher<u32, (), u32, u32>) -> Vec<u32> {
    let mut out = Vec::new();
    publisher.collect(&mut out);
    out
}

/// Publishes a version that no longer names `item`, and returns its payload for watching.
fn supersede(publisher: &mut Publisher<u32, (), u32, u32>, item: u32) -> Weak<u32> {
    publisher.retire(item);
    let payload = Arc::new(item);
    let watch = Arc::downgrade(&payload);
    publisher.publish(payload).expect("a replica is free");
    watch
}

#[test]
fn nothing_comes_out_before_a_publish_names_less() {
    let (mut publisher, _reader) = fresh();
    publisher.retire(1);
    assert!(publisher.has_pending(), "R2: the item waits for a publish");
    assert_eq!(
        collected(&mut publisher),
        [],
        "R2: the current version still names it"
    );
    publisher.publish(Arc::new(1)).expect("a replica is free");
    assert_eq!(
        collected(&mut publisher),
        [1],
        "R3: nobody uses the version before"
    );
    assert_eq!(collected(&mut publisher), [], "an item comes out once");
}

#[test]
fn tickets_and_holds_keep_the_items_of_their_version() {
    let (mut publisher, reader) = fresh();
    let ticket = reader.ticket();
    supersede(&mut publisher, 1);
    assert_eq!(
        collected(&mut publisher),
        [],
        "R3: a ticket reads the version before"
    );
    let first = ticket.hold();
    let finished = ticket.finish();
    assert_eq!(
        collected(&mut publisher),
        [],
        "R3: commands recorded from it are in flight"
    );
    let second = first.clone();
    drop((first, finished));
    assert_eq!(
        collected(&mut publisher),
        [],
        "R3: a clone of a hold is a hold"
    );
    drop(second);
    assert_eq!(collected(&mut publisher), [1], "R3: now it is out of use");
}

#[test]
fn the_current_version_is_in_use_without_tickets() {
    let (mut publisher, _reader) = fresh();
    let first = supersede(&mut publisher, 1);
    publisher.retire(2);
    assert_eq!(collected(&mut publisher), [1]);
    assert!(
        first.upgrade().is_some(),
        "the payload of the current version stays"
    );
    assert_eq!(publisher.oldest_in_use(), publisher.current());
    assert_eq!(publisher.versions_alive(), 1);
}

#[test]
fn items_leave_strictly_oldest_first() {
    let (mut publisher, reader) = fresh();
    let oldest = reader.ticket().finish().hold;
    let first = supersede(&mut publisher, 1);
    let middle = reader.ticket();
    let second = supersede(&mut publisher, 2);
    supersede(&mut publisher, 3);
    drop(middle);
    assert_eq!(
        collected(&mut publisher),
        [],
        "R3: version 0 is older than what 1 and 2 retired"
    );
    assert!(
        first.upgrade().is_none(),
        "F4: but a payload goes as soon as its version is unused"
    );
    assert!(second.upgrade().is_none(), "F4");
    assert_eq!(publisher.oldest_in_use(), oldest.version());
    assert_eq!(publisher.figures().retired_items, 3);
    drop(oldest);
    assert_eq!(
        collected(&mut publisher),
        [1, 2, 3],
        "R3: in the order of retirement"
    );
    assert_eq!(publisher.figures().retired_items, 0);
}

#[test]
fn a_newer_version_in_use_does_not_keep_older_items() {
    let (mut publisher, reader) = fresh();
    supersede(&mut publisher, 1);
    let newer = reader.ticket();
    supersede(&mut publisher, 2);
    assert_eq!(
        collected(&mut publisher),
        [1],
        "R3: version 1 never named what it retired"
    );
    drop(newer);
    assert_eq!(collected(&mut publisher), [2]);
}

#[test]
fn an_idle_program_gets_everything_back() {
    let (mut publisher, reader) = fresh();
    let mut in_flight = Vec::new();
    for item in 1..=10 {
        in_flight.push(reader.ticket().finish().hold);
        supersede(&mut publisher, item);
    }
    assert_eq!(collected(&mut publisher), []);
    for (hold, item) in in_flight.into_iter().zip(1..) {
        drop(hold);
        assert_eq!(
            collected(&mut publisher),
            [item],
            "without a publish in between"
        );
    }
    assert_eq!(publisher.versions_alive(), 1);
}

#[test]
fn an_idle_replica_keeps_no_payload_alive() {
    let (mut publisher, reader) = fresh();
    let ticket = reader.ticket();
    let watch = supersede(&mut publisher, 1);
    let newer = reader.ticket();
    supersede(&mut publisher, 2);
    drop((ticket, newer));
    assert!(
        watch.upgrade().is_some(),
        "F6: the readers' drops freed nothing"
    );
    collected(&mut publisher);
    assert!(
        watch.upgrade().is_none(),
        "the replica is free, its payload gone"
    );
}

#[test]
fn a_panicking_frame_unpins_by_unwinding() {
    let (mut publisher, reader) = fresh();
    let recorder = std::thread::spawn(move || {
        let ticket = reader.ticket();
        let _held = ticket.hold();
        std::panic::resume_unwind(Box::new(ticket.version()));
    });
    assert!(recorder.join().is_err(), "the frame ended in a panic");
    supersede(&mut publisher, 1);
    assert_eq!(collected(&mut publisher), [1], "its version is out of use");
}
