//! One writer and several readers on threads of their own.

use geoheap_frame_sync::{Changes, Hold, PublishError, Reader, RingConfig, Ticket, Version, ring};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, ThreadId};

const SLOTS: u32 = 96;
const STRIDE: u64 = 16;
const VERSIONS: u64 = 20_000;
const READERS: usize = 3;
const FRAMES_IN_FLIGHT: usize = 3;

/// A payload that tells where it was dropped.
struct Payload {
    version: u64,
    home: ThreadId,
    strayed: Arc<AtomicBool>,
}

impl Drop for Payload {
    fn drop(&mut self) {
        if thread::current().id() != self.home {
            self.strayed.store(true, Ordering::Relaxed);
        }
    }
}

type Extra = Arc<u64>;

/// Version `v` sets the slots whose index leaves the same rest as `v`; so this is what a slot
/// holds at a version.
fn expected(version: u64, index: u32) -> u64 {
    let behind = (version + STRIDE - u64::from(index) % STRIDE) % STRIDE;
    version.saturating_sub(behind)
}

fn check_ticket(reader: &Reader<u64, Extra, Payload>, newest: &mut u64) -> Hold<Payload> {
    let ticket = reader.ticket();
    let version = ticket.version().get();
    assert!(version >= *newest, "R4: version {version} after {newest}");
    // Version 1 is there before the readers are, and sets a slot more.
    check_feed(&ticket, 1.max(*newest));
    *newest = version;
    for round in 0..2 {
        for index in 0..SLOTS {
            let value = *ticket.get(index).expect("every version has the slot");
            assert_eq!(
                value,
                expected(version, index),
                "F1: slot {index} in round {round}"
            );
            let extra = ticket.extra(index).map_or(0, |extra| **extra);
            assert_eq!(extra, value, "F1: extra of slot {index} in round {round}");
        }
        assert_eq!(
            ticket.payload().version,
            version,
            "F1: the payload goes with the version"
        );
        ticket.mark_used(round);
        thread::yield_now();
    }
    let finished = ticket.finish();
    assert_eq!(finished.usage.len(), 2, "the marks are the ticket's own");
    finished.hold
}

/// What a version tells of the ones since `older`: each sets a sixteenth of the slots, so that
/// four of them are the quarter that is told at most.
fn check_feed(ticket: &Ticket<u64, Extra, Payload>, older: u64) {
    let missed = older + 1..=ticket.version().get();
    match ticket.changed_since(Version::new(older)) {
        Changes::Slots(slots) => {
            let set = missed.flat_map(|version| {
                (0..SLOTS).filter(move |index| u64::from(*index) % STRIDE == version % STRIDE)
            });
            assert!(slots.iter().eq(set), "F9: {slots:?} since {older}");
        }
        Changes::All => assert!(
            missed.count() as u64 > STRIDE / 4,
            "F9: version {} does not tell what changed since {older}",
            ticket.version()
        ),
    }
}

/// Draws frames until told to stop. `oldest` says which version is the oldest that it holds; it is
/// raised before the hold goes, so that it is never ahead of the truth.
fn draw(reader: &Reader<u64, Extra, Payload>, oldest: &AtomicU64, stop: &AtomicBool) -> u64 {
    let mut in_flight: VecDeque<Hold<Payload>> = VecDeque::new();
    let (mut newest, mut frames) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        in_flight.push_back(check_ticket(reader, &mut newest));
        if in_flight.len() > FRAMES_IN_FLIGHT {
            let done = in_flight.pop_front();
            oldest.store(in_flight[0].version().get(), Ordering::Relaxed);
            drop(done);
        } else {
            oldest.store(in_flight[0].version().get(), Ordering::Relaxed);
        }
        frames += 1;
    }
    oldest.store(u64::MAX, Ordering::Relaxed);
    frames
}

#[test]
fn readers_see_whole_versions_and_keep_what_they_use() {
    let config = RingConfig {
        replicas: 4,
        slots_initial: 8,
        ..RingConfig::default()
    };
    let (home, strayed) = (thread::current().id(), Arc::new(AtomicBool::new(false)));
    let payload = |version| Payload {
        version,
        home,
        strayed: Arc::clone(&strayed),
    };
    let (mut publisher, reader) = ring(config, payload(0)).expect("a good ring");
    // Readers start at a version that has all the slots.
    publisher.set(SLOTS - 1, 0, None);
    for index in (0..SLOTS).filter(|index| u64::from(*index) % STRIDE == 1) {
        publisher.set(index, 1, Some(Arc::new(1)));
    }
    publisher
        .publish(Arc::new(payload(1)))
        .expect("nobody reads yet");

    let stop = AtomicBool::new(false);
    let oldest: [AtomicU64; READERS] = std::array::from_fn(|_| AtomicU64::new(u64::MAX));
    let (mut collected, mut stalls) = (Vec::new(), 0_u64);
    thread::scope(|scope| {
        // A failed check in here must end the readers, or the scope would wait for them for ever.
        struct StopOnDrop<'a>(&'a AtomicBool);
        impl Drop for StopOnDrop<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let ending = StopOnDrop(&stop);
        let readers: Vec<_> = oldest
            .iter()
            .map(|oldest| {
                let (reader, stop) = (reader.clone(), &stop);
                scope.spawn(move || draw(&reader, oldest, stop))
            })
            .collect();
        let mut version = 1;
        let (mut queued, mut in_a_row) = (false, 0_u32);
        while version < VERSIONS && !readers.iter().any(thread::ScopedJoinHandle::is_finished) {
            let next = version + 1;
            if !queued {
                let changed = (0..SLOTS).filter(|i| u64::from(*i) % STRIDE == next % STRIDE);
                changed.for_each(|index| publisher.set(index, next, Some(Arc::new(next))));
                publisher.retire(version);
                queued = true;
            }
            match publisher.publish(Arc::new(payload(next))) {
                Ok(_) => (version, queued, in_a_row) = (next, false, 0),
                Err(PublishError::Stalled { .. } | PublishError::Backpressure { .. }) => {
                    stalls += 1;
                    in_a_row += 1;
                    assert!(
                        in_a_row < 5_000_000,
                        "F7: readers go on, so a refusal must end"
                    );
                    thread::yield_now();
                }
                Err(other) => panic!("no other failure exists: {other}"),
            }
            let from = collected.len();
            publisher.collect(&mut collected);
            for &last_user in &collected[from..] {
                for oldest in &oldest {
                    let oldest = oldest.load(Ordering::Relaxed);
                    assert!(
                        oldest > last_user,
                        "R3: {last_user} came out, {oldest} is in use"
                    );
                }
            }
            thread::yield_now();
        }
        drop(ending);
        for reader in readers {
            let frames = reader.join().expect("a reader found a broken rule");
            assert!(frames > 0, "each reader drew something");
            println!("{frames} frames");
        }
        println!("{version} versions, {stalls} refused publishes");
        assert_eq!(version, VERSIONS, "no reader found a broken rule");
    });
    publisher.collect(&mut collected);
    assert!(
        collected.is_sorted() && collected.len() as u64 == VERSIONS - 1,
        "R3: all, in order"
    );
    assert!(
        !strayed.load(Ordering::Relaxed),
        "F6: payloads are dropped on the writer's thread"
    );
}

#[test]
fn workers_record_one_version_together() {
    let (mut publisher, reader) =
        ring::<u32, (), (), ()>(RingConfig::default(), ()).expect("a good ring");
    publisher.set(63, 5, None);
    publisher.publish(Arc::new(())).expect("nobody reads yet");
    let ticket = reader.ticket();
    let mut usage = thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                let fork = ticket.fork();
                scope.spawn(move || {
                    (0..64)
                        .filter(|i| i % 2 == worker)
                        .for_each(|i| fork.mark_used(i));
                    fork.finish()
                })
            })
            .collect();
        publisher
            .publish(Arc::new(()))
            .expect("one version is pinned");
        let finished = workers
            .into_iter()
            .map(|worker| worker.join().expect("it only marks"));
        finished.fold(
            geoheap_frame_sync::Usage::default(),
            |mut usage, finished| {
                assert_eq!(finished.version, ticket.version(), "F1: all of one version");
                usage.merge(&finished.usage);
                usage
            },
        )
    });
    usage.merge(&ticket.finish().usage);
    assert_eq!(usage.len(), 64);
}
