//! Static memory-planning problems in the form of minimalloc: CSV lines `id,lower,upper,size`, a
//! buffer of `size` bytes that lives from step `lower` up to, but not including, `upper`.
//!
//! As a trace: in the order of the steps, at each one the removals before the additions, and a
//! frame behind each step at which something changes. The whole problem is held in memory.

use std::io::BufRead;

use smallvec::smallvec;

use crate::error::Fault;
use crate::event::{Add, BlockId, Event, Kind, Part};
use crate::fixed_map::fixed_map;
use crate::limits::BLOCK_BYTES_MAX;
use crate::lines::Lines;
use crate::parse::BLOCK_BYTES;
use crate::parse::{Parsed, Places};
use crate::reader::{Located, take};
use crate::state::State;
use crate::words::Word;

const HEADER: &str = "id,lower,upper,size";
const FIELDS: &str = "`,` and a number: a line is `id,lower,upper,size`";
const NUMBER: &str = "a number";
const UPPER: &str = "a step above the lower one";

/// Buffers are parts of such elements where their sizes allow it.
const STRIDE: u32 = 4;

/// A buffer that comes or goes. They are ordered as they happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    step: u64,
    comes: bool,
    line: u64,
    id: u64,
    bytes: u64,
}

/// What is left of a problem.
#[derive(Debug)]
pub(crate) struct Minimalloc {
    changes: Vec<Change>,
    next: usize,
    /// The step of what was told last.
    step: Option<u64>,
}

impl Minimalloc {
    /// Reads the whole problem; its first line was read.
    pub(crate) fn read<R: BufRead>(lines: &mut Lines<R>) -> Result<Self, Fault> {
        if lines.line() != HEADER {
            let found = lines.line();
            return Err(Fault::expected(
                0,
                "the first line `id,lower,upper,size`",
                found,
            ));
        }
        let mut changes = Vec::new();
        let mut ids = fixed_map();
        while lines.advance()? {
            if lines.line().is_empty() {
                continue;
            }
            let line = Word {
                text: lines.line(),
                at: 0,
            };
            let [id, lower, upper, size] = fields(line)?;
            let buffer: u64 = id.number(0, u64::MAX, NUMBER)?;
            let from: u64 = lower.number(0, u64::MAX, NUMBER)?;
            let to = upper.number(from, u64::MAX, UPPER)?;
            if to == from {
                return Err(upper.unexpected(UPPER));
            }
            let bytes = size.number(1, BLOCK_BYTES_MAX, BLOCK_BYTES)?;
            if ids.insert(buffer, ()).is_some() {
                return Err(id.unexpected("an id that no line above has"));
            }
            let change = |step, comes| Change {
                step,
                comes,
                line: lines.number(),
                id: buffer,
                bytes,
            };
            changes.extend([change(from, true), change(to, false)]);
        }
        changes.sort_unstable();
        Ok(Self {
            changes,
            next: 0,
            step: None,
        })
    }

    pub(crate) fn next(&mut self, state: &mut State) -> Located<Option<Event<'static>>> {
        let change = self.changes.get(self.next).copied();
        if let Some(step) = self.step
            && change.is_none_or(|change| change.step != step)
        {
            self.step = None;
            return Ok(Some(Event::Frame { lag: None }));
        }
        let Some(change) = change else {
            return Ok(None);
        };
        self.next += 1;
        self.step = Some(change.step);
        let mut parsed = Parsed::new(change.event(), Places::default());
        take(&mut parsed, state).map_err(|fault| (change.line, fault))?;
        Ok(Some(parsed.event))
    }
}

impl Change {
    fn event(self) -> Event<'static> {
        let id = BlockId(self.id);
        if !self.comes {
            return Event::Remove(id);
        }
        let whole = self.bytes.is_multiple_of(STRIDE.into());
        let part = Part::new(Kind::Vertex, self.bytes).stride(if whole { STRIDE } else { 0 });
        Event::Add(Add::new(id, smallvec![part]))
    }
}

fn fields(line: Word<'_>) -> Result<[Word<'_>; 4], Fault> {
    let mut pieces = line.pieces(b',');
    let mut fields = [line; 4];
    for field in &mut fields {
        *field = pieces
            .next()
            .ok_or_else(|| Fault::expected(line.text.len(), FIELDS, ""))?;
    }
    match pieces.next() {
        Some(field) => Err(field.unexpected("the end of the line behind four fields")),
        None => Ok(fields),
    }
}
