//! Traces of other forms, read as events.

mod mesh;
mod minimalloc;

use std::fmt;
use std::str::FromStr;

pub(crate) use self::mesh::Mesh;
pub(crate) use self::minimalloc::Minimalloc;
use crate::names::UnknownName;

/// A form of traces that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// The own one.
    Trace,
    /// Meshes that come, are drawn, and go: `A`, `R`, `D`, `+`, `-` and `F` lines.
    Mesh,
    /// Buffers with lifetimes: `id,lower,upper,size`.
    Minimalloc,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Trace, Self::Mesh, Self::Minimalloc];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "geoheap-trace",
            Self::Mesh => "mesh-trace",
            Self::Minimalloc => "minimalloc",
        }
    }

    /// The format that a first line belongs to.
    pub fn of_first_line(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let begin = [words.next(), words.next(), words.next()];
        match begin.map(Option::unwrap_or_default) {
            ["geoheap-trace", _, _] => Some(Self::Trace),
            ["#", "mesh", "trace"] | ["A" | "R" | "D" | "F" | "+" | "-", _, _] => Some(Self::Mesh),
            [first, _, _] if first.starts_with("id,") => Some(Self::Minimalloc),
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let named = |format: &Self| format.name() == text;
        Self::ALL.into_iter().find(named).ok_or(UnknownName)
    }
}
