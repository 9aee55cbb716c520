//! How far the held bytes are from the water marks of the budget.

use std::fmt;

/// Held bytes against the budget, as [`Residency::evaluate`](crate::Residency::evaluate) sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// The bytes held, as given.
    pub held_bytes: u64,
    /// The budget, as given.
    pub budget_bytes: u64,
    /// The high-water mark. Above it bytes must go.
    pub high_bytes: u64,
    /// The low-water mark. Down to it they go.
    pub low_bytes: u64,
    /// Bytes to give back now: 0 up to the high-water mark, above it the way to the low one.
    pub over_bytes: u64,
    /// Bytes that may still come in without crossing the high-water mark.
    pub room_bytes: u64,
}

impl Pressure {
    /// Whether bytes must go.
    pub const fn is_over(&self) -> bool {
        self.over_bytes > 0
    }

    /// Compares `held_bytes` with the marks, given as fractions of the budget.
    pub(crate) fn evaluate(held_bytes: u64, budget_bytes: u64, low: f32, high: f32) -> Self {
        let high_bytes = fraction_of(budget_bytes, high);
        let low_bytes = fraction_of(budget_bytes, low);
        let over_bytes = if held_bytes > high_bytes {
            held_bytes - low_bytes
        } else {
            0
        };
        Self {
            held_bytes,
            budget_bytes,
            high_bytes,
            low_bytes,
            over_bytes,
            room_bytes: high_bytes.saturating_sub(held_bytes),
        }
    }
}

/// `fraction` of `bytes`, in steps of a millionth, so that the result does not depend on how a
/// platform rounds a product of floats. `fraction` is in 0..=1.
fn fraction_of(bytes: u64, fraction: f32) -> u64 {
    const PARTS: u64 = 1_000_000;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a fraction in 0..=1 gives a number in 0..=PARTS"
    )]
    let parts = (f64::from(fraction) * 1.0e6).round() as u64;
    let share = u128::from(bytes) * u128::from(parts.min(PARTS)) / u128::from(PARTS);
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// The frames of the protect window need more than the budget holds: no choice of victims helps.
///
/// Eviction cannot cure this state, so a caller reports it and lowers its demand (level of detail,
/// draw distance) or raises the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Degraded {
    /// Bytes that recent frames used or wished for, or that are pinned or exempt.
    pub working_set_bytes: u64,
    /// The part of them that is not resident: wishes of the protect window.
    pub missing_bytes: u64,
    /// The budget, as given.
    pub budget_bytes: u64,
}

impl fmt::Display for Degraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the working set of {} bytes ({} of them not resident) is larger than the budget of \
             {} bytes",
            self.working_set_bytes, self.missing_bytes, self.budget_bytes
        )
    }
}
