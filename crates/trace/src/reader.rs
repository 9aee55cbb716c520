//! Traces read event by event.

use std::io::BufRead;

use crate::error::{Fault, Position, Problem, TraceError};
use crate::event::Event;
use crate::foreign::{Format, Mesh, Minimalloc};
use crate::limits::VERSION;
use crate::lines::Lines;
use crate::parse::{self, Parsed};
use crate::state::{At, State};
use crate::words::Words;

/// The first word of a trace.
const NAME: &str = "geoheap-trace";
const FIRST_LINE: &str = "the first line `geoheap-trace 1`, or that of a mesh trace, \
    `# mesh trace`, or of a minimalloc problem, `id,lower,upper,size`";

/// A fault and the line it is in.
pub(crate) type Located<T> = Result<T, (u64, Fault)>;

/// Reads a trace event by event, checks that each may come where it does, and holds no more than
/// a line and what lives.
///
/// After an error it gives that error again and again.
#[derive(Debug)]
pub struct Reader<R> {
    file: String,
    lines: Lines<R>,
    state: State,
    /// A label that differs from the line's text.
    label: String,
    dialect: Dialect,
    failed: Option<TraceError>,
}

/// What the lines mean.
#[derive(Debug)]
enum Dialect {
    Trace,
    Mesh(Mesh),
    Minimalloc(Minimalloc),
}

impl<R: BufRead> Reader<R> {
    /// Reads the first line and recognises the format by it. `file` is what errors call the text.
    ///
    /// # Errors
    /// [`TraceError`] when the line begins none of the formats.
    pub fn new(input: R, file: impl Into<String>) -> Result<Self, TraceError> {
        Self::start(input, file.into(), None)
    }

    /// Reads the first line of a text whose format is known.
    ///
    /// # Errors
    /// [`TraceError`] when the line does not begin that format.
    pub fn with_format(
        input: R,
        file: impl Into<String>,
        format: Format,
    ) -> Result<Self, TraceError> {
        Self::start(input, file.into(), Some(format))
    }

    fn start(input: R, file: String, format: Option<Format>) -> Result<Self, TraceError> {
        let mut lines = Lines::new(input);
        match start(&mut lines, format) {
            Ok(dialect) => Ok(Self {
                file,
                lines,
                state: State::new(),
                label: String::new(),
                dialect,
                failed: None,
            }),
            Err(fault) => Err(locate(&file, (lines.number().max(1), fault))),
        }
    }

    /// The format that is read.
    pub fn format(&self) -> Format {
        match self.dialect {
            Dialect::Trace => Format::Trace,
            Dialect::Mesh(_) => Format::Mesh,
            Dialect::Minimalloc(_) => Format::Minimalloc,
        }
    }

    /// What is read from.
    pub fn input(&self) -> &R {
        self.lines.input()
    }

    /// What errors call the text.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line of the newest event.
    pub fn line(&self) -> u64 {
        self.lines.number()
    }

    /// What lives after the newest event.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The next event; `None` at the end.
    ///
    /// # Errors
    /// [`TraceError`] at the first thing that is no event, or that cannot come here.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, TraceError> {
        let Self {
            file,
            lines,
            state,
            label,
            dialect,
            failed,
        } = self;
        if let Some(error) = failed {
            return Err(error.clone());
        }
        let next = match dialect {
            Dialect::Trace => next_of_trace(lines, state, label),
            Dialect::Mesh(mesh) => mesh.next(lines, state),
            Dialect::Minimalloc(buffers) => buffers.next(state),
        };
        next.map_err(|fault| failed.insert(locate(file, fault)).clone())
    }
}

#[cold]
fn locate(file: &str, (line, fault): (u64, Fault)) -> TraceError {
    TraceError {
        file: file.to_owned(),
        position: Some(Position {
            line,
            column: fault.at as u64 + 1,
        }),
        problem: fault.problem,
    }
}

/// Reads the first line, and knows by it what the next ones mean.
fn start<R: BufRead>(lines: &mut Lines<R>, format: Option<Format>) -> Result<Dialect, Fault> {
    let any = lines.advance()?;
    let format = format
        .or_else(|| Format::of_first_line(lines.line()))
        .unwrap_or(Format::Trace);
    Ok(match format {
        Format::Trace => {
            check_header(if any { lines.line() } else { "" })?;
            lines.ask_for_ends()?;
            Dialect::Trace
        }
        Format::Mesh => {
            lines.hold();
            Dialect::Mesh(Mesh::default())
        }
        Format::Minimalloc => Dialect::Minimalloc(Minimalloc::read(lines)?),
    })
}

fn check_header(line: &str) -> Result<(), Fault> {
    let mut words = Words::new(line);
    let (Some(name), version) = (words.next(), words.next()) else {
        return Err(Fault::expected(0, FIRST_LINE, line));
    };
    if name.at > 0 || name.text != NAME {
        return Err(Fault::expected(0, FIRST_LINE, line));
    }
    match version {
        None => Err(Fault::expected(line.len(), "a version of the format", "")),
        Some(version) if version.text == VERSION.to_string() => words.end(),
        Some(version) => {
            let found = version.text.to_owned();
            Err(Fault::new(version.at, Problem::Version { found }))
        }
    }
}

fn next_of_trace<'a, R: BufRead>(
    lines: &'a mut Lines<R>,
    state: &mut State,
    label: &'a mut String,
) -> Located<Option<Event<'a>>> {
    loop {
        match lines.advance() {
            Ok(true) if parse::is_blank(lines.line()) => {}
            Ok(true) => break,
            Ok(false) => return Ok(None),
            Err(fault) => return Err((lines.number(), fault)),
        }
    }
    let lines: &'a Lines<R> = lines;
    let number = lines.number();
    let located = |fault| (number, fault);
    let mut parsed = parse::parse(lines.line(), label).map_err(located)?;
    take(&mut parsed, state).map_err(located)?;
    Ok(Some(parsed.event))
}

/// Completes an event by what lives, and takes it in.
pub(crate) fn take(parsed: &mut Parsed<'_>, state: &mut State) -> Result<(), Fault> {
    let Parsed {
        event,
        places,
        undivided,
    } = parsed;
    let place = |(at, problem)| {
        let at = match at {
            At::Event => 0,
            At::Id => places.id,
            At::No => places.no,
            At::Bytes => places.bytes,
        };
        Fault::new(at, problem)
    };
    if *undivided && let Event::Update { id, parts, .. } = event {
        *parts = state.divide(*id, parts[0]).map_err(place)?;
    }
    state.take(event).map_err(place)
}
