//! What is written and read again is the same (T3), whatever it is.

mod common;

use common::events::events;
use common::{config, rewrite, write};
use geoheap_trace::{Event, Reader};
use proptest::prelude::*;

/// Reads events, and compares each with the one that was written.
fn check_same(text: &str, events: &[Event<'_>]) {
    let mut reader = Reader::new(text.as_bytes(), "t.trace").expect("the first line is right");
    for event in events {
        let read = reader.next_event();
        assert_eq!(read.as_ref(), Ok(&Some(event.clone())), "T3:\n{text}");
    }
    assert_eq!(reader.next_event(), Ok(None), "T3:\n{text}");
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn written_events_are_read(events in events(60)) {
        let text = write(&events);
        check_same(&text, &events);
        prop_assert_eq!(rewrite(&text), Ok(text), "T3: canonical text stays");
    }

    #[test]
    fn white_space_and_comments_change_nothing(
        events in events(20),
        before in prop::sample::select(&["", " ", "\t "][..]),
        after in prop::sample::select(&["\n", "\r\n", " \n", " # frame\n", "\n\n", "\n#\r\n"][..]),
    ) {
        let text = write(&events);
        let mut lines = text.lines();
        let mut other = format!("{}\n", lines.next().expect("there is a first line"));
        for line in lines {
            other.extend([before, &line.replace(' ', " \t"), after]);
        }
        prop_assert_eq!(rewrite(&other), Ok(text));
    }
}
