use super::*;

/// What is said of a file.
fn said(path: &str, text: &str) -> Vec<String> {
    let found = check(&RustSource::new(path, text));
    found.into_iter().map(|violation| violation.text).collect()
}

/// Whether exactly one thing is said of `text` in `path`, and it holds `word`.
fn check_caught(path: &str, text: &str, word: &str) {
    let said = said(path, text);
    assert!(
        said.len() == 1 && said[0].contains(word),
        "{path}, {text}: {said:?}"
    );
}

/// Whether nothing is said.
fn check_passes(path: &str, text: &str) {
    assert_eq!(said(path, text), [""; 0], "{path}, {text}");
}

const LAYER_0: &str = "crates/residency/src/lib.rs";
const LAYER_1: &str = "crates/gpu-backend/src/virtual_gpu.rs";
const ENGINE: &str = "crates/geoheap/src/report.rs";
const DEMO: &str = "apps/demo/src/main.rs";

#[test]
fn groups_of_a_use_are_written_out() {
    let code =
        "use std::{\n    sync::{Arc, mpsc::Sender},\n    time,\n};\nlet a = S { b: c::d() };";
    let found: Vec<_> = paths(code)
        .into_iter()
        .map(|named| (named.line, named.path))
        .collect();
    let expected = [
        (1, "use"),
        (1, "std"),
        (2, "std::sync"),
        (2, "std::sync::Arc"),
        (2, "std::sync::mpsc::Sender"),
        (3, "std::time"),
        (5, "let"),
        (5, "a"),
        (5, "S"),
        (5, "b"),
        (5, "c::d"),
    ];
    assert_eq!(found, expected.map(|(line, path)| (line, path.to_owned())));
}

#[test]
fn layers_0_and_1_name_no_clock_thread_channel_or_chance() {
    for path in [LAYER_0, LAYER_1, "crates/geoheap/src/core/step.rs"] {
        check_caught(path, "use std::time::Instant;\n", "std::time");
        check_caught(path, "use std::{fmt, time::Instant};\n", "std::time");
        check_caught(
            path,
            "fn a() { std::thread::yield_now(); }\n",
            "std::thread",
        );
        check_caught(path, "use std::sync::{Arc, mpsc};\n", "std::sync::mpsc");
        check_caught(path, "use flume::Sender;\n", "flume");
        check_caught(path, "fn a() { rand::random(); }\n", "rand");
        check_caught(
            path,
            "use std::collections::{BTreeMap, HashMap};\n",
            "HashMap",
        );
        check_passes(
            path,
            "use std::collections::BTreeMap;\nlet thread = rand_like(time);\n",
        );
        check_passes(
            path,
            "// std::time is not for us\nlet a = \"std::thread\";\n",
        );
        check_passes(
            path,
            "#[cfg(test)]\nmod tests {\n    use std::time::Instant;\n}\n",
        );
    }
    check_passes(
        "crates/residency/tests/model.rs",
        "use std::time::Instant;\n",
    );
}

#[test]
fn what_has_a_twin_has_one_module() {
    const MAILBOX: &str = "crates/geoheap/src/actor/mailbox.rs";
    for path in [ENGINE, MAILBOX, "crates/geoheap/src/sync.rs"] {
        check_caught(path, "use flume::Sender;\n", "channels");
    }
    for text in [
        "use std::thread;\n",
        "use std::sync::{Arc, Mutex};\n",
        "use std::{sync::{Condvar, Arc}};\n",
        "fn a(b: &std::sync::RwLock<u8>) {}\n",
        "use core::sync::atomic::AtomicU64;\n",
        "use std::time::{Duration, Instant};\n",
    ] {
        check_caught(MAILBOX, text, "synchronisation");
        check_passes("crates/geoheap/src/sync.rs", text);
        check_passes(DEMO, text);
    }
    check_caught(MAILBOX, "use shuttle::rand::Rng;\n", "twins");
    check_passes(
        "crates/geoheap/src/sync/twin.rs",
        "use shuttle::rand::Rng;\n",
    );
    check_passes(LAYER_1, "use std::sync::{Arc, Mutex};\n");
    check_passes(ENGINE, "use std::sync::Arc;\nuse std::time::Duration;\n");
    for path in [
        "crates/geoheap/src/actor/channel.rs",
        "crates/geoheap/src/actor/channel/twin.rs",
    ] {
        check_passes(path, "use flume::Sender;\n");
    }
    check_passes(DEMO, "use std::thread;\nuse flume::Sender;\n");
}

#[test]
fn wgpu_stays_in_its_modules() {
    for path in [LAYER_0, ENGINE, "crates/geoheap/src/client.rs"] {
        check_caught(path, "fn a(b: &wgpu::Buffer) {}\n", "wgpu");
        check_caught(path, "use geoheap_gpu_backend::wgpu::Buffer;\n", "wgpu");
        check_caught(path, "use wgpu as gpu;\n", "wgpu");
        check_passes(path, "/// As `wgpu::Buffer` does.\nstruct WgpuBackend;\n");
    }
    for path in [
        LAYER_1,
        "crates/geoheap/src/recording.rs",
        "crates/geoheap/src/lib.rs",
        DEMO,
    ] {
        check_passes(path, "fn a(b: &wgpu::Buffer) {}\n");
    }
}

#[test]
fn refused_calls_are_caught() {
    check_caught(
        LAYER_1,
        "fn a() { queue.write_buffer(&b, 0, c); }\n",
        "staging",
    );
    check_caught(ENGINE, "fn a() { buffer.destroy(); }\n", "dropped");
    check_passes(DEMO, "fn a() { queue.write_buffer(&b, 0, c); }\n");
}

#[test]
fn what_was_left_undone_is_caught() {
    for path in [
        LAYER_0,
        ENGINE,
        DEMO,
        "crates/residency/tests/model.rs",
        "xtask/src/main.rs",
    ] {
        for marker in MARKERS {
            check_caught(path, &format!("// {marker}: later\n"), marker);
            check_passes(path, &format!("let a = \"{marker}\"; // {marker}S\n"));
        }
        check_caught(path, "fn a() { todo!() }\n", "todo!");
        check_caught(path, "fn a() { unimplemented!() }\n", "unimplemented!");
        check_caught(path, "fn a() { dbg!(b) }\n", "dbg!");
        check_caught(path, "#[ignore = \"slow\"]\nfn a() {}\n", "#[ignore");
        check_passes(path, "fn a() { not_todo!(); \"dbg!\" } // dbg! helps\n");
    }
}

#[test]
fn a_second_home_is_caught() {
    let source = |path: &str| RustSource::new(path, "use arc_swap::ArcSwap;\n");
    let home = source("crates/frame-sync/src/published.rs");
    let program = source(DEMO);
    assert_eq!(check_single_homes(&[home.clone(), program]), []);
    let second = source("crates/frame-sync/src/ring.rs");
    let found = check_single_homes(&[home, second]);
    assert_eq!(found.len(), 1, "{found:?}");
    let said = found[0].to_string();
    let expected = "crates/frame-sync/src/ring.rs:1: names arc_swap, which has its one place in \
                    crates/frame-sync/src/published.rs";
    assert_eq!(said, expected);
}
