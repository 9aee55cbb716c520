//! What frames are held to.

use super::{Bar, Bound};

const LIMIT: &str = "flat-slice";
const MAP: &str = "rwlock-hashmap";
const OWN: &str = "plain-own-buffers";
const ONCE: &str = "plain-bound-once";
const COPIES: &str = "triple-ring";
const DRAW: &str = "ns_per_draw";
const MULTI: &str = "ns_per_draw_multi";
const ANEW: &str = "ns_per_draw_anew";

/// A lookup is at most so much dearer than the limit's.
const LOOKUP: Bound = Bound::RatioAtMost(1.3);
/// A lookup is eight times faster than through a locked map.
const EIGHTH: Bound = Bound::RatioAtMost(0.125);

/// All of them.
pub const ALL: &[Bar] = bars! {
    "ns", LIMIT, LOOKUP => "lookup-random-64Ki", "lookup-random-1Mi", "lookup-random-4Mi",
        "lookup-seq-1Mi", "lookup-random-1Mi-2-threads";
    "ns", MAP, EIGHTH => "lookup-random-64Ki", "lookup-random-1Mi", "lookup-random-4Mi",
        "lookup-seq-1Mi", "lookup-random-1Mi-2-threads";
    "ns_per_change", LIMIT, Bound::AtMost(60.0) => "publish-10k";
    "p99_ns", "rwlock-hashmap-frame", Bound::RatioAtMost(0.1) => "storm";
    DRAW, OWN, Bound::RatioAtMost(0.5) => "record-10k", "record-10k-noop";
    DRAW, ONCE, Bound::RatioAtMost(1.10) => "record-10k";
    DRAW, ONCE, Bound::RatioAtMost(1.30) => "record-10k-noop";
    ANEW, ONCE, Bound::RatioAtMost(1.10) => "record-10k";
    ANEW, ONCE, Bound::RatioAtMost(1.30) => "record-10k-noop";
    MULTI, OWN, Bound::RatioAtMost(0.2) => "record-10k", "record-10k-noop";
    "speedup", OWN, Bound::AtLeast(1.4) => "record-2-actors", "record-2-actors-noop";
    "over_ideal", "ideal-split", Bound::AtMost(1.2) => "record-2-actors-uneven";
    "upload_bytes_per_frame", COPIES, Bound::AtMost(0.0) => "static-scene";
    "held_per_live_byte", COPIES, Bound::RatioAtMost(0.36) => "static-scene";
};
