use super::Published;
use core::mem::{align_of, offset_of, size_of};

type Large = Published<[u64; 4], std::sync::Arc<u32>, u64>;

/// What the `Arc` counts lies before an aligned value, so it is never in the same line.
#[test]
fn a_lookup_reads_one_line_beside_the_slot() {
    let table = offset_of!(Large, table);
    let slots = table + offset_of!(super::Table<[u64; 4], std::sync::Arc<u32>>, slots);
    assert_eq!(
        align_of::<Large>(),
        64,
        "the counts have a line of their own"
    );
    assert!(
        offset_of!(Large, void) < 64,
        "the flag is in the first line"
    );
    assert!(
        slots + size_of::<Vec<[u64; 4]>>() <= 64,
        "the slots' pointer and length are in the first line"
    );
}
