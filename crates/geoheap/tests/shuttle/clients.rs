//! Clients with a small mailbox, a render thread, and shutdown whenever it comes.

use std::time::Duration;

use geoheap::planted::Bug;
use geoheap::{
    AddError, Batch, ByteLen, Client, FrameSource, FrameTicket, Handle, Pending, RequestError,
    SendError, Threading, VirtualBuffer,
};
use shuttle::future::block_on;
use shuttle::thread::{JoinHandle, spawn, yield_now};

use crate::explore::{catches, explore};
use crate::world::{World, contents, draw, mesh, small, stamped};

const SCHEDULES: usize = 5_000;
/// Schedules in which a planted bug must show.
const SCHEDULES_PLANTED: usize = 10_000;

/// Either it was sent or the manager is gone.
fn is_sent(sent: Result<(), SendError>) -> bool {
    match sent {
        Ok(()) => true,
        Err(SendError::ShutDown) => false,
        Err(other) => panic!("a client who waits is told only of the end: {other}"),
    }
}

/// What becomes of an add: a handle, or a reason that fits how long the client was ready to wait.
fn added(result: Result<Handle, AddError>, waits: bool) -> Option<Handle> {
    match result {
        Ok(handle) => Some(handle),
        Err(AddError::Send(SendError::ShutDown)) => None,
        Err(AddError::Send(SendError::MailboxFull { .. } | SendError::Deadline { .. }))
            if !waits =>
        {
            None
        }
        Err(other) => panic!("a valid block is refused: {other}"),
    }
}

/// Adds in every way, and removes some again; returns what it removed.
fn produce(client: &Client, block: u32) -> Vec<Handle> {
    let first = added(client.add(mesh(block)), true);
    let tried = client
        .try_add(mesh(block + 1))
        .map_err(|refused| refused.error);
    let tried = added(tried, false);
    let timed = client
        .add_deadline(mesh(block + 2), Duration::from_millis(1))
        .map_err(|refused| refused.error);
    let timed = added(timed, false);
    let mut removed = Vec::new();
    if let Some(handle) = first {
        is_sent(client.update(handle, vec![contents(block, 1)]));
    }
    for handle in [first, tried, timed].into_iter().flatten() {
        if is_sent(client.remove(handle)) {
            removed.push(handle);
        }
    }
    let batch = Batch::new().add(mesh(block + 3)).add(mesh(block + 4));
    match client.batch(batch) {
        Ok(handles) => {
            let batch = Batch::new().remove(handles[0]).remove(handles[1]);
            if client.batch(batch).is_ok() {
                removed.extend(handles);
            }
        }
        Err(refused) => {
            let none = added(Err(refused.error), true);
            assert_eq!(none, None, "a refused batch adds nothing");
        }
    }
    removed
}

/// Whoever is told that his request was sent gets an answer.
fn ask(client: &Client) {
    fn answer<T>(pending: Result<Pending<T>, SendError>) -> Option<T> {
        match pending {
            Ok(pending) => match block_on(pending) {
                Ok(answer) => Some(answer),
                Err(RequestError::ShutDown | RequestError::StagingFull { .. }) => None,
                Err(other) => panic!("only the end, or full staging, refuses it: {other}"),
            },
            Err(SendError::ShutDown) => None,
            Err(other) => panic!("a client who waits is told only of the end: {other}"),
        }
    }
    answer(client.heap_map());
    answer(client.flush());
    answer(client.stage(ByteLen::new(64)));
    answer(client.compact_now());
}

/// Frames until the last one, whose ticket is kept.
fn render(frames: &FrameSource<VirtualBuffer>) -> FrameTicket<VirtualBuffer> {
    let mut last = frames.begin_frame();
    for _ in 0..3 {
        let next = frames.begin_frame();
        assert!(next.version() >= last.version(), "R4: it goes up");
        drop(last.finish());
        last = next;
        yield_now();
    }
    last
}

/// Everybody at once, and the end at any time.
fn all_at_once() {
    let world = World::new(small());
    let clients: Vec<JoinHandle<Vec<Handle>>> = (0..2)
        .map(|nth| {
            let client = world.client();
            spawn(move || produce(&client, nth * 10))
        })
        .collect();
    let (asking, frames) = (world.client(), world.manager.frames());
    let asks = spawn(move || ask(&asking));
    let renders = spawn(move || render(&frames));
    let after = world.client();
    for _ in 0..draw(40) {
        yield_now();
    }
    if draw(2) == 0 {
        drop(world);
        for client in clients {
            client.join().expect("it ends");
        }
    } else {
        let end = world.manager.shutdown();
        assert!(!end.actor_panicked, "the actor ends in order");
        assert_eq!(end.report.gpu_errors, 0, "the device has no complaints");
        for client in clients {
            for handle in client.join().expect("it ends") {
                let leaked = end.leaks.iter().any(|leak| leak.handle == handle);
                assert!(!leaked, "a remove that was sent is carried out");
            }
        }
    }
    asks.join().expect("it ends");
    // A ticket that outlives the manager is as good as before, and its end is nobody's business.
    let ticket = renders.join().expect("it ends");
    let version = ticket.version();
    assert_eq!(ticket.finish().version(), version, "it keeps its version");
    assert!(
        added(after.add(mesh(90)), true).is_none(),
        "nobody is there"
    );
    let refused = after.flush().map(drop);
    assert_eq!(refused, Err(SendError::ShutDown), "nobody is there");
}

#[test]
fn clients_and_shutdown_in_every_order() {
    explore("clients, actor and shutdown", SCHEDULES, all_at_once);
}

/// Clients who fill the mailbox, with nobody who ends it before they are through.
fn crowd() {
    let mut config = small();
    config.mailbox_messages = 1 + draw(2);
    let world = World::new(config);
    let clients: Vec<_> = (0..3)
        .map(|nth| {
            let client = world.client();
            spawn(move || {
                for block in 0..3 {
                    let handle = added(client.add(mesh(nth * 10 + block)), true);
                    assert!(handle.is_some(), "nobody has shut it down");
                }
            })
        })
        .collect();
    for client in clients {
        client.join().expect("it ends");
    }
    block_on(world.client().flush().expect("it is sent")).expect("nobody has shut it down");
    let end = world.manager.shutdown();
    assert_eq!(end.leaks.len(), 9, "all of them came in");
}

#[test]
fn everybody_gets_in() {
    explore("a crowd before a small mailbox", SCHEDULES, crowd);
}

/// A manager that its caller drives, and ends at any time; clients never wait for room.
fn caller_drives() {
    let mut config = small();
    config.threading = Threading::CallerDriven;
    let mut world = World::new(config);
    let clients: Vec<_> = (0..2)
        .map(|nth| {
            let client = world.client();
            spawn(move || {
                let mut block = nth * 10;
                loop {
                    match client.add(mesh(block)) {
                        Ok(handle) => {
                            block += 1;
                            if block % 10 == 3 {
                                return Some(handle);
                            }
                        }
                        Err(AddError::Send(SendError::MailboxFull { .. })) => yield_now(),
                        Err(AddError::Send(SendError::ShutDown)) => return None,
                        Err(other) => panic!("a valid block is refused: {other}"),
                    }
                }
            })
        })
        .collect();
    let asking = world.client();
    let asks = spawn(move || {
        if let Ok(map) = asking.heap_map() {
            let answer = block_on(map);
            let answered = matches!(answer, Ok(_) | Err(RequestError::ShutDown));
            assert!(answered, "{answer:?}");
        }
        asking
    });
    for _ in 0..draw(30) {
        world.manager.poll();
        yield_now();
    }
    drop(world.manager.shutdown());
    for client in clients {
        client.join().expect("it ends");
    }
    asks.join().expect("it ends");
}

#[test]
fn a_caller_who_drives_may_end_at_any_time() {
    explore("a manager that its caller drives", SCHEDULES, caller_drives);
}

/// The device goes while everybody is at work; whoever waits hears of it.
fn device_goes() {
    fn end<T: std::fmt::Debug>(answer: &Result<T, RequestError>) -> bool {
        let told = matches!(
            answer,
            Ok(_) | Err(RequestError::DeviceLost | RequestError::Stale { .. })
        );
        assert!(told, "only the device's end is told: {answer:?}");
        answer.is_err()
    }
    let world = World::new(small());
    let (control, client) = (world.control.clone(), world.client());
    let loses = spawn(move || {
        for _ in 0..draw(30) {
            yield_now();
        }
        control.lose_device();
    });
    let asks = spawn(move || {
        loop {
            match client.add(mesh(1)) {
                Ok(handle) => {
                    let pinned = client.pin(handle).expect("the manager runs");
                    let read = client.read_back(handle).expect("the manager runs");
                    // Both, so that one waits while the other is answered.
                    let lost = [end(&block_on(pinned)), end(&block_on(read))];
                    if lost[1] {
                        return;
                    }
                    client.remove(handle).expect("the manager runs");
                }
                Err(AddError::DeviceLost) => return,
                Err(other) => panic!("a valid block is refused: {other}"),
            }
        }
    });
    let frames = world.manager.frames();
    let renders = spawn(move || render(&frames));
    loses.join().expect("it ends");
    asks.join().expect("it ends");
    let ticket = renders.join().expect("it ends");
    let end = world.manager.shutdown();
    assert!(!end.actor_panicked, "the actor ends in order");
    drop(ticket);
}

#[test]
fn a_device_that_is_lost_leaves_nobody_waiting() {
    explore("a device that is lost", SCHEDULES, device_goes);
}

/// The device goes while everybody is at work, and another one follows: what was taken is there
/// in the end.
fn device_follows() {
    let mut world = World::new(small());
    let client = world.client();
    let adds = spawn(move || {
        let mut added = Vec::new();
        for nth in 0..4 {
            match client.add(mesh(nth)) {
                Ok(handle) => added.push((nth, handle)),
                Err(AddError::DeviceLost) => yield_now(),
                Err(other) => panic!("a valid block is refused: {other}"),
            }
        }
        added
    });
    let frames = world.manager.frames();
    let renders = spawn(move || render(&frames));
    for _ in 0..2 {
        for _ in 0..draw(20) {
            yield_now();
        }
        world.control.lose_device();
        world.restore();
    }
    let added = adds.join().expect("it ends");
    drop(renders.join().expect("it ends"));
    let client = world.client();
    for (nth, handle) in added {
        let resident = client.resident(handle).expect("the manager runs");
        block_on(resident).expect("it has a source");
        let read = loop {
            let read = client.read_back(handle).expect("the manager runs");
            match block_on(read) {
                Ok(read) => break read,
                // Others come back at this moment.
                Err(RequestError::StagingFull { .. }) => yield_now(),
                Err(other) => panic!("block {nth}: {other}"),
            }
        };
        assert_eq!(read.parts[0].1, stamped(nth, 0), "block {nth}");
    }
    let end = world.manager.shutdown();
    assert!(!end.actor_panicked, "the actor ends in order");
    assert_eq!(end.report.restores, 2, "both followed");
}

#[test]
fn a_device_that_follows_brings_everything_back() {
    explore("a device that follows", SCHEDULES, device_follows);
}

#[test]
fn a_permit_given_back_twice_is_caught() {
    // Too many come in, who find no handle.
    let told = ["a mailbox gives back what was taken", "all 64 handles"];
    catches(Bug::PermitGivenBackTwice, &told, SCHEDULES_PLANTED, crowd);
}

#[test]
fn a_notification_that_gets_lost_is_caught() {
    let told = ["max_steps"];
    catches(Bug::NotifiedTooEarly, &told, SCHEDULES_PLANTED, crowd);
}

#[test]
fn a_reserve_that_is_refilled_too_late_is_caught() {
    let told = ["all 64 handles"];
    catches(Bug::ReserveRefilledLate, &told, SCHEDULES_PLANTED, crowd);
}

/// One question, and the end at about the same time.
fn last_question() {
    let world = World::new(small());
    let client = world.client();
    let asks = spawn(move || {
        if let Ok(map) = client.heap_map() {
            let answer = block_on(map);
            assert!(
                matches!(answer, Ok(_) | Err(RequestError::ShutDown)),
                "{answer:?}"
            );
        }
        // The channel lives on with this client.
        drop(client);
    });
    drop(world);
    asks.join().expect("it ends");
}

#[test]
fn the_last_question_is_answered() {
    explore("a question at the end", SCHEDULES, last_question);
}

#[test]
fn a_request_that_slips_in_at_the_end_is_caught() {
    // Its sender waits for ever.
    let told = ["deadlock"];
    catches(
        Bug::SentBesideTheGate,
        &told,
        SCHEDULES_PLANTED,
        last_question,
    );
}
