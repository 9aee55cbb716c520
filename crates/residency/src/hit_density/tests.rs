//! The densities against a search over all stretches, and the classes against their meaning.

use proptest::prelude::*;

use super::*;

#[test]
fn classes_of_age_follow_one_another() {
    let mut first = 0_u64;
    for class in 0..AGES - 1 {
        assert_eq!(age_class(first), class, "class {class} begins at {first}");
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole numbers of frames"
        )]
        let frames = class_frames(class) as u64;
        assert_eq!(
            age_class(first + frames - 1),
            class,
            "class {class} has {frames} frames"
        );
        first += frames;
    }
    assert_eq!(
        age_class(first),
        AGES - 1,
        "the last class begins at {first}"
    );
    assert_eq!(age_class(u64::MAX), AGES - 1, "the last class is open");
}

#[test]
fn logarithms_have_steps_between_powers() {
    for (number, expected) in [
        (0, 0),
        (1, 0),
        (2, 16),
        (3, 24),
        (4, 32),
        (6, 40),
        (1 << 15, 240),
        (1 << 16, 255),
        (u64::MAX, 255),
    ] {
        assert_eq!(log_steps(number), expected, "of {number}");
    }
}

#[test]
fn groups_are_run_and_gap() {
    let policy = HitDensity::default();
    for (history, expected) in [
        ([0, 0], 0),
        ([1, 0], 1),
        ([1, 15], 1),
        ([1, 16], 2),
        ([1, 255], 16),
        ([2, 0], 17),
        ([3, 0], 17),
        ([255, 255], 128),
    ] {
        assert_eq!(
            policy.group(History(history)),
            Group(expected),
            "{history:?}"
        );
    }
    assert_eq!(GROUPS, 129, "as many as there are");
}

#[test]
fn uses_in_a_row_are_a_run() {
    let mut history = History::default();
    let mut runs = Vec::new();
    for age in [0, 1, 1, 5, 1, 7] {
        history = after_use(history, age);
        runs.push(history.0[0]);
    }
    assert_eq!(runs, [1, 2, 3, 1, 2, 1], "each gap ends a run");
}

proptest! {
    #[test]
    fn a_density_is_the_highest_of_any_stretch(
        entered in 1_u32..1_000,
        some in proptest::collection::vec((0..AGES, 1_u32..100), 0..12),
    ) {
        let mut tally = Tally { entered: f64::from(entered), used: [0.0; AGES] };
        for (class, used) in some {
            tally.used[class] += f64::from(used);
        }
        let presences = presences(&tally);
        for (class, worth) in densities(&tally).into_iter().enumerate() {
            let (mut uses, mut frames, mut best) = (0.0, 0.0, 0.0_f64);
            for &(used, present) in &presences[class..] {
                uses += used;
                frames += present;
                if frames > 0.0 {
                    best = best.max(uses / frames);
                }
            }
            let off = worth.get().abs_diff(fixed(best).get());
            prop_assert!(off <= 1_000, "class {} is worth {} of {}", class, worth, best);
        }
    }
}
