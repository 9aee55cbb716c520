use super::*;

fn check(samples: &[f64], p50: f64, p99: f64, max: f64) {
    assert_eq!(Spread::of(samples), Spread { p50, p99, max }, "{samples:?}");
}

#[test]
fn percentiles_are_by_nearest_rank() {
    check(&[], 0.0, 0.0, 0.0);
    check(&[4.0], 4.0, 4.0, 4.0);
    check(&[3.0, 1.0], 1.0, 3.0, 3.0);
    let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
    check(&hundred, 50.0, 99.0, 100.0);
    check(&[1.000_04, 2.0], 1.0, 2.0, 2.0);
}

#[test]
fn the_keys_are_those_that_others_read() {
    let report = Report {
        schema: SCHEMA,
        ..Report::default()
    };
    let value: serde_json::Value = serde_json::from_str(&report.to_json()).expect("json");
    let json = report.to_json();
    let keys: Vec<&str> = json
        .lines()
        .filter(|line| line.starts_with("  \""))
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    let wanted = "schema adapter backend frames frame_ms record_ms virtual_frame_ms \
        virtual_heap_ms world_bytes budget_bytes budget_origin \
        gpu_bytes_peak gpu_bytes_end live_bytes_end outside_bytes staging_bytes_peak chunks_peak \
        chunks_end upload_bytes blocks_added blocks_removed blocks_updated evictions stream_ins \
        stream_in_bytes moves moved_bytes chunks_returned draws draws_fallback draws_skipped \
        soon_missed hidden_uses stale_lookups degraded_frames long_lived_moves long_lived_evictions \
        gpu_errors device_losses device_lost_at_frames frames_until_visible_resident \
        whole_pictures content_checks content_mismatches gpu_alloc series";
    assert_eq!(keys.join(" "), wanted);
    let page = include_str!("../../../../docs/demo-report.md");
    for key in keys {
        assert!(
            page.contains(&format!("`{key}`")),
            "docs/demo-report.md lacks {key}"
        );
    }
    assert_eq!(value["schema"], SCHEMA);
    assert_eq!(value["frame_ms"]["p99"], 0.0);
}
