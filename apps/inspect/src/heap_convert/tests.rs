use super::*;

const SMALL: &str = include_str!("../../../../crates/heap-dump/tests/small.json");

fn small() -> HeapDump {
    HeapDump::from_json(SMALL).expect("the small heap keeps all rules")
}

fn made(dump: &HeapDump) -> Vec<Event<'_>> {
    events(dump).expect("a trace can build it")
}

#[test]
fn a_heap_as_a_trace_adds_its_blocks_in_the_order_of_their_places() {
    let dump = small();
    let mut lines = Vec::new();
    for event in made(&dump) {
        lines.push(match event {
            Event::Add(add) => {
                let parts = add
                    .parts
                    .iter()
                    .map(|part| format!("{:?} {} align {}", part.kind, part.bytes, part.align));
                let parts: Vec<String> = parts.collect();
                let (label, life) = (add.label.unwrap_or("-"), add.lifetime);
                format!(
                    "add {} {label} {life:?} [{}] spare {}",
                    add.id.0,
                    parts.join(", "),
                    add.spare
                )
            }
            other => format!("{other:?}"),
        });
    }
    insta::assert_snapshot!("events", lines.join("\n"));
}

#[test]
fn bytes_of_a_trace_are_those_of_the_heap() {
    let dump = small();
    let of_events = made(&dump).iter().fold(0, |sum, event| match event {
        Event::Add(add) => sum + add.bytes() + add.spare,
        _ => sum,
    });
    let of_blocks: u64 = dump.blocks.iter().map(|block| block.size).sum();
    assert_eq!(of_events, of_blocks);
}

#[test]
fn any_number_of_owners_and_pins_gives_a_trace() {
    let mut dump = small();
    dump.blocks[0].owners = u64::MAX;
    dump.blocks[0].pins = u64::MAX;
    let events = made(&dump);
    let count = |is_it: fn(&&Event<'_>) -> bool| events.iter().filter(is_it).count();
    assert_eq!(count(|event| matches!(event, Event::Pin(_))), 256);
    // Its own, and the one of another block.
    assert_eq!(count(|event| matches!(event, Event::Share(_))), 255 + 1);
}

/// The trace of a heap, and what its reader says of it.
fn read_back(dump: &HeapDump) -> Result<String, String> {
    let events = events(dump).map_err(|unfit| unfit.to_string())?;
    let mut writer = Writer::new(Vec::new()).expect("a vector takes all");
    for event in events {
        writer.write(&event).expect("a vector takes all");
    }
    let text = writer.into_inner().expect("a vector takes all");
    let mut reader = Reader::new(&text[..], "made").map_err(|error| error.to_string())?;
    while reader
        .next_event()
        .map_err(|error| error.to_string())?
        .is_some()
    {}
    Ok(String::from_utf8(text).expect("a trace is UTF-8"))
}

#[test]
fn indices_of_an_odd_length_and_long_labels_give_a_trace_that_can_be_read() {
    let mut dump = small();
    let block = &mut dump.blocks[0];
    block.size = 37;
    block.parts = vec![PartDump {
        id: "0.1".to_owned(),
        offset: 0,
        size: 37,
        kind: "index".to_owned(),
        alignment: 4,
    }];
    // 1 byte, and then 2 for each letter: the bound is inside one.
    block.label = Some(format!("a{}", "\u{e9}".repeat(40_000)));
    let text = read_back(&dump).expect("it can be read");
    assert!(
        text.contains(" 37 kind=storage align=4"),
        "{}",
        &text[..200]
    );
    let label = format!("label=a{}", "\u{e9}".repeat(32_767));
    let ended = |c: char| text.contains(&format!("{label}{c}"));
    assert!(ended(' ') || ended('\n'), "cut in front of the bound");
}

#[test]
fn what_no_trace_can_say_is_refused_by_its_handle() {
    let mut dump = small();
    dump.blocks[0].size = (1 << 40) + 1;
    dump.blocks[0].parts = Vec::new();
    let expected = format!(
        "no trace can be made of it: block {}: expected bytes above 0 and up to 1099511627776, \
         found `1099511627777`",
        dump.blocks[0].handle
    );
    assert_eq!(read_back(&dump), Err(expected));
}
