//! The rule that all oracles share: what may be refused, and with which errors.

use core::fmt::Debug;

/// Holds an outcome against the reasons to refuse it, each the exact error that would say so:
/// where there is one, one of them must be given; where there is none, the operation must succeed.
/// Which of several reasons is given is the callee's choice. Returns what was granted.
///
/// # Panics
/// When the two disagree; the text starts with `rule`, the number of the invariant.
#[track_caller]
pub(crate) fn granted<T: Debug, E: Debug + PartialEq>(
    rule: &str,
    asked: &dyn Debug,
    outcome: Result<T, E>,
    reasons: &[E],
) -> Option<T> {
    match outcome {
        Ok(granted) => {
            assert!(
                reasons.is_empty(),
                "{rule}: {asked:?} was granted as {granted:?}, against {reasons:?}"
            );
            Some(granted)
        }
        Err(error) => {
            assert!(
                reasons.contains(&error),
                "{rule}: {asked:?} was refused with {error:?}, the reasons are {reasons:?}"
            );
            None
        }
    }
}

/// What a judgement that is to fail said. A test's way to see that an oracle can object.
///
/// # Panics
/// When it did not fail.
#[cfg(test)]
pub(crate) fn objection(judge: impl FnOnce()) -> String {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(judge));
    let payload = outcome.expect_err("the oracle took a wrong answer for a right one");
    payload
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_default()
}
