//! The loss of a device (rule R5).

use geoheap_frame_sync::{DeviceEpoch, RingConfig, Ticket, ring};
use std::sync::Arc;

fn config(replicas: usize) -> RingConfig {
    RingConfig {
        replicas,
        slots_initial: 4,
        versions_alive_max: 4,
        ..RingConfig::default()
    }
}

#[test]
fn nothing_of_the_old_device_resolves() {
    let (mut publisher, reader) = ring::<u32, u8, u32, u32>(config(4), 0).expect("a good ring");
    publisher.set(0, 1, Some(1));
    publisher.publish(Arc::new(1)).expect("a replica is free");
    let older = reader.ticket();
    let in_flight = reader.ticket().finish().hold;
    publisher.publish(Arc::new(2)).expect("a replica is free");
    let current = reader.ticket();
    assert_eq!((older.get(0), current.extra(0)), (Some(&1), Some(&1)));

    publisher.set(1, 9, None);
    publisher.device_lost();
    let late = reader.ticket();
    for ticket in [&older, &current, &late] {
        assert!(ticket.is_void(), "R5: version {} is void", ticket.version());
        assert_eq!((ticket.get(0), ticket.extra(0)), (None, None), "R5");
        assert_eq!(ticket.epoch(), DeviceEpoch::ZERO);
    }
    assert!(in_flight.is_void(), "R5: also what is in flight");
    assert!(
        publisher.has_pending(),
        "the first version of the new device is due"
    );

    let version = publisher
        .publish(Arc::new(3))
        .expect("void tickets cannot stall");
    let fresh = reader.ticket();
    assert!(
        version > current.version(),
        "R4: numbers rise across the loss"
    );
    assert_eq!(fresh.version(), version);
    assert!(!fresh.is_void());
    assert_eq!(
        (fresh.epoch(), publisher.epoch().get()),
        (publisher.epoch(), 1)
    );
    assert_eq!(fresh.get(0), Some(&0), "every slot must be set again");
    assert_eq!(
        (fresh.get(1), fresh.extra(0)),
        (Some(&0), None),
        "what was queued is dropped"
    );
    assert!(older.is_void(), "R5: for good");
}

#[test]
fn every_replica_starts_anew() {
    let (mut publisher, reader) = ring::<u32, u8, (), ()>(config(4), ()).expect("a good ring");
    for round in 1..8 {
        publisher.set(round, 7, Some(7));
        publisher.publish(Arc::new(())).expect("a replica is free");
    }
    publisher.device_lost();
    publisher.set(2, 1, None);
    for _ in 0..8 {
        publisher.publish(Arc::new(())).expect("a replica is free");
        let ticket = reader.ticket();
        let slots: Vec<u32> = (0..8)
            .filter_map(|index| ticket.get(index).copied())
            .collect();
        assert_eq!(
            slots,
            [0, 0, 1, 0, 0, 0, 0, 0],
            "R5: no replica of the old epoch is replayed"
        );
        assert!(
            (0..8).all(|index| ticket.extra(index).is_none()),
            "R5: nor its extras"
        );
    }
}

#[test]
fn retired_items_of_the_old_device_come_out_at_once() {
    let (mut publisher, reader) = ring::<u32, u8, u32, u32>(config(4), 0).expect("a good ring");
    let ticket = reader.ticket();
    publisher.retire(1);
    publisher.publish(Arc::new(1)).expect("a replica is free");
    let hold = reader.ticket().finish().hold;
    publisher.retire(2);
    publisher.publish(Arc::new(2)).expect("a replica is free");
    publisher.retire(3);
    publisher.device_lost();
    let mut out = Vec::new();
    publisher.collect(&mut out);
    assert_eq!(out, [1, 2, 3], "R5: no wait for the ticket and the hold");
    assert_eq!(
        publisher.versions_alive(),
        1,
        "F5: void versions do not count"
    );

    publisher.retire(4);
    publisher.collect(&mut out);
    assert_eq!(
        out,
        [1, 2, 3],
        "R2: also on the new device an item waits for a publish"
    );
    publisher.publish(Arc::new(3)).expect("a replica is free");
    publisher.collect(&mut out);
    assert_eq!(
        out,
        [1, 2, 3, 4],
        "no version of the new device ever named it"
    );
    drop((ticket, hold));
}

#[test]
fn void_tickets_cannot_stall_the_next_device() {
    let (mut publisher, reader) = ring::<u32, u8, (), ()>(config(2), ()).expect("a good ring");
    let mut stuck = Vec::new();
    for round in 0..5_u8 {
        stuck.push(reader.ticket());
        publisher
            .publish(Arc::new(()))
            .expect("one replica is free");
        stuck.push(reader.ticket());
        publisher
            .publish(Arc::new(()))
            .expect_err("F7: the other one is pinned");
        publisher.device_lost();
        publisher
            .publish(Arc::new(()))
            .expect("F5: void tickets pin no replica of the ring");
        publisher.validate();
        assert_eq!(publisher.epoch().get(), u32::from(round) + 1);
    }
    assert!(stuck.iter().all(Ticket::is_void), "R5");
}

/// A version that no ticket pins any more, but commands do, is void like the others.
#[test]
fn a_token_of_a_version_without_tickets_is_void() {
    let (mut publisher, reader) = ring::<u32, u8, u32, u32>(config(4), 0).expect("a good ring");
    publisher.set(0, 1, None);
    publisher.publish(Arc::new(1)).expect("a replica is free");
    let in_flight = reader.ticket().finish().hold;
    publisher.set(0, 2, None);
    publisher.publish(Arc::new(2)).expect("a replica is free");
    // Its replica goes back to the ring; only the token is left of it.
    publisher.collect(&mut Vec::new());
    assert!(!in_flight.is_void(), "the device is there");
    publisher.device_lost();
    assert!(in_flight.is_void(), "R5: void without a replica, too");
}
