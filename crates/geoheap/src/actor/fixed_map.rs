//! Maps whose hashes are the same in every run.

use ahash::{AHashMap, RandomState};

/// Fixed keys: the order of a map must never depend on the run.
const HASH_KEYS: [u64; 4] = [0x6765, 0x6f68, 0x6561, 0x7021];

/// A map whose hashes are the same in every run.
pub(super) type FixedMap<K, V> = AHashMap<K, V>;

pub(super) fn fixed_map<K, V>() -> FixedMap<K, V> {
    let [a, b, c, d] = HASH_KEYS;
    AHashMap::with_hasher(RandomState::with_seeds(a, b, c, d))
}
