use egui::vec2;

use super::*;

fn area() -> Rect {
    #[expect(clippy::cast_precision_loss, reason = "some hundred")]
    let width = (SAMPLES_MAX - 1) as f32;
    Rect::from_min_size(pos2(10.0, 20.0), vec2(width, 100.0))
}

fn samples(live: &[u64]) -> VecDeque<Sample> {
    let sample = |&live_bytes: &u64| Sample {
        live_bytes,
        ..Sample::default()
    };
    live.iter().map(sample).collect()
}

#[test]
fn the_newest_sample_stands_at_the_right() {
    let area = area();
    for (nth, len, back) in [
        (0, 1, 0.0),
        (9, 10, 0.0),
        (0, 10, 9.0),
        (0, SAMPLES_MAX, area.width()),
    ] {
        let x = x_of(area, nth, len);
        assert!(
            (area.right() - back - x).abs() < 0.01,
            "sample {nth} of {len} at {x}"
        );
        assert_eq!(nearest(area, x + 0.3, len), Some(nth), "found again");
    }
    assert_eq!(
        nearest(area, area.right() - 10.0, 10),
        None,
        "before the first"
    );
    assert_eq!(nearest(area, area.right(), 0), None, "of none");
}

#[test]
fn points_rise_with_their_figures() {
    let points = points(&samples(&[0, 50, 100, 999]), area(), 100, |sample| {
        sample.live_bytes
    });
    let heights: Vec<_> = points.iter().map(|point| point.y).collect();
    assert_eq!(heights, [120.0, 70.0, 20.0, 20.0], "never above the area");
}

#[test]
fn counts_stand_on_one_another() {
    let sample = Sample {
        moves: 10,
        stream_ins: 5,
        ..Sample::default()
    };
    let samples = VecDeque::from([Sample::default(), sample]);
    assert_eq!(top_counts(&samples), 15);
    let bars = bars(&samples, area(), 20);
    let seen: Vec<_> = bars
        .iter()
        .map(|(bar, colour)| (bar.top(), bar.bottom(), *colour))
        .collect();
    let expected = [(70.0, 120.0, colours::LIME), (45.0, 70.0, colours::GREEN)];
    assert_eq!(seen, expected, "what is zero has no bar");
}

#[test]
fn the_scale_holds_every_curve() {
    assert_eq!(top_bytes(&VecDeque::new()), 1, "never zero");
    assert_eq!(top_counts(&VecDeque::new()), 1, "never zero");
    assert_eq!(top_bytes(&samples(&[160, 320, 16])), 340);
    assert_eq!(top_bytes(&samples(&[u64::MAX])), u64::MAX);
}
