//! One line as an event.

mod add;

use smallvec::{SmallVec, smallvec};

use crate::error::{Fault, Problem};
use crate::event::{BlockId, Event, Part, PartNo, Settings};
use crate::label;
use crate::limits::{BLOCK_BYTES_MAX, LAG_MAX, TICKS_MAX};
use crate::words::{Word, Words};

const EVENTS: &str = "`frame`, `add`, `part`, `part-update`, `part-remove`, `update`, `remove`, \
    `share`, `use`, `pin`, `unpin`, `prio`, `lifetime`, `budget`, `label`, `await`, `evict`, \
    `prefetch`, `compact`, `trim`, `tick`, `config` or `end`";
const ID: &str = "the number of a block";
const PART_NO: &str = "the number of a part";
pub(crate) const BLOCK_BYTES: &str = "a number of bytes above 0 and up to 1099511627776";
const PRIORITY: &str = "a priority from 0 to 255";
const TICKS: &str = "a number of ticks above 0 and up to 1000000";

/// Where the words of an event begin that only the order of events can prove wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Places {
    pub(crate) id: usize,
    pub(crate) no: usize,
    pub(crate) bytes: usize,
}

/// An event as its line says it.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    pub(crate) event: Event<'a>,
    pub(crate) places: Places,
    /// An update whose one length is that of all parts together.
    pub(crate) undivided: bool,
}

impl<'a> Parsed<'a> {
    pub(crate) fn new(event: Event<'a>, places: Places) -> Self {
        Self {
            event,
            places,
            undivided: false,
        }
    }
}

/// Whether a line says nothing.
pub(crate) fn is_blank(line: &str) -> bool {
    Words::new(line).next().is_none()
}

/// The event of a line that is not blank. A decoded label lies in `scratch`.
pub(crate) fn parse<'a>(line: &'a str, scratch: &'a mut String) -> Result<Parsed<'a>, Fault> {
    let mut words = Words::new(line);
    let word = words.expect(EVENTS)?;
    let bare = |event, words: Words<'_>| {
        words.end()?;
        Ok(Parsed::new(event, Places::default()))
    };
    match word.text {
        "use" => of_block(words, Event::Use),
        "add" => add::parse(words, scratch),
        "remove" => of_block(words, Event::Remove),
        "update" => update(words),
        "frame" => frame(words),
        "part" => part(words),
        "part-update" => part_update(words),
        "part-remove" => part_remove(words),
        "share" => of_block(words, Event::Share),
        "pin" => of_block(words, Event::Pin),
        "unpin" => of_block(words, Event::Unpin),
        "await" => of_block(words, Event::Await),
        "evict" => of_block(words, Event::Evict),
        "prefetch" => of_block(words, Event::Prefetch),
        "label" => name(words, scratch),
        "prio" => of_block_and(words, |word| {
            word.expect(PRIORITY)?.number(0, u8::MAX, PRIORITY)
        })
        .map(|(id, priority, places)| Parsed::new(Event::Priority(id, priority), places)),
        "lifetime" => of_block_and(words, |words| {
            let expected = "`long` or `dynamic`";
            words.expect(expected)?.name(expected)
        })
        .map(|(id, lifetime, places)| Parsed::new(Event::Lifetime(id, lifetime), places)),
        "budget" => {
            let expected = "a number of bytes above 0";
            let bytes = words.expect(expected)?.number(1, u64::MAX, expected)?;
            bare(Event::Budget(bytes), words)
        }
        "tick" => {
            let word = words.next();
            let count = word.map_or(Ok(1), |word| word.number(1, TICKS_MAX, TICKS))?;
            bare(Event::Tick { count }, words)
        }
        "compact" => bare(Event::Compact, words),
        "trim" => bare(Event::Trim, words),
        "end" => bare(Event::End, words),
        "config" => config(words),
        _ => Err(word.unexpected(EVENTS)),
    }
}

fn block(words: &mut Words<'_>) -> Result<(BlockId, Places), Fault> {
    let word = words.expect(ID)?;
    let places = Places {
        id: word.at,
        ..Places::default()
    };
    Ok((BlockId(word.number(0, u64::MAX, ID)?), places))
}

fn block_and_part(words: &mut Words<'_>) -> Result<(BlockId, PartNo, Places), Fault> {
    let (id, mut places) = block(words)?;
    let word = words.expect(PART_NO)?;
    places.no = word.at;
    Ok((id, PartNo(word.number(0, u32::MAX, PART_NO)?), places))
}

fn bytes(words: &mut Words<'_>, places: &mut Places) -> Result<u64, Fault> {
    let word = words.expect(BLOCK_BYTES)?;
    places.bytes = word.at;
    word.number(1, BLOCK_BYTES_MAX, BLOCK_BYTES)
}

fn of_block<'a>(
    mut words: Words<'_>,
    event: impl FnOnce(BlockId) -> Event<'a>,
) -> Result<Parsed<'a>, Fault> {
    let (id, places) = block(&mut words)?;
    words.end()?;
    Ok(Parsed::new(event(id), places))
}

fn of_block_and<T>(
    mut words: Words<'_>,
    read: impl FnOnce(&mut Words<'_>) -> Result<T, Fault>,
) -> Result<(BlockId, T, Places), Fault> {
    let (id, places) = block(&mut words)?;
    let value = read(&mut words)?;
    words.end()?;
    Ok((id, value, places))
}

fn frame<'a>(mut words: Words<'_>) -> Result<Parsed<'a>, Fault> {
    let mut lag = None;
    if let Some(word) = words.next() {
        let expected = "`lag=` and a number of frames up to 65536";
        let ("lag", Some(value)) = word.split() else {
            return Err(word.unexpected(expected));
        };
        lag = Some(value.number(0, LAG_MAX, expected)?);
    }
    words.end()?;
    Ok(Parsed::new(Event::Frame { lag }, Places::default()))
}

fn name<'a>(mut words: Words<'a>, scratch: &'a mut String) -> Result<Parsed<'a>, Fault> {
    let (id, places) = block(&mut words)?;
    let name = match words.next() {
        Some(word) => label::decode(word, scratch)?,
        None => "",
    };
    words.end()?;
    Ok(Parsed::new(Event::Label(id, name), places))
}

fn part<'a>(mut words: Words<'_>) -> Result<Parsed<'a>, Fault> {
    let (id, no, mut places) = block_and_part(&mut words)?;
    let bytes = bytes(&mut words, &mut places)?;
    let mut form = add::Form::default();
    for word in words {
        if !form.take(word)? {
            return Err(word.unexpected("`kind=`, `align=`, `stride=` or the end of the line"));
        }
    }
    let part = form.single(bytes, places.bytes)?;
    Ok(Parsed::new(Event::Part { id, no, part }, places))
}

fn part_update<'a>(mut words: Words<'_>) -> Result<Parsed<'a>, Fault> {
    let (id, no, mut places) = block_and_part(&mut words)?;
    let bytes = bytes(&mut words, &mut places)?;
    words.end()?;
    Ok(Parsed::new(Event::PartUpdate { id, no, bytes }, places))
}

fn part_remove<'a>(mut words: Words<'_>) -> Result<Parsed<'a>, Fault> {
    let (id, no, places) = block_and_part(&mut words)?;
    words.end()?;
    Ok(Parsed::new(Event::PartRemove { id, no }, places))
}

fn update<'a>(mut words: Words<'_>) -> Result<Parsed<'a>, Fault> {
    let (id, mut places) = block(&mut words)?;
    let bytes = bytes(&mut words, &mut places)?;
    let mut parts: Option<SmallVec<[u64; 2]>> = None;
    let mut in_place = false;
    for word in words {
        match word.split() {
            ("parts", Some(value)) => {
                once(word, "parts=", parts.is_some())?;
                places.bytes = value.at;
                parts = Some(lengths(value, bytes)?);
            }
            ("in-place", None) => {
                once(word, "in-place", in_place)?;
                in_place = true;
            }
            _ => return Err(word.unexpected("`parts=`, `in-place` or the end of the line")),
        }
    }
    let undivided = parts.is_none();
    let parts = parts.unwrap_or_else(|| smallvec![bytes]);
    let event = Event::Update {
        id,
        parts,
        in_place,
    };
    Ok(Parsed {
        undivided,
        ..Parsed::new(event, places)
    })
}

fn lengths(list: Word<'_>, bytes: u64) -> Result<SmallVec<[u64; 2]>, Fault> {
    let mut parts = SmallVec::new();
    let mut sum = 0_u64;
    for piece in list.pieces(b',') {
        let len = piece.number(1, BLOCK_BYTES_MAX, BLOCK_BYTES)?;
        // A line holds fewer than 2^20 lengths of at most 2^40 bytes.
        sum += len;
        parts.push(len);
    }
    check_sum(sum, bytes, list)?;
    Ok(parts)
}

fn check_sum(sum: u64, bytes: u64, list: Word<'_>) -> Result<(), Fault> {
    if sum == bytes {
        Ok(())
    } else {
        Err(Fault::new(list.at, Problem::Sum { sum, bytes }))
    }
}

fn config<'a>(words: Words<'_>) -> Result<Parsed<'a>, Fault> {
    let expected = "`chunk=`, `long-chunk=`, `staging=` or `tick-upload=`, or the end of the line";
    let mut settings = Settings::default();
    for word in words {
        let (name, value) = word.split();
        let (name, setting) = match name {
            "chunk" => ("chunk=", &mut settings.chunk_bytes),
            "long-chunk" => ("long-chunk=", &mut settings.long_chunk_bytes),
            "staging" => ("staging=", &mut settings.staging_bytes),
            "tick-upload" => ("tick-upload=", &mut settings.tick_upload_bytes),
            _ => return Err(word.unexpected(expected)),
        };
        let value = value.ok_or_else(|| word.unexpected(expected))?;
        once(word, name, setting.is_some())?;
        *setting = Some(value.number(1, BLOCK_BYTES_MAX, BLOCK_BYTES)?);
    }
    Ok(Parsed::new(Event::Config(settings), Places::default()))
}

/// Refuses a word that stood before.
fn once(word: Word<'_>, name: &'static str, before: bool) -> Result<(), Fault> {
    if before {
        Err(Fault::new(word.at, Problem::Twice(name)))
    } else {
        Ok(())
    }
}

fn check_part(part: Part, at: usize) -> Result<Part, Fault> {
    match part.check() {
        Ok(()) => Ok(part),
        Err(problem) => Err(Fault::new(at, problem)),
    }
}
