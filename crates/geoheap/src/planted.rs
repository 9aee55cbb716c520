//! Bugs that can be planted, for tests of what checks the engine: each breaks one rule at the very
//! place where the engine keeps it, and a checker that cannot find it is of no use.
//!
//! They exist only with the feature `planted-bugs`, and under the cfg of the suite that explores
//! schedules. Not for programs, and not under semantic versioning.

use core::cell::Cell;
use core::fmt;
use core::str::FromStr;

/// Makes the bugs with their names and rules from one list.
macro_rules! bugs {
    (
        checked { $($(#[$about:meta])* $bug:ident = ($name:literal, $rule:literal),)* }
        schedules { $($(#[$schedule_about:meta])* $schedule:ident = $schedule_name:literal,)* }
    ) => {
        /// A bug that can be planted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Bug {
            $($(#[$about])* $bug,)*
            $($(#[$schedule_about])* #[cfg(geoheap_shuttle)] $schedule,)*
        }

        /// Those that show on one thread, by rule.
        pub const ALL: &[Bug] = &[$(Bug::$bug,)*];

        impl Bug {
            /// Its name on a command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)*
                    $(#[cfg(geoheap_shuttle)] Self::$schedule => $schedule_name,)*
                }
            }

            /// The rule that it breaks: `R1` to `R11`, `contents` where a block gets bytes or a
            /// table of parts that are not its newest, `liveness` where something never comes,
            /// `schedule` where it takes several threads.
            pub fn rule(self) -> &'static str {
                match self {
                    $(Self::$bug => $rule,)*
                    $(#[cfg(geoheap_shuttle)] Self::$schedule => "schedule",)*
                }
            }
        }
    };
}

bugs! {
    checked {
    /// A tick's copies are submitted with those of the next, and published at once.
    SubmittedLate = ("submitted-late", "R1"),
    /// The last upload of a tick with several is not recorded.
    UploadForgotten = ("upload-forgotten", "R1"),
    /// A batch that the device refused counts as submitted.
    RefusedSubmitCounts = ("refused-submit-counts", "R1"),
    /// A copy that could not be staged counts as submitted.
    RefusedStagingCounts = ("refused-staging-counts", "R1"),
    /// A flush is answered while contents sent before it are on their way.
    FlushedEarly = ("flushed-early", "R1"),
    /// What a version gives up retires one version before its last slot stops naming it.
    RetiredBeforeUnnamed = ("retired-before-unnamed", "R2"),
    /// The range of an evicted block retires, and its slot stays as it was.
    EvictedStillNamed = ("evicted-still-named", "R2"),
    /// Retired ranges are free with the next tick, whoever still reads them.
    FreedAtPublish = ("freed-at-publish", "R3"),
    /// The range of a removed or evicted block is free at once.
    FreedAtRemoval = ("freed-at-removal", "R3"),
    /// The old room of a part that changed inside its block is free at once.
    RoomFreedAtOnce = ("room-freed-at-once", "R3"),
    /// What a version gave up is free when that version is out of use, whatever older ones are in
    /// use.
    FreedOutOfOrder = ("freed-out-of-order", "R3"),
    /// What a ticket leaves for its commands keeps nothing.
    TokenForgotten = ("token-forgotten", "R3"),
    /// Now and then a frame begins with a version that is older than the last one.
    OlderVersionAgain = ("older-version-again", "R4"),
    /// The loss of the device leaves the current version valid.
    CurrentNotVoid = ("current-not-void", "R5"),
    /// Blocks without a source are pending after the loss of the device, for ever.
    LostCalledPending = ("lost-called-pending", "R5"),
    /// A range is a unit too short.
    PlacedShort = ("placed-short", "R6"),
    /// A range lies at any unit, whatever its parts need.
    AlignForgotten = ("align-forgotten", "R6"),
    /// The heap map does not count retired bytes.
    RetiredUncounted = ("retired-uncounted", "R6"),
    /// A lookup does not compare generations.
    GenerationIgnored = ("generation-ignored", "R7"),
    /// A request about a block that is gone is carried out for the next one in its slot.
    StaleRequestServed = ("stale-request-served", "R7"),
    /// A slot stays in service beyond the maximum of its generation.
    SlotNeverRetires = ("slot-never-retires", "R7"),
    /// Moves are committed some ticks late, also if the contents changed meanwhile.
    MoveUnchecked = ("move-unchecked", "R8"),
    /// Moves are committed some ticks late, and their blocks are hidden meanwhile.
    HiddenWhileMoving = ("hidden-while-moving", "R8"),
    /// A block is moved while contents are on their way to where it lies.
    MovedWhileFilling = ("moved-while-filling", "R8"),
    /// A move leaves the last word behind.
    MoveCutShort = ("move-cut-short", "R8"),
    /// The last word of a block that moves in several ticks is left behind.
    PieceForgotten = ("piece-forgotten", "R8"),
    /// A move writes over retired bytes, too.
    MovedOverRetired = ("moved-over-retired", "R3"),
    /// Compaction moves blocks between dynamic and long-lived chunks.
    LifetimesMixed = ("lifetimes-mixed", "R9"),
    /// Compaction moves pinned blocks.
    PinnedMoved = ("pinned-moved", "R9"),
    /// A pinned block can be evicted on demand.
    PinnedEvicted = ("pinned-evicted", "R9"),
    /// A long-lived block can be evicted on demand.
    LongLivedEvicted = ("long-lived-evicted", "R9"),
    /// Chunks may take the budget's share of staging.
    StagingUncounted = ("staging-uncounted", "R10"),
    /// A dropped chunk is off the books before the device has its memory back.
    DroppedUncounted = ("dropped-uncounted", "R10"),
    /// A spare chunk is made also where the budget has no room for it.
    SpareOverBudget = ("spare-over-budget", "R10"),
    /// A working set beyond the budget is never told.
    DegradedUntold = ("degraded-untold", "R10"),
    /// A part of the budget is given away before the engine has left it.
    OutsideTooEarly = ("outside-too-early", "R10"),
    /// A part of the budget that is given back stays off it.
    OutsideKept = ("outside-kept", "R10"),
    /// An update in place that is refused replaces what is retained.
    RefusedUpdateRetained = ("refused-update-retained", "R11"),
    /// A batch that is refused for want of handles keeps those that it got.
    RefusedBatchKeepsHandles = ("refused-batch-keeps-handles", "R11"),
    /// A block that a full mailbox refuses comes back empty.
    RefusedBlockLost = ("refused-block-lost", "R11"),
    /// Of several updates that wait, the first is carried out.
    OldestUpdateWins = ("oldest-update-wins", "R11"),
    /// An evicted block comes back as it was before its last update.
    SourceStale = ("source-stale", "contents"),
    /// A block whose bytes only the GPU has leaves before they are copied back.
    LeftBeforeCopied = ("left-before-copied", "contents"),
    /// A block leaves with the bytes that were copied back, also if it got others meanwhile.
    CopyUnchecked = ("copy-unchecked", "contents"),
    /// A block whose parts changed keeps the table of parts that it had.
    PartsStale = ("parts-stale", "contents"),
    /// Copies that were written take the place of those in memory, also of newer ones.
    SpilledUnchecked = ("spilled-unchecked", "contents"),
    /// Each part is read from where the first one begins in the file.
    SpilledAskew = ("spilled-askew", "contents"),
    /// Answers that wait for a version which stalled are lost.
    ReplyLost = ("reply-lost", "liveness"),
    /// What frames miss is not wished for.
    WishLost = ("wish-lost", "liveness"),
    // From here on bugs that the engine had until the simulation found them.
    /// An update on its way is lost with the device, though its block comes back.
    UpdateLostWithDevice = ("update-lost-with-device", "R11"),
    /// Updates that wait for a job are refused with the device, and nobody is told which.
    WaitingRefusedAtLoss = ("waiting-refused-at-loss", "R11"),
    /// An update takes the place of one that waits, and is refused itself.
    WaitingReplacedInVain = ("waiting-replaced-in-vain", "R11"),
    /// Chunks grow into bytes that staging still holds of a larger budget.
    LateStagingForgotten = ("late-staging-forgotten", "R10"),
    /// A part of the budget is given before it is known what staging holds of it.
    OutsideGivenAtOnce = ("outside-given-at-once", "R10"),
    /// A lowered budget is not reached where moves bring no chunk back.
    ChunkNeverCleared = ("chunk-never-cleared", "R10"),
    /// An update that fails while its block is away leaves its layout with older contents.
    FailedUpdateForgotten = ("failed-update-forgotten", "contents"),
    /// Blocks that fit nowhere take the turn of those that fit.
    HopelessFirst = ("hopeless-first", "liveness"),
    }
    schedules {
    /// A message's permit goes back when it is sent, and again when it was handled.
    PermitGivenBackTwice = "permit-given-back-twice",
    /// Those who wait for room hear of it before it is there.
    NotifiedTooEarly = "notified-too-early",
    /// The reserve of handles is filled after the permit went back.
    ReserveRefilledLate = "reserve-refilled-late",
    /// A message may enter between the last look into the mailbox and its end.
    SentBesideTheGate = "sent-beside-the-gate",
    /// The reload worker is joined while its jobs can still come.
    JobsKeptOpen = "jobs-kept-open",
    /// A run is claimed by a read and a write.
    TornClaim = "torn-claim",
    /// What a panic took with it is not recorded again.
    LostRunsForgotten = "lost-runs-forgotten",
    /// A frame's pieces are taken while helpers are still inside.
    HelpersNotAwaited = "helpers-not-awaited",
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No bug has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownBug(pub String);

impl fmt::Display for UnknownBug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no bug is called {:?}; there are", self.0)?;
        ALL.iter().try_for_each(|bug| write!(f, " {bug}"))
    }
}

impl core::error::Error for UnknownBug {}

impl FromStr for Bug {
    type Err = UnknownBug;

    fn from_str(name: &str) -> Result<Self, UnknownBug> {
        let found = ALL.iter().find(|bug| bug.name() == name);
        found.copied().ok_or_else(|| UnknownBug(name.to_owned()))
    }
}

std::thread_local! {
    /// All threads of a schedule run on the thread that explores it; a simulation has but one.
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Plants a bug for all that this thread does from now on, or none.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
    #[cfg(feature = "planted-bugs")]
    geoheap_frame_sync::planted::plant(bug.and_then(below));
}

/// The bugs that sit in the ring of versions.
#[cfg(feature = "planted-bugs")]
fn below(bug: Bug) -> Option<geoheap_frame_sync::planted::Bug> {
    match bug {
        Bug::FreedOutOfOrder => Some(geoheap_frame_sync::planted::Bug::FreedOutOfOrder),
        Bug::TokenForgotten => Some(geoheap_frame_sync::planted::Bug::TokenForgotten),
        Bug::CurrentNotVoid => Some(geoheap_frame_sync::planted::Bug::CurrentNotVoid),
        _ => None,
    }
}

/// Whether it is this bug.
pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_has_a_bug_and_every_bug_a_name_of_its_own() {
        let mut missing: BTreeSet<String> = (1..=11).map(|rule| format!("R{rule}")).collect();
        for bug in ALL {
            assert_eq!(bug.name().parse(), Ok(*bug));
            missing.remove(bug.rule());
        }
        assert_eq!(missing, BTreeSet::new());
        let names: BTreeSet<_> = ALL.iter().map(|bug| bug.name()).collect();
        assert_eq!(names.len(), ALL.len());
        let told = "no-such-bug".parse::<Bug>().expect_err("it is none");
        assert!(told.to_string().contains("freed-at-publish"), "{told}");
    }
}
