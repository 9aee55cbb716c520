use super::*;

const SMALL: &str = include_str!("../../../../crates/heap-dump/tests/small.json");

fn small() -> HeapDump {
    HeapDump::from_json(SMALL).expect("the small heap keeps all rules")
}

#[test]
fn a_heap_as_a_trace_adds_its_blocks_in_the_order_of_their_places() {
    let dump = small();
    let mut lines = Vec::new();
    for event in events(&dump) {
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
    let of_events = events(&dump).iter().fold(0, |sum, event| match event {
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
    let events = events(&dump);
    let count = |is_it: fn(&&Event<'_>) -> bool| events.iter().filter(is_it).count();
    assert_eq!(count(|event| matches!(event, Event::Pin(_))), 256);
    // Its own, and the one of another block.
    assert_eq!(count(|event| matches!(event, Event::Share(_))), 255 + 1);
}
