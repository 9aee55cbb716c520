//! A ticket becomes a hold, and holds are cloned and dropped, while the writer looks at them.

use crate::Model;
use geoheap_frame_sync::planted::Bug;
use geoheap_frame_sync::{Hold, RingConfig, Ticket, ring};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread::{self, ThreadId};

/// What the model sees of a version's end: its payload is dropped, and what it was the last to
/// name is handed out for reuse.
#[derive(Default)]
struct Ends {
    payload_gone: AtomicBool,
    item_out: AtomicBool,
    /// A payload was dropped on another thread than the writer's.
    strayed: AtomicBool,
}

type All = Arc<[Ends; 3]>;

/// A version's number, and a witness of its end.
struct Payload {
    version: usize,
    ends: All,
    home: ThreadId,
}

impl Drop for Payload {
    fn drop(&mut self) {
        let ends = &self.ends[self.version];
        ends.payload_gone.store(true, Ordering::SeqCst);
        if thread::current().id() != self.home {
            ends.strayed.store(true, Ordering::SeqCst);
        }
    }
}

/// Whoever uses `version` needs its payload, and what it and every older version named.
fn check(version: usize, ends: &All, when: &str) {
    let gone = ends[version].payload_gone.load(Ordering::SeqCst);
    assert!(!gone, "F4: the payload of version {version} is gone {when}");
    for named in &ends[version..] {
        let out = named.item_out.load(Ordering::SeqCst);
        assert!(
            !out,
            "R3: what version {version} names is reused while {when}"
        );
    }
}

/// A frame on one thread, whose commands end on it and on another.
fn frame(ticket: Ticket<u8, (), Payload>, ends: &All) {
    let version = ticket.payload().version;
    check(version, ends, "pinned");
    let hold = ticket.finish().hold;
    check(version, ends, "in flight");
    let copy = hold.clone();
    let elsewhere = Arc::clone(ends);
    let done = thread::spawn(move || commands_end(copy, &elsewhere));
    commands_end(hold, ends);
    done.join().expect("a hold found a broken rule");
}

fn commands_end(hold: Hold<Payload>, ends: &All) {
    check(hold.payload().version, ends, "in flight");
    drop(hold);
}

/// The frame draws from `drawn`, one of versions 0 and 1, while the writer goes on to version 2.
fn writer_and_frame(drawn: usize) -> All {
    let ends: All = Arc::new(std::array::from_fn(|_| Ends::default()));
    let home = thread::current().id();
    let payload = |version| Payload {
        version,
        ends: Arc::clone(&ends),
        home,
    };
    let config = RingConfig {
        replicas: 3,
        slots_initial: 0,
        ..RingConfig::default()
    };
    let (mut publisher, reader) = ring::<u8, (), _, usize>(config, payload(0)).expect("good");
    let (mut drawing, mut out) = (None, Vec::new());
    for version in 0..=2 {
        if version > 0 {
            publisher.retire(version - 1);
            publisher
                .publish(std::sync::Arc::new(payload(version)))
                .expect("one version is pinned");
            publisher.collect(&mut out);
            for item in out.drain(..) {
                ends[item].item_out.store(true, Ordering::SeqCst);
            }
        }
        if version == drawn {
            let (ticket, ends) = (reader.ticket(), Arc::clone(&ends));
            drawing = Some(thread::spawn(move || frame(ticket, &ends)));
        }
    }
    let drawing = drawing.expect("the version was published");
    drawing.join().expect("the frame found a broken rule");
    publisher.collect(&mut out);
    assert_eq!(publisher.versions_alive(), 1, "R3: all is reclaimed");
    for version in [0, 1] {
        let gone = ends[version].payload_gone.load(Ordering::SeqCst);
        assert!(gone, "F4: the payload of version {version} went");
    }
    drop(publisher);
    ends
}

/// All that the writer and the frame do, and what no thread but the writer's may do.
fn writer_frees(drawn: usize) {
    let ends = writer_and_frame(drawn);
    // The last version's payload goes with the publisher and the last reader, wherever that is.
    let strayed = ends[..2]
        .iter()
        .any(|ends| ends.strayed.load(Ordering::SeqCst));
    assert!(!strayed, "F6: payloads are dropped by the writer");
}

const OLDEST: Model = Model {
    name: "a frame of the oldest version becomes holds on two threads",
    preemptions: 6,
};

#[test]
fn a_frame_of_the_oldest_version() {
    OLDEST.explore(|| writer_frees(0));
}

#[test]
fn a_frame_of_the_middle_version() {
    let model = Model {
        name: "a frame of the middle version becomes holds on two threads",
        preemptions: 6,
    };
    model.explore(|| writer_frees(1));
}

#[test]
#[should_panic(expected = "R3: what version 0 names is reused while in flight")]
fn judging_the_token_before_the_table_is_caught() {
    OLDEST.explore_with(Some(Bug::TokenBeforeTable), || drop(writer_and_frame(0)));
}

#[test]
#[should_panic(expected = "R3: what version 0 names is reused while")]
fn freeing_out_of_order_is_caught() {
    OLDEST.explore_with(Some(Bug::FreedOutOfOrder), || drop(writer_and_frame(0)));
}
