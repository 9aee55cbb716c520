//! Who said how large the budget is.

use core::fmt;

use geoheap_suballoc::ByteLen;

/// The budget where nobody says another: 256 MiB.
pub const BUDGET_DEFAULT: ByteLen = ByteLen::from_mib(256);

/// Where the budget in force comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BudgetOrigin {
    /// Nobody set one: it is [`BUDGET_DEFAULT`], a number of this library's, which has asked
    /// neither the driver nor the machine.
    #[default]
    Default,
    /// The caller's configuration, or [`Client::set_budget`](crate::Client::set_budget).
    Explicit,
    /// What the driver said is there, as far as the caller handed it on:
    /// [`Client::set_budget_from`](crate::Client::set_budget_from).
    Probe,
}

impl BudgetOrigin {
    /// Its name in reports: `default`, `explicit` or `probe`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Explicit => "explicit",
            Self::Probe => "probe",
        }
    }

    /// Where a budget of `bytes` comes from of which nobody said it.
    pub(crate) fn of(bytes: ByteLen) -> Self {
        if bytes == BUDGET_DEFAULT {
            Self::Default
        } else {
            Self::Explicit
        }
    }
}

impl fmt::Display for BudgetOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
