//! Seeded scripts: where blocks lie at first, what is looked up, what changes.

use super::place::{Change, Key, Place};
use crate::random::Random;

/// A place of the block `key`, drawn at random.
#[expect(clippy::cast_possible_truncation, reason = "all bounds are below 2^32")]
pub fn place(random: &mut Random, key: Key) -> Place {
    Place {
        generation: key.generation,
        state: 1,
        chunk: random.below(64) as u32,
        offset_words: random.below(1 << 22) as u32,
        len_words: random.between(1, 4_096) as u32,
        base_vertex: 0,
        first: random.below(1 << 20) as u32,
        count: random.between(3, 3_000) as u32,
    }
}

/// A table with a block at each index, and the names of the blocks. Generations are odd, as those
/// of living blocks are in the engine.
#[expect(clippy::cast_possible_truncation, reason = "counts are below 2^32")]
pub fn places(seed: u64, count: usize) -> (Vec<Key>, Vec<Place>) {
    let mut random = Random::new(seed);
    let keys: Vec<Key> = (0..count as u32)
        .map(|index| Key {
            index,
            generation: 2 * random.below(8) as u32 + 1,
        })
        .collect();
    let places = keys.iter().map(|key| place(&mut random, *key)).collect();
    (keys, places)
}

/// Each of `count` indices once, in an order that no prefetcher guesses.
#[expect(clippy::cast_possible_truncation, reason = "counts are below 2^32")]
pub fn shuffled(seed: u64, count: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    let mut random = Random::new(seed);
    for at in (1..count).rev() {
        order.swap(at, random.index(at + 1));
    }
    order
}

/// Versions of `changes` scattered changes each.
pub fn versions(seed: u64, keys: &[Key], count: usize, changes: usize) -> Vec<Vec<Change>> {
    let mut random = Random::new(seed);
    let mut change = |_| {
        let key = keys[random.index(keys.len())];
        let place = place(&mut random, key);
        Change { key, place }
    };
    (0..count)
        .map(|_| (0..changes).map(&mut change).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_has_each_index_once_and_no_order() {
        let mut order = shuffled(3, 1_000);
        let in_a_row = order.windows(2).filter(|two| two[0] + 1 == two[1]).count();
        assert!(
            in_a_row < 20,
            "{in_a_row} of 999 neighbours stay neighbours"
        );
        assert_ne!(order, shuffled(4, 1_000), "seeds differ");
        order.sort_unstable();
        assert!((0..1_000).eq(order));
    }

    #[test]
    fn changes_are_scattered_and_keep_their_blocks() {
        let (keys, places) = places(1, 4_096);
        assert!(
            keys.iter()
                .zip(&places)
                .all(|(key, place)| place.checked(*key).is_some())
        );
        let versions = versions(2, &keys, 3, 100);
        assert_eq!(versions.iter().map(Vec::len).collect::<Vec<_>>(), [100; 3]);
        let changes: Vec<_> = versions.iter().flatten().collect();
        assert!(
            changes
                .iter()
                .all(|one| one.place.generation == one.key.generation)
        );
        let mut pages: Vec<_> = changes.iter().map(|one| one.key.index / 256).collect();
        pages.sort_unstable();
        pages.dedup();
        assert_eq!(pages.len(), 16, "300 changes reach all of 16 pages");
    }
}
