//! What the policy that learns comes to: on small cases by hand, and against plain orders.

use crate::{Config, EntryId, Frame, HitDensity, Now, Policy, PolicyKind, Priority, Residency};

const ENTRY_BYTES: u64 = 10;

/// Plays frames over entries of equal size, each streamed in when a frame misses it, and evicts
/// down to `room` entries at the end of each frame. Returns how many were streamed in after the
/// first `warm_up` frames.
fn streamed(policy: PolicyKind, frames: &[Vec<u32>], room: u64, warm_up: usize) -> u64 {
    let config = Config {
        policy,
        protect_frames: 0,
        recent_frames: 0,
        min_resident_ticks: 0,
        ..Config::default()
    };
    let mut r = Residency::new(config).expect("the configuration is valid");
    let mut streamed = 0;
    let mut victims = Vec::new();
    for (number, uses) in (0..).zip(frames) {
        let now = Now::new(number, number);
        for &id in uses {
            if !r.touch(EntryId(id), now.frame) {
                streamed += u64::from(number >= warm_up as u64);
                r.insert(EntryId(id), ENTRY_BYTES, Priority::default(), now)
                    .expect("it was away");
                r.touch(EntryId(id), now.frame);
            }
        }
        let over = r.resident_bytes().saturating_sub(room * ENTRY_BYTES);
        victims.clear();
        r.victims(over, now, &mut victims);
        for &id in &victims {
            r.evict(id).expect("a victim is resident");
        }
        assert!(
            r.resident_bytes() <= room * ENTRY_BYTES,
            "everything may leave here"
        );
    }
    streamed
}

#[test]
fn of_a_loop_that_is_too_long_a_part_stays() {
    // 100 entries in turn, one a frame, with room for 60: the longest unused is always the one
    // that comes next.
    let frames: Vec<Vec<u32>> = (0..3_000).map(|frame| vec![frame % 100]).collect();
    let (warm_up, rest) = (1_000, 2_000);
    assert_eq!(
        streamed(PolicyKind::Lru, &frames, 60, warm_up),
        rest,
        "the plain order misses each time"
    );
    // 40 of 100 have to be streamed in each round, whatever stays.
    let learned = streamed(PolicyKind::HitDensity, &frames, 60, warm_up);
    assert!(
        (rest / 100 * 40..rest / 100 * 50).contains(&learned),
        "little more than the least of 800: {learned}"
    );
}

#[test]
fn a_fly_over_does_not_flush_what_is_seen_now_and_then() {
    // 20 entries are seen every eighth frame, 10 others once each and never again.
    let frames: Vec<Vec<u32>> = (0..1_200_u32)
        .map(|frame| {
            let seen = if frame % 8 == 0 { 0..20 } else { 0..0 };
            seen.chain(20 + frame * 10..30 + frame * 10).collect()
        })
        .collect();
    let new = 10 * 900;
    assert_eq!(
        streamed(PolicyKind::HitDensity, &frames, 40, 300),
        new,
        "only what is new comes in"
    );
    assert!(
        streamed(PolicyKind::Lru, &frames, 40, 300) > new + 1_000,
        "the plain order streams the others again and again"
    );
}

#[test]
fn without_anything_learned_the_order_is_the_plain_one() {
    let policy = HitDensity::default();
    let group = policy.group(crate::History::default());
    let worths: Vec<_> = (0..40).map(|age| policy.worth(group, age)).collect();
    assert!(
        worths.windows(2).all(|pair| pair[0] >= pair[1]),
        "the younger is worth more: {worths:?}"
    );
    let ends = [0, 1, 31, 32, 1 << 20, u64::MAX - 1, u64::MAX];
    for age in ends {
        assert!(policy.worth(group, age) <= worths[0], "no age is too high");
    }
}

#[test]
fn what_was_learned_fades() {
    // First every entry is used twice and then never again; later each third frame for ever.
    let mut policy = HitDensity::default();
    let none = crate::History::default();
    let mut frame = 0;
    let mut play = |policy: &mut HitDensity, gaps: &[u64], rounds: u64| {
        for _ in 0..rounds {
            let mut history = none;
            policy.came(Frame(frame));
            for &gap in gaps {
                frame += gap;
                history = policy.used(history, gap, Frame(frame));
            }
        }
    };
    play(&mut policy, &[0, 3], 300);
    let mut history = none;
    for age in [0, 3] {
        history = policy.clone().used(history, age, Frame(0));
    }
    let group = policy.group(history);
    let before = policy.worth(group, 1);
    play(&mut policy, &[0, 3, 3], 3_000);
    let after = policy.worth(group, 1);
    assert!(
        after.get() > 1_000 * before.get().max(1),
        "it is used again by now: {before} before, {after} after"
    );
}
