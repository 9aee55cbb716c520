use alloc::collections::BTreeSet;

use proptest::prelude::*;

use super::Bitmap;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// S4: against an ordered set, over lengths that end inside a word and at the very limit.
    #[test]
    fn agrees_with_an_ordered_set(
        len in prop_oneof![1..300_usize, Just(Bitmap::LEN_MAX)],
        flips in prop::collection::vec(any::<prop::sample::Index>(), 1..60),
    ) {
        let mut bitmap = Bitmap::new();
        let mut oracle = BTreeSet::new();
        for flip in flips {
            let bit = flip.index(len);
            prop_assert_eq!(bitmap.contains(bit), oracle.contains(&bit));
            bitmap.remove_if(bit, false);
            if oracle.remove(&bit) {
                bitmap.remove_if(bit, true);
            } else {
                oracle.insert(bit);
                bitmap.insert(bit);
            }
            prop_assert_eq!(bitmap.last(), oracle.last().copied());
            for from in [0, bit.saturating_sub(1), bit, bit + 1, len - 1, len] {
                prop_assert_eq!(bitmap.first_from(from), oracle.range(from..).next().copied());
            }
        }
    }
}
