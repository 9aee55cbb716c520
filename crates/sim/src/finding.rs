//! What the checker found, and where.

use core::fmt;

/// A rule that was broken: one of the checker's own properties, with the engine's rule behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// C1: a read saw other bytes than those of its handle at its version (R1, R2, R3, R8).
    Bytes,
    /// C2: ranges overlap, are out of place, or do not add up (R6).
    Ranges,
    /// C3: a handle resolved to what it does not name, or did not resolve (R7).
    Handles,
    /// C4: a version changed under its reader, or versions fell (R4).
    Versions,
    /// C5: something was freed that a version in use names, or stayed though none does (R3).
    Retirement,
    /// C6: the budget, pins, lifetimes, and who is evicted (R9, R10).
    Residency,
    /// C7: moves beyond their caps, or a block that was hidden (R8).
    Moves,
    /// C8: the last contents are not those that were given (R11).
    Contents,
    /// C9: an answer, a wish or a return that never came.
    Liveness,
    /// C10: the same seed gave two runs.
    Determinism,
    /// A call with bad input was taken, or a good one refused for a wrong reason (R11).
    Refusals,
    /// What was lost with a device still resolved, or what has a source did not come back (R5).
    Loss,
    /// The engine panicked: one of its own assertions, or worse.
    Panic,
}

impl Check {
    /// The number of the property and the engine's rules behind it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Bytes => "C1 bytes",
            Self::Ranges => "C2 ranges",
            Self::Handles => "C3 handles",
            Self::Versions => "C4 versions",
            Self::Retirement => "C5 retirement",
            Self::Residency => "C6 residency",
            Self::Moves => "C7 moves",
            Self::Contents => "C8 contents",
            Self::Liveness => "C9 liveness",
            Self::Determinism => "C10 determinism",
            Self::Refusals => "C11 refusals",
            Self::Loss => "C12 loss",
            Self::Panic => "panic",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which one.
    pub check: Check,
    /// In which tick of the run it was seen.
    pub tick: u64,
    /// What was seen and what should have been.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at tick {}: {}", self.check, self.tick, self.message)
    }
}

/// What a check says: nothing, or what is wrong. The tick is added by who runs the checks.
pub(crate) type Verdict = Result<(), Broken>;

/// A finding before its tick is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) check: Check,
    pub(crate) message: String,
}

/// A finding, if `holds` is false.
pub(crate) fn ensure(holds: bool, check: Check, message: impl FnOnce() -> String) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(Broken {
            check,
            message: message(),
        })
    }
}
