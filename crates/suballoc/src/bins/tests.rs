use alloc::vec::Vec;

use super::{LEN_MAX_UNITS, bin_of, is_exact};

#[test]
fn bins_at_their_bounds() {
    fn check(len: u64, bin: usize) {
        assert_eq!(bin_of(len), bin, "the bin of {len} units");
    }
    check(1, 0);
    check(2, 1);
    check(4095, 4094);
    check(4096, 4095);
    check(4097, 4096);
    check(4096 + 31, 4096);
    check(4096 + 32, 4097);
    check(8191, 4096 + 127);
    check(8192, 4096 + 128);
    check(8192 + 63, 4096 + 128);
    check(8192 + 64, 4096 + 129);
    check(LEN_MAX_UNITS, 4096 + 28 * 128);
}

/// A bin above another holds only longer nodes: what makes the next bin's any node fit.
#[test]
fn bins_rise_with_the_length() {
    let near_powers = (12..40).flat_map(|log2| {
        let step = 1_u64 << (log2 - 7);
        (0..128).flat_map(move |sub| {
            let bound = (1_u64 << log2) + sub * step;
            [bound.max(2) - 1, bound, bound + 1]
        })
    });
    let mut lens: Vec<u64> = (1..=4200).chain(near_powers).collect();
    lens.sort_unstable();
    lens.dedup();
    for pair in lens.windows(2) {
        let (low, high) = (bin_of(pair[0]), bin_of(pair[1]));
        assert!(
            low <= high && high <= low + 1,
            "{pair:?} are in bins {low} and {high}"
        );
        assert!(
            low < high || !is_exact(low),
            "{pair:?} share the exact bin {low}"
        );
    }
}
