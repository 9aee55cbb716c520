//! The steps in which a retained copy goes to its file, as far as they can fail.

use core::fmt;

/// What of putting a retained copy into its file failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpillStep {
    /// The file took it not: no copy is written for a while.
    Write,
    /// The file has copies of some parts, which are written anew together with those that changed
    /// since, and could not be read: this block takes its turn later, the others go on.
    Read,
}

impl fmt::Display for SpillStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Write => "writing failed",
            Self::Read => "reading its older parts failed",
        })
    }
}
