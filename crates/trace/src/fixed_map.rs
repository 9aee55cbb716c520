//! Maps whose hashes are the same in every run.

use ahash::{AHashMap, RandomState};

/// Fixed keys: nothing may depend on the run.
const HASH_KEYS: [u64; 4] = [0x6765, 0x6f74, 0x7261, 0x6365];

/// A map whose hashes are the same in every run.
pub(crate) type FixedMap<K, V> = AHashMap<K, V>;

pub(crate) fn fixed_map<K, V>() -> FixedMap<K, V> {
    let [a, b, c, d] = HASH_KEYS;
    AHashMap::with_hasher(RandomState::with_seeds(a, b, c, d))
}
