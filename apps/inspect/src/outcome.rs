//! How a command ends: 0 fine, 1 findings, 2 usage or bad input.

use std::fmt;
use std::process::ExitCode;

/// The status for findings.
pub const FINDINGS: u8 = 1;
/// The status for input that cannot be used; the command line's own errors have it too.
pub const BAD_INPUT: u8 = 2;

/// What a command that went through has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing that ought to be looked into.
    Fine,
    /// Something was found: violations, leaks, differences.
    Findings,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Fine => Self::SUCCESS,
            Outcome::Findings => Self::from(FINDINGS),
        }
    }
}

/// Input that cannot be used, in a sentence that says where it is wrong and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadInput(pub String);

impl BadInput {
    /// From anything that explains itself.
    pub fn new(why: impl fmt::Display) -> Self {
        Self(why.to_string())
    }
}

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}
