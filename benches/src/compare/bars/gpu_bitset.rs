//! What the allocator on the GPU is held to.

use super::{Bar, Bound};

const RATE: &str = "requests_per_s";
const BYTES: &str = "bytes_per_s";

/// All of them.
pub const ALL: &[Bar] = bars! {
    RATE, "seed", Bound::RatioAtLeast(1.0) => "batch-1";
    RATE, "seed", Bound::RatioAtLeast(100.0) => "batch-2048";
    BYTES, "plain-compute-copy", Bound::RatioAtLeast(0.9) => "copy-64MiB";
    "failures", "readback-cpu", Bound::AtMost(0.0) => "fill-97";
};
