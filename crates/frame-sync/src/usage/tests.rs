use super::{Marks, PAGE_SLOTS, Usage};
use proptest::collection::btree_set;
use proptest::prelude::*;

const CAPACITY: usize = 3 * PAGE_SLOTS as usize + 70;

fn usage_of<'a>(indices: impl IntoIterator<Item = &'a u32>) -> Usage {
    let marks = Marks::default();
    indices
        .into_iter()
        .for_each(|&index| marks.mark(index, CAPACITY));
    marks.into_usage()
}

#[test]
fn marks_stand_at_the_edges_of_words_and_pages() {
    let last = u32::try_from(CAPACITY).expect("a small number") - 1;
    let edges = [0, 63, 64, PAGE_SLOTS - 1, PAGE_SLOTS, 2 * PAGE_SLOTS, last];
    let usage = usage_of(&edges);
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
}

#[test]
fn what_the_table_does_not_have_is_not_noted() {
    let beyond = u32::try_from(CAPACITY).expect("a small number");
    let usage = usage_of(&[beyond, beyond + PAGE_SLOTS, u32::MAX]);
    assert!(usage.is_empty(), "no page comes into being for {usage:?}");
    assert!(!usage.contains(u32::MAX), "and none is looked for");
}

#[test]
fn a_ticket_that_marks_nothing_has_no_directory() {
    let marks = Marks::default();
    assert!(
        marks.directory.get().is_none(),
        "the directory comes with the first mark"
    );
    assert_eq!(
        marks.into_usage(),
        Usage::default(),
        "and the usage is empty"
    );
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
        left in btree_set(0..13_000_u32, 0..60),
        right in btree_set(0..13_000_u32, 0..60),
    ) {
        let inside = |index: &&u32| (**index as usize) < CAPACITY;
        let mut merged = usage_of(&left);
        merged.merge(&usage_of(&right));
        let expected: Vec<u32> = left.union(&right).filter(inside).copied().collect();
        prop_assert_eq!(merged.iter().collect::<Vec<_>>(), expected.clone());
        prop_assert_eq!(merged.len(), expected.len());
        prop_assert_eq!(merged, usage_of(&expected), "equal sets compare as equal");
    }
}
