//! What a render thread reads while geometry changes under it: each block its own bytes, of a
//! revision that its version promised, whenever the device comes to it.

use std::sync::{Arc, Mutex};

use geoheap::planted::Bug;
use shuttle::future::block_on;
use shuttle::thread::{spawn, yield_now};

use crate::explore::{catches, explore};
use crate::world::{World, contents, draw, mesh, queue_read, small, stamped};

const SCHEDULES: usize = 5_000;
/// Schedules in which a planted bug must show.
const SCHEDULES_PLANTED: usize = 10_000;
/// Revisions of the block that changes.
const REVISIONS: u32 = 4;

/// A writer changes one block and puts others into the places that it leaves, while a render
/// thread reads, through commands that the device executes whenever it comes to them.
fn change_and_read() {
    let mut config = small();
    config.mailbox_messages = 8;
    let world = World::new(config);
    let client = world.client();
    let changing = client.add(mesh(1)).expect("it is empty");
    block_on(client.resident(changing).expect("it is sent")).expect("there is room");
    let (frames, control) = (world.manager.frames(), world.control.clone());
    let writer = spawn(move || {
        for revision in 1..=REVISIONS {
            let update = vec![contents(1, revision)];
            client.update(changing, update).expect("nobody ends it");
            let other = client.add(mesh(10 + revision)).expect("nobody ends it");
            if draw(2) == 0 {
                client.remove(other).expect("nobody ends it");
            }
        }
        block_on(client.flush().expect("nobody ends it")).expect("nobody ends it");
    });
    let reads = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&reads);
    let renderer = spawn(move || {
        let mut version = None;
        // Frames that take their time: they may pin all tables, and publishing waits for them.
        let mut slow = Vec::new();
        for _ in 0..6 {
            let ticket = frames.begin_frame();
            assert!(Some(ticket.version()) >= version, "R4: it goes up");
            version = Some(ticket.version());
            if let Some(read) = queue_read(&control, &ticket, changing) {
                // A second look, in the same version, at the same bytes.
                yield_now();
                let again = queue_read(&control, &ticket, changing);
                let again = again.expect("R8: a version does not change");
                let mut reads = into.lock().expect("nobody panics while holding it");
                reads.push((read, again));
            }
            match draw(4) {
                // As a render thread does that panics.
                0 => drop(ticket),
                1 => slow.push(ticket),
                _ => drop(ticket.finish()),
            }
            yield_now();
        }
    });
    writer.join().expect("it ends");
    renderer.join().expect("it ends");
    let end = world.manager.shutdown();
    assert_eq!(end.report.hidden_uses, 0, "R8: it was never away");
    assert_eq!(end.report.gpu_errors, 0, "the device has no complaints");
    let mut newest = 0;
    for (read, again) in reads.lock().expect("nobody panics while holding it").iter() {
        let take = |read: &crate::world::Read| read.lock().expect("nobody panics").take();
        let bytes = take(read).expect("shutdown waits for the device");
        let revision = u32::from_le_bytes(bytes[4..8].try_into().expect("four bytes"));
        assert_eq!(
            bytes,
            stamped(1, revision),
            "R1, R3: its own bytes, all of one revision"
        );
        assert_eq!(
            Some(bytes),
            take(again),
            "R3: the same, as long as it is held"
        );
        assert!(revision >= newest, "R4: contents do not go back either");
        newest = revision;
    }
}

#[test]
fn render_threads_read_what_their_version_promised() {
    explore("reads while geometry changes", SCHEDULES, change_and_read);
}

#[test]
fn a_range_that_is_free_too_early_is_caught() {
    let told = ["R3: its own bytes", "R3: the same"];
    catches(
        Bug::FreedAtPublish,
        &told,
        SCHEDULES_PLANTED,
        change_and_read,
    );
}

#[test]
fn a_submit_that_comes_after_its_publish_is_caught() {
    let told = ["R1, R3: its own bytes"];
    catches(
        Bug::SubmittedLate,
        &told,
        SCHEDULES_PLANTED,
        change_and_read,
    );
}
