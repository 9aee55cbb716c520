//! What draw sets cost: memory under the budget, staging, stalls, and a device that is lost.

use geoheap::{
    ByteLen, Config, DrawSetError, DrawSetId, FrameTicket, Handle, SetDraw, VirtualBuffer,
};

use crate::draw_sets::{draws, one};
use crate::harness::{World, fill, mesh, small, stamped};

/// A world with a set of `count` blocks, and tickets of as many versions as make publishing stall.
fn stalled(count: u32) -> Stalled {
    let mut world = World::new(small());
    let handles = fill(&mut world, count);
    let set = world
        .client
        .add_draw_set(draws(&handles))
        .expect("few draws");
    world.flush();
    let mut held = Vec::new();
    for nth in 0..4 {
        held.push(world.manager.begin_frame());
        let contents = vec![stamped(0, nth + 1, 10_000).into()];
        world
            .client
            .update(handles[0], contents)
            .expect("it is sent");
        // It may need a chunk, which is there a tick later.
        world.ticks(4);
    }
    assert!(world.manager.report().publish_stalls > 0, "it stalls");
    (world, handles, set, held)
}

type Stalled = (
    World,
    Vec<Handle>,
    DrawSetId,
    Vec<FrameTicket<VirtualBuffer>>,
);

#[test]
fn a_stall_takes_no_memory_for_records_and_nothing_out_of_sight() {
    let (mut world, handles, set, held) = stalled(36);
    let before = world.manager.report();
    for nth in 0..300_u32 {
        let draws = handles.iter().map(|handle| SetDraw {
            handle: *handle,
            instances: 0..nth + 1,
        });
        world
            .client
            .set_draws(set, draws.collect())
            .expect("few draws");
        world.ticks(1);
    }
    let report = world.manager.report();
    assert_eq!(report.record_bytes, before.record_bytes);
    assert_eq!(report.evictions, before.evictions);
    drop(held);
    world.ticks(100);
    let ticket = world.manager.begin_frame();
    let view = ticket.draw_set(set).expect("it is published");
    assert_eq!(view.draws() + u64::from(view.absent()), 36);
}

#[test]
fn sets_that_are_removed_and_made_again_in_a_stall_leave_nothing() {
    let (mut world, handles, set, held) = stalled(12);
    for _ in 0..3 {
        for count in [20, 30] {
            let draws = vec![one(handles[1]); count];
            world.client.set_draws(set, draws).expect("few draws");
            world.ticks(1);
            world.client.remove_draw_set(set).expect("it is sent");
            world.ticks(1);
        }
    }
    drop(held);
    world.ticks(200);
    assert_eq!(world.manager.report().record_bytes, 0);
    assert!(world.manager.begin_frame().draw_set(set).is_none());
}

#[test]
fn room_that_a_set_wished_for_is_forgotten_with_it() {
    let chunks = |with_wish: bool| {
        let config = Config {
            budget_bytes: ByteLen::from_kib(256),
            ..small()
        };
        let mut world = World::new(config);
        let handles = fill(&mut world, 25);
        let frames = |world: &mut World, count| {
            for _ in 0..count {
                world.frame(&handles[..18]);
            }
        };
        frames(&mut world, 100);
        let many = || vec![one(handles[0]); 409];
        for _ in 0..4 {
            world.client.add_draw_set(many()).expect("at the limit");
            world.ticks(1);
        }
        if with_wish {
            let set = world.client.add_draw_set(many()).expect("at the limit");
            world.ticks(1);
            world.client.remove_draw_set(set).expect("it is sent");
        }
        frames(&mut world, 600);
        let report = world.manager.report();
        (report.chunks, report.degraded)
    };
    assert_eq!(chunks(true), chunks(false));
}

#[test]
fn a_lowered_budget_lowers_the_limit_of_draws() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 40)).expect("a valid block");
    let budget = world.client.set_budget(ByteLen::from_kib(100));
    let budget = budget.expect("above the least");
    world.answer(budget).expect("it is taken");
    let refused = world.client.add_draw_set(vec![one(handle); 819]);
    let is_refused =
        matches!(refused, Err(DrawSetError::TooMany { requested: 819, max }) if max < 819);
    assert!(is_refused, "{refused:?}");
}

#[test]
fn many_sets_that_change_at_once_stay_in_sight() {
    let config = Config {
        budget_bytes: ByteLen::from_mib(2),
        tick_upload_bytes: ByteLen::from_kib(64),
        ..small()
    };
    let mut world = World::new(config);
    world.control.set_latency_polls(2);
    let handles = fill(&mut world, 10);
    let sets = [(); 6].map(|()| {
        let draws = vec![one(handles[0]); 800];
        world.client.add_draw_set(draws).expect("at the limit")
    });
    world.ticks(20);
    for round in 0..4 {
        let contents = vec![stamped(0, round, 10_000).into()];
        world
            .client
            .update(handles[0], contents)
            .expect("it is sent");
        for _ in 0..12 {
            world.ticks(1);
            let ticket = world.manager.begin_frame();
            let shown = sets.iter().filter(|set| ticket.draw_set(**set).is_some());
            assert_eq!(shown.count(), 6, "version {}", ticket.version());
        }
    }
}

#[test]
fn sets_without_memory_are_told_and_publish_nothing_by_themselves() {
    let config = Config {
        budget_bytes: ByteLen::from_kib(256),
        ..small()
    };
    let mut world = World::new(config);
    let blocks: Vec<Handle> = (0..12)
        .map(|nth| {
            let block = mesh(nth, 500).lifetime(geoheap::Lifetime::LongLived);
            let handle = world.client.add(block).expect("a valid block");
            world.ticks(2);
            handle
        })
        .collect();
    for _ in 0..8 {
        let draws = vec![one(blocks[0]); 400];
        world.client.add_draw_set(draws).expect("at the limit");
    }
    world.ticks(100);
    let before = world.manager.report();
    assert!(before.draw_sets_waiting > 0, "not all of them fit");
    world.ticks(100);
    let versions = world.manager.report().version - before.version;
    assert!(versions < 10, "{versions} versions in 100 ticks of nothing");
}

#[test]
fn sets_of_a_lost_device_are_gone_and_ask_for_nothing() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 12);
    let set = world
        .client
        .add_draw_set(draws(&handles))
        .expect("few draws");
    world.flush();
    let ticket = world.manager.begin_frame();
    assert!(ticket.draw_set(set).is_some());
    world.control.lose_device();
    world.ticks(4);
    assert!(ticket.draw_set(set).is_none(), "R5");
    drop(ticket);
    world
        .client
        .set_draws(set, draws(&handles))
        .expect("few draws");
    world.ticks(4);
    let before = world.manager.report();
    world.ticks(50);
    let report = world.manager.report();
    assert_eq!((report.version, report.record_bytes), (before.version, 0));
}
