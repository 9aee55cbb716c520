//! Bugs that the suite that explores schedules must catch. They exist only under its cfg.

use core::cell::Cell;

/// A bug that can be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A message's permit goes back when it is sent, and again when it was handled.
    PermitGivenBackTwice,
    /// Those who wait for room hear of it before it is there.
    NotifiedTooEarly,
    /// The reserve of handles is filled after the permit went back.
    ReserveRefilledLate,
    /// A message may enter between the last look into the mailbox and its end.
    SentBesideTheGate,
    /// A tick's copies are submitted with those of the next, and published at once.
    SubmittedLate,
    /// Retired ranges are free with the next tick, whoever still reads them.
    FreedAtPublish,
    /// The reload worker is joined while its jobs can still come.
    JobsKeptOpen,
    /// A run is claimed by a read and a write.
    TornClaim,
    /// What a panic took with it is not recorded again.
    LostRunsForgotten,
    /// A frame's pieces are taken while helpers are still inside.
    HelpersNotAwaited,
}

std::thread_local! {
    /// All threads of a schedule run on the thread that explores it.
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Plants a bug for all schedules that this thread explores, or none.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether it is this bug.
pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}
