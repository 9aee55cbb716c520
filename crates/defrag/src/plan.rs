//! A plan, its forecast, and how both read as text and as JSON.

use core::fmt;
use core::fmt::Write as _;

use geoheap_suballoc::{ByteLen, ByteOffset, ByteRange};

use crate::triggers::Reason;

/// One range to move. Moves of a plan touch disjoint places, so they may run in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The caller's name for the range.
    pub key: u64,
    /// The chunk it leaves.
    pub from_chunk: u32,
    /// Where it lies there.
    pub from: ByteRange,
    /// The chunk it goes to, never the one it leaves.
    pub to_chunk: u32,
    /// Where it will start there.
    pub to: ByteOffset,
}

/// Why a plan is no longer than it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stopped {
    /// With these moves the victim is empty.
    Done,
    /// A cap was reached. The next plan continues with the same victim. If there is none, the caps
    /// are too low to find one, or to finish the only one that fits in one go.
    Caps,
    /// No chunk can be emptied at an acceptable price.
    NothingWorthIt,
    /// Chunks are worth emptying, but their ranges do not fit elsewhere.
    NoRoom,
}

/// What comes of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Forecast {
    /// Chunks that will be empty once the plan and those that continue it are done, and what is
    /// retired in them is out of use.
    pub chunks_returned: u32,
    /// Whether a place was found for every range of the victim. Not so only where the cap on
    /// steps was reached first; `chunks_returned` is a guess from free bytes then.
    pub is_proven: bool,
    /// Bytes that this plan moves.
    pub bytes_moved: ByteLen,
    /// Bytes of the victim that are left to plans that continue this one.
    pub bytes_left: ByteLen,
    /// Bytes not live as a fraction of all capacity, now.
    pub free_fraction_before: f64,
    /// The same once the chunks of `chunks_returned` are gone.
    pub free_fraction_after: f64,
}

/// What to move, in this order, and what comes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Why it was made.
    pub reason: Reason,
    /// The chunk that it empties.
    pub victim: Option<u32>,
    /// The moves: smallest first, or longest first where the ranges do not fit otherwise.
    pub moves: Vec<Move>,
    /// Whether the only move is longer than the cap on bytes, and would never be moved otherwise.
    /// The caller may spread its copy over several ticks.
    pub is_oversized: bool,
    /// What comes of it.
    pub forecast: Forecast,
    /// The planning steps it took: ranges looked at and places tried.
    pub steps: u32,
    /// Why it is no longer.
    pub stopped: Stopped,
}

impl Stopped {
    /// The name in text and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Caps => "caps",
            Self::NothingWorthIt => "nothing-worth-it",
            Self::NoRoom => "no-room",
        }
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            from_chunk,
            from,
            to_chunk,
            to,
        } = self;
        let (start, len) = (from.start, from.len);
        write!(
            f,
            "key {key}: {len} bytes, chunk {from_chunk} @{start} -> chunk {to_chunk} @{to}"
        )
    }
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} chunk{} returned{}, {} bytes moved, {} left, free {:.1} % -> {:.1} %",
            self.chunks_returned,
            if self.chunks_returned == 1 { "" } else { "s" },
            if self.is_proven { "" } else { " (a guess)" },
            self.bytes_moved,
            self.bytes_left,
            self.free_fraction_before * 100.0,
            self.free_fraction_after * 100.0,
        )
    }
}

/// The same plan always reads the same, so that it can be compared with a stored text.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "reason: {}", self.reason)?;
        match self.victim {
            Some(victim) => writeln!(f, "victim: chunk {victim}")?,
            None => writeln!(f, "victim: none")?,
        }
        let oversized = if self.is_oversized {
            " (oversized)"
        } else {
            ""
        };
        writeln!(f, "moves: {}{oversized}", self.moves.len())?;
        for one in &self.moves {
            writeln!(f, "  {one}")?;
        }
        writeln!(f, "forecast: {}", self.forecast)?;
        write!(f, "stopped: {} after {} steps", self.stopped, self.steps)
    }
}

impl Plan {
    /// The plan as one JSON object with `"schema": "geoheap-plan/1"`.
    ///
    /// Keys are strings, since many readers of JSON keep only 53 bits of a number; offsets,
    /// lengths and counts are numbers, fractions have six decimals.
    pub fn to_json(&self) -> String {
        let mut json = String::from("{\n  \"schema\": \"geoheap-plan/1\",\n");
        // Writing to a string cannot fail, so that there is no error to hand on.
        let _ = self.write_json(&mut json);
        json
    }

    fn write_json(&self, json: &mut String) -> fmt::Result {
        // The reason's text has neither quotes nor backslashes nor control characters.
        writeln!(json, "  \"reason\": \"{}\",", self.reason)?;
        match self.victim {
            Some(victim) => writeln!(json, "  \"victim\": {victim},")?,
            None => writeln!(json, "  \"victim\": null,")?,
        }
        write!(json, "  \"moves\": [")?;
        for (nth, one) in self.moves.iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            let Move {
                key,
                from_chunk,
                from,
                to_chunk,
                to,
            } = one;
            write!(
                json,
                "{comma}\n    {{\"key\": \"{key}\", \"from_chunk\": {from_chunk}, \
                 \"from\": {}, \"len\": {}, \"to_chunk\": {to_chunk}, \"to\": {to}}}",
                from.start, from.len
            )?;
        }
        writeln!(
            json,
            "{}],",
            if self.moves.is_empty() { "" } else { "\n  " }
        )?;
        writeln!(json, "  \"oversized\": {},", self.is_oversized)?;
        let Forecast {
            chunks_returned,
            is_proven,
            bytes_moved,
            bytes_left,
            free_fraction_before,
            free_fraction_after,
        } = self.forecast;
        writeln!(
            json,
            "  \"forecast\": {{\"chunks_returned\": {chunks_returned}, \"proven\": {is_proven}, \
             \"bytes_moved\": {bytes_moved}, \"bytes_left\": {bytes_left}, \
             \"free_fraction_before\": {free_fraction_before:.6}, \
             \"free_fraction_after\": {free_fraction_after:.6}}},"
        )?;
        writeln!(json, "  \"steps\": {},", self.steps)?;
        writeln!(json, "  \"stopped\": \"{}\"", self.stopped)?;
        write!(json, "}}")
    }
}
