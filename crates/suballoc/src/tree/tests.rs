use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{first_from, high, insert, key, last, low, priority, remove};
use crate::nodes::{NONE, Nodes};

/// Nodes of the lengths in address order, none of them in a tree.
fn nodes_of(lens: &[u64]) -> (Nodes, Vec<u32>) {
    let mut nodes = Nodes::new(lens.iter().sum::<u64>() + 1);
    let mut at = nodes.first();
    let indices = lens
        .iter()
        .map(|len| {
            let index = at;
            at = nodes.split(index, *len, nodes.len(index));
            index
        })
        .collect();
    (nodes, indices)
}

/// The height, after asserting order and priorities all through the tree.
fn checked_height(nodes: &Nodes, at: u32) -> u32 {
    if at == NONE {
        return 0;
    }
    let node = nodes.at(at);
    for (child, below) in [(low(node), true), (high(node), false)] {
        if child != NONE {
            assert!(
                priority(child) < priority(at),
                "S3: a child has its parent's rank"
            );
            assert!(
                (key(nodes, child) < key(nodes, at)) == below,
                "S3: a child is misplaced"
            );
        }
    }
    1 + checked_height(nodes, low(node)).max(checked_height(nodes, high(node)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// S3: against an ordered set, with many nodes of equal length.
    #[test]
    fn agrees_with_an_ordered_set(
        lens in prop::collection::vec(1..12_u64, 1..60),
        flips in prop::collection::vec(any::<prop::sample::Index>(), 1..200),
    ) {
        let (mut nodes, indices) = nodes_of(&lens);
        let mut root = NONE;
        let mut oracle = BTreeSet::new();
        for flip in flips {
            let index = *flip.get(&indices);
            let own = key(&nodes, index);
            if oracle.remove(&(own, index)) {
                remove(&mut nodes, &mut root, index);
            } else {
                oracle.insert((own, index));
                insert(&mut nodes, &mut root, index);
            }
            checked_height(&nodes, root);
            for from in [(0, 0), own, (own.0, own.1 + 1), (own.0 + 1, 0)] {
                let next = oracle.range((from, 0)..).next().map(|(_, index)| *index);
                prop_assert_eq!(first_from(&nodes, root, from), next);
            }
            if let Some((_, longest)) = oracle.last() {
                prop_assert_eq!(last(&nodes, root), *longest);
            }
        }
    }
}

/// Ascending lengths are the worst case of a tree that is not balanced.
#[test]
fn ascending_lengths_stay_shallow() {
    let lens: Vec<u64> = (1..=1_000).collect();
    let (mut nodes, indices) = nodes_of(&lens);
    let mut root = NONE;
    for index in indices {
        insert(&mut nodes, &mut root, index);
    }
    let height = checked_height(&nodes, root);
    assert!(height <= 40, "1000 nodes in a tree of height {height}");
}
