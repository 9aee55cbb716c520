//! One block.

use super::{at_least, at_most, multiple_of};
use crate::error::Fault;
use crate::model::{BlockDump, BlockState, HeapDump, SourceDump};
use crate::names::PartName;

pub(super) fn check(path: &str, block: &BlockDump, dump: &HeapDump) -> Result<(), Fault> {
    let key = |key: &str| format!("{path}.{key}");
    at_least(&key("size"), block.size, 1)?;
    at_least(&key("alignment"), block.alignment, 1)?;
    at_least(&key("owners"), block.owners, 1)?;
    check_state(path, block)?;
    at_most(
        &key("version_written"),
        block.version_written,
        dump.version,
        "`version`",
    )?;
    if let Some(used) = block.frame_last_used {
        at_most(&key("frame_last_used"), used, dump.frame, "`frame`")?;
    }
    if let Some(offset) = block.offset {
        multiple_of(&key("offset"), offset, block.alignment, "its alignment")?;
    }
    check_parts(path, block)?;
    let gap = block.largest_gap();
    at_most(
        &key("largest_hole"),
        block.largest_hole,
        gap,
        "the longest gap between its parts",
    )
}

/// A place stands with a resident block and with no other.
fn check_state(path: &str, block: &BlockDump) -> Result<(), Fault> {
    let is_resident = block.state == BlockState::Resident;
    for (key, is_there) in [
        ("chunk", block.chunk.is_some()),
        ("offset", block.offset.is_some()),
    ] {
        let what = match (is_resident, is_there) {
            (true, false) => "null, but a resident block lies somewhere",
            (false, true) => "a block that is not resident lies nowhere; expected null",
            _ => continue,
        };
        return Err(Fault::new(format!("{path}.{key}"), what));
    }
    if block.state == BlockState::Evicted && block.source == SourceDump::None {
        let what = "a block without a source is never evicted";
        return Err(Fault::new(format!("{path}.source"), what));
    }
    Ok(())
}

/// In order, aligned, without overlap, inside the block, each index once.
fn check_parts(path: &str, block: &BlockDump) -> Result<(), Fault> {
    let mut free_from = 0;
    let mut indices = Vec::with_capacity(block.parts.len());
    for (nth, part) in block.parts.iter().enumerate() {
        let path = |key| format!("{path}.parts[{nth}].{key}");
        let id: PartName = part.id.parse().map_err(|error| {
            Fault::new(path("id"), format!("`{}` is no part id: {error}", part.id))
        })?;
        indices.push((id.index, nth));
        at_least(&path("size"), part.size, 1)?;
        at_least(&path("alignment"), part.alignment, 1)?;
        if part.kind.is_empty() {
            return Err(Fault::new(path("kind"), "a kind has a name"));
        }
        if part.offset < free_from {
            let what = format!(
                "{} is before {free_from}, where the part listed ahead of it ends",
                part.offset
            );
            return Err(Fault::new(path("offset"), what));
        }
        multiple_of(
            &path("offset"),
            part.offset,
            part.alignment,
            "its alignment",
        )?;
        if !block.alignment.is_multiple_of(part.alignment) {
            let what = format!(
                "{} does not divide the block's alignment, {}",
                part.alignment, block.alignment
            );
            return Err(Fault::new(path("alignment"), what));
        }
        match part.offset.checked_add(part.size) {
            Some(end) if end <= block.size => free_from = end,
            _ => {
                let what = format!(
                    "{} bytes at {} end after the block's {}",
                    part.size, part.offset, block.size
                );
                return Err(Fault::new(path("size"), what));
            }
        }
    }
    indices.sort_unstable();
    match indices.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        None => Ok(()),
        Some(pair) => Err(Fault::new(
            format!("{path}.parts[{}].id", pair[1].1),
            format!("another part of the block has the index {}", pair[0].0),
        )),
    }
}
