//! What the engine under load is held to.

use super::{Bar, Bound, bar};

const SMALLEST: &str = "engine-64Ki";
const OPS: &str = "ops_per_s";
const BOOKS: &str = "book_bytes_per_block";

/// A million operations in a second.
const FAST: Bound = Bound::AtLeast(1e6);
const SMALL: Bound = Bound::AtMost(96.0);

/// All of them.
pub const ALL: [Bar; 9] = [
    bar("engine-64Ki", OPS, SMALLEST, FAST),
    bar("engine-1Mi", OPS, SMALLEST, FAST),
    bar("engine-4Mi", OPS, SMALLEST, FAST),
    bar("engine-1Mi", "ns_per_op", SMALLEST, Bound::RatioAtMost(2.0)),
    bar("engine-4Mi", "ns_per_op", SMALLEST, Bound::RatioAtMost(2.0)),
    bar("engine-64Ki", BOOKS, SMALLEST, SMALL),
    bar("engine-1Mi", BOOKS, SMALLEST, SMALL),
    bar("engine-4Mi", BOOKS, SMALLEST, SMALL),
    bar(
        "upload-64KiB",
        "bytes_per_s",
        "backend-alone",
        Bound::RatioAtLeast(0.9),
    ),
];
