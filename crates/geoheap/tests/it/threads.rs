//! The same heap with its own thread, render actors, and clients on several threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use geoheap::{Handle, Lookup, Threading};

use crate::harness::{World, mesh, small, stamped};

/// Longest wait for anything in these tests; they are about order, not about speed.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Reads of the device that a test has under way at a time.
const READS_MAX: u64 = 1_000;

pub(crate) fn threaded() -> World {
    let mut config = small();
    config.threading = Threading::Actor;
    config.tick_interval = Duration::from_millis(1);
    World::new(config)
}

#[test]
fn clients_add_and_readers_read_at_the_same_time() {
    let world = threaded();
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::new(AtomicU64::new(0));
    let (handles_in, handles_out) = std::sync::mpsc::channel::<(u32, Handle)>();
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let (client, handles_in) = (world.client.clone(), handles_in.clone());
            scope.spawn(move || {
                for nth in 0..60 {
                    let block = writer * 1_000 + nth;
                    let handle = client.add(mesh(block, 100)).expect("a valid block");
                    handles_in.send((block, handle)).expect("the reader lives");
                    let contents = stamped(block, 1, 2_000);
                    client
                        .update(handle, vec![contents.into()])
                        .expect("it is sent");
                    if nth % 3 == 0 {
                        client.remove(handle).expect("it is sent");
                    }
                }
            });
        }
        drop(handles_in);
        let frames = world.manager.frames();
        let control = world.control.clone();
        let (reader_stop, reader_seen) = (Arc::clone(&stop), Arc::clone(&seen));
        scope.spawn(move || {
            let mut known = Vec::new();
            let mut version = None;
            let mut asked = 0;
            while !reader_stop.load(Ordering::Relaxed) {
                known.extend(handles_out.try_iter());
                // Where this thread is faster than the device, reads would pile up for ever.
                let has_time = asked - reader_seen.load(Ordering::Relaxed) < READS_MAX;
                let ticket = frames.begin_frame();
                assert!(
                    Some(ticket.version()) >= version,
                    "R4: versions never go down"
                );
                version = Some(ticket.version());
                for (block, handle) in &known {
                    if let Lookup::Resident(view) = ticket.get(*handle)
                        && has_time
                    {
                        asked += 1;
                        let (seen, block) = (Arc::clone(&reader_seen), *block);
                        let (start, len) = (view.offset().get(), view.len().get());
                        let held = ticket.in_flight();
                        let read = geoheap::VirtualRead {
                            buffer: view.buffer().clone(),
                            range: start..start + len,
                        };
                        control.submit_reads(vec![read], move |bytes| {
                            let revision =
                                u32::from_le_bytes(bytes[0][4..8].try_into().expect("four bytes"));
                            assert_eq!(bytes[0], stamped(block, revision, 2_000), "R3: its own");
                            seen.fetch_add(1, Ordering::Relaxed);
                            drop(held);
                        });
                    }
                }
                drop(ticket.finish());
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        let flush = world.client.flush().expect("it is sent");
        flush.wait(PATIENCE).expect("the actor runs");
        let start = Instant::now();
        while seen.load(Ordering::Relaxed) < 2_000 && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(seen.load(Ordering::Relaxed) >= 2_000, "reads were checked");
    let end = world.manager.shutdown();
    assert!(!end.actor_panicked, "the actor ended in order");
    assert_eq!(end.report.hidden_uses, 0, "R8");
    assert_eq!(
        end.report.gpu_errors, 0,
        "the device had nothing to complain of"
    );
    assert_eq!(end.leaks.len(), 120, "two thirds were not removed");
}

#[test]
fn a_dropped_manager_ends_its_threads() {
    let world = threaded();
    let client = world.client.clone();
    client.add(mesh(1, 5)).expect("a valid block");
    drop(world);
    assert!(client.add(mesh(2, 5)).is_err(), "nobody is there any more");
}

#[test]
fn an_answer_can_be_awaited() {
    let world = threaded();
    let handle = world.client.add(mesh(1, 5)).expect("a valid block");
    let resident = world.client.resident(handle).expect("it is sent");
    pollster::block_on(resident).expect("it becomes resident");
    let read = world.client.read_back(handle).expect("it is sent");
    let read = pollster::block_on(read).expect("it is resident");
    assert_eq!(read.parts[0].1, stamped(1, 0, 100), "its bytes");
}

#[test]
fn clients_who_never_pause_do_not_stop_the_ticks() {
    let world = threaded();
    let handle = world.client.add(mesh(1, 50)).expect("a valid block");
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..2)
        .map(|_| {
            let (client, stop) = (world.client.clone(), Arc::clone(&stop));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    client.set_priority(handle, 3).expect("it is sent");
                }
            })
        })
        .collect();
    for nth in 0..20 {
        let flush = world.client.flush().expect("it is sent");
        let answer = flush.wait(PATIENCE);
        assert!(answer.is_ok(), "flush {nth}: {answer:?}");
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().expect("it does not panic");
    }
}
