//! What must hold of a demo's `report.json`.

use serde_json::Value;

/// The form that the rules below are written for.
const SCHEMA: &str = "geoheap-demo-report/1";

/// Counts of things that must never happen.
const ZERO: [&str; 5] = [
    "gpu_errors",
    "content_mismatches",
    "hidden_uses",
    "long_lived_moves",
    "long_lived_evictions",
];

/// Counts without which a flight has shown nothing.
const POSITIVE: [&str; 4] = ["content_checks", "draws", "upload_bytes", "blocks_added"];

/// What is wrong with a report of a flight under `budget_bytes`, a sentence each.
pub(crate) fn violations(report: &Value, budget_bytes: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    if report["schema"] != SCHEMA {
        wrong.push(format!(
            "schema is {}, expected \"{SCHEMA}\"",
            report["schema"]
        ));
    }
    let mut number = |name: &str, expected: &str, holds: &dyn Fn(u64) -> bool| {
        if !report[name].as_u64().is_some_and(holds) {
            wrong.push(format!("{name} is {}, expected {expected}", report[name]));
        }
    };
    for name in ZERO {
        number(name, "0", &|count| count == 0);
    }
    for name in POSITIVE {
        number(name, "more than 0", &|count| count > 0);
    }
    let budget = budget_bytes.to_string();
    number("budget_bytes", &budget, &|bytes| bytes == budget_bytes);
    let most = format!("at most {budget_bytes}");
    number("gpu_bytes_peak", &most, &|bytes| bytes <= budget_bytes);
    wrong
}

/// What is wrong with a report of a flight over the GPU's terrain in too small a heap.
pub(crate) fn terrain_violations(report: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    if report["gpu_errors"] != 0 {
        wrong.push(format!(
            "gpu_errors is {}, expected 0",
            report["gpu_errors"]
        ));
    }
    for name in [
        "batches",
        "ok",
        "no_space",
        "freed",
        "copied_bytes",
        "readback_bytes",
    ] {
        let count = &report["gpu_alloc"][name];
        if count.as_u64().unwrap_or(0) == 0 {
            wrong.push(format!("gpu_alloc.{name} is {count}, expected more than 0"));
        }
    }
    wrong
}

/// The fields in which two reports differ, times aside.
pub(crate) fn differences(first: &Value, second: &Value) -> Vec<String> {
    let (Some(one), Some(other)) = (first.as_object(), second.as_object()) else {
        return vec!["a report is no JSON object".into()];
    };
    let is_time = |name: &str| name.ends_with("_ms");
    let mut names: Vec<_> = one.keys().chain(other.keys()).collect();
    names.sort();
    names.dedup();
    let unequal = |name: &&String| !is_time(name) && one.get(*name) != other.get(*name);
    let shown = |name: &String| format!("{name}: {} and {}", first[name], second[name]);
    names.into_iter().filter(unequal).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BUDGET_BYTES: u64 = 1 << 20;

    fn good() -> Value {
        json!({
            "schema": SCHEMA, "budget_bytes": BUDGET_BYTES, "gpu_bytes_peak": BUDGET_BYTES,
            "gpu_errors": 0, "content_mismatches": 0, "hidden_uses": 0, "long_lived_moves": 0,
            "long_lived_evictions": 0, "content_checks": 7, "draws": 9, "upload_bytes": 5,
            "blocks_added": 3, "frame_ms": { "p50": 1.5 }, "record_ms": 0.1,
        })
    }

    /// The report with one field replaced is refused, and the text names the field.
    fn check(name: &str, value: Value) {
        let mut report = good();
        report[name] = value;
        let wrong = violations(&report, BUDGET_BYTES);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(wrong[0].starts_with(&format!("{name} is ")), "{wrong:?}");
    }

    #[test]
    fn a_terrain_that_had_room_for_all_is_refused() {
        let mut report = json!({
            "gpu_errors": 0,
            "gpu_alloc": {
                "batches": 9, "requests": 20, "ok": 12, "no_space": 3, "freed": 4,
                "mirror_lag_batches": 2, "copied_bytes": 100, "readback_bytes": 100,
            },
        });
        assert_eq!(terrain_violations(&report), [""; 0]);
        report["gpu_alloc"]["no_space"] = json!(0);
        let wrong = terrain_violations(&report);
        assert_eq!(wrong, ["gpu_alloc.no_space is 0, expected more than 0"]);
        // Another flight has no such counts at all.
        assert_eq!(terrain_violations(&good()).len(), 6);
        report["gpu_errors"] = json!(2);
        assert_eq!(terrain_violations(&report).len(), 2);
    }

    #[test]
    fn a_good_report_passes() {
        assert_eq!(violations(&good(), BUDGET_BYTES), [""; 0]);
    }

    #[test]
    fn each_rule_catches_its_violation() {
        for name in ZERO {
            check(name, json!(1));
            check(name, Value::Null);
        }
        for name in POSITIVE {
            check(name, json!(0));
        }
        check("gpu_bytes_peak", json!(BUDGET_BYTES + 1));
        check("gpu_bytes_peak", json!("many"));
        check("budget_bytes", json!(BUDGET_BYTES - 1));
        check("schema", json!("geoheap-demo-report/0"));
    }

    #[test]
    fn counts_are_compared_and_times_are_not() {
        let mut second = good();
        second["frame_ms"] = json!({ "p50": 3.5 });
        second["record_ms"] = json!(0.2);
        assert_eq!(differences(&good(), &second), [""; 0]);
        second["draws"] = json!(10);
        second["extra"] = json!(true);
        assert_eq!(
            differences(&good(), &second),
            ["draws: 9 and 10", "extra: null and true"]
        );
    }
}
