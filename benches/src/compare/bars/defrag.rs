//! What defragmentation is held to.

use super::{Bar, Bound};
use crate::compare::defrag::{LOWER_BOUND, NO_DEFRAG};

const HELD: &str = "overhead_mean";
const BYTES: &str = "bytes_per_chunk_returned";

/// Bytes held for each live byte of a churn, spare chunks left out.
const TIGHT: Bound = Bound::AtMost(1.10);
/// Bytes moved against those of the emptiest chunks.
const NEAR: Bound = Bound::RatioAtMost(1.2);
/// Microseconds of a plan.
const QUICK: Bound = Bound::AtMost(200.0);

/// All of them.
pub const ALL: &[Bar] = bars! {
    HELD, NO_DEFRAG, TIGHT => "long-churn", "long-churn-small", "long-churn-waves";
    HELD, NO_DEFRAG, Bound::AtMost(1.20) => "trace-luanti";
    BYTES, LOWER_BOUND, NEAR => "long-churn", "long-churn-small", "long-churn-waves",
        "trace-luanti", "plan-20k-700", "vma-simple", "vma-algorithms", "vma-full";
    "moves", LOWER_BOUND, Bound::AtMost(4.0) => "vma-simple";
    "moves", LOWER_BOUND, Bound::AtLeast(4.0) => "vma-simple", "vma-simple-stepwise";
    "chunks_returned", NO_DEFRAG, Bound::AtLeast(1.0) => "vma-incremental";
    "plan_us", NO_DEFRAG, QUICK => "plan-20k-700", "plan-20k-700-full";
    "plan_us_max", NO_DEFRAG, QUICK => "plan-20k-700", "plan-20k-700-full";
    "frames_hidden", NO_DEFRAG, Bound::AtMost(0.0) => "long-churn", "long-churn-small",
        "long-churn-waves", "trace-luanti", "trace-bevy", "vma-simple", "vma-algorithms",
        "vma-full", "vma-incremental", "plan-20k-700";
};
