//! The pool of render actors, with real threads.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use geoheap::{FrameTicket, Handle, Missing, Order, RecordError, RenderActors, Scene};
use geoheap::{Version, VirtualBuffer};

use crate::harness::{World, fill, small};

type Ticket = FrameTicket<VirtualBuffer>;
type What = dyn Fn(usize, &Ticket) + Send + Sync;

/// Items with each of which `what` is done, and an end that may go wrong, too.
struct Items {
    count: usize,
    order: Order,
    what: Box<What>,
    torn_end: Option<usize>,
    begun: AtomicUsize,
}

impl Items {
    fn new(count: usize, what: impl Fn(usize, &Ticket) + Send + Sync + 'static) -> Self {
        Self {
            count,
            order: Order::Any,
            what: Box::new(what),
            torn_end: None,
            begun: AtomicUsize::new(0),
        }
    }
}

/// The items of a pass; one that is dropped on the way panics.
struct Pass(Option<Vec<usize>>);

impl Drop for Pass {
    fn drop(&mut self) {
        if self.0.is_some() && !std::thread::panicking() {
            resume_unwind(Box::new("a pass that cannot be dropped"));
        }
    }
}

impl Scene<VirtualBuffer> for Items {
    type Pass = Pass;
    type Piece = (Version, Vec<usize>);

    fn items(&self) -> usize {
        self.count
    }

    fn order(&self) -> Order {
        self.order
    }

    fn begin(&self, _ticket: &Ticket) -> Pass {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Pass(Some(Vec::new()))
    }

    fn record(&self, pass: &mut Pass, items: Range<usize>, ticket: &Ticket) {
        assert!(!items.is_empty(), "a run has items");
        for item in items {
            (self.what)(item, ticket);
            pass.0.as_mut().expect("it has not ended").push(item);
        }
    }

    fn end(&self, mut pass: Pass, ticket: &Ticket) -> (Version, Vec<usize>) {
        let items = pass.0.take().expect("a pass ends once");
        if self.torn_end.is_some_and(|torn| items.contains(&torn)) {
            resume_unwind(Box::new("it would not end"));
        }
        (ticket.version(), items)
    }
}

/// All items of pieces that are of one version.
#[track_caller]
fn items_of(pieces: &[(Version, Vec<usize>)], ticket: &Ticket) -> Vec<usize> {
    for (version, items) in pieces {
        assert_eq!(*version, ticket.version(), "one version in all pieces");
        assert!(!items.is_empty(), "whoever claims nothing leaves nothing");
    }
    pieces.iter().flat_map(|(_, items)| items.clone()).collect()
}

/// Records `scene` and checks that only `expected` is missing.
#[track_caller]
fn check(actors: usize, scene: Items, expected: &[Missing]) {
    let world = World::new(small());
    let actors = RenderActors::new(actors).expect("threads");
    let ticket = world.manager.begin_frame();
    let scene = Arc::new(scene);
    let (pieces, missing) = match actors.record(&ticket, &scene) {
        Ok(pieces) => (pieces, Vec::new()),
        Err(RecordError::Panicked { missing, pieces }) => (pieces, missing),
        Err(other) => panic!("nothing else goes wrong: {other}"),
    };
    assert_eq!(missing, expected, "what is missing");
    let mut items = items_of(&pieces, &ticket);
    if scene.order == Order::Kept {
        assert!(items.is_sorted(), "in the order of the items: {items:?}");
    } else if expected.is_empty() {
        let (begun, left) = (scene.begun.load(Ordering::Relaxed), pieces.len());
        assert!(begun == left && left <= actors.count(), "a piece an actor");
    }
    items.extend(missing.iter().flat_map(|run| run.items.clone()));
    items.sort_unstable();
    assert!(items.iter().copied().eq(0..scene.count), "each item once");
    // The pool is as good as before.
    let again = Arc::new(Items::new(10, |_, _| {}));
    let pieces = actors.record(&ticket, &again).expect("nobody panics");
    assert_eq!(items_of(&pieces, &ticket).len(), 10, "all of them");
    drop(ticket.finish());
}

fn missing(items: Range<usize>, message: &str) -> Missing {
    Missing {
        items,
        message: message.into(),
    }
}

#[test]
fn each_item_is_recorded_once() {
    for actors in [0, 1, 2, 5] {
        for count in [0, 1, 3, 1_000] {
            check(actors, Items::new(count, |_, _| {}), &[]);
            let mut kept = Items::new(count, |_, _| {});
            kept.order = Order::Kept;
            check(actors, kept, &[]);
        }
    }
}

#[test]
fn a_panic_costs_one_run_and_is_told() {
    let torn = |item: usize, _: &Ticket| {
        if item == 7 {
            resume_unwind(Box::new("a stumble"));
        }
    };
    for actors in [1, 3] {
        check(actors, Items::new(20, torn), &[missing(7..8, "a stumble")]);
        let mut kept = Items::new(20, torn);
        kept.order = Order::Kept;
        let run = if actors == 1 { 6..8 } else { 7..8 };
        check(actors, kept, &[missing(run, "a stumble")]);
        let mut torn_end = Items::new(20, |_, _| {});
        torn_end.torn_end = Some(3);
        check(actors, torn_end, &[missing(3..4, "it would not end")]);
        let all = Items::new(20, |_, _| resume_unwind(Box::new(String::from("all"))));
        check(actors, all, &[missing(0..20, "all")]);
    }
}

/// A payload that panics when it is dropped, as does what that throws.
struct Grudge;

impl Drop for Grudge {
    fn drop(&mut self) {
        resume_unwind(Box::new(Self));
    }
}

#[test]
fn what_a_panic_throws_may_panic_too() {
    let torn = |item: usize, _: &Ticket| {
        if item == 2 {
            resume_unwind(Box::new(Grudge));
        }
    };
    check(2, Items::new(5, torn), &[missing(2..3, "no message")]);
}

#[test]
fn an_error_says_what_is_missing_and_has_the_rest() {
    let error: RecordError<u32> = RecordError::Panicked {
        missing: vec![missing(0..2, "torn"), missing(5..6, "lost")],
        pieces: vec![1, 2],
    };
    assert_eq!(
        error.to_string(),
        "recording items 0..2 panicked: torn; recording items 5..6 panicked: lost"
    );
    assert_eq!(error.missing().len(), 2, "both");
    assert_eq!(error.into_pieces(), [1, 2], "as they were");
}

#[test]
fn actors_work_at_the_same_time() {
    // Each of the two items waits for the other.
    let meeting = Barrier::new(2);
    let wait = move |_: usize, _: &Ticket| {
        meeting.wait();
    };
    check(2, Items::new(2, wait), &[]);
}

#[test]
fn what_helpers_looked_up_counts_as_used() {
    let mut world = World::new(small());
    let handles = fill(&mut world, 20);
    let favourites: Arc<[Handle]> = handles[..4].into();
    let actors = RenderActors::new(4).expect("threads");
    let seen = Arc::new(AtomicU64::new(0));
    for nth in 100..200 {
        let (wanted, seen) = (Arc::clone(&favourites), Arc::clone(&seen));
        let look = move |item: usize, ticket: &Ticket| {
            let there = ticket.get(wanted[item]).resident().is_some();
            seen.fetch_add(u64::from(there), Ordering::Relaxed);
        };
        let ticket = world.manager.begin_frame();
        let scene = Arc::new(Items::new(4, look));
        actors.record(&ticket, &scene).expect("nobody panics");
        drop(ticket.finish());
        let block = crate::harness::mesh(nth, 500);
        world.client.add(block).expect("a valid block");
        world.ticks(2);
    }
    assert_eq!(seen.load(Ordering::Relaxed), 400, "used, so never evicted");
    assert!(world.manager.report().evictions > 50, "others went");
}

#[test]
fn a_pool_may_go_with_the_frame_that_holds_it() {
    let world = World::new(small());
    let actors = Arc::new(RenderActors::new(3).expect("threads"));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (actors, frames) = (Arc::clone(&actors), world.manager.frames());
            std::thread::spawn(move || {
                for _ in 0..50 {
                    let ticket = frames.begin_frame();
                    let inner = Arc::clone(&actors);
                    let nested = move |_: usize, ticket: &Ticket| {
                        let scene = Arc::new(Items::new(3, |_, _| {}));
                        inner.record(ticket, &scene).expect("nobody panics");
                    };
                    let scene = Arc::new(Items::new(3, nested));
                    let pieces = actors.record(&ticket, &scene).expect("nobody panics");
                    assert_eq!(items_of(&pieces, &ticket).len(), 3, "all of them");
                    drop(ticket.finish());
                }
            })
        })
        .collect();
    drop(actors);
    for thread in threads {
        thread
            .join()
            .expect("it ends, and the last takes the pool with it");
    }
}
