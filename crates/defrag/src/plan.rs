//! A plan, its forecast, and how both read as text and as JSON.

use core::fmt;

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
    /// The chunk it goes to. If it is the one it leaves, the way leads through the bounce buffer.
    pub to_chunk: u32,
    /// Where it will start there.
    pub to: ByteOffset,
    /// The range has gaps: whoever copies it lays it out anew, without them.
    pub closes_gaps: bool,
}

impl Move {
    /// Whether it stays in its chunk: it is copied twice, by way of a bounce buffer, since GPU
    /// interfaces refuse copies within one buffer.
    pub const fn is_bounced(&self) -> bool {
        self.from_chunk == self.to_chunk
    }
}

/// A cold range that leaves the heap rather than move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// The caller's name for the range.
    pub key: u64,
    /// The chunk it lies in.
    pub chunk: u32,
    /// Where it lies there.
    pub range: ByteRange,
}

/// A stretch of a chunk that a plan clears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// The chunk.
    pub chunk: u32,
    /// The stretch. Once the plan and those that follow it are done, and what is retired in it is
    /// out of use, nothing lies there.
    pub range: ByteRange,
}

/// Why a plan is no longer than it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stopped {
    /// With these moves the victim is empty, the room is clear, or the gaps are closed.
    Done,
    /// A cap was reached. The next plan continues with the same victim, or for the same reason. If
    /// there are no moves, the caps are too low to find any, or to finish the only victim that
    /// fits in one go.
    Caps,
    /// No chunk can be emptied at an acceptable price.
    NothingWorthIt,
    /// There is something worth moving, but it does not fit elsewhere.
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
    /// Bytes of the victim, the room or the blocks with gaps that are left to plans that continue
    /// this one.
    pub bytes_left: ByteLen,
    /// Bytes that this plan evicts.
    pub bytes_evicted: ByteLen,
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
    /// The stretch that it clears.
    pub room: Option<Room>,
    /// Cold ranges of the victim that leave instead of moving.
    pub evictions: Vec<Eviction>,
    /// The moves: smallest first, or longest first where the ranges do not fit otherwise.
    pub moves: Vec<Move>,
    /// What the caps leave of the search, in order. Whoever reserves these places now, and carries
    /// the moves out one tick after the other, finishes what was begun although other ranges come
    /// in meanwhile, and need not plan for it again. It may as well be ignored: the next plan finds
    /// such places anew, if they are there still.
    pub later: Vec<Move>,
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
            closes_gaps,
        } = self;
        let (start, len) = (from.start, from.len);
        write!(
            f,
            "key {key}: {len} bytes, chunk {from_chunk} @{start} -> chunk {to_chunk} @{to}"
        )?;
        match (self.is_bounced(), closes_gaps) {
            (false, false) => Ok(()),
            (true, false) => f.write_str(" (bounced)"),
            (false, true) => f.write_str(" (closes gaps)"),
            (true, true) => f.write_str(" (bounced, closes gaps)"),
        }
    }
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} chunk{} returned{}, {} bytes moved, {} left, ",
            self.chunks_returned,
            if self.chunks_returned == 1 { "" } else { "s" },
            if self.is_proven { "" } else { " (a guess)" },
            self.bytes_moved,
            self.bytes_left,
        )?;
        if !self.bytes_evicted.is_zero() {
            write!(f, "{} evicted, ", self.bytes_evicted)?;
        }
        write!(
            f,
            "free {:.1} % -> {:.1} %",
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
        if let Some(Room { chunk, range }) = self.room {
            writeln!(
                f,
                "room: {} bytes, chunk {chunk} @{}",
                range.len, range.start
            )?;
        }
        if !self.evictions.is_empty() {
            writeln!(f, "evictions: {}", self.evictions.len())?;
        }
        for Eviction { key, chunk, range } in &self.evictions {
            writeln!(
                f,
                "  key {key}: {} bytes, chunk {chunk} @{}",
                range.len, range.start
            )?;
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
        if !self.later.is_empty() {
            writeln!(f, "later: {}", self.later.len())?;
        }
        writeln!(f, "forecast: {}", self.forecast)?;
        write!(f, "stopped: {} after {} steps", self.stopped, self.steps)
    }
}
