//! Runs that found bugs of the engine that were mended since: each fails as told when its
//! mending is taken out, and all are clean with it.
//!
//! What a seed stands for changes with the simulation, so a run that was guilty once may not stay
//! it. To renew one, take its mending out, look for the first seeds that find it, and put the one
//! with the fewest ticks here:
//!
//! ```text
//! cargo run --release -p geoheap-sim -- --seeds 0..3000 --ticks 200 --no-shrink
//! ```

use geoheap_sim::{Options, run};

/// A run that was guilty.
struct Guilty {
    /// What the engine did wrong, and with it the mending.
    bug: &'static str,
    rule: &'static str,
    /// What the checker finds without the mending, and at which tick.
    found: (&'static str, u64),
    seed: u64,
    ticks: u64,
}

const GUILTY: &[Guilty] = &[
    Guilty {
        bug: "an update under way when the device went was lost: the block came back without it",
        rule: "R11",
        found: ("C1 bytes", 12),
        seed: 355,
        ticks: 10,
    },
    Guilty {
        bug: "an update under way when the device went was lost: the block came back without it",
        rule: "R11",
        found: ("C1 bytes", 81),
        seed: 383,
        ticks: 80,
    },
    Guilty {
        bug: "of updates that waited when the device went some were refused, and nobody told which",
        rule: "R11",
        found: ("C8 contents", 263),
        seed: 261,
        ticks: 142,
    },
    Guilty {
        bug: "of updates that waited when the device went some were refused, and nobody told which",
        rule: "R11",
        found: ("C8 contents", 285),
        seed: 296,
        ticks: 154,
    },
    Guilty {
        bug: "chunks grew into bytes that staging still held of a larger budget",
        rule: "R10",
        found: ("C6 residency", 10),
        seed: 170,
        ticks: 10,
    },
    Guilty {
        bug: "chunks grew into bytes that staging still held of a larger budget",
        rule: "R10",
        found: ("C6 residency", 33),
        seed: 45,
        ticks: 33,
    },
    Guilty {
        bug: "blocks that fit nowhere took the turn of those that fit, and callers waited for ever",
        rule: "C9",
        found: ("C9 liveness", 30_588),
        seed: 81,
        ticks: 586,
    },
];

#[test]
fn what_was_mended_stays_mended() {
    for guilty in GUILTY {
        let Guilty {
            bug,
            rule,
            found: (check, tick),
            seed,
            ticks,
        } = guilty;
        let outcome = run(&Options::new(*seed, *ticks));
        assert!(
            outcome.finding.is_none(),
            "{rule}: {bug}? It was seen as {check} at tick {tick} of this run.\n{outcome}"
        );
    }
}
