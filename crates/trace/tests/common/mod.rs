//! What several tests share.
#![allow(dead_code, reason = "each test uses some of it")]

pub(crate) mod events;

use geoheap_trace::{Event, Reader, TraceError, Writer};
use proptest::prelude::ProptestConfig;

/// So many cases; none is kept in a file.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

/// What the tests call the text.
pub(crate) const FILE: &str = "t.trace";

/// A text with the first line before it.
pub(crate) fn trace(lines: &str) -> String {
    format!("geoheap-trace 1\n{lines}")
}

/// Reads all of a text, and gives what the writer makes of it.
pub(crate) fn rewrite(text: impl AsRef<[u8]>) -> Result<String, TraceError> {
    let mut reader = Reader::new(text.as_ref(), FILE)?;
    let mut writer = Writer::new(Vec::new()).expect("a vector takes all");
    loop {
        match reader.next_event() {
            Ok(Some(event)) => writer.write(&event).expect("what was read has a line"),
            Ok(None) => break,
            Err(error) => {
                let again = reader.next_event().expect_err("T2: no event follows");
                assert_eq!(again, error, "T2: the error stays");
                return Err(error);
            }
        }
    }
    let written = writer.into_inner().expect("a vector takes all");
    Ok(String::from_utf8(written).expect("a trace is UTF-8"))
}

/// The text of events.
pub(crate) fn write(events: &[Event<'_>]) -> String {
    let mut writer = Writer::new(Vec::new()).expect("a vector takes all");
    for event in events {
        writer.write(event).expect("every event has a line");
    }
    let written = writer.into_inner().expect("a vector takes all");
    String::from_utf8(written).expect("a trace is UTF-8")
}
