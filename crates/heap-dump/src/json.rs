//! Reading and writing the text.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use serde_json::ser::Formatter;

use crate::error::{DumpError, Fault, Position};
use crate::model::{HeapDump, SCHEMA};

impl HeapDump {
    /// The dump as JSON: one line for each chunk, range and block, keys always in the same order,
    /// so that a line-by-line comparison of two dumps is of use.
    pub fn to_json(&self) -> String {
        let mut text = Vec::new();
        let written = self.to_writer(&mut text);
        written.expect("a dump has no map with other keys than strings, and memory takes it all");
        String::from_utf8(text).expect("JSON of strings is UTF-8")
    }

    /// Writes what [`HeapDump::to_json`] gives.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn to_writer(&self, mut to: impl Write) -> io::Result<()> {
        let mut serializer = serde_json::Serializer::with_formatter(&mut to, Lines::default());
        self.serialize(&mut serializer)?;
        to.write_all(b"\n")
    }

    /// Reads a dump and checks all that [`HeapDump::check`] checks.
    ///
    /// # Errors
    /// [`DumpError::Text`] or [`DumpError::Meaning`], each with a position.
    pub fn from_json(text: &str) -> Result<Self, DumpError> {
        let mut dump: Self = match serde_json::from_str(text) {
            Ok(dump) => dump,
            Err(error) => return Err(refusal(text, &error)),
        };
        crate::check::check(&dump).map_err(|fault| fault.into_error(Some(text)))?;
        for chunk in &mut dump.chunks {
            // The text has four decimals of it.
            chunk.fragmentation = crate::model::fragmentation(chunk.free, chunk.largest_free);
        }
        Ok(dump)
    }

    /// Reads a dump to the end of `from` and checks it.
    ///
    /// # Errors
    /// [`DumpError`].
    pub fn from_reader(mut from: impl Read) -> Result<Self, DumpError> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).map_err(DumpError::Read)?;
        Self::from_bytes(&bytes)
    }

    /// Reads a dump from bytes that ought to be UTF-8, and checks it.
    ///
    /// # Errors
    /// [`DumpError::Text`] or [`DumpError::Meaning`], each with a position.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DumpError> {
        Self::from_json(utf8(bytes)?)
    }

    /// Checks the rules of the format; see the crate's head. O(ranges + blocks, with a logarithm).
    ///
    /// # Errors
    /// [`DumpError::Meaning`] for the first value that breaks one, without a position.
    pub fn check(&self) -> Result<(), DumpError> {
        crate::check::check(self).map_err(|fault| fault.into_error(None))
    }
}

/// The text in `bytes`.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, DumpError> {
    core::str::from_utf8(bytes).map_err(|error| DumpError::Text {
        at: Position::of(bytes, error.valid_up_to()),
        what: "this is not UTF-8; expected a JSON text".to_owned(),
    })
}

/// What serde has to say about a text that is no dump. Another schema is the better reason where
/// it is one, whatever the keys are.
fn refusal(text: &str, error: &serde_json::Error) -> DumpError {
    #[derive(Deserialize)]
    struct Head {
        schema: String,
    }
    match serde_json::from_str(text) {
        Ok(Head { schema }) if schema != SCHEMA => wrong_schema(&schema).into_error(Some(text)),
        _ => text_error(text, error),
    }
}

pub(crate) fn wrong_schema(schema: &str) -> Fault {
    Fault::new(
        "schema",
        format!("`{schema}` cannot be read; expected `{SCHEMA}`"),
    )
}

/// serde's reason without its position, which is told apart.
pub(crate) fn text_error(text: &str, error: &serde_json::Error) -> DumpError {
    let all = error.to_string();
    let suffix = format!(" at line {} column {}", error.line(), error.column());
    let at = if error.line() == 0 {
        Position::of(text.as_bytes(), text.len())
    } else {
        Position {
            line: error.line(),
            column: error.column().max(1),
        }
    };
    DumpError::Text {
        at,
        what: all.strip_suffix(&suffix).unwrap_or(&all).to_owned(),
    }
}

/// Elements of the long arrays get a line each; all else stays on its line. Fractions have four
/// decimals.
#[derive(Debug, Default)]
struct Lines {
    /// The last key.
    key: Vec<u8>,
    in_key: bool,
    /// Open arrays and objects, the innermost last.
    open: Vec<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    /// Each element or key has a line of its own.
    is_spread: bool,
    is_empty: bool,
}

impl Lines {
    fn begin<W: ?Sized + Write>(
        &mut self,
        to: &mut W,
        sign: &[u8],
        spread: bool,
    ) -> io::Result<()> {
        self.open.push(Open {
            is_spread: spread,
            is_empty: true,
        });
        to.write_all(sign)
    }

    fn end<W: ?Sized + Write>(&mut self, to: &mut W, sign: &[u8]) -> io::Result<()> {
        if let Some(ended) = self.open.pop()
            && ended.is_spread
            && !ended.is_empty
        {
            self.new_line(to)?;
        }
        to.write_all(sign)
    }

    fn next<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        open.is_empty = false;
        let is_spread = open.is_spread;
        if !first {
            to.write_all(if is_spread { b"," } else { b", " })?;
        }
        if is_spread { self.new_line(to) } else { Ok(()) }
    }

    fn new_line<W: ?Sized + Write>(&self, to: &mut W) -> io::Result<()> {
        to.write_all(b"\n")?;
        let depth = self.open.iter().filter(|open| open.is_spread).count();
        (0..depth).try_for_each(|_| to.write_all(b"  "))
    }
}

impl Formatter for Lines {
    fn write_f64<W: ?Sized + Write>(&mut self, to: &mut W, value: f64) -> io::Result<()> {
        write!(to, "{value:.4}")
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        to: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if self.in_key {
            self.key.extend_from_slice(fragment.as_bytes());
        }
        to.write_all(fragment.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        let spread = matches!(self.key.as_slice(), b"chunks" | b"ranges" | b"blocks");
        self.begin(to, b"[", spread)
    }

    fn end_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.end(to, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.next(to, first)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        let spread = self.open.is_empty();
        self.begin(to, b"{", spread)
    }

    fn end_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.end(to, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.key.clear();
        self.in_key = true;
        self.next(to, first)
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.in_key = false;
        Ok(())
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        to.write_all(b": ")
    }
}
