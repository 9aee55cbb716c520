//! Numbers by chance, the same for the same seed.

/// `SplitMix64` (Steele, Lea, Flood 2014).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mix = self.0;
        mix = (mix ^ (mix >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mix = (mix ^ (mix >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mix ^ (mix >> 31)
    }

    /// A number below `end`, or 0.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        (((self.next() >> 32) * u64::from(end)) >> 32) as u32
    }

    /// Any number, often one that is nearly `near`.
    pub(super) fn wild(&mut self, near: u32) -> u32 {
        match self.below(6) {
            0 => self.next() as u32,
            1 => u32::MAX - self.below(4),
            2 => near.wrapping_add(self.below(3)),
            _ => self.below(near.max(1)),
        }
    }
}
