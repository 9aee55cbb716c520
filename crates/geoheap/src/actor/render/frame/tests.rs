//! How evenly runs share out a frame.

use super::*;

/// Thousandths of the ideal split that a frame takes when each free actor claims the next run, and
/// items `dear` of `items` take ten times as long as the others.
fn stretch(items: usize, dear: &Range<usize>, actors: usize) -> usize {
    let runs = Runs::new(items, Order::Any, actors);
    let cost = |item: usize| if dear.contains(&item) { 10 } else { 1 };
    let mut busy_until = vec![0; actors];
    for run in 0..runs.count() {
        let free = busy_until.iter_mut().min().expect("there are actors");
        *free += runs.range(run).map(cost).sum::<usize>();
    }
    let all: usize = (0..items).map(cost).sum();
    let longest = busy_until.into_iter().max().unwrap_or_default();
    longest * 1_000 * actors / all
}

#[test]
fn a_dear_tenth_is_evened_out_wherever_it_lies() {
    for items in [2_000, 10_000, 50_000] {
        for actors in 1..=8 {
            for tenth in 0..10 {
                let dear = items / 10 * tenth..items / 10 * (tenth + 1);
                let stretched = stretch(items, &dear, actors);
                assert!(
                    stretched <= 1_200,
                    "{items} items, {dear:?} dear, {actors} actors: {stretched} thousandths"
                );
            }
        }
    }
}

#[test]
fn runs_cover_all_items_once() {
    for order in [Order::Any, Order::Kept] {
        for items in [0, 1, 2, 31, 64, 1_000, 123_457] {
            for actors in [1, 2, 7, 1_000] {
                let runs = Runs::new(items, order, actors);
                let all: Vec<usize> = (0..runs.count()).flat_map(|run| runs.range(run)).collect();
                assert!(
                    all.iter().copied().eq(0..items),
                    "{order:?}, {items} items, {actors} actors: {runs:?}"
                );
            }
        }
    }
}

#[test]
fn neighbours_that_failed_alike_are_told_together() {
    let missing = |items: Range<usize>, message: &str| Missing {
        items,
        message: message.into(),
    };
    let all = vec![
        missing(8..9, "torn"),
        missing(2..4, "torn"),
        missing(0..2, "torn"),
        missing(4..6, "lost"),
    ];
    let expected = [
        missing(0..4, "torn"),
        missing(4..6, "lost"),
        missing(8..9, "torn"),
    ];
    assert_eq!(merged(all), expected);
}
