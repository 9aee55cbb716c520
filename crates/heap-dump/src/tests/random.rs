use proptest::prelude::*;

use super::{
    BlockDump, BlockState, ChunkDump, ChunkStateDump, HeapDump, LifetimeDump, PartDump, RangeDump,
    RangeStateDump, SCHEMA, SMALL, SourceDump,
};

const UNIT: u64 = 16;

/// What one place of a chunk is made from: units of room ahead of it, units of it, what it is, and
/// details of the block.
type Place = (u64, u64, u8, u32, Option<String>);

fn place() -> impl Strategy<Value = Place> {
    let label = proptest::option::of("[a-z\"\\\\\n\u{e9}]{0,5}");
    (0..4_u64, 1..20_u64, 0..4_u8, any::<u32>(), label)
}

/// Heaps that keep all rules.
fn heap() -> impl Strategy<Value = HeapDump> {
    let chunk = (proptest::collection::vec(place(), 0..8), 0..9_u64, 1..3_u32);
    let away = proptest::collection::vec((any::<u32>(), 0..5_u8), 0..4);
    let chunks = proptest::collection::vec(chunk, 0..5);
    (chunks, away, any::<u32>()).prop_map(|(chunks, away, head)| build(&chunks, &away, head))
}

fn build(chunks: &[(Vec<Place>, u64, u32)], away: &[(u32, u8)], head: u32) -> HeapDump {
    let head = u64::from(head);
    let mut dump = HeapDump {
        schema: SCHEMA.to_owned(),
        tick: u64::MAX - head,
        frame: head,
        version: head / 2,
        unit_bytes: UNIT,
        budget_bytes: head * 3,
        held_bytes: head * 2,
        staging_bytes: head,
        ..HeapDump::default()
    };
    let mut id = 0;
    for (places, tail, step) in chunks {
        let lifetime = if step % 2 == 0 {
            LifetimeDump::LongLived
        } else {
            LifetimeDump::Dynamic
        };
        chunk(&mut dump, (id, lifetime), places, *tail);
        id += step;
    }
    for &(details, state) in away {
        let block = block(&dump, (0, 0, 64), details, None);
        dump.blocks.push(BlockDump {
            chunk: None,
            offset: None,
            state: [
                BlockState::Pending,
                BlockState::Evicted,
                BlockState::Lost,
                BlockState::Failed,
                BlockState::Pending,
            ][usize::from(state)],
            ..block
        });
    }
    dump
}

/// Adds a chunk with what is in it, and `tail` units and one more behind that.
fn chunk(dump: &mut HeapDump, (id, lifetime): (u32, LifetimeDump), places: &[Place], tail: u64) {
    let mut ranges = Vec::new();
    let mut at = 0;
    for (gap, units, state, details, label) in places {
        at += gap * UNIT;
        let size = units * UNIT;
        let mut range = RangeDump {
            offset: at,
            size,
            state: RangeStateDump::Live,
            handle: None,
        };
        match state {
            0 => range.state = RangeStateDump::Retired,
            1 => range.state = RangeStateDump::Reserved,
            _ => {
                let block = block(dump, (id, at, size), *details, label.clone());
                range.handle = Some(block.handle.clone());
                dump.blocks.push(block);
            }
        }
        at += size;
        ranges.push(range);
    }
    let capacity = at + (tail + 1) * UNIT;
    let chunk = ChunkDump::of_ranges(id, capacity, lifetime, ranges);
    let state = if chunk.ranges.is_empty() {
        ChunkStateDump::Closing
    } else {
        ChunkStateDump::Draining
    };
    dump.chunks.push(ChunkDump { state, ..chunk });
}

/// The next block of `dump`, which lies in `place`: chunk, offset, size of the range.
fn block(
    dump: &HeapDump,
    (chunk, offset, size): (u32, u64, u64),
    details: u32,
    label: Option<String>,
) -> BlockDump {
    let slot = 2 * dump.blocks.len() + 1;
    let part = |index: u32, offset, size| PartDump {
        id: format!("{index}.{}", 1 + details % 7),
        offset,
        size,
        kind: ["vertex", "index", "own kind"][details as usize % 3].to_owned(),
        alignment: 4,
    };
    let cut = u64::from(details % 3);
    BlockDump {
        handle: format!("{slot}v{}", 1 + details / 2),
        chunk: Some(chunk),
        offset: Some(offset),
        size: size - cut,
        alignment: 8,
        state: BlockState::Resident,
        lifetime: LifetimeDump::Dynamic,
        pins: u64::from(details % 2),
        owners: 1 + u64::from(details),
        priority: details.to_le_bytes()[1],
        source: SourceDump::Reload,
        revision: u64::from(details) << 32,
        version_written: dump.version,
        frame_last_used: (details & 3 > 0).then_some(dump.frame),
        largest_hole: 0,
        label,
        parts: match details % 5 {
            0 => Vec::new(),
            1 => vec![part(0, 0, size - cut)],
            _ => vec![part(1, 0, 3), part(0, 8, size - 8 - cut)],
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn valid_heaps_go_round(dump in heap()) {
        let text = dump.to_json();
        let read = HeapDump::from_json(&text);
        prop_assert!(read.is_ok(), "{:?}\n{text}", read.err());
        prop_assert_eq!(&read.unwrap(), &dump);
        let lines = 12
            + usize::from(!dump.chunks.is_empty())
            + usize::from(!dump.blocks.is_empty())
            + dump.blocks.len()
            + dump.chunks.iter().map(|chunk| match chunk.ranges.len() {
                0 => 1,
                ranges => ranges + 2,
            }).sum::<usize>();
        prop_assert_eq!(text.lines().count(), lines, "one line each\n{}", text);
    }

    #[test]
    fn changed_bytes_never_panic(at in 0..SMALL.len(), with in any::<u8>(), len in 0..4_usize) {
        let mut bytes = SMALL.as_bytes().to_vec();
        let end = (at + len).min(bytes.len());
        bytes.splice(at..end, [with]);
        if let Ok(dump) = HeapDump::from_bytes(&bytes) {
            prop_assert!(dump.check().is_ok());
            prop_assert_eq!(HeapDump::from_json(&dump.to_json()).ok(), Some(dump));
        }
    }

    #[test]
    fn changed_numbers_never_panic(
        nth in 0..250_usize,
        with in prop_oneof![any::<u64>(), 0..70_u64],
    ) {
        let text = with_number(SMALL, nth, with);
        if let Ok(dump) = HeapDump::from_json(&text) {
            prop_assert_eq!(HeapDump::from_json(&dump.to_json()).ok(), Some(dump));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn amds_format_takes_any_valid_heap(dump in heap()) {
        let text = crate::vma::to_json(&dump);
        if dump.chunks.is_empty() {
            prop_assert!(crate::vma::read(&text).is_err(), "there is no memory in it");
            return Ok(());
        }
        let read = crate::vma::read(&text);
        prop_assert!(read.is_ok(), "{:?}\n{text}", read.err());
        let live = |dump: &HeapDump| dump.figures().live_bytes;
        prop_assert_eq!(live(&read.unwrap()), live(&dump));
    }

    #[test]
    fn changed_dumps_of_others_never_panic(
        nth in 0..100_usize,
        with in prop_oneof![any::<u64>(), 0..70_u64],
        cut in 0..4000_usize,
    ) {
        let small = HeapDump::from_json(SMALL).expect("keeps all rules");
        let text = with_number(&crate::vma::to_json(&small), nth, with);
        if let Ok(dump) = crate::vma::read(&text) {
            prop_assert!(dump.check().is_ok());
        }
        let _ = crate::vma::read(text.get(..cut).unwrap_or(&text));
    }
}

/// `text` with its number `nth` replaced.
fn with_number(text: &str, nth: usize, with: u64) -> String {
    let starts = text.match_indices(": ").map(|(at, _)| at + 2);
    let numbers = starts.filter(|&at| text.as_bytes()[at].is_ascii_digit());
    let starts: Vec<usize> = numbers.collect();
    let at = starts[nth % starts.len()];
    let rest = text[at..].trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    format!("{}{with}{rest}", &text[..at])
}
