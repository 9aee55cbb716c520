//! What the allocator is held to.

use super::{Bar, Bound, bar};

const NS: &str = "ns_per_op";
const FILL: &str = "first_failure_fill";
const OFFSET: &str = "offset-allocator";
const VMA: &str = "vma";
const RANGES: &str = "range-alloc";

/// All of them.
pub const ALL: [Bar; 20] = [
    bar("churn-a", NS, OFFSET, Bound::RatioAtMost(0.7)),
    bar("churn-b", NS, OFFSET, Bound::RatioAtMost(0.3)),
    bar("churn-c", NS, OFFSET, Bound::RatioAtMost(0.7)),
    bar("vma-empty-forward", NS, OFFSET, Bound::RatioAtMost(1.0)),
    bar("vma-empty-backward", NS, OFFSET, Bound::RatioAtMost(1.0)),
    bar("vma-empty-random", NS, OFFSET, Bound::RatioAtMost(1.0)),
    bar("vma-filled-forward", NS, OFFSET, Bound::RatioAtMost(1.0)),
    bar("vma-filled-backward", NS, OFFSET, Bound::RatioAtMost(1.0)),
    bar("vma-filled-random", NS, OFFSET, Bound::RatioAtMost(1.0)),
    bar("vma-align-1", NS, OFFSET, Bound::RatioAtMost(1.0)),
    // With an alignment, only VMA does the same: the others are given longer ranges instead.
    bar("vma-align-16", NS, VMA, Bound::RatioAtMost(1.0)),
    bar("vma-align-64", NS, VMA, Bound::RatioAtMost(1.0)),
    bar("vma-align-256", NS, VMA, Bound::RatioAtMost(0.5)),
    bar("churn-a", FILL, RANGES, Bound::AtMostBelow(0.001)),
    bar("churn-b", FILL, RANGES, Bound::AtMostBelow(0.001)),
    bar("churn-c", FILL, RANGES, Bound::AtMostBelow(0.003)),
    bar("fail-90", "failed_share", OFFSET, Bound::AtMost(0.008)),
    bar("fail-95", "failed_share", OFFSET, Bound::AtMost(0.20)),
    bar("many-sweep", "cost_growth", OFFSET, Bound::AtMost(2.0)),
    bar("many-random", "cost_growth", OFFSET, Bound::AtMost(2.0)),
];
