//! Each policy on a world that can be followed by hand.

use geoheap_residency::PolicyKind;

use super::{Belady, Clock, Lru, Ours, S3Fifo, Sieve, TwoQ};
use crate::residency::cache::{Cache, play};
use crate::residency::world::{Step, World};

/// Entries of 10 bytes; each frame draws one.
fn world(draws: &[u32]) -> World {
    let entries = draws.iter().max().map_or(0, |most| most + 1);
    let mut frames: Vec<Vec<Step>> = draws.iter().map(|id| vec![Step::Draw(*id)]).collect();
    let come = (0..entries).map(|id| Step::Bytes { id, bytes: 10 });
    frames[0].splice(..0, come);
    World::new("w", entries as usize, frames)
}

#[track_caller]
fn check(draws: &[u32], mut cache: impl Cache, misses: u64) {
    let world = world(draws);
    let score = play(&world, 30, &mut cache);
    assert_eq!(score.bytes_streamed, 10 * misses, "{}", cache.name());
    assert_eq!(score.draws, draws.len() as u64, "all are counted");
    assert_eq!(score.hits + misses, score.draws, "each is a hit or a miss");
}

#[test]
fn a_loop_of_four_in_room_for_three() {
    let draws: Vec<u32> = (0..40).map(|frame| frame % 4).collect();
    check(&draws, Lru::default(), 40);
    check(&draws, Ours::new(PolicyKind::Lru), 40);
    check(&draws, Clock::default(), 40);
    // The first four are new; from then on three of four draws are hits, since what is streamed in
    // may leave again at the end of its frame.
    check(&draws, Belady::new(&world(&draws)), 4 + 36 / 4);
    check(&draws, Sieve::default(), 40);
}

#[test]
fn what_is_used_stays_over_what_is_not() {
    // 0 is drawn every other frame, the others once each.
    let draws: Vec<u32> = (0..40).map(|at| if at % 2 == 0 { 0 } else { at }).collect();
    let least = 21;
    check(&draws, Lru::default(), least);
    check(&draws, Ours::new(PolicyKind::HitDensity), least);
    check(&draws, Clock::default(), least);
    check(&draws, Sieve::default(), least);
    check(&draws, Belady::new(&world(&draws)), least);
    check(&draws, S3Fifo::new(30), least);
    // With room for few names it can be forgotten as well, but not each time.
    let score = play(&world(&draws), 30, &mut TwoQ::new(30));
    assert!((10..=19).contains(&score.hits), "{}", score.hits);
}

#[test]
fn what_is_gone_is_forgotten() {
    let mut frames = world(&[0, 1, 2]).frames;
    frames.push(vec![Step::Gone(1), Step::Bytes { id: 2, bytes: 20 }]);
    frames.push(vec![Step::Draw(0), Step::Draw(2)]);
    let world = World::new("w", 3, frames);
    let budget_bytes = 30;
    let caches: [Box<dyn Cache>; 8] = [
        Box::new(Lru::default()),
        Box::new(Clock::default()),
        Box::new(Sieve::default()),
        Box::new(S3Fifo::new(budget_bytes)),
        Box::new(TwoQ::new(budget_bytes)),
        Box::new(Belady::new(&world)),
        Box::new(Ours::new(PolicyKind::Lru)),
        Box::new(Ours::new(PolicyKind::HitDensity)),
    ];
    for mut cache in caches {
        let score = play(&world, budget_bytes, cache.as_mut());
        assert_eq!(score.bytes_streamed, 30, "{}", cache.name());
        assert_eq!(score.hits, 2, "{}", cache.name());
    }
}
