//! The pool of render actors: claims, panics in every place, several frames at a time, and a pool
//! that goes while a frame is recorded on it.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::Arc;

use geoheap::planted::Bug;
use geoheap::{FrameTicket, Order, RecordError, RenderActors, Scene, Version, VirtualBuffer};
use shuttle::thread::spawn;

use crate::explore::{catches, explore};
use crate::world::{World, draw, small};

const SCHEDULES: usize = 5_000;
/// Schedules in which a planted bug must show.
const SCHEDULES_PLANTED: usize = 10_000;

/// Where a scene panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Torn {
    Nowhere,
    /// In the first pass that is begun.
    Begin,
    /// With this item.
    Record(usize),
    /// In each pass that has this item.
    End(usize),
}

/// Items that are only counted.
struct Counted {
    items: usize,
    order: Order,
    torn: Torn,
    version: Version,
    begun: shuttle::sync::atomic::AtomicUsize,
}

impl Counted {
    fn new(
        items: usize,
        order: Order,
        torn: Torn,
        ticket: &FrameTicket<VirtualBuffer>,
    ) -> Arc<Self> {
        Arc::new(Self {
            items,
            order,
            torn,
            version: ticket.version(),
            begun: shuttle::sync::atomic::AtomicUsize::new(0),
        })
    }
}

/// A panic without its report.
fn stumble(text: &str) -> ! {
    resume_unwind(Box::new(text.to_owned()))
}

impl Scene<VirtualBuffer> for Counted {
    type Pass = Vec<usize>;
    type Piece = Vec<usize>;

    fn items(&self) -> usize {
        self.items
    }

    fn order(&self) -> Order {
        self.order
    }

    fn begin(&self, ticket: &FrameTicket<VirtualBuffer>) -> Vec<usize> {
        assert_eq!(ticket.version(), self.version, "one version in all passes");
        let begun = self
            .begun
            .fetch_add(1, shuttle::sync::atomic::Ordering::Relaxed);
        if self.torn == Torn::Begin && begun == 0 {
            stumble("begun");
        }
        Vec::new()
    }

    fn record(
        &self,
        pass: &mut Vec<usize>,
        items: Range<usize>,
        _ticket: &FrameTicket<VirtualBuffer>,
    ) {
        for item in items {
            if self.torn == Torn::Record(item) {
                stumble("recorded");
            }
            pass.push(item);
            shuttle::thread::yield_now();
        }
    }

    fn end(&self, pass: Vec<usize>, _ticket: &FrameTicket<VirtualBuffer>) -> Vec<usize> {
        if let Torn::End(item) = self.torn
            && pass.contains(&item)
        {
            stumble("ended");
        }
        pass
    }
}

/// Each item is in one piece, or is the one that went missing.
fn check(actors: &RenderActors, scene: &Arc<Counted>, ticket: &FrameTicket<VirtualBuffer>) {
    let recorded = actors.record(ticket, scene);
    assert_eq!(Arc::strong_count(scene), 1, "nobody else has the scene");
    let (pieces, missing) = match recorded {
        Ok(pieces) => (pieces, Vec::new()),
        Err(RecordError::Panicked { missing, pieces }) => (pieces, missing),
        Err(other) => panic!("nothing else goes wrong: {other}"),
    };
    let expected = match scene.torn {
        Torn::Nowhere => None,
        Torn::Begin => Some("begun"),
        Torn::Record(_) => Some("recorded"),
        Torn::End(_) => Some("ended"),
    };
    let told: Vec<&str> = missing.iter().map(|run| run.message.as_str()).collect();
    assert_eq!(
        told,
        Vec::from_iter(expected),
        "only the torn run is missing"
    );
    if let (Torn::Record(item) | Torn::End(item), [run]) = (scene.torn, &missing[..]) {
        assert_eq!(run.items, item..item + 1, "the one that panicked");
    }
    if scene.order == Order::Kept {
        assert!(pieces.iter().flatten().is_sorted(), "in order: {pieces:?}");
    } else if scene.torn == Torn::Nowhere {
        assert!(pieces.len() <= actors.count(), "a piece an actor");
    }
    assert!(
        pieces.iter().all(|piece| !piece.is_empty()),
        "no empty piece"
    );
    let lost = missing.iter().flat_map(|run| run.items.clone());
    let mut all: Vec<usize> = pieces.into_iter().flatten().chain(lost).collect();
    all.sort_unstable();
    let each: Vec<usize> = (0..scene.items).collect();
    assert_eq!(all, each, "each item once");
}

fn drawn_torn(items: usize) -> Torn {
    let item = draw(u32::try_from(items).expect("few")) as usize;
    match draw(5) {
        0 => Torn::Begin,
        1 => Torn::Record(item),
        2 => Torn::End(item),
        _ => Torn::Nowhere,
    }
}

/// One frame on three actors.
fn one_frame(torn: fn(usize) -> Torn) {
    let world = World::new(small());
    let actors = RenderActors::new(3).expect("threads");
    let ticket = world.manager.begin_frame();
    let items = 2 + draw(5) as usize;
    let order = if draw(2) == 0 {
        Order::Any
    } else {
        Order::Kept
    };
    let scene = Counted::new(items, order, torn(items), &ticket);
    check(&actors, &scene, &ticket);
    if draw(2) == 0 {
        drop(actors);
    } else {
        // It is as good as before.
        let whole = Counted::new(items, order, Torn::Nowhere, &ticket);
        check(&actors, &whole, &ticket);
    }
    drop(ticket.finish());
    assert_eq!(world.manager.shutdown().report.gpu_errors, 0, "in order");
}

fn whole_frame() {
    one_frame(|_| Torn::Nowhere);
}

fn torn_frame() {
    one_frame(drawn_torn);
}

/// Two threads record frames on one pool, which goes with whoever ends last.
fn two_frames() {
    let world = World::new(small());
    let actors = Arc::new(RenderActors::new(2 + draw(2) as usize).expect("threads"));
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let (actors, frames) = (Arc::clone(&actors), world.manager.frames());
            spawn(move || {
                let ticket = frames.begin_frame();
                let items = 1 + draw(4) as usize;
                let scene = Counted::new(items, Order::Any, drawn_torn(items), &ticket);
                check(&actors, &scene, &ticket);
                drop(actors);
                drop(ticket.finish());
            })
        })
        .collect();
    drop(actors);
    if draw(2) == 0 {
        drop(world);
    }
    for thread in threads {
        thread.join().expect("it ends");
    }
}

/// A scene whose items are frames themselves, recorded on the same pool.
struct Nested {
    actors: Arc<RenderActors>,
}

impl Scene<VirtualBuffer> for Nested {
    type Pass = usize;
    type Piece = usize;

    fn items(&self) -> usize {
        2
    }

    fn begin(&self, _ticket: &FrameTicket<VirtualBuffer>) -> usize {
        0
    }

    fn record(&self, pass: &mut usize, items: Range<usize>, ticket: &FrameTicket<VirtualBuffer>) {
        for _ in items {
            let inner = Counted::new(3, Order::Any, Torn::Nowhere, ticket);
            check(&self.actors, &inner, ticket);
            *pass += 1;
        }
    }

    fn end(&self, pass: usize, _ticket: &FrameTicket<VirtualBuffer>) -> usize {
        pass
    }
}

fn nested_frames() {
    let world = World::new(small());
    let actors = Arc::new(RenderActors::new(2 + draw(2) as usize).expect("threads"));
    let scene = Arc::new(Nested {
        actors: Arc::clone(&actors),
    });
    let ticket = world.manager.begin_frame();
    let recorded = actors.record(&ticket, &scene).expect("nobody panics");
    assert_eq!(recorded.iter().sum::<usize>(), 2, "both were recorded");
}

#[test]
fn every_item_is_recorded_once() {
    explore("a frame on three actors", SCHEDULES, whole_frame);
}

#[test]
fn a_panic_costs_its_own_run_only() {
    explore("a frame that panics somewhere", SCHEDULES, torn_frame);
}

#[test]
fn frames_share_a_pool_that_goes_with_the_last() {
    explore("two frames on one pool", SCHEDULES, two_frames);
}

#[test]
fn frames_within_frames() {
    explore("frames within a frame", SCHEDULES, nested_frames);
}

#[test]
fn a_claim_in_two_steps_is_caught() {
    let told = ["each item once"];
    catches(Bug::TornClaim, &told, SCHEDULES_PLANTED, whole_frame);
}

#[test]
fn runs_that_are_forgotten_are_caught() {
    let told = ["each item once", "only the torn run is missing"];
    catches(Bug::LostRunsForgotten, &told, SCHEDULES_PLANTED, torn_frame);
}

#[test]
fn helpers_that_are_not_awaited_are_caught() {
    let told = ["each item once", "nobody else has the scene"];
    catches(
        Bug::HelpersNotAwaited,
        &told,
        SCHEDULES_PLANTED,
        whole_frame,
    );
}
