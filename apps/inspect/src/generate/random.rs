//! Random numbers that are the same on every machine.

/// From one state of `SplitMix64` to the next: the golden ratio of 2^64, made odd.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// What `SplitMix64` makes of a state (Steele, Lea, Flood 2014): a permutation of 64-bit numbers.
pub(crate) fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// `SplitMix64` (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// A stream of its own for each seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub(super) fn bits(&mut self) -> u64 {
        let bits = mix(self.0);
        self.0 = self.0.wrapping_add(STEP);
        bits
    }

    /// The next number below `end`, which is above 0 (Lemire 2019, without the last bit of
    /// fairness).
    pub(super) fn below(&mut self, end: u64) -> u64 {
        let scaled = u128::from(self.bits()) * u128::from(end);
        (scaled >> 64) as u64
    }

    /// The next index below `len`, which is above 0.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is below `len`, which is a usize"
    )]
    pub(super) fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// True once in `times`, on average.
    pub(super) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// The next number of a range whose powers of two are equally likely. Both ends are below 2^62.
    pub(super) fn octaves(&mut self, min: u64, max: u64) -> u64 {
        let (low, high) = (min.max(1).ilog2(), max.max(1).ilog2());
        let octave = u64::from(low) + self.below(u64::from(high - low) + 1);
        let from = min.max(1 << octave);
        let to = max.min((2 << octave) - 1);
        from + self.below(to - from + 1)
    }
}
