//! What is written and read again is the same (T3), whatever it is.

mod common;

use std::collections::BTreeMap;

use common::events::{events, wild_events};
use common::{config, rewrite, write};
use geoheap_trace::{BlockId, Event, Reader};
use proptest::prelude::*;

/// What lives, the slow way: owners and the bytes of each part.
#[derive(Default)]
struct Shadow(BTreeMap<u64, (u32, BTreeMap<u32, u64>)>);

impl Shadow {
    fn apply(&mut self, event: &Event<'_>) {
        let mut of = |id: &BlockId| self.0.remove(&id.0).expect("T1: the block lives");
        let (id, block) = match event {
            Event::Add(add) => {
                let parts = (0..).zip(add.parts.iter().map(|part| part.bytes));
                (add.id, (1, parts.collect()))
            }
            Event::Share(id) | Event::Remove(id) => {
                let (owners, parts) = of(id);
                let gone = matches!(event, Event::Remove(_));
                let owners = if gone { owners - 1 } else { owners + 1 };
                (*id, (owners, parts))
            }
            Event::Update { id, parts, .. } => {
                let (owners, old) = of(id);
                (
                    *id,
                    (owners, old.into_keys().zip(parts.iter().copied()).collect()),
                )
            }
            Event::Part { id, no, part } => {
                let (owners, mut parts) = of(id);
                let taken = parts.insert(no.0, part.bytes);
                assert_eq!(taken, None, "T1: the number is free");
                (*id, (owners, parts))
            }
            Event::PartUpdate { id, no, bytes } => {
                let (owners, mut parts) = of(id);
                let old = parts.insert(no.0, *bytes);
                assert!(old.is_some(), "T1: the part is there");
                (*id, (owners, parts))
            }
            Event::PartRemove { id, no } => {
                let (owners, mut parts) = of(id);
                assert!(parts.remove(&no.0).is_some(), "T1: the part is there");
                (*id, (owners, parts))
            }
            _ => return,
        };
        if block.0 > 0 {
            assert!(!block.1.is_empty(), "T1: a block has a part");
            let taken = self.0.insert(id.0, block);
            assert!(taken.is_none(), "T1: the number is free");
        }
    }

    fn bytes(&self) -> u64 {
        self.0.values().flat_map(|(_, parts)| parts.values()).sum()
    }
}

/// Reads events, and compares each with the one that was written.
fn check_same(text: &str, events: &[Event<'_>]) {
    let mut reader = Reader::new(text.as_bytes(), "t.trace").expect("the first line is right");
    let mut shadow = Shadow::default();
    for event in events {
        let read = reader.next_event();
        assert_eq!(read.as_ref(), Ok(&Some(event.clone())), "T3:\n{text}");
        shadow.apply(event);
        let state = reader.state();
        let lives = (state.live_blocks(), state.live_bytes());
        assert_eq!(lives, (shadow.0.len(), shadow.bytes()), "T4:\n{text}");
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
    fn what_the_state_takes_can_be_read(events in wild_events(30)) {
        check_same(&write(&events), &events);
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
