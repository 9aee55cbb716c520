//! What a client may ask, and how often.

use crate::random::Random;

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Add,
    AddStaged,
    Batch,
    Remove,
    Share,
    Update,
    UpdateStaged,
    UpdateInPlace,
    AddPart,
    UpdatePart,
    RemovePart,
    Pin,
    Unpin,
    SetLifetime,
    SetPriority,
    Resident,
    ReadBack,
    Evict,
    Prefetch,
    DrawSet,
    Flush,
    Compact,
    Trim,
    Misuse,
}

/// Requests by weight; adds and removes follow how many blocks there should be.
const USUAL: [(Ask, u64); 20] = [
    (Ask::Share, 2),
    (Ask::Update, 22),
    (Ask::UpdateStaged, 3),
    (Ask::UpdateInPlace, 10),
    (Ask::AddPart, 5),
    (Ask::UpdatePart, 12),
    (Ask::RemovePart, 3),
    (Ask::Pin, 4),
    (Ask::Unpin, 5),
    (Ask::SetLifetime, 3),
    (Ask::SetPriority, 3),
    (Ask::Resident, 5),
    (Ask::ReadBack, 3),
    (Ask::Evict, 3),
    (Ask::Prefetch, 3),
    (Ask::DrawSet, 4),
    (Ask::Flush, 3),
    (Ask::Compact, 12),
    (Ask::Trim, 2),
    (Ask::Misuse, 4),
];

/// What a client asks next, with so many blocks of as many as it should be.
pub(super) fn choose(random: &mut Random, alive: u64, goal: u64) -> Ask {
    let wants_more = alive < goal;
    let growing = if wants_more { 45 } else { 8 };
    let which = random.below(100);
    if which < growing {
        return match random.below(10) {
            0 => Ask::AddStaged,
            1 => Ask::Batch,
            _ => Ask::Add,
        };
    }
    let shrinking = if wants_more { 8 } else { 45 };
    if which < growing + shrinking {
        return Ask::Remove;
    }
    let total: u64 = USUAL.iter().map(|(_, weight)| weight).sum();
    let mut at = random.below(total);
    for (ask, weight) in USUAL {
        if at < weight {
            return ask;
        }
        at -= weight;
    }
    unreachable!("a number below the sum of weights falls to one of them")
}
