use super::*;

fn check_moments(frames: u32, count: u32, expected: &[u32]) {
    assert_eq!(
        moments(frames, count),
        expected,
        "{count} moments of {frames} frames"
    );
}

#[test]
fn moments_lie_within_a_flight() {
    check_moments(600, 6, &[50, 150, 250, 350, 450, 550]);
    check_moments(1, 6, &[0]);
    check_moments(3, 6, &[0, 1, 2]);
    check_moments(7, 3, &[1, 3, 5]);
}
