use geoheap::Degraded;

use super::*;

fn report() -> Report {
    let mut report = Report::default();
    report.budget_bytes = 1000;
    report.budget_effective_bytes = 1000;
    report.held_bytes = 700;
    report.chunk_bytes = 500;
    report.live_bytes = 300;
    report.reserved_bytes = 20;
    report.retired_bytes = 60;
    report.staging_bytes = 100;
    report.record_bytes = 30;
    report
}

/// The bytes of the parts after a change, and the whole.
fn check<const N: usize>(change: fn(&mut Report), expected: [u64; N], expected_whole: u64) {
    let mut report = report();
    change(&mut report);
    let bytes: Vec<u64> = parts(&report).iter().map(|part| part.bytes).collect();
    let expected = expected.to_vec();
    assert_eq!((bytes, whole(&report)), (expected, expected_whole));
}

#[test]
fn parts_add_up_to_what_is_held() {
    check(|_| {}, [300, 20, 60, 120, 100, 30, 70], 1000);
    check(
        |report| report.outside_bytes = 50,
        [300, 20, 60, 120, 100, 30, 20, 50],
        1000,
    );
    let sum: u64 = parts(&report()).iter().map(|part| part.bytes).sum();
    assert_eq!(sum, report().held_bytes, "E4");
}

#[test]
fn figures_of_two_moments_do_no_harm() {
    check(
        |report| report.live_bytes = 900,
        [900, 20, 60, 0, 100, 30, 70],
        1180,
    );
    check(
        |report| report.held_bytes = 100,
        [300, 20, 60, 120, 100, 30, 0],
        1000,
    );
    check(
        |report| report.budget_bytes = 0,
        [300, 20, 60, 120, 100, 30, 70],
        700,
    );
    let most = u64::MAX;
    check(
        |report| report.live_bytes = u64::MAX,
        [most, 20, 60, 0, 100, 30, 70],
        most,
    );
}

/// The warnings after a change, by a word in each.
fn check_warnings(change: fn(&mut Report), expected: &[&str]) {
    let mut report = report();
    change(&mut report);
    let warnings = warnings(&report);
    assert_eq!(warnings.len(), expected.len(), "{warnings:?}");
    for (warning, word) in warnings.iter().zip(expected) {
        assert!(warning.contains(word), "{warning:?} has {word:?}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    check_warnings(|_| {}, &[]);
    check_warnings(|report| report.device_lost = true, &["device is lost"]);
    check_warnings(
        |report| {
            report.degraded = Some(Degraded {
                working_set_bytes: 3 << 20,
                missing_bytes: 0,
                budget_bytes: 1 << 20,
            });
        },
        &["frames use 3.00 MiB; dynamic blocks can have 1.00 MiB"],
    );
    check_warnings(
        |report| report.budget_effective_bytes = 512,
        &["no more than 512 B"],
    );
    check_warnings(
        |report| report.frames_since_tick = 9,
        &["not ticked for 9 frames"],
    );
}
