//! One chunk.

use super::{at_least, multiple_of};
use crate::error::Fault;
use crate::model::{ChunkDump, ChunkStateDump, RangeStateDump, fragmentation};

/// A text has four decimals of a fraction.
const FRACTION_ERROR_MAX: f64 = 0.000_051;

pub(super) fn check(path: &str, chunk: &ChunkDump, unit: u64) -> Result<(), Fault> {
    at_least(&format!("{path}.capacity"), chunk.capacity, 1)?;
    multiple_of(
        &format!("{path}.capacity"),
        chunk.capacity,
        unit,
        "`unit_bytes`",
    )?;
    check_ranges(path, chunk, unit)?;
    check_sums(path, chunk)?;
    check_state(path, chunk)
}

/// In order, in whole units, without overlap, inside the chunk.
fn check_ranges(path: &str, chunk: &ChunkDump, unit: u64) -> Result<(), Fault> {
    let mut free_from = 0;
    for (nth, range) in chunk.ranges.iter().enumerate() {
        let path = |key| format!("{path}.ranges[{nth}].{key}");
        at_least(&path("size"), range.size, 1)?;
        multiple_of(&path("offset"), range.offset, unit, "`unit_bytes`")?;
        multiple_of(&path("size"), range.size, unit, "`unit_bytes`")?;
        if range.offset < free_from {
            let what = format!(
                "{} is before {free_from}, where the range listed ahead of it ends",
                range.offset
            );
            return Err(Fault::new(path("offset"), what));
        }
        match range.offset.checked_add(range.size) {
            Some(end) if end <= chunk.capacity => free_from = end,
            _ => {
                let what = format!(
                    "{} bytes at {} end after the chunk's {}",
                    range.size, range.offset, chunk.capacity
                );
                return Err(Fault::new(path("size"), what));
            }
        }
    }
    Ok(())
}

/// The figures are those of the ranges, so that live + reserved + retired + free = capacity.
fn check_sums(path: &str, chunk: &ChunkDump) -> Result<(), Fault> {
    let of = |state| {
        let of_state = chunk.ranges.iter().filter(|range| range.state == state);
        of_state.map(|range| range.size).sum::<u64>()
    };
    let free: u64 = chunk.holes().map(|(_, size)| size).sum();
    let largest = chunk.holes().map(|(_, size)| size).max().unwrap_or(0);
    for (key, given, counted) in [
        ("live", chunk.live, of(RangeStateDump::Live)),
        ("reserved", chunk.reserved, of(RangeStateDump::Reserved)),
        ("retired", chunk.retired, of(RangeStateDump::Retired)),
        ("free", chunk.free, free),
        ("largest_free", chunk.largest_free, largest),
    ] {
        if given != counted {
            let what = format!("{given}, but the ranges give {counted}");
            return Err(Fault::new(format!("{path}.{key}"), what));
        }
    }
    let expected = fragmentation(free, largest);
    if (chunk.fragmentation - expected).abs() <= FRACTION_ERROR_MAX {
        return Ok(());
    }
    let what = format!(
        "{}, but {largest} of {free} free bytes give {expected:.4}",
        chunk.fragmentation
    );
    Err(Fault::new(format!("{path}.fragmentation"), what))
}

fn check_state(path: &str, chunk: &ChunkDump) -> Result<(), Fault> {
    let what = match chunk.state {
        ChunkStateDump::Opening if chunk.live > 0 => "a chunk without a buffer has no live range",
        ChunkStateDump::Closing if !chunk.ranges.is_empty() => "a closing chunk has no range",
        _ => return Ok(()),
    };
    Err(Fault::new(format!("{path}.state"), what))
}
