//! Whether an event is one that a line can say, whatever came before it.

use std::fmt::Display;

use crate::error::Problem;
use crate::event::{Add, Event, Kind, Part, Settings};
use crate::limits::{BLOCK_BYTES_MAX, LABEL_BYTES_MAX, LAG_MAX, PARTS_MAX, TICKS_MAX};

impl Event<'_> {
    /// What the reader makes sure of by the line alone.
    pub(crate) fn check_form(&self) -> Result<(), Problem> {
        match self {
            Self::Add(add) => check_add(add),
            Self::Part { part, .. } => check_part(part),
            Self::PartUpdate { bytes, .. } => check_bytes(*bytes),
            Self::Update { parts, .. } => parts.iter().try_for_each(|&len| check_bytes(len)),
            Self::Frame { lag: Some(lag) } => check(*lag <= LAG_MAX, "a smaller lag", lag),
            Self::Tick { count } => {
                let right = (1..=TICKS_MAX).contains(count);
                check(right, "a number of ticks above 0 and up to 1000000", count)
            }
            Self::Budget(bytes) => check(*bytes > 0, "a budget above 0", bytes),
            Self::Label(_, label) => check_label(label),
            Self::Config(settings) => check_settings(settings),
            _ => Ok(()),
        }
    }
}

fn check(right: bool, expected: &'static str, found: impl Display) -> Result<(), Problem> {
    if right {
        return Ok(());
    }
    Err(Problem::Expected {
        expected: expected.into(),
        found: found.to_string(),
    })
}

fn check_bytes(bytes: u64) -> Result<(), Problem> {
    let right = (1..=BLOCK_BYTES_MAX).contains(&bytes);
    check(right, "bytes above 0 and up to 1099511627776", bytes)
}

fn check_label(label: &str) -> Result<(), Problem> {
    check(
        label.len() <= LABEL_BYTES_MAX,
        "a shorter label",
        format_args!("{} bytes", label.len()),
    )
}

fn check_part(part: &Part) -> Result<(), Problem> {
    check_bytes(part.bytes)?;
    check(part.align > 0, "an alignment above 0", part.align)?;
    let is_index = part.kind == Kind::Index;
    check(part.kind != Kind::Mesh, "the parts of a mesh", "mesh")?;
    check(
        !is_index || matches!(part.stride, 0 | 2 | 4),
        "an index stride of 2 or 4 bytes",
        part.stride,
    )?;
    part.check()
}

fn check_add(add: &Add<'_>) -> Result<(), Problem> {
    check(!add.parts.is_empty(), "at least one part", "none")?;
    if add.parts.len() > PARTS_MAX {
        return Err(Problem::TooManyParts { max: PARTS_MAX });
    }
    add.parts.iter().try_for_each(check_part)?;
    let spare = add.spare;
    check(spare <= BLOCK_BYTES_MAX, "less spare room", spare)?;
    check_label(add.label.unwrap_or_default())
}

fn check_settings(settings: &Settings) -> Result<(), Problem> {
    let Settings {
        chunk_bytes,
        long_chunk_bytes,
        staging_bytes,
        tick_upload_bytes,
    } = *settings;
    let all = [
        chunk_bytes,
        long_chunk_bytes,
        staging_bytes,
        tick_upload_bytes,
    ];
    all.into_iter().flatten().try_for_each(check_bytes)
}
