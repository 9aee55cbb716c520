//! A walk past more tiles than the budget holds, to and fro, as a caller would drive it.

use std::fmt::Write as _;

use crate::{Config, EntryId, Frame, Now, Priority, Residency};

const TILE_BYTES: u64 = 10;
const BUDGET_BYTES: u64 = 60;

/// One frame: sees three tiles around `at`, streams in at most one, evicts what is too much.
/// Returns what came and what went.
fn frame(r: &mut Residency, at: u32, now: Now) -> (Vec<EntryId>, Vec<EntryId>) {
    for id in (at.saturating_sub(1)..=at + 1).map(EntryId) {
        if !r.touch(id, now.frame) {
            r.wish(id, TILE_BYTES, Priority::default(), now.frame);
        }
    }
    r.expire_wishes(now);
    let mut came = Vec::new();
    r.wishes(TILE_BYTES, 1, now, &mut came);
    // Room is made for what comes, so that the budget holds at every moment.
    let held_bytes = r.resident_bytes() + r.wishes(TILE_BYTES, 1, now, &mut Vec::new());
    let mut went = Vec::new();
    r.victims(
        r.evaluate(held_bytes, BUDGET_BYTES).over_bytes,
        now,
        &mut went,
    );
    for &id in &went {
        r.evict(id).expect("a victim is resident");
    }
    for &id in &came {
        r.insert(id, TILE_BYTES, Priority::default(), now)
            .expect("a wish is not resident");
        assert!(r.resident_bytes() <= BUDGET_BYTES, "the budget holds");
    }
    (came, went)
}

#[test]
fn a_walk_to_and_fro_streams_each_tile_once_each_way() {
    let config = Config {
        protect_frames: 2,
        min_resident_ticks: 4,
        ..Config::default()
    };
    let mut r = Residency::new(config).expect("the configuration is valid");
    let mut story = String::new();
    let list = |ids: &[EntryId]| {
        ids.iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    };
    for number in 0..72 {
        // Three frames a tile: twelve tiles on, and back.
        let step = number / 3;
        let at = if step < 12 { step } else { 23 - step };
        let now = Now::new(u64::from(number), u64::from(number));
        let (came, went) = frame(&mut r, at, now);
        r.validate();
        if !came.is_empty() || !went.is_empty() {
            let (came, went) = (list(&came), list(&went));
            writeln!(story, "{number:2} at {at:2}: in {came:2}  out {went}").expect("a string");
        }
        assert_eq!(
            r.degraded(BUDGET_BYTES, now),
            None,
            "six tiles are enough for three in view"
        );
    }
    assert_eq!(
        r.get(EntryId(0)).and_then(|tile| tile.last_used),
        Some(Frame(71)),
        "back at 0"
    );
    insta::assert_snapshot!(story.replace(" \n", "\n"), @r"
     0 at  0: in 0   out
     1 at  0: in 1   out
     3 at  1: in 2   out
     6 at  2: in 3   out
     9 at  3: in 4   out
    12 at  4: in 5   out 0
    15 at  5: in 6   out 1
    18 at  6: in 7   out 2
    21 at  7: in 8   out 3
    24 at  8: in 9   out 4
    27 at  9: in 10  out 5
    30 at 10: in 11  out 6
    33 at 11: in 12  out 7
    45 at  8: in 7   out 12
    48 at  7: in 6   out 11
    51 at  6: in 5   out 9
    54 at  5: in 4   out 8
    57 at  4: in 3   out 7
    60 at  3: in 2   out 10
    63 at  2: in 1   out 6
    66 at  1: in 0   out 5
    ");
}
