//! Bitmaps go from the pool to tickets on two threads, and come back from three.

use crate::Model;
use geoheap_frame_sync::planted::Bug;
use geoheap_frame_sync::{Reader, RingConfig, Usage, ring};
use loom::sync::{Arc, Mutex};
use loom::thread;

/// What frames hand over to the writer's side.
type Notes = Arc<Mutex<Vec<Usage>>>;

/// Two frames: one is dropped while it marks, the other tells the writer what it used.
fn draw(reader: &Reader<u8, (), ()>, own: u32, notes: &Notes) {
    let lost = reader.ticket();
    lost.mark_used(own);
    drop(lost);
    let ticket = reader.ticket();
    ticket.mark_used(2 + own);
    ticket.mark_used(64 + own);
    let usage = ticket.finish().usage;
    assert!(
        usage.iter().eq([2 + own, 64 + own]),
        "F8: a frame has its own marks, all of them, and no others: {usage:?}"
    );
    notes.lock().expect("no holder panics").push(usage);
}

fn frames_and_writer() {
    let config = RingConfig {
        replicas: 2,
        slots_initial: 66,
        ..RingConfig::default()
    };
    let (publisher, reader) = ring::<u8, (), (), ()>(config, ()).expect("a good ring");
    let notes = Notes::default();
    let threads: Vec<_> = (0..2)
        .map(|own| {
            let (reader, notes) = (reader.clone(), Arc::clone(&notes));
            thread::spawn(move || draw(&reader, own, &notes))
        })
        .collect();
    // The writer's side gives back what is there already, at the same time.
    let early = core::mem::take(&mut *notes.lock().expect("no holder panics"));
    let mut told: Vec<u32> = early.iter().flat_map(Usage::iter).collect();
    drop(early);
    for thread in threads {
        thread.join().expect("a frame found a broken rule");
    }
    let late = core::mem::take(&mut *notes.lock().expect("no holder panics"));
    told.extend(late.iter().flat_map(Usage::iter));
    told.sort_unstable();
    assert_eq!(told, [2, 3, 64, 65], "F8: no mark is lost");
    let figures = publisher.figures();
    assert_eq!(
        figures.bitmaps_made + figures.bitmaps_reused,
        4,
        "F8: each of four tickets had a bitmap"
    );
    drop(late);
}

const POOL: Model = Model {
    name: "two threads with two tickets each and a writer, one pool of bitmaps",
    preemptions: 4,
};

#[test]
fn bitmaps_come_back_clean() {
    POOL.explore(frames_and_writer);
}

#[test]
#[should_panic(expected = "F8: a frame has its own marks")]
fn a_dirty_bitmap_is_caught() {
    POOL.explore_with(Some(Bug::DirtyBitmap), frames_and_writer);
}
