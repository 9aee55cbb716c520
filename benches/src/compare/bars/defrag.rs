//! What defragmentation is held to.

use super::{Bar, Bound, bar};
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
pub const ALL: [Bar; 30] = [
    bar("long-churn", HELD, NO_DEFRAG, TIGHT),
    bar("long-churn-small", HELD, NO_DEFRAG, TIGHT),
    bar("long-churn-waves", HELD, NO_DEFRAG, TIGHT),
    bar("trace-luanti", HELD, NO_DEFRAG, Bound::AtMost(1.20)),
    bar("long-churn", BYTES, LOWER_BOUND, NEAR),
    bar("long-churn-small", BYTES, LOWER_BOUND, NEAR),
    bar("long-churn-waves", BYTES, LOWER_BOUND, NEAR),
    bar("trace-luanti", BYTES, LOWER_BOUND, NEAR),
    bar("plan-20k-700", BYTES, LOWER_BOUND, NEAR),
    bar("vma-simple", BYTES, LOWER_BOUND, NEAR),
    bar("vma-algorithms", BYTES, LOWER_BOUND, NEAR),
    bar("vma-full", BYTES, LOWER_BOUND, NEAR),
    bar("vma-simple", "moves", LOWER_BOUND, Bound::AtMost(4.0)),
    bar("vma-simple", "moves", LOWER_BOUND, Bound::AtLeast(4.0)),
    bar(
        "vma-simple-stepwise",
        "moves",
        LOWER_BOUND,
        Bound::AtLeast(4.0),
    ),
    bar(
        "vma-incremental",
        "chunks_returned",
        NO_DEFRAG,
        Bound::AtLeast(1.0),
    ),
    bar("plan-20k-700", "plan_us", NO_DEFRAG, QUICK),
    bar("plan-20k-700", "plan_us_max", NO_DEFRAG, QUICK),
    bar("plan-20k-700-full", "plan_us", NO_DEFRAG, QUICK),
    bar("plan-20k-700-full", "plan_us_max", NO_DEFRAG, QUICK),
    none_hidden("long-churn"),
    none_hidden("long-churn-small"),
    none_hidden("long-churn-waves"),
    none_hidden("trace-luanti"),
    none_hidden("trace-bevy"),
    none_hidden("vma-simple"),
    none_hidden("vma-algorithms"),
    none_hidden("vma-full"),
    none_hidden("vma-incremental"),
    none_hidden("plan-20k-700"),
];

const fn none_hidden(workload: &'static str) -> Bar {
    bar(workload, "frames_hidden", NO_DEFRAG, Bound::AtMost(0.0))
}
