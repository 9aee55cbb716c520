//! A small generator of random numbers, the same for all peers and on all machines.

/// Marsaglia, *Xorshift RNGs*, 2003.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence for each seed.
    pub const fn new(seed: u64) -> Self {
        Self(0x9E37_79B9_7F4A_7C15 ^ seed.wrapping_mul(0xD134_2543_DE82_EF95))
    }

    /// Any number but zero.
    pub const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From 0 up to, but not including, `bound`, which must not be zero.
    pub const fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    /// An index below `len`, which must not be zero.
    #[expect(clippy::cast_possible_truncation, reason = "below a usize")]
    pub const fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// From `low` to `high`, both possible.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// From `low` to `high`, uniform on a logarithmic scale.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "lengths are positive and far below 2^53"
    )]
    pub fn log_uniform(&mut self, low: u64, high: u64) -> u64 {
        let share = self.below(1 << 30) as f64 / (1_u64 << 30) as f64;
        let (low, high) = ((low as f64).ln(), (high as f64).ln());
        (low + (high - low) * share).exp().round() as u64
    }
}
