use super::{COMPACT_MIN, Log, Pending};
use crate::table::Change;
use crate::version::Version;
use std::collections::BTreeMap;

fn change(index: u32, slot: u64) -> Change<u64, u8> {
    Change {
        index,
        slot,
        extra: None,
        keeps_extra: false,
    }
}

fn batch(len: u32) -> Vec<Change<u64, u8>> {
    (0..len).map(|index| change(index, 0)).collect()
}

#[test]
fn a_long_stall_keeps_only_the_latest_change_of_each_slot() {
    let mut pending = Pending::new();
    let mut latest = BTreeMap::new();
    for step in 0..20_000_u64 {
        let index = u32::try_from(step * step % 101).expect("a remainder of 101 fits");
        pending.push(change(index, step));
        latest.insert(index, step);
        if step % 50 == 0 {
            pending.refused();
        }
        assert!(
            pending.len() < COMPACT_MIN + 50,
            "F7: the slots bound what waits in a stall"
        );
    }
    let mut replayed = BTreeMap::new();
    for change in pending.take(Vec::new()) {
        replayed.insert(change.index, change.slot);
    }
    assert_eq!(
        replayed, latest,
        "F2: compaction does not change what the replay leads to"
    );
    assert!(pending.is_empty(), "taking empties the queue");
}

#[test]
fn compaction_keeps_the_latest_extra_that_was_set() {
    let mut pending = Pending::new();
    let steps = [
        (0, Some(1), false),
        (0, Some(2), false),
        (0, None, true),
        (0, None, true),
        (1, Some(3), false),
        (1, None, false),
        (1, None, true),
        (2, None, true),
    ];
    for (slot, (index, extra, keeps_extra)) in (0..).zip(steps) {
        pending.push(Change {
            index,
            slot,
            extra,
            keeps_extra,
        });
    }
    pending.compact();
    let left = pending
        .take(Vec::new())
        .into_iter()
        .map(|c: Change<u64, u8>| (c.slot, c.extra, c.keeps_extra));
    let expected = [(3, Some(2), false), (6, None, false), (7, None, true)];
    assert_eq!(
        left.collect::<Vec<_>>(),
        expected,
        "F2: as if all changes had been applied"
    );
}

#[test]
fn many_distinct_slots_are_not_lost_by_compaction() {
    let mut pending = Pending::new();
    for index in 0..10_000 {
        pending.push(change(index, u64::from(index)));
        pending.refused();
    }
    assert_eq!(
        pending.take(Vec::new()).len(),
        10_000,
        "F7: distinct slots all wait"
    );
}

#[test]
fn the_backlog_counts_what_a_replica_has_missed() {
    let mut log = Log::new(Version::ZERO);
    for (version, len) in [(1, 3), (2, 0), (3, 5)] {
        log.push(Version::new(version), batch(len));
    }
    let backlog = |log: &Log<u64, u8>| [0, 1, 2, 3].map(|v| log.backlog(Version::new(v)));
    assert_eq!(
        backlog(&log),
        [Some(8), Some(5), Some(5), Some(0)],
        "F3: nothing is dropped yet"
    );
    assert_eq!(
        log.since(Version::new(1))
            .map(<[_]>::len)
            .collect::<Vec<_>>(),
        [0, 5],
        "F3"
    );

    log.trim(Version::new(1), usize::MAX);
    assert_eq!(
        backlog(&log),
        [None, Some(5), Some(5), Some(0)],
        "F3: the floor rose to 1"
    );
    log.validate(Version::new(3));

    log.trim(Version::new(1), 4);
    assert_eq!(
        backlog(&log),
        [None, None, None, Some(0)],
        "F3: too long a log loses its oldest"
    );
    assert_eq!(log.len(), 0, "F3: the log counts its changes");
    log.validate(Version::new(3));
}

#[test]
fn the_memory_of_a_dropped_batch_serves_the_next() {
    let mut log = Log::new(Version::ZERO);
    let drop_a_batch = |log: &mut Log<u64, u8>, version: u64, batch: Vec<_>| {
        log.push(Version::new(version), batch);
        log.trim(Version::new(version), 10_000);
        log.take_spare().capacity()
    };
    let usual = batch(2000);
    let capacity = usual.capacity();
    assert_eq!(drop_a_batch(&mut log, 1, usual), capacity, "it is kept");
    assert_eq!(log.take_spare().capacity(), 0, "and handed out once");
    let too_long = batch(10_001);
    assert_eq!(drop_a_batch(&mut log, 2, too_long), 0, "an exception");
    let mut roomy = batch(10);
    roomy.reserve(100_000);
    assert_eq!(drop_a_batch(&mut log, 3, roomy), 0, "too much for ten");
    assert!(log.take_spare().is_empty(), "nothing is left in it");
}
