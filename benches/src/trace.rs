//! Recorded traces of meshes that came and went: `data/README.md` says where from, and their form.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;

/// One line of a trace that changes what is there. What is drawn is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A mesh came.
    Add(Mesh),
    /// A mesh got new contents.
    Replace(Mesh),
    /// The mesh of this id went.
    Remove(u32),
    /// A frame ended.
    Frame,
}

/// A mesh's id and the bytes of its two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mesh {
    /// Used once in a trace.
    pub id: u32,
    /// Bytes of vertices.
    pub vertex_bytes: u32,
    /// Bytes of indices.
    pub index_bytes: u32,
}

/// Why a trace cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum TraceError {
    /// The file cannot be read.
    Io(io::Error),
    /// A line is not one of a trace.
    Malformed {
        /// Its number, from 1.
        line: usize,
        /// What it says.
        text: String,
    },
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Malformed { line, text } => write!(f, "line {line}: {text:?} is no event"),
        }
    }
}

impl std::error::Error for TraceError {}

impl From<io::Error> for TraceError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a gzipped trace.
///
/// # Errors
/// [`TraceError`] when the file cannot be read, or at the first line that is no event.
pub fn read(path: &Path) -> Result<Vec<Event>, TraceError> {
    parse(GzDecoder::new(File::open(path)?))
}

fn parse(text: impl Read) -> Result<Vec<Event>, TraceError> {
    let mut events = Vec::new();
    for (line, text) in (1..).zip(BufReader::new(text).lines()) {
        let text = text?;
        // What is drawn, comments and empty lines say nothing of what is there.
        if text.is_empty() || text.starts_with(['+', '-', '#']) {
            continue;
        }
        match event(&text) {
            Some(event) => events.push(event),
            None => return Err(TraceError::Malformed { line, text }),
        }
    }
    Ok(events)
}

fn event(line: &str) -> Option<Event> {
    let mut words = line.split_ascii_whitespace();
    let first = words.next()?;
    let mut number = || words.next()?.parse().ok();
    let mut mesh = || {
        Some(Mesh {
            id: number()?,
            vertex_bytes: number()?,
            index_bytes: number()?,
        })
    };
    match first {
        "A" => mesh().map(Event::Add),
        "R" => mesh().map(Event::Replace),
        "D" => number().map(Event::Remove),
        "F" => Some(Event::Frame),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_events_or_named() {
        let text = "# one\nA 7 36 6\nR 7 72 12\n+ 7\nF 16\n\nD 7\n";
        let mesh = |vertex_bytes, index_bytes| Mesh {
            id: 7,
            vertex_bytes,
            index_bytes,
        };
        let events = parse(text.as_bytes()).expect("the lines are well formed");
        let expected = [
            Event::Add(mesh(36, 6)),
            Event::Replace(mesh(72, 12)),
            Event::Frame,
            Event::Remove(7),
        ];
        assert_eq!(events, expected);
        for wrong in ["A 7 36", "A 7 x 1", "Q", "D"] {
            let text = format!("F 1\n{wrong}\n");
            let error = parse(text.as_bytes()).expect_err("the second line is malformed");
            let expected = format!("line 2: {wrong:?} is no event");
            assert_eq!(error.to_string(), expected);
        }
    }
}
