#![expect(clippy::float_cmp, reason = "these results are exact")]

use super::*;

#[test]
fn gradient_noise_is_zero_on_the_lattice_and_bounded_between() {
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    for y in -40i16..40 {
        for x in -40i16..40 {
            assert_eq!(gradient(f32::from(x), f32::from(y), 3), 0.0, "at {x}, {y}");
            let between = gradient(f32::from(x) + 0.4, f32::from(y) + 0.6, 3);
            (low, high) = (low.min(between), high.max(between));
        }
    }
    assert!(low < -0.5 && high > 0.5, "it varies: {low} to {high}");
    assert!(low > -1.2 && high < 1.2, "it is bounded: {low} to {high}");
}

#[test]
fn noise_is_continuous_across_cells() {
    for i in 0u8..100 {
        let y = f32::from(i) * 0.37 - 18.0;
        let gap = (gradient(5.0 - 1e-4, y, 9) - gradient(5.0 + 1e-4, y, 9)).abs();
        assert!(gap < 2e-3, "a jump of {gap} at {y}");
    }
}

#[test]
fn split_goes_down_also_below_zero() {
    let check = |value: f32, whole: i32, rest: f32| {
        assert_eq!(split(value), (whole, rest), "of {value}");
    };
    check(2.25, 2, 0.25);
    check(-2.25, -3, 0.75);
    check(-3.0, -3, 0.0);
    check(0.0, 0, 0.0);
}

#[test]
fn seeds_and_places_have_streams_of_their_own() {
    let first = |x, y, purpose, seed| Random::at(x, y, purpose, seed).bits();
    assert_eq!(first(1, 2, 3, 4), first(1, 2, 3, 4), "the same again");
    let others = [
        first(2, 1, 3, 4),
        first(1, 2, 4, 4),
        first(1, 2, 3, 5),
        first(1, 3, 3, 4),
    ];
    assert!(!others.contains(&first(1, 2, 3, 4)), "{others:?}");
}

#[test]
fn random_numbers_fill_their_range() {
    let mut random = Random::new(7);
    let mut counts = [0u32; 5];
    for _ in 0..5000 {
        counts[random.below(5) as usize] += 1;
        let number = random.range(-2.0, 6.0);
        assert!((-2.0..6.0).contains(&number), "{number}");
    }
    assert!(
        counts.iter().all(|&c| (850..1150).contains(&c)),
        "even: {counts:?}"
    );
    assert_eq!(random.below(0), 0, "nothing to choose from");
}
