//! The targets without a fuzzer: over the committed inputs, and over random bytes.

use std::panic::catch_unwind;

use geoheap_fuzz::{Run, TARGETS, Tally, corpus};

/// Random inputs for each target.
const RANDOM_INPUTS: u64 = 2_000;

/// Runs an input; a failure says how to run it alone.
fn run(name: &str, run: Run, input: &[u8]) -> Tally {
    catch_unwind(|| run(input)).unwrap_or_else(|_| {
        let line = corpus::render(vec![input.to_vec()]);
        panic!("{name} fails on the input {line}")
    })
}

/// What the committed inputs of a target must reach, carried out and refused.
fn operations(target: &str) -> &'static [&'static str] {
    match target {
        "suballoc" => &[
            "alloc",
            "alloc_at",
            "alloc_lowest",
            "free",
            "grow_in_place",
            "shrink_in_place",
        ],
        "chunk_heap" => &[
            "cancel",
            "change_lifetime",
            "chunk_failed",
            "chunk_gone",
            "chunk_ready",
            "commit",
            "open_chunk",
            "release",
            "reserve",
            "reserve_at",
            "retire",
            "set_draining",
            "set_owner",
        ],
        "block_layout" => &[
            "add",
            "grown",
            "pack",
            "release",
            "remove",
            "replace",
            "replace_with",
            "resize",
        ],
        "trace" => &[
            "add",
            "await",
            "budget",
            "compact",
            "config",
            "end",
            "evict",
            "frame",
            "label",
            "lifetime",
            "part",
            "part-remove",
            "part-update",
            "pin",
            "prio",
            "remove",
            "share",
            "tick",
            "trim",
            "unpin",
            "update",
            "use",
        ],
        other => panic!("what {other} must reach is not listed"),
    }
}

#[test]
fn committed_inputs_pass() {
    for (name, target) in TARGETS {
        let path = corpus::path(name);
        let text = std::fs::read_to_string(&path).expect("each target has a corpus");
        let inputs = corpus::parse(&text);
        let inputs = inputs.unwrap_or_else(|line| panic!("{}:{line}", path.display()));
        assert!(
            inputs.len() >= 50,
            "{name} has {} inputs only",
            inputs.len()
        );
        let mut reached = Tally::default();
        for input in inputs {
            reached.add(&run(name, target, &input));
        }
        assert_eq!(reached.operations(), operations(name), "{name}");
        for operation in operations(name) {
            for ok in [true, false] {
                let count = reached.count(operation, ok);
                assert!(
                    count > 0,
                    "{name}: {operation} is never ok = {ok}: {reached:?}"
                );
            }
        }
    }
}

#[test]
fn random_inputs_pass() {
    for (name, target) in TARGETS {
        for nth in 0..RANDOM_INPUTS {
            run(name, target, &corpus::random(nth, 200));
        }
    }
}
