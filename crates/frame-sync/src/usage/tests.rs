use super::{Marks, Usage};
use crate::bitmap::{POOL_MAX, Pool};
use proptest::collection::btree_set;
use proptest::prelude::*;
use std::sync::Arc;

const CAPACITY: usize = 3 * 4096 + 70;

fn usage_of<'a>(pool: &Arc<Pool>, indices: impl IntoIterator<Item = &'a u32>) -> Usage {
    let marks = Marks::default();
    for &index in indices {
        marks.mark(index, CAPACITY, pool);
    }
    marks.into_usage()
}

#[test]
fn marks_stand_at_the_edges_of_words_and_of_summary_words() {
    let last = u32::try_from(CAPACITY).expect("a small number") - 1;
    let edges = [0, 63, 64, 4095, 4096, 8192, last];
    let usage = usage_of(&Arc::new(Pool::new()), &edges);
    assert_eq!(
        usage.iter().collect::<Vec<_>>(),
        edges,
        "indices come out ascending"
    );
    assert_eq!(usage.len(), edges.len(), "each index counts once");
    for index in 0..=last {
        assert_eq!(
            usage.contains(index),
            edges.contains(&index),
            "index {index}"
        );
    }
    assert!(!usage.contains(u32::MAX), "beyond the bitmap nothing is");
}

#[test]
fn a_ticket_that_marks_nothing_takes_no_bitmap() {
    let pool = Arc::new(Pool::new());
    let usage = usage_of(&pool, &[]);
    assert_eq!(pool.counts(), (0, 0), "a bitmap comes with the first mark");
    assert!(usage.is_empty(), "and there is nothing in {usage:?}");
    assert_eq!(usage, Usage::default(), "nor is it different from none");
}

#[test]
fn bitmaps_come_back_clean_and_are_used_again() {
    let pool = Arc::new(Pool::new());
    for round in 0..50_u32 {
        let indices = [round, round * 64, 4096 + round];
        let first = usage_of(&pool, &indices);
        let second = usage_of(&pool, &[7]);
        let expected: std::collections::BTreeSet<u32> = indices.into();
        assert!(
            first.iter().eq(expected),
            "F8: round {round} has its own marks only: {first:?}"
        );
        assert_eq!(second.iter().collect::<Vec<_>>(), [7], "F8: round {round}");
        // A ticket that is dropped while it is marking gives its bitmap back, too.
        let marks = Marks::default();
        marks.mark(9, CAPACITY, &pool);
        drop((marks, first, second));
    }
    assert_eq!(
        pool.counts(),
        (3, 3 * 49),
        "F8: as many as there were at once"
    );
}

#[test]
fn a_bitmap_of_a_smaller_version_grows() {
    let pool = Arc::new(Pool::new());
    let marks = Marks::default();
    marks.mark(9, 10, &pool);
    drop(marks);
    let last = u32::try_from(CAPACITY).expect("a small number") - 1;
    let usage = usage_of(&pool, &[last]);
    assert_eq!(pool.counts(), (1, 1), "the small one is taken again");
    assert_eq!(usage.iter().collect::<Vec<_>>(), [last], "F8: and reaches");
}

#[test]
fn the_pool_keeps_no_more_than_its_bound() {
    let pool = Arc::new(Pool::new());
    let most = u64::try_from(POOL_MAX).expect("a small number");
    for round in 1..3 {
        let many: Vec<_> = (0..2 * POOL_MAX).map(|_| usage_of(&pool, &[1])).collect();
        drop(many);
        assert_eq!(
            pool.counts(),
            ((round + 1) * most, (round - 1) * most),
            "F8: half of them came from the pool"
        );
    }
}

#[test]
fn clones_and_merges_have_bitmaps_of_their_own() {
    let pool = Arc::new(Pool::new());
    let usage = usage_of(&pool, &[1, 5000]);
    let mut copy = usage.clone();
    assert_eq!(copy, usage);
    copy.merge(&usage_of(&pool, &[2]));
    assert_eq!(usage.iter().collect::<Vec<_>>(), [1, 5000], "unchanged");
    assert_eq!(copy.iter().collect::<Vec<_>>(), [1, 2, 5000]);
    let mut none = Usage::default();
    none.merge(&copy);
    drop(copy);
    assert_eq!(none.iter().collect::<Vec<_>>(), [1, 2, 5000]);
    none.merge(&Usage::default());
    assert_eq!(none.len(), 3, "nothing is added");
}

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(64)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn merging_is_the_union(
        left in btree_set(0..u32::try_from(CAPACITY).unwrap(), 0..60),
        right in btree_set(0..u32::try_from(CAPACITY).unwrap(), 0..60),
        small in 1..200_u32,
    ) {
        let pool = Arc::new(Pool::new());
        let mut merged = usage_of(&pool, &left);
        merged.merge(&usage_of(&pool, &right));
        let mut expected: Vec<u32> = left.union(&right).copied().collect();
        prop_assert_eq!(merged.iter().collect::<Vec<_>>(), expected.clone());
        prop_assert_eq!(merged.len(), expected.len());
        prop_assert_eq!(&merged, &usage_of(&pool, &expected), "equal sets compare as equal");

        // The bitmap of a small version and that of a large one compare and merge as sets.
        let marks = Marks::default();
        marks.mark(small - 1, small as usize, &Arc::new(Pool::new()));
        let mut of_small = marks.into_usage();
        prop_assert_eq!(&of_small, &usage_of(&pool, &[small - 1]));
        of_small.merge(&merged);
        expected.push(small - 1);
        prop_assert_eq!(of_small, usage_of(&pool, &expected));
    }
}
