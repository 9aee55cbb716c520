//! Words for what findings and timelines name.

use geoheap::{Handle, Lookup, Op, PartId};

use super::waiting::{Answer, Expected, PartAsk, Purpose};

/// Makes the words of requests, with those for their answers.
macro_rules! asked {
    ($($function:ident($type:ty) { $($pattern:pat => $word:literal),+ $(,)? })+) => {
        $(
            /// The request, and in a timeline its being answered and refused.
            pub(in crate::world) fn $function(what: $type) -> [&'static str; 3] {
                match what {
                    $($pattern => [
                        $word,
                        concat!("answers ", $word),
                        concat!("refuses ", $word),
                    ],)+
                }
            }
        )+
    };
}

asked! {
    expected(Expected) {
        Expected::Pin => "pin",
        Expected::Resident => "wait",
        Expected::Compact => "compact",
        Expected::Trim => "trim",
        Expected::Budget => "budget",
    }
    part_ask(PartAsk) {
        PartAsk::Add => "add part",
        PartAsk::Update => "update part",
    }
    op(Op) {
        Op::Add => "add",
        Op::Update => "update",
        Op::Remove => "remove",
        Op::Share => "share",
        Op::Part => "change of a part",
        Op::SetLifetime => "set lifetime",
        Op::SetPriority => "set priority",
        Op::SetLabel => "set label",
        Op::Pin => "pin",
        Op::Unpin => "unpin",
        Op::AwaitResident => "wait",
        Op::ReadBack => "read back",
        Op::Evict => "evict",
        Op::Prefetch => "prefetch",
        _ => "another request",
    }
}

/// What a caller waits for.
pub(in crate::world) fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Part { block, ask, .. } => format!("{} of block {block}", part_ask(*ask)[0]),
        Answer::PartGone { block, .. } => format!("remove part of block {block}"),
        Answer::Done { what, block, .. } => match block {
            Some(block) => format!("{} of block {block}", expected(*what)[0]),
            None => expected(*what)[0].to_owned(),
        },
        Answer::Flush { .. } => String::from("flush"),
        Answer::Read { block, .. } => format!("read back of block {block}"),
        Answer::Staged { purpose, .. } => match purpose {
            Purpose::Add => String::from("staging for a new block"),
            Purpose::Update(block) => format!("staging for block {block}"),
            Purpose::Nothing => String::from("staging of no bytes"),
        },
        Answer::Outside { bytes, .. } => format!("{bytes} bytes outside"),
    }
}

/// A part that has its id, or not yet.
pub(in crate::world) fn part(id: Option<PartId>) -> String {
    id.map_or_else(|| String::from("a part"), |id| format!("part {id}"))
}

/// The ids of parts.
pub(in crate::world) fn parts(ids: &[PartId]) -> String {
    listed(ids.iter().map(PartId::to_string))
}

/// The ids of parts, some of which have none yet.
pub(in crate::world) fn given_parts(ids: &[Option<PartId>]) -> String {
    listed(ids.iter().copied().map(part))
}

/// Blocks with their handles.
pub(in crate::world) fn blocks(blocks: &[(u32, Handle)]) -> String {
    let names = blocks.iter();
    listed(names.map(|(block, handle)| format!("block {block} ({handle})")))
}

/// Which contents a part shows, by how many were given since.
pub(in crate::world) fn behind(behind: Option<usize>) -> String {
    behind.map_or_else(
        || String::from("none of its contents, which are"),
        |count| format!("the contents {count} before the last of"),
    )
}

fn listed(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

/// What a lookup says.
pub(in crate::world) fn lookup<Buf>(found: &Lookup<'_, Buf>) -> &'static str {
    match found {
        Lookup::Resident(_) => "resident",
        Lookup::Pending => "pending",
        Lookup::Evicted => "evicted",
        Lookup::NotYetPublished => "not yet published",
        Lookup::Stale => "gone",
        Lookup::Lost => "lost",
        Lookup::Failed => "failed",
    }
}
