//! The target `trace`: texts that may be traces.
//!
//! The first byte says which first line the text gets, so that the rest need not find it. What is
//! refused has a place inside the text; what is read can be written, and is then read the same.

#[cfg(test)]
mod tests;

use geoheap_trace::{Event, Reader, TraceError, Writer};

use crate::tally::Tally;

/// First lines, chosen by the first byte.
const FIRST_LINES: [&str; 4] = [
    "geoheap-trace 1\n",
    "# mesh trace v1\n",
    "id,lower,upper,size\n",
    "",
];

/// What the text is called.
const FILE: &str = "input";

/// The first words of lines, as they are counted.
pub const LINES: [&str; 23] = [
    "add",
    "await",
    "budget",
    "compact",
    "config",
    "end",
    "evict",
    "frame",
    "label",
    "lifetime",
    "part",
    "part-remove",
    "part-update",
    "pin",
    "prefetch",
    "prio",
    "remove",
    "share",
    "tick",
    "trim",
    "unpin",
    "update",
    "use",
];

/// Runs one input.
pub fn run(input: &[u8]) -> Tally {
    let mut tally = Tally::default();
    let Some((&first, rest)) = input.split_first() else {
        return tally;
    };
    let first_line = FIRST_LINES[usize::from(first) % FIRST_LINES.len()];
    let text = [first_line.as_bytes(), rest].concat();
    match rewrite(&text, &mut tally) {
        Ok(written) => {
            let again = rewrite(written.as_bytes(), &mut Tally::default());
            assert_eq!(again.as_ref(), Ok(&written), "T3: canonical text stays");
        }
        Err(error) => judge(&text, &error, &mut tally),
    }
    tally
}

/// Reads a text, and writes it anew.
fn rewrite(text: &[u8], tally: &mut Tally) -> Result<String, TraceError> {
    let mut reader = Reader::new(text, FILE)?;
    let mut line = Writer::new(Vec::new()).expect("a vector takes all");
    while let Some(event) = reader.next_event()? {
        line.write(&event).expect("T3: every event has a line");
        tally.count_in(name(&event), true);
    }
    let written = line.into_inner().expect("a vector takes all");
    Ok(String::from_utf8(written).expect("a trace is UTF-8"))
}

/// Checks the place of a refusal (T2), and counts what stands there.
fn judge(text: &[u8], error: &TraceError, tally: &mut Tally) {
    let position = error.position.expect("T2: a refusal has a place");
    let mut lines = text.split(|&byte| byte == b'\n');
    let nth = usize::try_from(position.line - 1).expect("T2: lines count from 1");
    let line = lines.nth(nth).expect("T2: the line is there");
    let column = usize::try_from(position.column).expect("T2: a line is short");
    assert!((1..=line.len() + 1).contains(&column), "T2: {error}");
    let word = line.split(|byte| b" \t".contains(byte)).next();
    let word = LINES.iter().find(|name| Some(name.as_bytes()) == word);
    if let Some(word) = word.filter(|_| text.starts_with(FIRST_LINES[0].as_bytes())) {
        tally.count_in(word, false);
    }
}

fn name(event: &Event<'_>) -> &'static str {
    match event {
        Event::Frame { .. } => "frame",
        Event::Tick { .. } => "tick",
        Event::End => "end",
        Event::Config(_) => "config",
        Event::Add(_) => "add",
        Event::Part { .. } => "part",
        Event::PartUpdate { .. } => "part-update",
        Event::PartRemove { .. } => "part-remove",
        Event::Update { .. } => "update",
        Event::Remove(_) => "remove",
        Event::Share(_) => "share",
        Event::Use(_) => "use",
        Event::Pin(_) => "pin",
        Event::Unpin(_) => "unpin",
        Event::Priority(..) => "prio",
        Event::Lifetime(..) => "lifetime",
        Event::Label(..) => "label",
        Event::Await(_) => "await",
        Event::Evict(_) => "evict",
        Event::Prefetch(_) => "prefetch",
        Event::Budget(_) => "budget",
        Event::Compact => "compact",
        Event::Trim => "trim",
    }
}
