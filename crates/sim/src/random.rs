//! The one source of chance, so that a seed means the same run for ever.

/// xoshiro256** by David Blackman and Sebastiano Vigna (2018), seeded through `SplitMix64` as they
/// advise. It is written out here so that no other package's new version changes what a seed does.
#[derive(Clone, Debug)]
pub(crate) struct Random([u64; 4]);

impl Random {
    /// The sequence of `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut word = state;
            word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            word ^ (word >> 31)
        };
        Self([next(), next(), next(), next()])
    }

    /// A sequence of its own for one purpose: what another purpose draws does not shift it, so that
    /// a run without some faults stays like the run with them.
    pub(crate) fn fork(seed: u64, purpose: u64) -> Self {
        Self::new(seed ^ purpose.wrapping_mul(0xD6E8_FEB8_6659_FD93))
    }

    pub(crate) fn next(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.0;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// A number of `0..count`; 0 where there is none. The bias of the multiplication is below one
    /// in 2^32 for the counts of a simulation.
    pub(crate) fn below(&mut self, count: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(count);
        u64::try_from(product >> 64).expect("the upper half of a product of two words is a word")
    }

    /// A number of `low..=high`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// A number of `low..=high` whose magnitude, not whose value, is evenly spread.
    pub(crate) fn magnitude(&mut self, low: u64, high: u64) -> u64 {
        let bits = self.between(
            u64::from(low.max(1).ilog2()),
            u64::from(high.max(1).ilog2()),
        );
        let start = 1 << bits;
        self.between(start, start * 2 - 1).clamp(low, high)
    }

    /// True `permille` times in a thousand.
    pub(crate) fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    /// An index below `len`; `None` of nothing.
    pub(crate) fn index(&mut self, len: usize) -> Option<usize> {
        let at = self.below(len as u64);
        (len > 0).then(|| usize::try_from(at).expect("below a length in memory"))
    }

    /// One of several.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let at = self
            .index(items.len())
            .expect("there is something to pick from");
        &items[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_means_the_same_for_ever() {
        let mut random = Random::new(1);
        let drawn: Vec<u64> = (0..4).map(|_| random.next()).collect();
        assert_eq!(
            drawn,
            [
                12_966_619_160_104_079_557,
                9_600_361_134_598_540_522,
                10_590_380_919_521_690_900,
                7_218_738_570_589_545_383
            ],
            "the published algorithm with seed 1"
        );
    }

    #[test]
    fn numbers_keep_to_their_bounds() {
        let mut random = Random::new(7);
        for _ in 0..10_000 {
            assert!(random.below(3) < 3, "below");
            assert!((5..=9).contains(&random.between(5, 9)), "between");
            assert!((3..=1000).contains(&random.magnitude(3, 1000)), "magnitude");
        }
        assert_eq!(random.below(0), 0, "nothing to draw from");
        assert_eq!(random.index(0), None, "nothing to pick from");
    }
}
