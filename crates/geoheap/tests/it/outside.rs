//! Memory that the program holds outside of the engine, under the same budget.

use geoheap::{ByteLen, Config, Handle, OutsideLease, Pending, RequestError};

use crate::harness::{World, fill, is_resident, small};

/// A heap that is full, and its blocks.
fn full() -> (World, Vec<Handle>) {
    let mut world = World::new(small());
    let handles = fill(&mut world, 60);
    let report = world.manager.report();
    assert!(
        report.held_bytes > small().budget_bytes.get() * 3 / 4,
        "it is full: {report}"
    );
    (world, handles)
}

fn ask(world: &World, kib: u64) -> Pending<OutsideLease> {
    let asked = world.client.hold_outside(ByteLen::from_kib(kib));
    asked.expect("the manager runs")
}

/// What the engine holds and what is held outside, together.
#[track_caller]
fn check_budget(world: &World) {
    let report = world.manager.report();
    assert!(report.held_bytes <= report.budget_bytes, "R10: {report:?}");
}

#[track_caller]
fn check_outside(world: &World, bytes: ByteLen) {
    let report = world.manager.report();
    assert_eq!(report.outside_bytes, bytes.get(), "{report}");
}

/// Ticks until the lease is there, or not.
fn wait(world: &mut World, asked: &mut Pending<OutsideLease>) -> Option<OutsideLease> {
    let others = world.manager.report().outside_bytes;
    for _ in 0..400 {
        let before = world.manager.report();
        if let Some(answer) = asked.try_take() {
            return Some(answer.expect("it is not too much"));
        }
        assert!(before.outside_bytes <= others, "nobody has it yet");
        world.ticks(1);
        check_budget(world);
    }
    None
}

#[test]
fn room_is_made_before_the_lease_is_given() {
    let (mut world, wanted) = full();
    let budget = small().budget_bytes;
    let mut asked = ask(&world, 256);
    world.ticks(1);
    assert!(asked.try_take().is_none(), "blocks have to leave first");
    let lease = wait(&mut world, &mut asked).expect("blocks have a source");
    assert_eq!(lease.bytes(), ByteLen::from_kib(256));
    let report = world.manager.report();
    assert_eq!(report.outside_bytes, lease.bytes().get());
    assert!(report.held_bytes > lease.bytes().get(), "they are in it");
    assert_eq!(report.budget_bytes, budget.get(), "the budget is the same");
    assert_eq!(report.budget_effective_bytes, budget.get());
    assert!(report.evictions > 0, "room was made");
    let resident = report.resident_blocks;
    // Whatever frames want, those bytes are not the engine's.
    for _ in 0..60 {
        world.frame(&wanted);
        check_budget(&world);
    }
    check_outside(&world, lease.bytes());
    drop(lease);
    world.ticks(1);
    check_outside(&world, ByteLen::ZERO);
    fill(&mut world, 20);
    assert!(
        world.manager.report().resident_blocks >= resident + 10,
        "there is room again: {}",
        world.manager.report()
    );
    check_budget(&world);
}

#[test]
fn a_lease_leaves_staging_its_part() {
    // The chunks and these few bytes are within the budget, but not with what uploads may take.
    let (mut world, _) = full();
    let report = world.manager.report();
    let beside = report.budget_bytes - report.chunk_bytes;
    assert!(beside > 4 << 10, "there would be room: {report}");
    let mut asked = ask(&world, 4);
    world.ticks(1);
    assert!(asked.try_take().is_none(), "a chunk has to go");
    let lease = wait(&mut world, &mut asked).expect("blocks have a source");
    fill(&mut world, 20);
    check_budget(&world);
    check_outside(&world, lease.bytes());
}

#[test]
fn it_is_as_if_the_budget_were_lowered() {
    let lowered = ByteLen::from_kib(512 - 200);
    let run = |is_outside: bool| {
        let (mut world, _) = full();
        let (mut lease, mut log) = (None, Vec::new());
        if is_outside {
            let mut asked = ask(&world, 200);
            log.push(world.manager.report().chunks);
            lease = wait(&mut world, &mut asked);
            assert!(lease.is_some(), "there is room");
        } else {
            let set = world.client.set_budget(lowered).expect("it holds a chunk");
            log.push(world.manager.report().chunks);
            drop(set);
        }
        world.ticks(200);
        let report = world.manager.report();
        log.extend([report.chunks, report.evictions, report.moves]);
        log.extend([report.resident_blocks, report.live_bytes]);
        log.push(report.held_bytes - report.outside_bytes);
        (log, lease.is_some())
    };
    assert_eq!(run(true).0, run(false).0);
}

#[test]
fn leases_are_given_in_the_order_in_which_they_were_asked_for() {
    let (mut world, _) = full();
    let (mut first, mut second) = (ask(&world, 200), ask(&world, 40));
    for _ in 0..400 {
        world.ticks(1);
        check_budget(&world);
        let later = second.try_take();
        let lease = first.try_take();
        assert!(
            later.is_none() || lease.is_some(),
            "the second waits for the first"
        );
        if let Some(lease) = lease {
            let lease = lease.expect("there is room");
            let later = later.unwrap_or_else(|| world.answer(second));
            let later = later.expect("there is room");
            check_outside(&world, lease.bytes() + later.bytes());
            return;
        }
    }
    panic!("no lease: {}", world.manager.report());
}

#[test]
fn what_the_engine_needs_cannot_be_held_outside() {
    let mut world = World::new(small());
    let (budget, min) = (small().budget_bytes, world.client.budget_bytes_min());
    let max = budget.saturating_sub(min);
    let requested = max + ByteLen::new(1);
    let refused = world.client.hold_outside(requested).expect("it is sent");
    let refused = world.answer(refused).err();
    assert_eq!(
        refused,
        Some(RequestError::OutsideTooLarge {
            requested,
            max,
            budget
        })
    );
    let whole = world.client.hold_outside(max).expect("it is sent");
    let lease = world.answer(whole).expect("the least is left");
    let none = world
        .client
        .hold_outside(ByteLen::new(1))
        .expect("it is sent");
    let none = world.answer(none).expect_err("nothing is left");
    let text = "1 bytes held outside are more than the 0 that the engine can do without of its \
                budget of 524288 bytes";
    assert_eq!(none.to_string(), text);
    let lower = budget.saturating_sub(ByteLen::new(1));
    let set = world.client.set_budget(lower).expect("it holds a chunk");
    let refused = world.answer(set).err();
    assert_eq!(
        refused,
        Some(RequestError::BudgetOutside {
            budget: lower,
            outside: max,
            min
        })
    );
    assert_eq!(world.manager.report().budget_bytes, budget.get(), "R11");
    // The little that is left does its work.
    let handles = fill(&mut world, 10);
    check_budget(&world);
    assert!(handles.iter().any(|handle| is_resident(&world, *handle)));
    let raised = budget + budget;
    let set = world.client.set_budget(raised).expect("it holds a chunk");
    world.answer(set).expect("it is more");
    drop(lease);
    world.ticks(1);
    check_outside(&world, ByteLen::ZERO);
}

#[test]
fn who_does_not_wait_for_a_lease_any_more_leaves_nothing_behind() {
    let (mut world, _) = full();
    let pinned: Vec<_> = fill(&mut world, 40);
    for handle in &pinned {
        drop(world.client.pin(*handle).expect("it is sent"));
    }
    world.ticks(40);
    let mut asked = ask(&world, 300);
    assert!(wait(&mut world, &mut asked).is_none(), "all is pinned");
    drop(asked);
    for handle in pinned {
        world.client.remove(handle).expect("it is sent");
    }
    world.ticks(200);
    check_outside(&world, ByteLen::ZERO);
    let mut asked = ask(&world, 300);
    let lease = wait(&mut world, &mut asked);
    assert!(lease.is_some(), "the whole budget is there again");
}

#[test]
fn who_gives_up_holds_nobody_up() {
    let (mut world, _) = full();
    let pinned: Vec<_> = fill(&mut world, 30);
    for handle in &pinned {
        drop(world.client.pin(*handle).expect("it is sent"));
    }
    world.ticks(40);
    let (mut large, mut little) = (ask(&world, 400), ask(&world, 8));
    assert!(wait(&mut world, &mut large).is_none(), "all is pinned");
    assert!(little.try_take().is_none(), "he waits for the first");
    drop(large);
    let lease = wait(&mut world, &mut little).expect("there is room for that");
    let budget = world.client.set_budget(small().budget_bytes);
    let set = world.answer(budget.expect("it is sent"));
    set.expect("what nobody waits for is not held");
    check_outside(&world, lease.bytes());
}

#[test]
fn leases_outlive_a_device_and_wishes_for_them_do_not() {
    let (mut world, _) = full();
    let mut asked = ask(&world, 100);
    let lease = wait(&mut world, &mut asked).expect("there is room");
    let asked = ask(&world, 200);
    world.ticks(1);
    world.control.lose_device();
    assert_eq!(world.answer(asked).err(), Some(RequestError::DeviceLost));
    check_outside(&world, lease.bytes());
    let late = ask(&world, 8);
    assert_eq!(world.answer(late).err(), Some(RequestError::DeviceLost));
    let second = ByteLen::from_kib(100);
    world.restore();
    world.ticks(40);
    check_outside(&world, second);
    check_budget(&world);
    // The wish that was refused counts no more.
    let mut asked = ask(&world, 200);
    drop(lease);
    let lease = wait(&mut world, &mut asked).expect("there is room");
    world.control.lose_device();
    world.ticks(2);
    drop(lease);
    world.ticks(2);
    check_outside(&world, ByteLen::ZERO);
    world.restore();
    world.ticks(40);
    check_budget(&world);
}

#[test]
fn a_full_mailbox_takes_it() {
    let mut world = World::new(Config {
        mailbox_messages: 2,
        ..small()
    });
    for _ in 0..2 {
        drop(world.client.try_add(crate::harness::mesh(1, 10)));
    }
    let asked = ask(&world, 64);
    let lease = world.answer(asked).expect("there is room");
    check_outside(&world, lease.bytes());
}
