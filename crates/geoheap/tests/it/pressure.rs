//! A heap that is full: budgets that shrink, contents without room, and what gets through all the
//! same.

use geoheap::{BlockDesc, ByteLen, Handle, Lifetime, Source};

use crate::harness::{World, fill, is_resident, mesh, small, stamped, vertices};

#[test]
fn what_is_on_its_way_out_is_not_shed_again() {
    let mut world = World::new(small());
    fill(&mut world, 40);
    for _ in 0..50 {
        world.frame(&[]);
    }
    // An old frame keeps all that retires, so no chunk can be given back for now.
    let old = world.manager.begin_frame();
    let lower = world.client.set_budget(ByteLen::from_kib(432));
    drop(lower.expect("it holds a chunk"));
    for _ in 0..100 {
        world.frame(&[]);
    }
    let report = world.manager.report();
    assert!(
        report.live_bytes > 200 * 1024,
        "one chunk less is no reason to evict more than a chunk: {} bytes live",
        report.live_bytes
    );
    drop(old);
    for _ in 0..50 {
        world.frame(&[]);
    }
    let report = world.manager.report();
    assert!(report.held_bytes <= report.budget_bytes, "R10: {report:?}");
}

#[test]
fn what_fits_is_not_degraded() {
    let mut world = World::new(small());
    let long_lived = |nth| mesh(nth, 100).lifetime(Lifetime::LongLived);
    let mut used = Vec::new();
    for nth in 0..20 {
        used.push(world.client.add(long_lived(nth)).expect("a valid block"));
    }
    used.push(world.client.add(mesh(50, 500)).expect("a valid block"));
    world.flush();
    for _ in 0..20 {
        world.frame(&used);
    }
    assert!(
        used.iter().all(|handle| is_resident(&world, *handle)),
        "all of them fit"
    );
    let degraded = world.manager.report().degraded;
    assert_eq!(degraded, None, "long-lived blocks do not count twice");

    let mut world = World::new(small());
    let large = world.client.add(mesh(1, 12_000)).expect("a valid block");
    world.flush();
    for _ in 0..20 {
        world.frame(&[large]);
    }
    let degraded = world.manager.report().degraded;
    assert_eq!(degraded, None, "dedicated buffers do not count twice");
}

#[test]
fn frames_are_heard_while_contents_wait_for_room() {
    let mut config = small();
    config.mailbox_bytes = ByteLen::from_kib(80);
    let mut world = World::new(config);
    let handles = fill(&mut world, 35);
    for _ in 0..10 {
        world.frame(&handles);
    }
    let before = world.manager.report().frames;
    let mut nth = 100;
    for _ in 0..300 {
        // Blocks that cannot leave fill the heap and then the mailbox.
        let bare = BlockDesc::new().part(vertices(nth, 0, 500));
        if world.client.try_add(bare.source(Source::None)).is_ok() {
            nth += 1;
        }
        world.frame(&handles[..2]);
    }
    let heard = world.manager.report().frames - before;
    assert!(
        heard >= 299,
        "notes have a way of their own: {heard} of 300"
    );
}

#[test]
fn a_remove_behind_contents_without_room_is_heard() {
    let mut config = small();
    config.mailbox_bytes = ByteLen::from_kib(80);
    let mut world = World::new(config);
    let bare = |nth| {
        let block = BlockDesc::new().part(vertices(nth, 0, 500));
        block.source(Source::None)
    };
    let mut handles = Vec::new();
    while let Ok(handle) = world
        .client
        .try_add(bare(handles.len().try_into().expect("few")))
    {
        handles.push(handle);
        world.ticks(1);
    }
    assert!(
        handles.len() > 40,
        "the heap is full, and so is the mailbox"
    );
    for handle in &handles[..30] {
        world.client.remove(*handle).expect("it weighs no bytes");
    }
    let last = *handles.last().expect("many");
    for ticks in 0.. {
        world.ticks(1);
        if is_resident(&world, last) {
            break;
        }
        assert!(
            ticks < 100,
            "the removes make room: {:?}",
            world.manager.report()
        );
    }
}

#[test]
fn updates_without_room_take_few_blocks_from_the_frames_at_a_time() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 42);
    for _ in 0..10 {
        world.frame(&handles);
    }
    let used: Vec<Handle> = handles
        .into_iter()
        .filter(|at| is_resident(&world, *at))
        .collect();
    assert!(used.len() > 30, "the heap is full: {}", used.len());
    for handle in &used {
        let newer = vec![stamped(1, 1, 10_000).into()];
        world.client.update(*handle, newer).expect("it is sent");
    }
    let mut away_most = 0;
    for _ in 0..400 {
        world.frame(&used);
        let away = used.iter().filter(|handle| !is_resident(&world, **handle));
        away_most = away_most.max(away.count());
    }
    assert!(
        away_most <= 8,
        "of {} blocks, {away_most} were away",
        used.len()
    );
    for handle in &used {
        let back = world.client.resident(*handle).expect("it is sent");
        world.answer(back).expect("all of them fit");
        assert_eq!(world.bytes(*handle), Some(stamped(1, 1, 10_000)));
    }
}
