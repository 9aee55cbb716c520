//! The comparison as a program: all of it, in little.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

fn compare(args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_geoheap-compare");
    let output = Command::new(program).args(args).output();
    output.expect("cargo has built the program")
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn a_quick_comparison_fills_the_table() {
    let folder = folder("compare");
    let plans = folder.join("plans");
    fs::create_dir_all(&plans).expect("the folder is ours");
    let plan = "id,lower,upper,size\na,0,2,4096\nb,1,3,8192\n";
    fs::write(plans.join("Two.csv"), plan).expect("the folder is ours");
    let out = folder.join("suballoc.json");
    let output = compare(&[
        "suballoc",
        "--quick",
        "--plans",
        &plans.to_string_lossy(),
        "--out",
        &out.to_string_lossy(),
    ]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{output:?}");

    let text = fs::read_to_string(&out).expect("the file was asked for");
    let table: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(table["schema"], "geoheap-compare/1");
    let rows = table["rows"].as_array().expect("rows are a list");
    let has = |workload: &str, metric: &str, peer: &str| {
        rows.iter().any(|row| {
            row["workload"] == workload
                && row["metric"] == metric
                && row["peer"] == peer
                && row["ours"].is_f64()
                && row["peer_value"].is_f64()
        })
    };
    for (workload, metric, peer) in [
        ("churn-a", "ns_per_op", "offset-allocator"),
        ("churn-b", "first_failure_fill", "range-alloc"),
        ("churn-c", "metadata_bytes", "range-alloc"),
        ("churn-c", "ns_per_op", "rlsf"),
        ("fail-90", "failed_share", "offset-allocator"),
        ("fail-95", "failed_share", "range-alloc"),
        ("vma-align-256", "ns_per_op", "offset-allocator"),
        ("many-random", "cost_growth", "bare-records"),
        ("trace-luanti", "ns_per_op", "range-alloc"),
        ("plan-two", "capacity_needed", "range-alloc"),
    ] {
        assert!(has(workload, metric, peer), "no {workload} {metric} {peer}");
    }
    for row in rows {
        let ratio = row["ours"].as_f64().zip(row["peer_value"].as_f64());
        let ratio = ratio.map_or(f64::NAN, |(ours, theirs)| ours / theirs);
        let shown = row["ratio"].as_f64();
        let is_near = |shown: f64| (shown - ratio).abs() <= ratio.abs() * 1e-9;
        let is_right = shown.map_or(!ratio.is_finite(), is_near);
        assert!(is_right, "{row}");
    }
    // VMA needs a compiler that a test does not.
    let unheld = said.lines().filter(|line| line.ends_with("no row"));
    let unheld: Vec<&str> = unheld.filter(|line| !line.contains(" vma ")).collect();
    assert!(unheld.is_empty(), "{unheld:#?}");
    let timed = rows.iter().find(|row| row["metric"] == "ns_per_op");
    assert!(timed.is_some_and(|row| row["harness_ns"].is_f64()));
}

#[test]
fn what_cannot_be_compared_is_named() {
    let unknown = compare(&["play", "churn-z", "harness", "1"]);
    assert_eq!(unknown.status.code(), Some(2));
    let said = String::from_utf8_lossy(&unknown.stderr);
    assert!(said.contains("churn-z"), "{said}");
    let missing = folder("nowhere");
    let missing = compare(&[
        "suballoc",
        "--quick",
        "--only",
        "failures",
        "--plans",
        &missing.to_string_lossy(),
    ]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn a_quick_comparison_of_frames_has_every_workload() {
    let out = folder("frames.json");
    let output = compare(&["frames", "--quick", "--out", &out.to_string_lossy()]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{output:?}");

    let text = fs::read_to_string(&out).expect("the file was asked for");
    let table: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(table["schema"], "geoheap-compare/1");
    let rows = table["rows"].as_array().expect("rows are a list");
    let row = |workload: &str, metric: &str, peer: &str| {
        let row = rows.iter().find(|row| {
            row["workload"] == workload && row["metric"] == metric && row["peer"] == peer
        });
        row.unwrap_or_else(|| panic!("no {workload} {metric} {peer}"))
    };
    for (workload, metric, peer) in [
        ("lookup-random-64Ki", "ns", "flat-slice"),
        ("lookup-random-1Mi", "ns", "rwlock-hashmap"),
        ("lookup-random-4Mi", "ns", "frame-sync"),
        ("lookup-seq-1Mi", "ns", "left-right"),
        (
            "lookup-random-1Mi-2-threads",
            "ns",
            "double-buffer-refcount",
        ),
        ("publish-1k", "ns_per_change", "cow-pages"),
        ("publish-10k", "ns_per_change", "flat-slice"),
        ("publish-50k", "ns_per_change", "rwlock-hashmap-frame"),
        ("storm", "p50_ns", "cow-pages"),
        ("storm", "p99_ns", "rwlock-hashmap-frame"),
        ("storm", "p999_ns", "left-right"),
        ("storm", "max_ns", "double-buffer-refcount"),
        ("record-10k", "ns_per_draw", "plain-own-buffers"),
        ("record-10k-noop", "ns_per_draw", "plain-bound-once"),
        ("record-2-actors", "speedup", "plain-own-buffers"),
        ("record-2-actors-noop", "speedup", "plain-bound-once"),
        ("static-scene", "held_per_live_byte", "triple-ring"),
        ("churn-1pct", "upload_bytes_per_frame", "triple-ring"),
    ] {
        let row = row(workload, metric, peer);
        assert!(row["ours"].is_f64() && row["peer_value"].is_f64(), "{row}");
    }
    // Nobody can read a bare slice beside its writer.
    assert!(row("storm", "p99_ns", "flat-slice")["peer_value"].is_null());
    let idle = row("static-scene", "upload_bytes_per_frame", "triple-ring");
    assert_eq!(idle["ours"], 0.0, "nothing is sent where nothing changes");
}

#[test]
fn a_missed_bar_is_an_exit_status_where_it_is_checked() {
    // A heap of one chunk holds far more than a third of three times so few bytes.
    let args = ["frames", "--quick", "--only", "static-scene"];
    assert_eq!(compare(&args).status.code(), Some(0));
    let checked = [&args[..], &["--check"]].concat();
    assert_eq!(compare(&checked).status.code(), Some(1));
    let unknown = compare(&["frames", "--only", "lookup-nowhere"]);
    assert_eq!(unknown.status.code(), Some(2));
    let said = String::from_utf8_lossy(&unknown.stderr);
    assert!(said.contains("lookup-random-64Ki"), "{said}");
}

/// Runs one comparison in little; returns its rows.
fn quick_rows(what: &str) -> Vec<Value> {
    let out = folder(&format!("{what}.json"));
    let output = compare(&[what, "--quick", "--out", &out.to_string_lossy()]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{output:?}");
    let text = fs::read_to_string(&out).expect("the file was asked for");
    let table: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(table["schema"], "geoheap-compare/1", "the form is kept");
    table["rows"].as_array().expect("rows are a list").clone()
}

#[track_caller]
fn find<'a>(rows: &'a [Value], workload: &str, metric: &str, peer: &str) -> &'a Value {
    let row = rows
        .iter()
        .find(|row| row["workload"] == workload && row["metric"] == metric && row["peer"] == peer);
    row.unwrap_or_else(|| panic!("no {workload} {metric} {peer}"))
}

#[test]
fn a_quick_comparison_of_policies_has_every_world() {
    let rows = quick_rows("residency");
    for world in [
        "luanti-v7",
        "luanti-v7-back",
        "demo",
        "demo-back",
        "zipf-0.8",
        "zipf-1.1",
        "loop",
        "loop-short",
        "scan",
        "zipf-scan",
        "zipf-loop",
        "shift",
        "turn",
    ] {
        let workload = format!("{world}@10%");
        for peer in [
            "belady",
            "lru",
            "clock",
            "sieve",
            "s3-fifo",
            "2q",
            "best-of-five",
        ] {
            for metric in ["bytes_streamed", "hit_rate"] {
                let row = find(&rows, &workload, metric, peer);
                assert!(row["ours"].is_f64() && row["peer_value"].is_f64(), "{row}");
            }
            let rate = find(&rows, &workload, "hit_rate", peer)["peer_value"].as_f64();
            assert!(
                rate.is_some_and(|rate| (0.0..=1.0).contains(&rate)),
                "{peer} {rate:?}"
            );
        }
    }
}

#[test]
fn a_quick_comparison_of_the_engine_counts_all_that_is_held_to_something() {
    let rows = quick_rows("engine");
    for heap in ["engine-64Ki", "engine-1Mi", "engine-4Mi"] {
        for metric in ["ops_per_s", "ns_per_op", "book_bytes_per_block"] {
            let row = find(&rows, heap, metric, "engine-64Ki");
            assert!(
                row["ours"].as_f64().is_some_and(|value| value > 0.0),
                "{row}"
            );
        }
    }
    let row = find(&rows, "upload-64KiB", "bytes_per_s", "backend-alone");
    assert!(row["ratio"].is_f64(), "{row}");
}

#[test]
fn a_quick_comparison_of_defragmentation_moves_on_every_workload() {
    let rows = quick_rows("defrag");
    for workload in ["long-churn", "long-churn-small", "long-churn-waves"] {
        let row = find(&rows, workload, "overhead_mean", "no-defrag");
        assert!(row["ours"].as_f64() >= Some(1.0), "{row}");
        find(
            &rows,
            workload,
            "bytes_per_chunk_returned_strict",
            "lower-bound",
        );
    }
    for workload in ["trace-luanti", "trace-bevy"] {
        find(&rows, workload, "overhead_with_spare", "no-defrag");
    }
    for workload in [
        "vma-simple",
        "vma-algorithms",
        "vma-full",
        "vma-incremental",
        "plan-20k-700",
    ] {
        let row = find(&rows, workload, "moves", "lower-bound");
        assert!(row["ours"].as_f64() > Some(0.0), "{row}");
        let row = find(&rows, workload, "frames_hidden", "no-defrag");
        assert_eq!(row["ours"], 0.0, "{row}");
        find(&rows, workload, "plan_us", "no-defrag");
    }
    let row = find(&rows, "vma-simple", "moves", "lower-bound");
    assert_eq!(row["ours"], 4.0, "every second of sixteen");
}

#[test]
fn a_quick_comparison_on_the_gpu_has_every_part() {
    let rows = quick_rows("gpu-bitset");
    for batch in [
        "batch-1",
        "batch-16",
        "survey-single-256",
        "survey-mixed-8192",
    ] {
        for peer in ["readback-cpu", "bump"] {
            let rate = find(&rows, batch, "requests_per_s", peer);
            assert!(rate["ratio"].is_f64(), "{rate}");
            let failures = find(&rows, batch, "failures", peer);
            assert_eq!(failures["ours"], 0.0, "the heap is as large as they need");
        }
    }
    for (peer, dispatches) in [("seed", 32.0), ("ours-single", 32.0), ("bump", 2.0)] {
        find(&rows, "batch-16", "requests_per_s", peer);
        let row = find(&rows, "batch-16", "dispatches", peer);
        assert_eq!(row["peer_value"], dispatches, "{row}");
        assert!(
            row["ours"].as_f64() < Some(20.0),
            "a constant number: {row}"
        );
    }
    let single = find(&rows, "batch-1", "dispatches", "seed");
    assert_eq!(single["ours"], 2.0, "one, and the copy");
    find(&rows, "copy-64MiB", "bytes_per_s", "plain-compute-copy");
    // Without timestamps there are none.
    for row in rows.iter().filter(|row| row["metric"] == "gpu_us") {
        assert!(row["ratio"].as_f64() > Some(0.0), "{row}");
    }
    for fill in [
        "fill-50",
        "fill-90-20-120",
        "fill-97-log-512",
        "fill-97-batch-1",
        "fill-50-20-120-batch-16",
        "survey-graph",
    ] {
        find(&rows, fill, "failures", "readback-cpu");
        let runs = find(&rows, fill, "free_runs", "readback-cpu");
        assert!(runs["ours"].as_f64() >= Some(1.0), "{runs}");
    }
    let top = find(
        &rows,
        "survey-fragmentation",
        "top_per_used",
        "readback-cpu",
    );
    assert!(top["ours"].as_f64() >= Some(1.0), "{top}");
    let full = find(&rows, "survey-full", "used_share", "readback-cpu");
    assert!(full["ours"].as_f64() > Some(0.5), "{full}");
}
