//! The target `trace_file`: traces as they lie in files, packed or not, and cut or spoilt on the
//! way.
//!
//! The text is packed and then edited as bytes. Read through the file's reader it gives the same
//! events and the same error as the text that unpacks from it does in memory; what does not unpack
//! is refused.

#[cfg(test)]
mod tests;

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use geoheap_trace::{Input, Problem, Reader, TraceError};

use crate::bytes::Bytes;
use crate::tally::Tally;

/// What a file holds before it is spoilt.
const TEXTS: [&str; 4] = [
    "geoheap-trace 1\nadd 1 5\nuse 1\nframe\nremove 1\n",
    "# mesh trace v1\nA 1 36 6\nF 1\n",
    "id,lower,upper,size\n1,0,9,5\n2,3,4,7\n",
    "",
];

/// What reading came to.
type Read = (Vec<String>, Option<Problem>);

/// Runs one input. Returns what it reached.
///
/// # Panics
/// When packing changes what is read.
pub fn run(input: &[u8]) -> Tally {
    let mut bytes = Bytes::new(input);
    let how = bytes.byte();
    let spoilt: Vec<(u8, u8, u8)> = (0..how / 64)
        .map(|_| (bytes.byte(), bytes.byte(), bytes.byte()))
        .collect();
    let mut text = TEXTS[usize::from(how) % TEXTS.len()].as_bytes().to_vec();
    text.extend(&mut bytes);
    let mut file = packed(how / 4 % 4, &text);
    for (high, low, byte) in spoilt {
        let at = (usize::from(high) << 8 | usize::from(low)) % (file.len() + 1);
        match file.get_mut(at) {
            Some(old) if byte > 16 => *old = byte,
            _ => file.truncate(at),
        }
    }
    let is_packed = file.starts_with(&[0x1f, 0x8b]);
    let name = if is_packed { "gzip" } else { "plain" };
    let outcome = through_file(file.clone());
    let mut tally = Tally::default();
    tally.count_in(name, outcome.1.is_none());
    if is_packed {
        let mut text = Vec::new();
        let whole = MultiGzDecoder::new(&file[..]).read_to_end(&mut text);
        judge(&outcome, whole.is_ok().then(|| in_memory(&text)).as_ref());
    } else {
        judge(&outcome, Some(&in_memory(&file)));
    }
    tally
}

/// The text in one of four forms: as it is, packed, in two packed pieces, packed without effort.
fn packed(form: u8, text: &[u8]) -> Vec<u8> {
    let pack = |text: &[u8], level| {
        let mut encoder = GzEncoder::new(Vec::new(), level);
        encoder.write_all(text).expect("a vector takes all");
        encoder.finish().expect("a vector takes all")
    };
    match form {
        0 => text.to_vec(),
        1 => pack(text, Compression::default()),
        2 => {
            let (first, second) = text.split_at(text.len() / 2);
            let level = Compression::fast();
            [pack(first, level), pack(second, level)].concat()
        }
        _ => pack(text, Compression::none()),
    }
}

/// The events that are read from a file's bytes, and what ended them.
fn through_file(file: Vec<u8>) -> Read {
    match Input::from_bytes(file) {
        Ok(input) => events(Reader::new(input, "input")),
        Err(error) => (Vec::new(), Some(Problem::Unreadable(error.to_string()))),
    }
}

fn in_memory(text: &[u8]) -> Read {
    events(Reader::new(text, "input"))
}

fn events<R: std::io::BufRead>(reader: Result<Reader<R>, TraceError>) -> Read {
    let mut events = Vec::new();
    let mut reader = match reader {
        Ok(reader) => reader,
        Err(error) => return (events, Some(error.problem)),
    };
    loop {
        match reader.next_event() {
            Ok(Some(event)) => events.push(format!("{event:?}")),
            Ok(None) => return (events, None),
            Err(error) => {
                let problem = error.problem.clone();
                let again = reader.next_event().map(|event| event.is_some());
                assert_eq!(again, Err(error), "an error stays");
                return (events, Some(problem));
            }
        }
    }
}

/// Judges what was read from a file against what its text gives, `None` if it does not unpack.
fn judge(read: &Read, expected: Option<&Read>) {
    match expected {
        Some(expected) => assert_eq!(read, expected, "packing changes nothing"),
        None => assert!(read.1.is_some(), "what does not unpack is refused"),
    }
}
