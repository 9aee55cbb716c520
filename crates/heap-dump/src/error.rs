//! Why a dump is refused.

use core::fmt;

/// A place in a text. Both count from 1; the column counts bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    /// The place of the byte at `offset` of `text`, or that of its end.
    pub(crate) fn of(text: &[u8], offset: usize) -> Self {
        let before = &text[..offset.min(text.len())];
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        Self {
            line: before.split(|&byte| byte == b'\n').count(),
            column: 1 + before.len() - line_start,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a dump is refused. Every reason that a text gives has a position in it.
#[derive(Debug)]
#[non_exhaustive]
pub enum DumpError {
    /// The text could not be read to its end.
    Read(std::io::Error),
    /// The text is no UTF-8, no JSON, or its values are not of the types that the format has.
    Text {
        /// Where.
        at: Position,
        /// What is wrong, and what was expected.
        what: String,
    },
    /// A value contradicts the format's rules or another value.
    Meaning {
        /// The value, such as `blocks[7].parts[1].offset`.
        path: String,
        /// What is wrong, with the numbers.
        what: String,
        /// Where the value stands; `None` for a dump that was not read from a text.
        at: Option<Position>,
    },
}

impl DumpError {
    /// Where in the text, if it came from one.
    pub const fn position(&self) -> Option<Position> {
        match self {
            Self::Read(_) => None,
            Self::Text { at, .. } => Some(*at),
            Self::Meaning { at, .. } => *at,
        }
    }
}

impl fmt::Display for DumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "cannot be read: {error}"),
            Self::Text { at, what } => write!(f, "{at}: {what}"),
            Self::Meaning {
                path,
                what,
                at: Some(at),
            } => write!(f, "{at}: {path}: {what}"),
            Self::Meaning {
                path,
                what,
                at: None,
            } => write!(f, "{path}: {what}"),
        }
    }
}

impl core::error::Error for DumpError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            _ => None,
        }
    }
}

/// A rule that a value breaks: the value's path, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) path: String,
    pub(crate) what: String,
}

impl Fault {
    pub(crate) fn new(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            what: what.into(),
        }
    }

    /// As an error, with the position of the value in `text`.
    pub(crate) fn into_error(self, text: Option<&str>) -> DumpError {
        DumpError::Meaning {
            at: text.map(|text| crate::locate::position(text, &self.path)),
            path: self.path,
            what: self.what,
        }
    }
}
