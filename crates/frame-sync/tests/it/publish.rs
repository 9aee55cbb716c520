//! Publishing, pinning and growth.

use geoheap_frame_sync::{
    PublishError, Publisher, Reader, RingConfig, RingError, Ticket, Version, ring,
};
use std::sync::Arc;

type Pair = (
    Publisher<u64, Arc<str>, u64, u32>,
    Reader<u64, Arc<str>, u64>,
);

fn small(replicas: usize) -> Pair {
    let config = RingConfig {
        replicas,
        slots_initial: 4,
        ..RingConfig::default()
    };
    ring(config, 0).expect("the configuration is within its limits")
}

fn slots(ticket: &Ticket<u64, Arc<str>, u64>) -> Vec<u64> {
    (0..)
        .map_while(|index| ticket.get(index).copied())
        .collect()
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_its_numbers() {
    fn check(config: RingConfig, expected: &RingError, text: &str) {
        let error = ring::<u64, (), (), ()>(config, ()).expect_err("the ring must be refused");
        assert_eq!(&error, expected, "the error carries the numbers");
        assert_eq!(error.to_string(), text, "and says them");
    }
    let base = RingConfig::default();
    check(
        RingConfig {
            replicas: 1,
            ..base
        },
        &RingError::Replicas {
            requested: 1,
            min: 2,
            max: 64,
        },
        "a ring needs 2 to 64 replicas, not 1",
    );
    check(
        RingConfig {
            replicas: 65,
            ..base
        },
        &RingError::Replicas {
            requested: 65,
            min: 2,
            max: 64,
        },
        "a ring needs 2 to 64 replicas, not 65",
    );
    check(
        RingConfig {
            versions_alive_max: 1,
            ..base
        },
        &RingError::VersionsAlive {
            requested: 1,
            min: 2,
        },
        "at least 2 versions must be allowed alive, not 1",
    );
}

/// A slot of 64 KiB: 2^32 of them are 256 TiB, twice what a process can address. Itself it fits on
/// the stack, where optimized code may put one.
#[derive(Clone, Copy)]
struct Huge(#[expect(dead_code, reason = "only its size counts")] [u64; 1 << 13]);
impl Default for Huge {
    fn default() -> Self {
        unreachable!("no slot of this size is ever made")
    }
}

#[test]
fn slots_that_do_not_fit_into_memory_are_refused() {
    let config = RingConfig {
        slots_initial: u32::MAX,
        ..RingConfig::default()
    };
    let error = ring::<Huge, (), (), ()>(config, ()).expect_err("there is no such memory");
    assert_eq!(
        error,
        RingError::OutOfMemory {
            slots: u32::MAX,
            replicas: 4
        }
    );
}

#[test]
fn version_zero_is_there_from_the_start() {
    let (publisher, reader) = small(2);
    assert_eq!(publisher.current(), Version::ZERO);
    assert!(!publisher.has_pending(), "nothing was queued");
    let ticket = reader.ticket();
    assert_eq!((ticket.version(), *ticket.payload()), (Version::ZERO, 0));
    assert_eq!(slots(&ticket), [0; 4], "every slot has its default");
    assert_eq!(ticket.extra(0), None);
    assert_eq!(ticket.get(4), None, "beyond the capacity there is no slot");
}

#[test]
fn a_ticket_sees_its_version_whatever_is_published_since() {
    let (mut publisher, reader) = small(4);
    publisher.set(1, 10, Some("one".into()));
    assert!(publisher.has_pending(), "a change waits");
    assert_eq!(
        slots(&reader.ticket()),
        [0; 4],
        "what is queued is not visible"
    );
    publisher.publish(Arc::new(1)).expect("replicas are free");
    let old = reader.ticket();
    publisher.set(1, 11, None);
    publisher.set(2, 20, None);
    publisher.publish(Arc::new(2)).expect("replicas are free");

    let new = reader.ticket();
    assert_eq!(
        slots(&old),
        [0, 10, 0, 0],
        "F1: the old version keeps its slots"
    );
    assert_eq!(
        (old.extra(1).map(AsRef::as_ref), *old.payload()),
        (Some("one"), 1),
        "F1"
    );
    assert_eq!(slots(&new), [0, 11, 20, 0]);
    assert_eq!(
        (new.extra(1), *new.payload()),
        (None, 2),
        "an extra goes with its slot"
    );
    assert_eq!(reader.current_version(), new.version());
}

#[test]
fn the_last_of_several_changes_counts() {
    let (mut publisher, reader) = small(2);
    publisher.set(0, 1, Some("a".into()));
    publisher.set(0, 2, Some("b".into()));
    publisher.publish(Arc::new(1)).expect("a replica is free");
    let ticket = reader.ticket();
    assert_eq!(
        (ticket.get(0), ticket.extra(0).map(AsRef::as_ref)),
        (Some(&2), Some("b"))
    );
}

#[test]
fn a_stall_names_the_pinned_versions_and_loses_nothing() {
    let (mut publisher, reader) = small(3);
    let mut tickets = Vec::new();
    for version in 1..=2 {
        tickets.push(reader.ticket());
        publisher.set(0, version, None);
        publisher
            .publish(Arc::new(version))
            .expect("a replica is free");
    }
    publisher.set(0, 3, None);
    publisher.set(9, 9, None);
    let error = publisher
        .publish(Arc::new(3))
        .expect_err("two versions are pinned");
    assert_eq!(
        error.to_string(),
        "no replica is free: tickets pin versions 0 1; 2 changes wait"
    );
    assert!(publisher.has_pending(), "F7: the changes still wait");
    assert_eq!(
        (publisher.figures().stalls, publisher.current()),
        (1, Version::new(2)),
        "F7"
    );

    drop(tickets.remove(0));
    let version = publisher.publish(Arc::new(3)).expect("a replica came free");
    assert_eq!(version, Version::new(3));
    let ticket = reader.ticket();
    assert_eq!(
        (ticket.get(0), ticket.get(9)),
        (Some(&3), Some(&9)),
        "F7: nothing was lost"
    );
}

#[test]
fn a_long_stall_does_not_grow_without_bound() {
    let (mut publisher, reader) = small(2);
    let pin = reader.ticket();
    publisher.publish(Arc::new(1)).expect("a replica is free");
    for step in 0..100_000_u64 {
        let index = u32::try_from(step % 300).expect("a small number");
        publisher.set(index, step, None);
        if step % 10 == 0 {
            publisher
                .publish(Arc::new(2))
                .expect_err("the other replica is pinned");
        }
    }
    let waiting = publisher.figures().pending_changes;
    assert!(waiting < 1100, "F7: {waiting} changes wait for 300 slots");
    drop(pin);
    publisher.publish(Arc::new(2)).expect("a replica came free");
    let ticket = reader.ticket();
    for index in 0..300 {
        let last = (0..100_000).rfind(|step| step % 300 == u64::from(index));
        assert_eq!(
            ticket.get(index).copied(),
            last,
            "F7: slot {index} has its last value"
        );
    }
}

#[test]
fn a_hold_does_not_pin_a_replica() {
    let (mut publisher, reader) = small(2);
    let mut holds = Vec::new();
    for version in 1..20 {
        holds.push(reader.ticket().finish().hold);
        publisher
            .publish(Arc::new(version))
            .expect("a hold keeps only the token");
    }
    let held: Vec<u64> = holds.iter().map(|hold| *hold.payload()).collect();
    assert_eq!(
        held,
        (0..19).collect::<Vec<_>>(),
        "each hold keeps its version's payload"
    );
    assert_eq!(publisher.versions_alive(), 20);
}

#[test]
fn too_many_versions_alive_are_refused_until_the_oldest_goes() {
    let config = RingConfig {
        versions_alive_max: 3,
        ..RingConfig::default()
    };
    let (mut publisher, reader) = ring::<u64, (), (), u32>(config, ()).expect("a good ring");
    let mut holds = vec![reader.ticket().finish().hold];
    for _ in 0..2 {
        publisher
            .publish(Arc::new(()))
            .expect("two more versions are allowed");
        holds.push(reader.ticket().finish().hold);
    }
    publisher.retire(5);
    let error = publisher
        .publish(Arc::new(()))
        .expect_err("three versions are alive");
    let (oldest, alive, limit) = (Version::ZERO, 3, 3);
    assert_eq!(
        error,
        PublishError::Backpressure {
            oldest,
            alive,
            limit
        }
    );
    assert_eq!(
        error.to_string(),
        "3 versions are alive, the limit is 3; version 0 is the oldest in use"
    );
    drop(holds);
    publisher
        .publish(Arc::new(()))
        .expect("the oldest version went out of use");
    let mut out = Vec::new();
    publisher.collect(&mut out);
    assert_eq!(out, [5], "F7: the item was still queued");
}

#[test]
fn a_version_that_is_held_for_ever_keeps_itself_and_what_was_retired_since() {
    let (mut publisher, reader) =
        ring::<u64, (), (), u32>(RingConfig::default(), ()).expect("good");
    let hold = reader.ticket().finish().hold;
    for nth in 0..10_000 {
        publisher.retire(nth);
        publisher.publish(Arc::new(())).expect("others come and go");
    }
    let mut out = Vec::new();
    publisher.collect(&mut out);
    assert_eq!(out, [], "R3: all of them are newer than the version in use");
    assert_eq!(publisher.versions_alive(), 2, "F4: those between are gone");
    assert_eq!(publisher.oldest_in_use(), Version::ZERO);
    drop(hold);
    publisher.collect(&mut out);
    assert!(out.into_iter().eq(0..10_000), "oldest first");
}

#[test]
fn growth_is_seen_by_new_versions_only() {
    let (mut publisher, reader) = small(4);
    let old = reader.ticket();
    publisher.set(100, 7, Some("far".into()));
    publisher.publish(Arc::new(1)).expect("a replica is free");
    assert_eq!(
        (old.capacity(), old.get(100)),
        (4, None),
        "F1: the old version keeps its size"
    );
    for version in 2..8 {
        let ticket = reader.ticket();
        assert!(
            ticket.capacity() > 100,
            "F2: version {} has the slot",
            ticket.version()
        );
        assert_eq!(
            (ticket.get(100), ticket.get(99)),
            (Some(&7), Some(&0)),
            "F2"
        );
        assert_eq!(ticket.extra(100).map(AsRef::as_ref), Some("far"), "F2");
        assert_eq!(ticket.extra(99), None, "F2");
        publisher
            .publish(Arc::new(version))
            .expect("a replica is free");
    }
}

#[test]
fn growth_doubles_at_least() {
    let (mut publisher, reader) = small(2);
    publisher.set(4, 1, None);
    publisher.publish(Arc::new(1)).expect("a replica is free");
    assert_eq!(reader.ticket().capacity(), 8);
    publisher.set(100, 1, None);
    publisher.publish(Arc::new(2)).expect("a replica is free");
    assert_eq!(reader.ticket().capacity(), 101);
}

#[test]
fn the_cost_of_a_publish_follows_its_changes() {
    let config = RingConfig {
        slots_initial: 10_000,
        ..RingConfig::default()
    };
    let (mut publisher, reader) = ring::<u64, (), (), ()>(config, ()).expect("a good ring");
    for round in 0..200_u64 {
        for step in 0..10 {
            let index = u32::try_from((round * 7919 + step * 104_729) % 10_000).expect("small");
            publisher.set(index, round, None);
        }
        publisher.publish(Arc::new(())).expect("a replica is free");
        drop(reader.ticket());
    }
    let figures = publisher.figures();
    assert_eq!(figures.full_copies, 0, "F3: no replica fell so far behind");
    assert!(
        figures.changes_replayed <= 4 * 200 * 10,
        "each change is applied at most K times"
    );
    assert!(
        figures.log_changes <= 3 * 10,
        "F3: what all replicas have seen leaves the log"
    );
    assert_eq!(figures.publishes, 200);
}

#[test]
fn a_replica_that_missed_too_much_is_copied() {
    let (mut publisher, reader) = small(3);
    for index in 0..1000 {
        publisher.set(index, 1, None);
    }
    publisher.publish(Arc::new(1)).expect("a replica is free");
    let figures = publisher.figures();
    assert_eq!(figures.log_changes, 0, "F3: so long a batch is not kept");
    let pin = reader.ticket();
    for version in 2..6 {
        publisher.set(1, version, None);
        publisher
            .publish(Arc::new(version))
            .expect("a replica is free");
        assert_eq!(reader.ticket().get(1), Some(&version));
        assert_eq!(reader.ticket().get(999), Some(&1), "F2: the copy is whole");
    }
    assert_eq!(
        publisher.figures().full_copies,
        2,
        "F3: the two other replicas were copied once"
    );
    drop(pin);
}

#[test]
fn forks_share_the_version_but_not_the_marks() {
    let (mut publisher, reader) = small(2);
    let ticket = reader.ticket();
    publisher.publish(Arc::new(1)).expect("a replica is free");
    let fork = ticket.fork();
    assert_eq!(
        fork.version(),
        ticket.version(),
        "a fork is of the same version, not of a newer"
    );
    ticket.mark_used(1);
    fork.mark_used(2);
    fork.mark_used(3);
    let (own, other) = (ticket.finish().usage, fork.finish().usage);
    assert_eq!(own.iter().collect::<Vec<_>>(), [1]);
    assert_eq!(other.iter().collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn lookups_of_a_loop_agree_with_the_ticket() {
    let (mut publisher, reader) = small(2);
    publisher.set(1, 10, None);
    publisher.publish(Arc::new(1)).expect("a replica is free");
    let ticket = reader.ticket();
    let lookups = ticket.lookups();
    for index in [0, 1, 3, 4, u32::MAX] {
        assert_eq!(lookups.get(index), ticket.get(index), "index {index}");
    }
    lookups.mark_used(0);
    lookups.mark_used(4);
    assert_eq!(lookups.get_marked(1), Some(&10));
    assert_eq!(
        (lookups.get_marked(9), ticket.get_marked(2)),
        (None, Some(&0))
    );
    publisher.device_lost();
    assert_eq!(
        (lookups.get(1), lookups.get_marked(3), ticket.get_marked(3)),
        (None, None, None),
        "R5: a void version resolves nothing"
    );
    let usage = ticket.finish().usage;
    assert_eq!(
        usage.iter().collect::<Vec<_>>(),
        [0, 1, 2],
        "F8: slots that are there, and no others"
    );
}

#[test]
fn bitmaps_are_used_again_by_later_frames() {
    let (mut publisher, reader) = small(4);
    for version in 1..100 {
        publisher.set(u32::try_from(version).expect("small"), version, None);
        publisher
            .publish(Arc::new(version))
            .expect("a replica is free");
        let (root, unused, lost) = (reader.ticket(), reader.ticket(), reader.ticket());
        root.mark_used(u32::try_from(version).expect("small"));
        lost.mark_used(1);
        drop((unused, lost));
        assert_eq!(
            root.finish().usage.len(),
            1,
            "F8: no marks of earlier frames"
        );
    }
    let figures = publisher.figures();
    assert_eq!(
        (figures.bitmaps_made, figures.bitmaps_reused),
        (2, 2 * 98),
        "F8: as many as were marked at a time"
    );
}

#[test]
fn readers_outlive_the_publisher() {
    let (mut publisher, reader) = small(2);
    publisher.set(0, 5, None);
    publisher.publish(Arc::new(1)).expect("a replica is free");
    let hold = reader.ticket().hold();
    drop(publisher);
    assert_eq!(
        reader.ticket().get(0),
        Some(&5),
        "the last version stays readable"
    );
    assert_eq!(*hold.payload(), 1);
}
