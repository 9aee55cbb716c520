//! What the engine under load is held to.

use super::{Bar, Bound};

const SMALLEST: &str = "engine-64Ki";
const OPS: &str = "ops_per_s";
const BOOKS: &str = "book_bytes_per_block";

/// A million operations in a second.
const FAST: Bound = Bound::AtLeast(1e6);
const SMALL: Bound = Bound::AtMost(96.0);

/// All of them.
pub const ALL: &[Bar] = bars! {
    OPS, SMALLEST, FAST => "engine-64Ki", "engine-1Mi", "engine-4Mi";
    "ns_per_op", SMALLEST, Bound::RatioAtMost(2.0) => "engine-1Mi", "engine-4Mi";
    BOOKS, SMALLEST, SMALL => "engine-64Ki", "engine-1Mi", "engine-4Mi";
    "bytes_per_s", "backend-alone", Bound::RatioAtLeast(0.9) => "upload-64KiB";
};
