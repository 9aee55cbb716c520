//! What leaves by a plan rather than moves.

use geoheap::{ByteLen, Handle, Lookup};

use crate::harness::{World, fill, mesh, resident, small, stamped};

#[test]
fn cold_blocks_of_a_chunk_that_a_lowered_budget_wants_leave_rather_than_move() {
    let lowered = |is_cold: bool| {
        let mut world = World::new(small());
        let handles = fill(&mut world, 40);
        let (hot, others) = handles.split_at(12);
        for _ in 0..60 {
            world.frame(if is_cold { hot } else { &handles });
        }
        let before = world.manager.report();
        assert_eq!(before.defrag_evictions, 0, "nothing has to leave");
        let lower = world.client.set_budget(ByteLen::from_kib(384));
        lower.expect("it holds a chunk");
        for _ in 0..200 {
            world.frame(hot);
        }
        let after = world.manager.report();
        assert!(
            after.held_bytes <= ByteLen::from_kib(384).get(),
            "{after:?}"
        );
        let is_there = |handle: &Handle| {
            let ticket = world.manager.begin_frame();
            matches!(ticket.get(*handle), Lookup::Resident(_))
        };
        assert!(hot.iter().all(is_there), "what frames look at stays");
        for nth in [12, 20, 39] {
            let handle = others[nth - 12];
            for _ in 0..20 {
                world.frame(&[handle]);
            }
            let nth = u32::try_from(nth).expect("few blocks");
            let bytes = world.bytes(handle);
            assert_eq!(bytes, Some(stamped(nth, 0, 10_000)), "it comes back whole");
        }
        after.defrag_evictions
    };
    assert!(lowered(true) > 0);
    assert_eq!(lowered(false), 0, "what was seen a moment ago moves");
}

/// Frames that look at the first `hot` alone, until the others are cold.
fn gone_cold(world: &mut World, handles: &[Handle], hot: usize) {
    for _ in 0..60 {
        world.frame(&handles[..hot]);
    }
}

#[test]
fn a_lowered_budget_takes_no_more_than_down_to_the_low_water_mark() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 40);
    gone_cold(&mut world, &handles, 4);
    let lower = world.client.set_budget(ByteLen::from_kib(256));
    lower.expect("it holds a chunk");
    for _ in 0..60 {
        world.frame(&handles[..4]);
    }
    let report = world.manager.report();
    assert!(report.defrag_evictions > 0, "the plan had its turn");
    // Three chunks are left beside staging.
    let low = 3.0 * 65_536.0 * f64::from(world.manager.config().residency.low_water);
    let stay = resident(&world).len() * 10_000;
    assert!(
        f64::from(u32::try_from(stay).expect("few bytes")) > low - 10_000.0,
        "{stay} bytes stay, and may be {low}"
    );
}

#[test]
fn each_time_a_budget_is_lowered_the_plan_has_its_turn() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 40);
    let mut evictions = Vec::new();
    for _ in 0..3 {
        gone_cold(&mut world, &handles, 4);
        let lower = world.client.set_budget(ByteLen::from_kib(256));
        lower.expect("it holds a chunk");
        world.frame(&handles[..4]);
        // Before the lower budget is reached.
        let raise = world.client.set_budget(ByteLen::from_kib(512));
        raise.expect("it holds a chunk");
        for _ in 0..60 {
            world.frame(&handles);
        }
        let all = handles.iter().copied().collect();
        assert_eq!(resident(&world), all, "who is looked at is back");
        evictions.push(world.manager.report().defrag_evictions);
    }
    assert!(
        0 < evictions[0] && evictions[0] < evictions[1] && evictions[1] < evictions[2],
        "{evictions:?}"
    );
}

#[test]
fn by_a_plan_too_nothing_leaves_before_what_has_a_lower_priority() {
    // Six blocks a chunk: the last chunk, the one to be emptied, has four blocks of their own.
    for (priority, takes_part) in [(200, false), (128, true), (3, true)] {
        let mut world = World::new(small());
        let handles: Vec<Handle> = (0..40)
            .map(|nth| {
                let block = mesh(nth, 500).priority(if nth < 36 { 128 } else { priority });
                let handle = world.client.add(block).expect("a valid block");
                world.ticks(2);
                handle
            })
            .collect();
        let (others, last) = handles.split_at(36);
        gone_cold(&mut world, &handles, 4);
        // All that has to leave is the plan's share.
        let lower = world.client.set_budget(ByteLen::from_kib(448));
        lower.expect("it holds a chunk");
        for _ in 0..60 {
            world.frame(&handles[..4]);
        }
        let there = resident(&world);
        let stay = last.iter().filter(|handle| there.contains(handle)).count();
        let cold = others[4..].iter().filter(|handle| there.contains(handle));
        assert!(cold.count() > 0, "of the others some stay");
        let expected = if takes_part { 0 } else { 4 };
        assert_eq!(stay, expected, "K4: of those of priority {priority}");
        assert!(world.manager.report().defrag_evictions > 0);
    }
}

#[test]
fn what_frames_use_leaves_by_no_plan_though_nothing_counts_as_recent() {
    let mut config = small();
    config.residency.recent_frames = 0;
    let mut world = World::new(config);
    let handles = fill(&mut world, 40);
    // The last chunk, the one to be emptied, has four blocks of six.
    let in_use = &handles[36..];
    for _ in 0..60 {
        world.frame(in_use);
    }
    let lower = world.client.set_budget(ByteLen::from_kib(448));
    lower.expect("it holds a chunk");
    for _ in 0..4 {
        world.frame(in_use);
        let there = resident(&world);
        assert!(in_use.iter().all(|handle| there.contains(handle)), "K4");
    }
    assert!(resident(&world).len() < handles.len(), "others left");
}
