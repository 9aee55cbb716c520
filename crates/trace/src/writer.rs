//! Events written as lines.

use std::io::{self, Write};

use crate::event::{Add, BlockId, Event, Kind, LifetimeName, Part, PartNo, Settings, SourceName};
use crate::label;
use crate::limits::VERSION;

/// Writes a trace, one way to say each event: what has its default is left out.
///
/// It does not check the order of events; [`State`](crate::State) does.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    line: String,
}

impl<W: Write> Writer<W> {
    /// Writes the first line. `out` should be buffered.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W) -> io::Result<Self> {
        writeln!(out, "geoheap-trace {VERSION}")?;
        Ok(Self {
            out,
            line: String::new(),
        })
    }

    /// Writes one event.
    ///
    /// # Errors
    /// Those of `out`. [`io::ErrorKind::InvalidInput`] for an event that has no line: a block or
    /// an update without parts, a part of [`Kind::Mesh`]; nothing is written then.
    pub fn write(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.line.clear();
        if !push_event(&mut self.line, event) {
            let why = format!("the format has no line for {event:?}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())
    }

    /// Writes a comment; each line of it becomes one.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn comment(&mut self, text: &str) -> io::Result<()> {
        for line in text.lines() {
            writeln!(self.out, "# {}", line.replace('\r', " "))?;
        }
        Ok(())
    }

    /// What is written to.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    pub(crate) fn into_inner_unflushed(self) -> W {
        self.out
    }

    /// Flushes, and gives back what is written to.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn into_inner(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Whether the event has a line.
fn push_event(line: &mut String, event: &Event<'_>) -> bool {
    match event {
        Event::Use(id) => push_block(line, "use", *id),
        Event::Add(add) => return push_add(line, add),
        Event::Remove(id) => push_block(line, "remove", *id),
        Event::Update {
            id,
            parts,
            in_place,
        } => return push_update(line, *id, parts, *in_place),
        Event::Frame { lag } => {
            line.push_str("frame");
            push_option(line, " lag=", lag.map(u64::from));
        }
        Event::Tick { count } => {
            line.push_str("tick");
            push_option(line, " ", (*count != 1).then_some((*count).into()));
        }
        Event::Config(settings) => push_config(line, settings),
        Event::Part { id, no, part } => {
            push_part_no(line, "part", *id, *no);
            push_option(line, " ", Some(part.bytes));
            push_form(line, part);
            return part.kind != Kind::Mesh;
        }
        Event::PartUpdate { id, no, bytes } => {
            push_part_no(line, "part-update", *id, *no);
            push_option(line, " ", Some(*bytes));
        }
        Event::PartRemove { id, no } => push_part_no(line, "part-remove", *id, *no),
        Event::Share(id) => push_block(line, "share", *id),
        Event::Pin(id) => push_block(line, "pin", *id),
        Event::Unpin(id) => push_block(line, "unpin", *id),
        Event::Await(id) => push_block(line, "await", *id),
        Event::Evict(id) => push_block(line, "evict", *id),
        Event::Prefetch(id) => push_block(line, "prefetch", *id),
        Event::Priority(id, priority) => {
            push_block(line, "prio", *id);
            push_option(line, " ", Some((*priority).into()));
        }
        Event::Lifetime(id, lifetime) => {
            push_block(line, "lifetime", *id);
            line.push(' ');
            line.push_str(lifetime.name());
        }
        Event::Label(id, label) => {
            push_block(line, "label", *id);
            if !label.is_empty() {
                line.push(' ');
                label::encode(label, line);
            }
        }
        Event::Budget(bytes) => {
            line.push_str("budget");
            push_option(line, " ", Some(*bytes));
        }
        Event::Compact => line.push_str("compact"),
        Event::Trim => line.push_str("trim"),
        Event::End => line.push_str("end"),
    }
    true
}

fn push_number(line: &mut String, number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    line.extend(digits[at..].iter().map(|&digit| char::from(digit)));
}

fn push_option(line: &mut String, before: &str, number: Option<u64>) {
    if let Some(number) = number {
        line.push_str(before);
        push_number(line, number);
    }
}

fn push_block(line: &mut String, word: &str, id: BlockId) {
    line.push_str(word);
    push_option(line, " ", Some(id.0));
}

fn push_part_no(line: &mut String, word: &str, id: BlockId, no: PartNo) {
    push_block(line, word, id);
    push_option(line, " ", Some(no.0.into()));
}

fn push_config(line: &mut String, settings: &Settings) {
    line.push_str("config");
    push_option(line, " chunk=", settings.chunk_bytes);
    push_option(line, " long-chunk=", settings.long_chunk_bytes);
    push_option(line, " staging=", settings.staging_bytes);
    push_option(line, " tick-upload=", settings.tick_upload_bytes);
}

/// Kind, alignment and stride of the one part that a line is about.
fn push_form(line: &mut String, part: &Part) {
    if part.kind != Kind::default() {
        line.push_str(" kind=");
        line.push_str(part.kind.name());
    }
    push_option(
        line,
        " align=",
        (part.align != 1).then_some(part.align.into()),
    );
    push_option(
        line,
        " stride=",
        (part.stride != 0).then_some(part.stride.into()),
    );
}

fn push_add(line: &mut String, add: &Add<'_>) -> bool {
    push_block(line, "add", add.id);
    push_option(line, " ", Some(add.bytes()));
    match add.parts.as_slice() {
        [part] => push_form(line, part),
        parts => {
            let mut before = " parts=";
            for part in parts {
                line.push_str(before);
                push_list_part(line, part);
                before = ",";
            }
        }
    }
    push_option(line, " spare=", (add.spare != 0).then_some(add.spare));
    if add.lifetime == LifetimeName::Long {
        line.push_str(" long");
    }
    push_option(line, " prio=", add.priority.map(u64::from));
    if add.source != SourceName::default() {
        line.push_str(" source=");
        line.push_str(add.source.name());
    }
    if let Some(label) = add.label {
        line.push_str(" label=");
        label::encode(label, line);
    }
    let has_mesh = add.parts.iter().any(|part| part.kind == Kind::Mesh);
    !has_mesh && !add.parts.is_empty()
}

fn push_list_part(line: &mut String, part: &Part) {
    line.push_str(part.kind.name());
    push_option(line, ":", Some(part.bytes));
    if part.stride != 0 || part.align != 1 {
        push_option(line, ":", Some(part.stride.into()));
    }
    push_option(line, ":", (part.align != 1).then_some(part.align.into()));
}

fn push_update(line: &mut String, id: BlockId, parts: &[u64], in_place: bool) -> bool {
    push_block(line, "update", id);
    let sum = parts
        .iter()
        .fold(0_u64, |sum, &len| sum.saturating_add(len));
    push_option(line, " ", Some(sum));
    if parts.len() > 1 {
        let mut before = " parts=";
        for &len in parts {
            push_option(line, before, Some(len));
            before = ",";
        }
    }
    if in_place {
        line.push_str(" in-place");
    }
    !parts.is_empty()
}
