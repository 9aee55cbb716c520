//! The rules that a dump keeps, in the order in which they are checked.

mod block;
mod chunk;

use crate::error::Fault;
use crate::model::{BlockDump, BlockState, HeapDump, RangeDump, RangeStateDump, SCHEMA};
use crate::names::HandleName;

/// Checks all rules (J1 to J8).
pub(crate) fn check(dump: &HeapDump) -> Result<(), Fault> {
    if dump.schema != SCHEMA {
        return Err(crate::json::wrong_schema(&dump.schema));
    }
    at_least("unit_bytes", dump.unit_bytes, 1)?;
    at_most(
        "staging_bytes",
        dump.staging_bytes,
        dump.held_bytes,
        "`held_bytes`",
    )?;
    check_chunks(dump)?;
    let handles = check_blocks(dump)?;
    check_handles_of_ranges(dump, &handles)?;
    check_places(dump)
}

/// J2, J3: the chunks, each for itself, and their order.
fn check_chunks(dump: &HeapDump) -> Result<(), Fault> {
    let mut sum = 0_u64;
    let mut last = None;
    for (nth, chunk) in dump.chunks.iter().enumerate() {
        let path = format!("chunks[{nth}]");
        ascends(&path, "id", &mut last, chunk.id)?;
        chunk::check(&path, chunk, dump.unit_bytes)?;
        sum = sum.checked_add(chunk.capacity).ok_or_else(|| {
            Fault::new(
                format!("{path}.capacity"),
                "with it the chunks have more bytes together than 64 bits hold",
            )
        })?;
    }
    Ok(())
}

/// J4, J5: the blocks, each for itself, and their order. Gives their handles.
fn check_blocks(dump: &HeapDump) -> Result<Vec<HandleName>, Fault> {
    let mut handles = Vec::with_capacity(dump.blocks.len());
    let mut sum = 0_u64;
    let mut last = None;
    for (nth, block) in dump.blocks.iter().enumerate() {
        let path = format!("blocks[{nth}]");
        let handle: HandleName = handle(&format!("{path}.handle"), &block.handle)?;
        ascends(&path, "handle", &mut last, handle.slot)?;
        handles.push(handle);
        block::check(&path, block, dump)?;
        sum = sum.checked_add(block.size).ok_or_else(|| {
            Fault::new(
                format!("{path}.size"),
                "with it the blocks have more bytes together than 64 bits hold",
            )
        })?;
    }
    Ok(handles)
}

/// J6: a range names a block that is there; a live one names the block that lies in it.
fn check_handles_of_ranges(dump: &HeapDump, handles: &[HandleName]) -> Result<(), Fault> {
    for (nth, chunk) in dump.chunks.iter().enumerate() {
        for (mth, range) in chunk.ranges.iter().enumerate() {
            let path = || format!("chunks[{nth}].ranges[{mth}].handle");
            let Some(text) = &range.handle else {
                if range.state == RangeStateDump::Live {
                    return Err(Fault::new(path(), "a live range names its block"));
                }
                continue;
            };
            let name = handle(&path(), text)?;
            let Ok(found) = handles.binary_search(&name) else {
                let what = format!("`{text}` is none of the blocks");
                return Err(Fault::new(path(), what));
            };
            let block = &dump.blocks[found];
            let place = (Some(chunk.id), Some(range.offset));
            if range.state == RangeStateDump::Live && place != (block.chunk, block.offset) {
                let what = format!(
                    "the live range at {} of chunk {} names `{text}`, but blocks[{found}] is {}",
                    range.offset,
                    chunk.id,
                    whereabouts(block),
                );
                return Err(Fault::new(path(), what));
            }
        }
    }
    Ok(())
}

/// J7: a resident block lies in a live range that names it.
fn check_places(dump: &HeapDump) -> Result<(), Fault> {
    for (nth, block) in dump.blocks.iter().enumerate() {
        let (Some(id), Some(offset)) = (block.chunk, block.offset) else {
            continue;
        };
        let path = |key| format!("blocks[{nth}].{key}");
        let Ok(found) = dump.chunks.binary_search_by_key(&id, |chunk| chunk.id) else {
            return Err(Fault::new(
                path("chunk"),
                format!("no chunk has the id {id}"),
            ));
        };
        let ranges = &dump.chunks[found].ranges;
        let found = ranges.binary_search_by_key(&offset, |range| range.offset);
        let is_it = |range: &&RangeDump| {
            range.state == RangeStateDump::Live && range.handle.as_ref() == Some(&block.handle)
        };
        let Some(range) = found.ok().and_then(|at| ranges.get(at)).filter(is_it) else {
            let what = format!(
                "no live range of chunk {id} starts at {offset} and names `{}`",
                block.handle
            );
            return Err(Fault::new(path("offset"), what));
        };
        at_most(&path("size"), block.size, range.size, "its range")?;
    }
    Ok(())
}

fn whereabouts(block: &BlockDump) -> String {
    match (block.state, block.chunk, block.offset) {
        (BlockState::Resident, Some(chunk), Some(offset)) => {
            format!("at {offset} of chunk {chunk}")
        }
        _ => "not resident".to_owned(),
    }
}

pub(crate) fn handle(path: &str, text: &str) -> Result<HandleName, Fault> {
    text.parse()
        .map_err(|error| Fault::new(path, format!("`{text}` is no handle: {error}")))
}

/// `now` is above `last` and becomes it.
fn ascends(path: &str, key: &str, last: &mut Option<u32>, now: u32) -> Result<(), Fault> {
    match last.replace(now) {
        Some(last) if last >= now => {
            let what = if last == now {
                format!("the number {now} is there twice")
            } else {
                format!("{now} comes after {last}; expected an ascending order")
            };
            Err(Fault::new(format!("{path}.{key}"), what))
        }
        _ => Ok(()),
    }
}

pub(crate) fn at_least(path: &str, value: u64, min: u64) -> Result<(), Fault> {
    if value >= min {
        return Ok(());
    }
    Err(Fault::new(
        path,
        format!("{value}; expected at least {min}"),
    ))
}

fn at_most(path: &str, value: u64, max: u64, whose: &str) -> Result<(), Fault> {
    if value <= max {
        return Ok(());
    }
    Err(Fault::new(
        path,
        format!("{value}; expected at most the {max} of {whose}"),
    ))
}

fn multiple_of(path: &str, value: u64, of: u64, what: &str) -> Result<(), Fault> {
    if value.is_multiple_of(of) {
        return Ok(());
    }
    Err(Fault::new(
        path,
        format!("{value} is no multiple of {what}, {of}"),
    ))
}
