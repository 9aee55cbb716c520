//! What streaming is held to.

use super::{Bar, Bound};

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
    ($metric:expr, $peer:expr, $bound:expr => $($world:literal),+ $(,)?) => {
        bars! {
            $($metric, $peer, $bound =>
                concat!($world, "@3%"), concat!($world, "@5%"), concat!($world, "@7%"),
                concat!($world, "@10%"), concat!($world, "@25%");)+
        }
    };
}

/// Recorded flights against the optimum.
pub const FLIGHTS: &[Bar] = bars! {
    BYTES, OPTIMUM, NEAR => "luanti-v7@3%", "luanti-v7@5%", "luanti-v7@7%", "luanti-v7@25%",
        "demo@3%", "demo@5%", "demo@7%", "demo@10%", "demo@25%";
    BYTES, OPTIMUM, LESS_NEAR => "luanti-v7@10%";
};

/// Everything against the best of five known policies.
pub const MIXES: &[Bar] = at_each_budget! {
    BYTES, BEST, BEST_OR_NEAR =>
    "luanti-v7", "luanti-v7-back", "demo", "zipf-0.8", "zipf-1.1", "loop",
    "loop-short", "scan", "zipf-scan", "zipf-loop", "shift", "turn"
};
