//! What frames are held to.

use super::{Bar, Bound, bar};

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
pub const ALL: [Bar; 25] = [
    bar("lookup-random-64Ki", "ns", LIMIT, LOOKUP),
    bar("lookup-random-1Mi", "ns", LIMIT, LOOKUP),
    bar("lookup-random-4Mi", "ns", LIMIT, LOOKUP),
    bar("lookup-seq-1Mi", "ns", LIMIT, LOOKUP),
    bar("lookup-random-1Mi-2-threads", "ns", LIMIT, LOOKUP),
    bar("lookup-random-64Ki", "ns", MAP, EIGHTH),
    bar("lookup-random-1Mi", "ns", MAP, EIGHTH),
    bar("lookup-random-4Mi", "ns", MAP, EIGHTH),
    bar("lookup-seq-1Mi", "ns", MAP, EIGHTH),
    bar("lookup-random-1Mi-2-threads", "ns", MAP, EIGHTH),
    bar("publish-10k", "ns_per_change", LIMIT, Bound::AtMost(60.0)),
    bar(
        "storm",
        "p99_ns",
        "rwlock-hashmap-frame",
        Bound::RatioAtMost(0.1),
    ),
    bar("record-10k", DRAW, OWN, Bound::RatioAtMost(0.5)),
    bar("record-10k", DRAW, ONCE, Bound::RatioAtMost(1.10)),
    bar("record-10k-noop", DRAW, OWN, Bound::RatioAtMost(0.5)),
    bar("record-10k-noop", DRAW, ONCE, Bound::RatioAtMost(1.30)),
    bar("record-10k", ANEW, ONCE, Bound::RatioAtMost(1.10)),
    bar("record-10k-noop", ANEW, ONCE, Bound::RatioAtMost(1.30)),
    bar("record-10k", MULTI, OWN, Bound::RatioAtMost(0.2)),
    bar("record-10k-noop", MULTI, OWN, Bound::RatioAtMost(0.2)),
    bar("record-2-actors", "speedup", OWN, Bound::AtLeast(1.4)),
    bar("record-2-actors-noop", "speedup", OWN, Bound::AtLeast(1.4)),
    bar(
        "record-2-actors-uneven",
        "over_ideal",
        "ideal-split",
        Bound::AtMost(1.2),
    ),
    bar(
        "static-scene",
        "upload_bytes_per_frame",
        COPIES,
        Bound::AtMost(0.0),
    ),
    bar(
        "static-scene",
        "held_per_live_byte",
        COPIES,
        Bound::RatioAtMost(0.36),
    ),
];
