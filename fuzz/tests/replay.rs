//! The targets without a fuzzer: over the committed inputs, and over random bytes.

use std::panic::catch_unwind;

use geoheap_fuzz::{TARGETS, corpus};

/// Random inputs for each target.
const RANDOM_INPUTS: u64 = 2_000;

/// Runs an input; a failure says how to run it alone.
fn run(name: &str, run: fn(&[u8]), input: &[u8]) {
    if catch_unwind(|| run(input)).is_err() {
        let line = corpus::render(vec![input.to_vec()]);
        panic!("{name} fails on the input {line}");
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
        for input in inputs {
            run(name, target, &input);
        }
    }
}

#[test]
fn random_inputs_pass() {
    for (name, target) in TARGETS {
        let mut seed = 1_u64;
        let mut next = || {
            // xorshift64 (Marsaglia, 2003).
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed.to_le_bytes()[4]
        };
        for nth in 0..RANDOM_INPUTS {
            let input: Vec<u8> = (0..nth % 200).map(|_| next()).collect();
            run(name, target, &input);
        }
    }
}
