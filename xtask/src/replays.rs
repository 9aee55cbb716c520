//! The inspector's step of `cargo xtask ci`: a recorded flight comes to the same counts when it is
//! replayed, and traces of every kind replay without a violation.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::process::{Failure, run as run_command};
use crate::workspace::Workspace;
use crate::{ci, demo};

/// Name of the inspector's program.
const PROGRAM: &str = "geoheap-inspect";

/// What a flight's report and a replay's tell alike. All of it follows from the requests and the
/// frames, so nothing of it may differ.
const ALIKE: [&str; 13] = [
    "frames",
    "gpu_bytes_peak",
    "gpu_bytes_end",
    "live_bytes_end",
    "chunks_peak",
    "chunks_end",
    "chunks_returned",
    "upload_bytes",
    "evictions",
    "stream_ins",
    "stream_in_bytes",
    "moves",
    "moved_bytes",
];

/// Kinds of synthetic traces, with the options that keep them short.
const KINDS: [&str; 6] = ["churn", "zipf", "loop", "scan", "grow-shrink", "flight"];

/// Records a flight and replays it, then replays one synthetic trace of each kind.
///
/// # Errors
/// When a program fails, counts differ, or a replay has findings.
pub(crate) fn run(workspace: &Workspace, release: bool) -> Result<(), Failure> {
    let inspect = demo::build_program(workspace, PROGRAM, release)?;
    let flown = demo::build(workspace, release)?;
    let folder = workspace.target_dir.join("ci-replays");
    ci::empty(&folder)?;
    std::fs::create_dir_all(&folder)
        .map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
    let (trace, out) = (folder.join("flight.trace.gz"), folder.join("flight"));
    let mut record = Command::new(&inspect);
    record
        .args(["record", "-o"])
        .arg(&trace)
        .arg("--")
        .arg(flown);
    record.args(["--headless", "--backend", "virtual", "--lockstep"]);
    record.args([
        "--frames", "200", "--seed", "3", "--budget", "48MiB", "--out",
    ]);
    run_command(record.arg(&out))?;
    let report = ci::read_json(&out.join("report.json"))?;
    let replayed = replay(&inspect, &trace, &[])?;
    let unlike = differences(&report, &replayed);
    if !unlike.is_empty() {
        let text = format!(
            "a flight and its replay differ:\n    {}",
            unlike.join("\n    ")
        );
        return Err(Failure::new(text));
    }
    for kind in KINDS {
        let trace = folder.join(format!("{kind}.trace.gz"));
        let mut make = Command::new(&inspect);
        make.args(["gen", kind, "--events", "20000", "--seed", "5", "-o"]);
        run_command(make.arg(&trace))?;
        replay(&inspect, &trace, &["--budget", "32MiB"])?;
    }
    Ok(())
}

/// Replays with all checks; findings are a failure.
fn replay(inspect: &Path, trace: &Path, options: &[&str]) -> Result<Value, Failure> {
    let mut command = Command::new(inspect);
    command
        .args(["replay", "--check", "--json"])
        .arg(trace)
        .args(options);
    let output = command.output();
    let output = output.map_err(|error| Failure::new(format!("{PROGRAM}: {error}")))?;
    if output.status.success() {
        return json(&String::from_utf8_lossy(&output.stdout));
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("{}: {told}", trace.display())))
}

fn json(text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::new(format!("no report: {error}")))
}

fn differences(flown: &Value, replayed: &Value) -> Vec<String> {
    let unlike = |key: &&&str| flown[**key] != replayed[**key] || flown[**key].is_null();
    let shown = |key: &&str| format!("{key}: {} and {}", flown[*key], replayed[*key]);
    ALIKE.iter().filter(unlike).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_that_differ_are_named() {
        let mut flown = json!({});
        for key in ALIKE {
            flown[key] = json!(7);
        }
        let mut replayed = flown.clone();
        assert!(differences(&flown, &replayed).is_empty(), "the same");
        replayed["moves"] = json!(8);
        assert_eq!(differences(&flown, &replayed), ["moves: 7 and 8"]);
        assert_eq!(
            differences(&json!({}), &json!({})).len(),
            ALIKE.len(),
            "nothing was told"
        );
    }
}
