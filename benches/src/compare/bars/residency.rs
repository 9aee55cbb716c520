//! What streaming is held to.

use super::{Bar, Bound, bar};

const BYTES: &str = "bytes_streamed";
const OPTIMUM: &str = "belady";
const BEST: &str = crate::compare::residency::BEST_OF_FIVE;

/// A recorded flight streams at most so much more than the optimum.
const NEAR: Bound = Bound::RatioAtMost(1.10);
/// The same at the budget where every policy is farthest from it.
const LESS_NEAR: Bound = Bound::RatioAtMost(1.14);
/// Whichever of the five is best there is at most so much better.
const BEST_OR_NEAR: Bound = Bound::RatioAtMost(1.02);

macro_rules! at_each_budget {
    ($($world:literal),* $(,)?) => {
        [$(
            bar(concat!($world, "@3%"), BYTES, BEST, BEST_OR_NEAR),
            bar(concat!($world, "@5%"), BYTES, BEST, BEST_OR_NEAR),
            bar(concat!($world, "@7%"), BYTES, BEST, BEST_OR_NEAR),
            bar(concat!($world, "@10%"), BYTES, BEST, BEST_OR_NEAR),
            bar(concat!($world, "@25%"), BYTES, BEST, BEST_OR_NEAR),
        )*]
    };
}

/// Recorded flights against the optimum.
pub const FLIGHTS: [Bar; 10] = [
    bar("luanti-v7@3%", BYTES, OPTIMUM, NEAR),
    bar("luanti-v7@5%", BYTES, OPTIMUM, NEAR),
    bar("luanti-v7@7%", BYTES, OPTIMUM, NEAR),
    bar("luanti-v7@10%", BYTES, OPTIMUM, LESS_NEAR),
    bar("luanti-v7@25%", BYTES, OPTIMUM, NEAR),
    bar("demo@3%", BYTES, OPTIMUM, NEAR),
    bar("demo@5%", BYTES, OPTIMUM, NEAR),
    bar("demo@7%", BYTES, OPTIMUM, NEAR),
    bar("demo@10%", BYTES, OPTIMUM, NEAR),
    bar("demo@25%", BYTES, OPTIMUM, NEAR),
];

/// Everything against the best of five known policies.
pub const MIXES: [Bar; 60] = at_each_budget![
    "luanti-v7",
    "luanti-v7-back",
    "demo",
    "zipf-0.8",
    "zipf-1.1",
    "loop",
    "loop-short",
    "scan",
    "zipf-scan",
    "zipf-loop",
    "shift",
    "turn",
];
