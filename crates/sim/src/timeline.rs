//! What happened, in order: the last of it in words, all of it as one number.

use core::fmt;
use std::collections::VecDeque;

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    Client(u32),
    Renderer(u32),
    Engine,
    Device,
    Fault,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(nth) => write!(f, "client {nth}"),
            Self::Renderer(nth) => write!(f, "render {nth}"),
            Self::Engine => f.write_str("engine"),
            Self::Device => f.write_str("device"),
            Self::Fault => f.write_str("FAULT"),
        }
    }
}

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    tick: u64,
    actor: Actor,
    what: &'static str,
    block: Option<u32>,
    /// Figures with their names; what an entry has none of is not told.
    figures: [(&'static str, u64); 2],
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actor = self.actor.to_string();
        write!(f, "{:>7}  {actor:<9} {:<24}", self.tick, self.what)?;
        match self.block {
            Some(block) => write!(f, " block {block:<5}")?,
            None => write!(f, " {:11}", "")?,
        }
        for (name, figure) in self.figures {
            if !name.is_empty() {
                write!(f, "  {name} {figure}")?;
            }
        }
        Ok(())
    }
}

/// No figure.
pub(crate) const NONE: (&str, u64) = ("", 0);

/// Entries that are kept in words.
const KEPT: usize = 50;

/// The events of a run.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    last: VecDeque<Entry>,
    watch: Option<u32>,
    watched: Vec<Entry>,
    hash: u64,
    count: u64,
    tick: u64,
}

impl Timeline {
    /// An empty timeline that keeps the whole story of one block.
    pub(crate) fn watching(watch: Option<u32>) -> Self {
        Self {
            watch,
            ..Self::default()
        }
    }

    /// Entries from now on are of this tick.
    pub(crate) fn set_tick(&mut self, tick: u64) {
        self.tick = tick;
    }

    pub(crate) fn tick(&self) -> u64 {
        self.tick
    }

    /// Something happened.
    pub(crate) fn note(
        &mut self,
        actor: Actor,
        what: &'static str,
        block: Option<u32>,
        figures: [(&'static str, u64); 2],
    ) {
        let entry = Entry {
            tick: self.tick,
            actor,
            what,
            block,
            figures,
        };
        let who = match actor {
            Actor::Client(nth) => u64::from(nth),
            Actor::Renderer(nth) => 1_000 + u64::from(nth),
            Actor::Engine => 2_000,
            Actor::Device => 2_001,
            Actor::Fault => 2_002,
        };
        let name = what.bytes().fold(0, |sum: u64, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        for word in [
            self.tick,
            who,
            name,
            block.map_or(u64::MAX, u64::from),
            figures[0].1,
            figures[1].1,
        ] {
            self.mix(word);
        }
        self.count += 1;
        // What concerns no block concerns each.
        let is_watched = block.is_none_or(|block| Some(block) == self.watch);
        if self.watch.is_some() && is_watched && !matches!(actor, Actor::Renderer(_)) {
            self.watched.push(entry);
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(entry);
    }

    /// The block whose story is kept.
    pub(crate) fn watch(&self) -> Option<u32> {
        self.watch
    }

    /// Something that belongs to a block's story alone: it is not among the last events, and the
    /// number of the run does not know of it.
    pub(crate) fn note_aside(
        &mut self,
        actor: Actor,
        what: &'static str,
        block: u32,
        figures: [(&'static str, u64); 2],
    ) {
        if self.watch == Some(block) {
            self.watched.push(Entry {
                tick: self.tick,
                actor,
                what,
                block: Some(block),
                figures,
            });
        }
    }

    /// A number that two runs of one seed must agree in, and that is not worth words.
    pub(crate) fn mix(&mut self, word: u64) {
        // The step of FNV-1a for words, after Fowler, Noll and Vo, with a final shift so that high
        // bits reach low ones.
        self.hash = (self.hash ^ word).wrapping_mul(0x0000_0100_0000_01B3);
        self.hash ^= self.hash >> 29;
    }

    /// One number for all that happened (C10).
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The last events, a line each; before them, under a title, the story of the watched block.
    pub(crate) fn last(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(block) = self.watch {
            lines.push(format!("the story of block {block}:"));
            lines.extend(self.watched.iter().map(Entry::to_string));
            lines.push(format!("the last {} events:", self.last.len()));
        }
        lines.extend(self.last.iter().map(Entry::to_string));
        lines
    }
}
