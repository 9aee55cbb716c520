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
