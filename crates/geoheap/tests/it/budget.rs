//! The budget: who says it, what it counts, and how it gives way where the device has less.

use geoheap::{BUDGET_DEFAULT, BudgetOrigin, ByteLen, Config, Handle, HeapEvent, Threading};

use crate::harness::{World, fill, is_resident, small};

/// Ticks between two steps of a budget that grows back.
const REGROW_TICKS: u64 = 256;

#[track_caller]
fn check_origin(config: Config, expected: BudgetOrigin) {
    let world = World::new(config);
    let report = world.manager.report();
    assert_eq!(report.budget_origin, expected, "who said so");
    let told = format!("budget {} ({expected})\n", report.budget_bytes);
    assert!(report.to_string().starts_with(&told), "its text: {report}");
}

#[test]
fn a_report_says_where_the_budget_comes_from() {
    let plain = Config {
        threading: Threading::CallerDriven,
        ..Config::default()
    };
    check_origin(plain.clone(), BudgetOrigin::Default);
    check_origin(
        Config {
            budget_bytes: BUDGET_DEFAULT - ByteLen::new(1),
            ..plain.clone()
        },
        BudgetOrigin::Explicit,
    );
    check_origin(
        Config {
            budget_origin: Some(BudgetOrigin::Explicit),
            ..plain
        },
        BudgetOrigin::Explicit,
    );
    check_origin(
        Config {
            budget_origin: Some(BudgetOrigin::Probe),
            ..small()
        },
        BudgetOrigin::Probe,
    );
}

#[test]
fn whoever_sets_the_budget_is_its_origin_from_then_on() {
    let mut world = World::new(Config {
        threading: Threading::CallerDriven,
        ..Config::default()
    });
    let probed = ByteLen::from_mib(300);
    let set = world
        .client
        .set_budget_from(probed, BudgetOrigin::Probe)
        .expect("it holds a chunk");
    world.answer(set).expect("it is taken");
    let report = world.manager.report();
    assert_eq!(report.budget_bytes, probed.get());
    assert_eq!(report.budget_origin, BudgetOrigin::Probe);
    // The number of the default does not make it the default.
    let set = world.client.set_budget(BUDGET_DEFAULT);
    world.answer(set.expect("it is sent")).expect("it is taken");
    assert_eq!(world.manager.report().budget_origin, BudgetOrigin::Explicit);
    let refused = world
        .client
        .set_budget_from(ByteLen::new(1), BudgetOrigin::Probe);
    assert!(refused.is_err(), "no chunk fits one byte");
    let origin = world.manager.report().budget_origin;
    assert_eq!(origin, BudgetOrigin::Explicit, "R11: nothing changed");
}

/// Most chunks at a time of a world larger than `budget`, of which staging takes 32 KiB.
fn chunks_under(budget: ByteLen) -> u64 {
    let mut world = World::new(Config {
        budget_bytes: budget,
        staging_bytes: ByteLen::from_kib(32),
        ..small()
    });
    fill(&mut world, 80);
    let report = world.manager.report();
    assert!(report.evictions > 0, "the world is larger");
    assert!(report.held_bytes_peak <= budget.get(), "R10: {report:?}");
    report.chunks_peak
}

#[test]
fn a_chunk_fits_or_lacks_a_byte() {
    let seven = ByteLen::from_kib(32 + 7 * 64);
    assert_eq!(chunks_under(seven), 7, "staging and seven chunks");
    assert_eq!(
        chunks_under(seven - ByteLen::new(1)),
        6,
        "a byte is missing"
    );
    assert_eq!(chunks_under(seven + ByteLen::new(1)), 7, "a byte is left");
}

#[test]
fn a_chunk_counts_until_the_device_has_it_back() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 60);
    // What was seen lately moves, and its copies wait for the device.
    let seen: Vec<Handle> = handles.iter().copied().step_by(3).collect();
    for _ in 0..20 {
        world.frame(&seen);
    }
    let budget = ByteLen::from_kib(512);
    // The device executes nothing any more, so what is dropped does not come back.
    world.control.stall(true);
    let lower = world.client.set_budget(ByteLen::from_kib(256));
    drop(lower.expect("it holds a chunk"));
    world.ticks(100);
    let dropped = world.manager.report();
    let device = world.control.live_buffer_bytes() + world.control.live_staging_bytes();
    assert!(device <= budget, "R10: the device holds {device}");
    assert!(
        dropped.held_bytes > device.get() && dropped.held_bytes > 256 * 1024,
        "what the device has not told to be back is counted: {dropped}"
    );
    let higher = world.client.set_budget(budget).expect("it holds a chunk");
    world.answer(higher).expect("it is taken");
    for nth in 0..40 {
        let block = crate::harness::mesh(100 + nth, 500);
        // What is refused for want of mailbox is no matter here.
        drop(world.client.try_add(block));
        world.ticks(2);
        let device = world.control.live_buffer_bytes() + world.control.live_staging_bytes();
        assert!(device <= budget, "R10: the device holds {device}");
    }
    world.control.stall(false);
    for _ in 0..200 {
        world.frame(&handles[..4]);
    }
    assert!(handles[..4].iter().all(|at| is_resident(&world, *at)));
}

#[test]
fn a_budget_cut_by_the_device_grows_back_a_chunk_at_a_time() {
    let mut world = World::new(small());
    fill(&mut world, 20);
    drop(world.manager.events());
    world.control.fail_creation(1);
    fill(&mut world, 40);
    let report = world.manager.report();
    assert_eq!(report.out_of_memory, 1, "it happened");
    let chunk = small().chunk_bytes.get();
    let mut last = (report.tick, report.budget_effective_bytes);
    assert!(last.1 < report.budget_bytes, "the budget shrank");
    let mut steps = 0;
    while last.1 < report.budget_bytes {
        let told = world.manager.events();
        let early = |event: &HeapEvent| matches!(event, HeapEvent::BudgetRegrown { .. });
        assert!(!told.iter().any(early), "it is not whole yet: {told:?}");
        world.ticks(1);
        let now = world.manager.report();
        if now.budget_effective_bytes == last.1 {
            assert!(now.tick < last.0 + 2 * REGROW_TICKS, "it never grows back");
            continue;
        }
        let grown = now.budget_effective_bytes - last.1;
        let whole = now.budget_effective_bytes == now.budget_bytes;
        assert!(grown == chunk || (whole && grown < chunk), "{grown} bytes");
        if steps > 0 {
            assert_eq!(now.tick, last.0 + REGROW_TICKS, "neither sooner nor later");
        }
        steps += 1;
        last = (now.tick, now.budget_effective_bytes);
    }
    assert!(steps >= 2, "by steps: {steps}");
    let regrown = |events: Vec<HeapEvent>| -> Vec<ByteLen> {
        let of = |event| match event {
            HeapEvent::BudgetRegrown { budget } => Some(budget),
            _ => None,
        };
        events.into_iter().filter_map(of).collect()
    };
    let told = regrown(world.manager.events());
    assert_eq!(
        told,
        [ByteLen::from_kib(512)],
        "told once, when it is whole"
    );
    world.ticks(600);
    assert_eq!(regrown(world.manager.events()), [], "and not again");

    // A budget that is set is tried at once.
    world.control.fail_creation(1);
    let lower = world.client.set_budget(ByteLen::from_kib(200));
    world
        .answer(lower.expect("it holds a chunk"))
        .expect("it is taken");
    world.ticks(200);
    let higher = world.client.set_budget(ByteLen::from_kib(512));
    world
        .answer(higher.expect("it holds a chunk"))
        .expect("it is taken");
    fill(&mut world, 60);
    assert_eq!(world.manager.report().out_of_memory, 2, "once more");
    drop(world.manager.events());
    let same = world.client.set_budget(ByteLen::from_kib(512));
    world
        .answer(same.expect("it holds a chunk"))
        .expect("it is taken");
    let report = world.manager.report();
    assert_eq!(report.budget_effective_bytes, report.budget_bytes);
    assert_eq!(regrown(world.manager.events()), [ByteLen::from_kib(512)]);
}
