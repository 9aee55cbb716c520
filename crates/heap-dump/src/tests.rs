use super::*;

mod derived;
mod random;
mod refused;

const SMALL: &str = include_str!("../tests/small.json");

fn small() -> HeapDump {
    HeapDump::from_json(SMALL).expect("the small heap keeps all rules")
}

#[test]
fn the_text_of_a_dump_stays_as_it_is() {
    assert_eq!(small().to_json(), SMALL, "read and written again");
}

#[test]
fn an_empty_heap_goes_round() {
    let dump = HeapDump {
        schema: SCHEMA.to_owned(),
        unit_bytes: 1,
        ..HeapDump::default()
    };
    let again = HeapDump::from_json(&dump.to_json()).expect("nothing contradicts");
    assert_eq!(again, dump, "an empty heap");
    let text = dump.to_json();
    assert!(text.contains("\"chunks\": [],\n"), "{text}");
}

#[test]
fn figures_of_a_chunk_are_counted_from_its_ranges() {
    for chunk in small().chunks {
        let counted = ChunkDump::of_ranges(
            chunk.id,
            chunk.capacity,
            chunk.lifetime,
            chunk.ranges.clone(),
        );
        let (dedicated, state) = (chunk.dedicated, chunk.state);
        let counted = ChunkDump {
            dedicated,
            state,
            ..counted
        };
        assert_eq!(counted, chunk, "chunk {}", chunk.id);
    }
}

#[test]
fn a_reader_that_fails_is_told() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the wire is cut"))
        }
    }
    let error = HeapDump::from_reader(Broken).expect_err("nothing was read");
    assert_eq!(error.to_string(), "cannot be read: the wire is cut");
}

#[test]
fn a_dump_that_no_text_gave_has_a_path_only() {
    let mut dump = small();
    dump.blocks[1].parts[0].offset = 3;
    let error = dump.check().expect_err("J5");
    assert_eq!(
        error.to_string(),
        "blocks[1].parts[0].offset: 3 is no multiple of its alignment, 4"
    );
    assert_eq!(error.position(), None);
}
