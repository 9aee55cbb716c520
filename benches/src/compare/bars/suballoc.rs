//! What the allocator is held to.

use super::{Bar, Bound};

const NS: &str = "ns_per_op";
const FILL: &str = "first_failure_fill";
const OFFSET: &str = "offset-allocator";
const VMA: &str = "vma";
const RANGES: &str = "range-alloc";

/// All of them.
pub const ALL: &[Bar] = bars! {
    NS, OFFSET, Bound::RatioAtMost(0.7) => "churn-a", "churn-c";
    NS, OFFSET, Bound::RatioAtMost(0.3) => "churn-b";
    NS, OFFSET, Bound::RatioAtMost(1.0) => "vma-empty-forward", "vma-empty-backward",
        "vma-empty-random", "vma-filled-forward", "vma-filled-backward", "vma-filled-random",
        "vma-align-1";
    // With an alignment, only VMA does the same: the others are given longer ranges instead.
    NS, VMA, Bound::RatioAtMost(1.0) => "vma-align-16", "vma-align-64";
    NS, VMA, Bound::RatioAtMost(0.5) => "vma-align-256";
    FILL, RANGES, Bound::AtMostBelow(0.001) => "churn-a", "churn-b";
    FILL, RANGES, Bound::AtMostBelow(0.003) => "churn-c";
    "failed_share", OFFSET, Bound::AtMost(0.008) => "fail-90";
    "failed_share", OFFSET, Bound::AtMost(0.20) => "fail-95";
    "cost_growth", OFFSET, Bound::AtMost(2.0) => "many-sweep", "many-random";
};
