//! The targets without a fuzzer: over the committed inputs, and over random bytes.

use std::panic::catch_unwind;

use geoheap_fuzz::{Run, TARGETS, Tally, corpus};

/// Random inputs for each target, and for that of whole heaps.
const RANDOM_INPUTS: u64 = 1_000;
const RANDOM_HEAPS: u64 = 250;

/// Runs an input; a failure says how to run it alone.
fn run(name: &str, run: Run, input: &[u8]) -> Tally {
    catch_unwind(|| run(input)).unwrap_or_else(|_| {
        let line = corpus::render(vec![input.to_vec()]);
        panic!("{name} fails on the input {line}")
    })
}

/// Calls of a client, and looks at the heap in the end.
const CLIENT: [&str; 36] = [
    "add",
    "add_deadline",
    "add_draw_set",
    "add_part",
    "batch",
    "compact_now",
    "evict",
    "flush",
    "heap_dump",
    "heap_map",
    "last",
    "lookups",
    "pin",
    "prefetch",
    "read_back",
    "remove",
    "remove_draw_set",
    "remove_part",
    "resident",
    "set_budget",
    "set_draws",
    "set_label",
    "set_lifetime",
    "set_priority",
    "settled",
    "share",
    "stage",
    "start_trace",
    "stop_trace",
    "trim",
    "try_add",
    "unpin",
    "update",
    "update_in_place",
    "update_part",
    "update_staged",
];

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
        "trace" => &geoheap_fuzz::trace::LINES,
        "client" => &CLIENT,
        "config" => &["add", "create", "read", "set_budget", "validate"],
        "heap_dump" => &["exported", "own", "vma"],
        "trace_file" => &["gzip", "plain"],
        "gltf" => &["glb", "gltf"],
        "elevation" => &["elevation"],
        "camera_script" => &["script"],
        other => panic!("what {other} must reach is not listed"),
    }
}

/// What is never refused, or so seldom that no input shows it.
const GRANTED: [&str; 7] = [
    "heap_dump",
    "heap_map",
    "last",
    "remove_draw_set",
    "set_draws",
    "set_priority",
    "stop_trace",
];

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
        let mut never = Vec::new();
        for operation in operations(name) {
            let outcomes = if GRANTED.contains(operation) { 1 } else { 2 };
            for ok in [true, false].into_iter().take(outcomes) {
                if reached.count(operation, ok) == 0 {
                    never.push((*operation, ok));
                }
            }
        }
        assert_eq!(never, [], "{name}: never so: {reached:?}");
    }
}

#[test]
fn random_inputs_pass() {
    for (name, target) in TARGETS {
        let count = if name == "client" {
            RANDOM_HEAPS
        } else {
            RANDOM_INPUTS
        };
        for nth in 0..count {
            run(name, target, &corpus::random(nth, 200));
        }
    }
}
