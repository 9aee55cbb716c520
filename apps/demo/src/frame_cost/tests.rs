use super::*;

/// `heap_ms` is what the heap adds to a frame of so many draws.
fn check_cost(work: Work, heap_ms: f64, draws_ms: f64) {
    let ms = [work.heap_ms(), work.virtual_ms()];
    let expected = [heap_ms, 2.5 + draws_ms + heap_ms];
    for (ms, expected) in ms.into_iter().zip(expected) {
        assert!(
            (ms - expected).abs() < 1e-9,
            "{work:?}: {ms} ms, not {expected}"
        );
    }
}

#[test]
fn a_frame_costs_the_sum_of_what_it_does() {
    let nothing = Work::default();
    let draws = 300;
    let (upload_bytes, moved_bytes, copies) = (4_000_000, 4_000_000, 20);
    check_cost(nothing, 0.0, 0.0);
    check_cost(Work { draws, ..nothing }, 0.0, 1.5);
    check_cost(
        Work {
            upload_bytes,
            ..nothing
        },
        1.0,
        0.0,
    );
    check_cost(
        Work {
            moved_bytes,
            ..nothing
        },
        0.5,
        0.0,
    );
    check_cost(Work { copies, ..nothing }, 0.1, 0.0);
    let all = Work {
        upload_bytes,
        moved_bytes,
        copies,
        draws,
    };
    check_cost(all, 1.6, 1.5);
}

#[test]
fn work_is_what_was_counted_in_between() {
    let mut before = HeapReport::default();
    (before.upload_bytes, before.moved_bytes, before.gpu_copies) = (10, 20, 30);
    let mut after = before.clone();
    (after.upload_bytes, after.moved_bytes, after.gpu_copies) = (11, 22, 33);
    let work = Work {
        upload_bytes: 1,
        moved_bytes: 2,
        copies: 3,
        draws: 4,
    };
    assert_eq!(Work::between(&before, &after, 4), work);
}

/// Records so many frames; frame `n` sends a byte, takes `n` ms and holds `n` bytes.
fn recorded(frames: u32) -> Series {
    let mut recorder = Recorder::default();
    for frame in 0..frames {
        recorder.push(Point {
            virtual_frame_ms: frame.into(),
            upload_bytes: 1,
            budget_bytes: frame.into(),
            held_bytes: frame.into(),
            ..Point::default()
        });
    }
    recorder.series()
}

fn check_series(frames: u32, points: usize, frames_per_point: u64) {
    let series = recorded(frames);
    assert_eq!(series.virtual_frame_ms.len(), points, "{frames} frames");
    assert_eq!(series.frames_per_point, frames_per_point, "{frames} frames");
    let sent: u64 = series.upload_bytes.iter().sum();
    assert_eq!(sent, u64::from(frames), "no frame is lost");
    for (nth, held) in series.held_bytes.iter().enumerate() {
        let end = (nth as u64 + 1) * frames_per_point;
        let last = end.min(frames.into()) - 1;
        assert_eq!(*held, last, "point {nth} of {frames} frames");
        assert_eq!(series.budget_bytes[nth], last, "the later one counts");
    }
    let longest = series.virtual_frame_ms.last().copied();
    assert_eq!(longest, frames.checked_sub(1).map(f64::from));
}

#[test]
fn a_long_flight_has_points_of_several_frames() {
    let most = u32::try_from(POINTS_MAX).expect("a few thousand");
    check_series(0, 0, 1);
    check_series(1, 1, 1);
    check_series(most, POINTS_MAX, 1);
    check_series(most + 1, POINTS_MAX / 2 + 1, 2);
    check_series(most + 2, POINTS_MAX / 2 + 1, 2);
    check_series(most + 3, POINTS_MAX / 2 + 2, 2);
    check_series(2 * most + 1, POINTS_MAX / 2 + 1, 4);
}
