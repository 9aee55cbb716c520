//! Where the bytes of a block that was away come from.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use geoheap::{BlockDesc, Config, PartData, Payload, Source, Threading};

use crate::harness::{STRIDE, World, is_resident, mesh, small, stamped, vertices};

/// Bytes of the caller's, and how often they were looked at.
struct Watched {
    bytes: Vec<u8>,
    looks: Arc<AtomicUsize>,
    /// Lives as long as the bytes.
    _alive: Arc<()>,
}

impl AsRef<[u8]> for Watched {
    fn as_ref(&self) -> &[u8] {
        self.looks.fetch_add(1, Ordering::Relaxed);
        &self.bytes
    }
}

#[test]
fn a_retained_copy_is_the_callers_memory_itself() {
    let mut world = World::new(small());
    let (looks, alive) = (Arc::new(AtomicUsize::new(0)), Arc::new(()));
    let payload = Payload::owned(Watched {
        bytes: stamped(1, 0, 10_000),
        looks: Arc::clone(&looks),
        _alive: Arc::clone(&alive),
    });
    // Two blocks of the same bytes.
    let add = |payload: &Payload| {
        let part = PartData::vertex(payload.clone(), STRIDE);
        let block = BlockDesc::new().part(part).source(Source::Retained);
        world.client.add(block).expect("a valid block")
    };
    let blocks = [add(&payload), add(&payload)];
    drop(payload);
    world.flush();
    for handle in blocks {
        world.client.evict(handle).expect("it is sent");
        world.ticks(4);
        assert!(!is_resident(&world, handle), "it left");
        let before = looks.load(Ordering::Relaxed);
        let back = world.client.resident(handle).expect("it is sent");
        world.answer(back).expect("it comes back");
        let now = looks.load(Ordering::Relaxed);
        assert!(now > before, "from there, and from no copy of it");
        assert_eq!(world.bytes(handle), Some(stamped(1, 0, 10_000)));
    }
    assert_eq!(Arc::strong_count(&alive), 2, "the engine has it, once");
    world.client.remove(blocks[0]).expect("it is sent");
    world.flush();
    world.ticks(4);
    assert_eq!(Arc::strong_count(&alive), 2, "for the other block");
    world.client.remove(blocks[1]).expect("it is sent");
    world.flush();
    world.ticks(4);
    assert_eq!(Arc::strong_count(&alive), 1, "nobody needs it any more");
}

/// A callback that does not end holds up the block that it is for, and nobody else.
#[test]
fn callbacks_run_beside_the_geometry_thread() {
    let patience = Duration::from_mins(1);
    let world = World::new(Config {
        threading: Threading::Actor,
        ..small()
    });
    let (go_on, wait) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let wait = Mutex::new(wait);
    let source = Source::reload(move |_| {
        let sent = begun.send(thread::current().id());
        sent.map_err(|error| error.to_string())?;
        let waited = wait.lock().expect("no panics while held").recv();
        waited.map_err(|error| error.to_string())?;
        Ok(vec![stamped(1, 0, 10_000).into()])
    });
    let block = BlockDesc::new().part(vertices(1, 0, 500)).source(source);
    let slow = world.client.add(block).expect("a valid block");
    let flush = world.client.flush().expect("it is sent");
    flush.wait(patience).expect("the actor runs");
    world.client.evict(slow).expect("it is sent");
    let back = world.client.resident(slow).expect("it is sent");
    let worker = begins.recv_timeout(patience).expect("it is called");
    assert_ne!(worker, thread::current().id(), "not by who asked");
    // The actor goes on while it waits.
    for nth in 10..20 {
        let other = world.client.add(mesh(nth, 500)).expect("a valid block");
        let there = world.client.resident(other).expect("it is sent");
        there.wait(patience).expect("it comes");
    }
    go_on.send(()).expect("the callback waits");
    back.wait(patience).expect("it comes at last");
    let read = world.client.read_back(slow).expect("it is sent");
    let read = read.wait(patience).expect("it is resident");
    assert_eq!(read.parts[0].1, stamped(1, 0, 10_000));
    let end = world.manager.shutdown();
    assert!(!end.actor_panicked, "the actor ended in order");
}
