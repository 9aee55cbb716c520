//! Frames that use more than there is room for: what fits stays, and the rest is told once.

use geoheap::{ByteLen, Config, Handle, HeapEvent};

use crate::harness::{World, fill, small};

/// What so many frames over `seen` come to.
#[derive(Debug, Default)]
struct Outcome {
    /// The fewest and the most blocks that a frame found.
    found: (usize, usize),
    evictions: u64,
    told: Vec<HeapEvent>,
}

fn watch(world: &mut World, seen: &[Handle], frames: usize) -> Outcome {
    let _ = world.manager.events();
    let before = world.manager.report().evictions;
    let mut outcome = Outcome {
        found: (usize::MAX, 0),
        ..Outcome::default()
    };
    for _ in 0..frames {
        let ticket = world.manager.begin_frame();
        let found = seen
            .iter()
            .filter(|at| ticket.get(**at).resident().is_some());
        let found = found.count();
        drop(ticket.finish());
        world.ticks(1);
        let (least, most) = outcome.found;
        outcome.found = (least.min(found), most.max(found));
        outcome.told.extend(world.manager.events());
    }
    outcome.evictions = world.manager.report().evictions - before;
    outcome
}

/// Frames use so many blocks of 10 KB, of which a chunk holds six, and the budget falls from four
/// chunks, or a byte less, to one.
fn check_lowered(used: usize) {
    let mut world = World::new(Config {
        budget_bytes: ByteLen::from_kib(256),
        ..small()
    });
    let handles = fill(&mut world, 30);
    let seen = &handles[..used];
    watch(&mut world, seen, 100);
    let lower = world.client.set_budget(ByteLen::from_kib(128));
    let lower = world.answer(lower.expect("it is sent"));
    lower.expect("it is taken");
    watch(&mut world, seen, 400);
    let report = world.manager.report();
    let is_reached = report.held_bytes <= report.budget_bytes;
    assert!(is_reached, "R10: {used} blocks are used: {report}");
    let after = watch(&mut world, seen, 300);
    assert_eq!(after.found, (6, 6), "{used} blocks: {after:?}");
    assert_eq!(after.evictions, 0, "{used} blocks: what fits stays");
    assert_eq!(after.told, [], "{used} blocks: told before");
    let degraded = world.manager.report().degraded;
    assert!(degraded.is_some(), "{used} blocks do not fit");
}

#[test]
fn a_lowered_budget_is_reached_where_frames_use_more() {
    for used in 7..=18 {
        check_lowered(used);
    }
}

#[test]
fn a_working_set_that_just_does_not_fit_is_told_once() {
    for count in 10..20 {
        let mut world = World::new(Config {
            budget_bytes: ByteLen::from_kib(160),
            ..small()
        });
        let handles = fill(&mut world, 30);
        let seen = &handles[..count];
        watch(&mut world, seen, 100);
        let after = watch(&mut world, seen, 300);
        assert_eq!(after.told, [], "{count} blocks: {after:?}");
        assert_eq!(after.evictions, 0, "{count} blocks: {after:?}");
    }
}
