//! Calls do what their bytes say, and the judges object to answers that are wrong in one point.

use geoheap::{HeapMap, Op, PartId, RangeState, ReadBack, RequestError, Version};

use super::book::{Book, Change, Fate, Write};
use super::judge;
use super::run;
use super::world::World;
use crate::bytes::Bytes;
use crate::verdict::objection;

/// Bytes of the settings and faults, all of them common.
const HEAD: [u8; 23] = [0; 23];

fn input(calls: &[u8]) -> Vec<u8> {
    [&HEAD, calls].concat()
}

fn part(index: u16) -> PartId {
    let generation = 1;
    PartId { index, generation }
}

#[test]
fn an_input_is_a_row_of_calls() {
    // A block of one part, a frame, and an update of it.
    let reached = run(&input(&[0, 0, 0, 0, 9, 0, 24, 0, 0, 0, 4, 0, 0]));
    for (what, count) in [
        ("add", 1),
        ("lookups", 1),
        ("update", 1),
        ("settled", 1),
        ("last", 2),
    ] {
        assert_eq!(reached.count(what, true), count, "{what}: {reached:?}");
    }
}

/// A book of one block of two parts, and handles from a heap.
fn book() -> (World, Book, [Write; 2]) {
    let mut world = World::new(&mut Bytes::new(&HEAD)).expect("common settings work");
    // A block of two parts.
    world.call(0, &mut Bytes::new(&[0, 1, 0, 9, 2, 9, 0]));
    let handle = *world.book.live().first().expect("it was taken");
    let mut book = Book::default();
    let block = book.next_block();
    let writes = [book.write(block, 40, 20), book.write(block, 12, 2)];
    book.added(block, handle, writes.to_vec(), None);
    (world, book, writes)
}

fn read(parts: &[(u16, Write)]) -> ReadBack {
    let parts = parts
        .iter()
        .map(|(index, write)| (part(*index), write.bytes()));
    ReadBack {
        revision: 0,
        parts: parts.collect(),
    }
}

#[test]
fn settled_contents_are_those_of_the_changes_that_were_carried_out() {
    let (_world, mut book, [first, second]) = book();
    book.judge_settled(1, &read(&[(0, first), (1, second)]));
    objection(|| book.judge_settled(1, &read(&[(0, first)])));
    objection(|| book.judge_settled(1, &read(&[(1, first), (0, second)])));

    let newer = book.write(1, 60, 20);
    let change = Change::UpdatePart {
        part: part(0),
        write: newer,
    };
    let nth = book.sent(1, change);
    book.answered(1, nth, Fate::Refused);
    book.judge_settled(1, &read(&[(0, first), (1, second)]));
    objection(|| book.judge_settled(1, &read(&[(0, newer), (1, second)])));
    book.answered(1, nth, Fate::Part(part(0)));
    book.judge_settled(1, &read(&[(0, newer), (1, second)]));
    objection(|| book.judge_settled(1, &read(&[(0, first), (1, second)])));

    let writes = vec![book.write(1, 20, 20), book.write(1, 4, 2)];
    let update = |writes: &[Write]| Change::Update {
        writes: writes.to_vec(),
        in_place: false,
    };
    book.sent(1, update(&writes));
    book.judge_settled(1, &read(&[(0, writes[0]), (1, writes[1])]));
    objection(|| book.judge_settled(1, &read(&[(0, newer), (1, second)])));
    // One of them was refused, and nobody knows which.
    let handle = book.entries[&1].handle;
    book.update_refused(handle);
    book.judge_settled(1, &read(&[(0, newer), (1, second)]));
    objection(|| book.judge_settled(1, &read(&[(0, writes[0]), (1, second)])));

    let nth = book.sent(1, Change::RemovePart { part: part(1) });
    book.answered(1, nth, Fate::Done);
    book.judge_settled(1, &read(&[(0, newer)]));
    objection(|| book.judge_settled(1, &read(&[(0, newer), (1, second)])));
}

#[test]
fn a_version_shows_one_content_of_each_part() {
    let (_world, mut book, [first, second]) = book();
    let version = Version::default();
    book.judge_seen(version, 1, part(0), &first.bytes());
    book.judge_seen(version, 1, part(0), &first.bytes());
    let mut changed = first.bytes();
    changed[20] ^= 1;
    for (bytes, rule) in [(changed, "R1"), (second.bytes(), "R3")] {
        let said = objection(|| book.judge_seen(version, 1, part(0), &bytes));
        assert!(said.contains(rule), "{said}");
    }
    // Updated in place, it may show several, but none of others.
    let newer = book.write(1, 40, 20);
    let (writes, in_place) = (vec![newer, second], true);
    book.sent(1, Change::Update { writes, in_place });
    let mixed = [&first.bytes()[..16], &newer.bytes()[16..]].concat();
    book.judge_seen(version, 1, part(0), &mixed);
    let other = Write { block: 7, ..newer };
    objection(|| book.judge_seen(version, 1, part(0), &other.bytes()));
}

#[test]
fn a_handle_is_given_out_once() {
    let (_world, mut book, _) = book();
    let handle = book.entries[&1].handle;
    let said = objection(|| book.added(2, handle, Vec::new(), None));
    assert!(said.contains("R7"), "{said}");
}

/// The map of a heap with a block, and who lives in it.
fn map() -> (World, HeapMap) {
    let (mut world, ..) = book();
    world.ticks(8);
    let map = world.manager.heap_map().expect("the caller drives");
    let ranges = map.chunks.iter().map(|chunk| chunk.ranges.len());
    assert_eq!(ranges.sum::<usize>(), 1, "{map:?}");
    (world, map)
}

#[test]
fn wrong_maps_are_objected_to() {
    let (world, right) = map();
    judge::map(&right);
    let wrong: [fn(&mut HeapMap); 6] = [
        |map| map.chunks[0].free += geoheap::ByteLen::new(4),
        |map| map.chunks[0].ranges[0].state = RangeState::Retired,
        |map| map.chunks[0].ranges[0].handle = None,
        |map| map.chunks[0].ranges[0].offset = geoheap::ByteOffset::new(1 << 30),
        |map| map.chunks.push(map.chunks[0].clone()),
        |map| {
            let again = map.chunks[0].ranges[0].clone();
            map.chunks[0].ranges.push(again);
        },
    ];
    for (nth, change) in wrong.into_iter().enumerate() {
        let mut map = right.clone();
        change(&mut map);
        let said = objection(|| judge::map(&map));
        assert!(said.contains("R6"), "{nth}: {said}");
    }
    judge::owners(&right, &world.book.live());
    let said = objection(|| judge::owners(&right, &std::collections::BTreeSet::new()));
    assert!(said.contains("was removed"), "{said}");
    let mut twice = right.clone();
    twice.chunks.push(right.chunks[0].clone());
    let said = objection(|| judge::owners(&twice, &world.book.live()));
    assert!(said.contains("two ranges"), "{said}");
}

#[test]
fn wrong_figures_are_objected_to() {
    let (world, _) = map();
    let report = world.manager.report();
    let held = report.held_bytes;
    judge::report(&report, held, false);
    let said = objection(|| judge::report(&report, held - 1, false));
    assert!(said.contains("R10"), "{said}");
    let mut moved = report.clone();
    moved.long_lived_moves = 1;
    judge::report(&moved, held, true);
    objection(|| judge::report(&moved, held, false));
    let mut hidden = report;
    hidden.hidden_uses = 1;
    let said = objection(|| judge::report(&hidden, held, false));
    assert!(said.contains("R8"), "{said}");
}

#[test]
fn a_refusal_says_that_a_handle_is_stale_only_where_it_is() {
    let (world, ..) = book();
    let handle = *world.book.live().first().expect("it was taken");
    let stale = RequestError::Stale { handle };
    world.judge_refused(handle, Op::Remove, &RequestError::ZeroSize);
    let said = objection(|| world.judge_refused(handle, Op::Remove, &stale));
    assert!(said.contains("R7"), "{said}");
}
