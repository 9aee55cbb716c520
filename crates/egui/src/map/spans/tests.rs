use geoheap_heap_dump::{BlockState, LifetimeDump};
use proptest::prelude::*;

use super::*;
use crate::heap::tests::{block, chunk, dump, part, range};

const FREE: Color32 = Color32::BLACK;
const INK: Color32 = Color32::from_rgb(200, 100, 50);

fn piece(start: u64, end: u64) -> Piece {
    Piece {
        start,
        end,
        colour: INK,
        tall: Tall::Full,
        begins: true,
    }
}

/// Starts, ends and the red of the spans of 1000 bytes in 100 pixels.
fn check(pieces: &[(u64, u64)], expected: &[(usize, usize, u8)]) {
    let pieces: Vec<_> = pieces
        .iter()
        .map(|&(start, end)| piece(start, end))
        .collect();
    let spans = spans(&pieces, 1000, 100, FREE);
    let seen: Vec<_> = spans
        .iter()
        .map(|span| (span.start_px, span.end_px, span.colour.r()))
        .collect();
    assert_eq!(seen, expected, "of {pieces:?}");
}

#[test]
fn wide_pieces_have_a_rectangle_each_and_a_gap_before_it() {
    check(&[], &[]);
    check(&[(0, 1000)], &[(0, 100, 200)]);
    check(&[(0, 500), (500, 1000)], &[(0, 50, 200), (51, 100, 200)]);
    check(&[(100, 120)], &[(10, 12, 200)]);
    check(&[(100, 9000)], &[(11, 100, 200)]);
}

#[test]
fn slivers_are_mixed_column_by_column() {
    // Half of a column, and a tenth of it, which is shown with more than that.
    check(&[(100, 105)], &[(10, 11, 100)]);
    check(&[(100, 101)], &[(10, 11, 80)]);
    check(&[(100, 102), (104, 108)], &[(10, 11, 120)]);
    // Two columns of one colour are one rectangle; a piece over an edge is shared out.
    check(&[(100, 109), (110, 119)], &[(10, 12, 180)]);
    check(&[(105, 115)], &[(10, 12, 100)]);
    check(&[(995, 1000)], &[(99, 100, 100)]);
}

#[test]
fn nothing_is_made_of_nothing() {
    assert_eq!(spans(&[piece(0, 10)], 0, 100, FREE), []);
    assert_eq!(spans(&[piece(0, 10)], 1000, 0, FREE), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_row_has_no_more_spans_than_it_has_room_for(
        lengths in prop::collection::vec(0_u64..40, 0..3000), width in 1_usize..400,
    ) {
        let mut at = 0;
        let pieces: Vec<_> = lengths.iter().map(|length| {
            let start = at;
            at += length;
            piece(start, at)
        }).collect();
        let spans = spans(&pieces, at.max(1), width, FREE);
        prop_assert!(spans.len() <= width + width / 2 + 1, "E2: {} of {width}", spans.len());
        for span in spans {
            prop_assert!(span.start_px <= span.end_px && span.end_px <= width, "{span:?}");
        }
    }
}

const GROUND: Ground = Ground {
    free: Color32::BLACK,
    free_long_lived: Color32::BLACK,
    mark: Color32::WHITE,
};

/// The starts, ends and colours of the pieces of one chunk with one block.
fn check_pieces(
    by: ColourBy,
    state: RangeStateDump,
    change: fn(&mut BlockDump),
    expected: &[(u64, u64, Color32)],
) {
    let mut block = block("1v1", 0, 200);
    change(&mut block);
    let ranges = vec![range(200, 100, state, Some("1v1"))];
    let heap = Heap::new(dump(vec![chunk(0, ranges)], vec![block]));
    let seen: Vec<_> = pieces(&heap, 0, by, GROUND)
        .iter()
        .map(|piece| (piece.start, piece.end, piece.colour))
        .collect();
    assert_eq!(seen, expected, "by {by:?}");
}

#[test]
fn kinds_colour_the_parts_and_the_room_between_them() {
    let spare = colours::over(FREE, colours::ORANGE, 0.35);
    check_pieces(
        ColourBy::Kind,
        RangeStateDump::Live,
        |block| {
            block.parts = vec![
                part("0.1", 0, 30, "index"),
                part("1.1", 40, 20, "vertex"),
                part("2.1", 60, 10, "a kind of the caller's"),
            ];
        },
        &[
            (200, 230, colours::ORANGE),
            (230, 240, spare),
            (240, 260, colours::BLUE),
            (260, 270, colours::LIME),
            (270, 300, spare),
        ],
    );
    // Parts that cannot be: they stay within their block.
    check_pieces(
        ColourBy::Kind,
        RangeStateDump::Live,
        |block| {
            block.parts = vec![
                part("0.1", 0, 300, "vertex"),
                part("1.1", 10, u64::MAX, "index"),
            ];
        },
        &[(200, 300, colours::BLUE)],
    );
}

#[test]
fn other_colours_are_of_the_whole_block() {
    let whole = |colour| [(200, 300, colour)];
    let live = RangeStateDump::Live;
    let age = |frames| colours::of_age(Some(frames));
    check_pieces(ColourBy::Age, live, |_| {}, &whole(age(10)));
    check_pieces(
        ColourBy::Age,
        live,
        |block| block.frame_last_used = None,
        &whole(colours::GREY),
    );
    check_pieces(
        ColourBy::Age,
        live,
        |block| block.frame_last_used = Some(500),
        &whole(age(0)),
    );
    check_pieces(ColourBy::State, live, |_| {}, &whole(colours::GREEN));
    let pending = |block: &mut BlockDump| block.state = BlockState::Pending;
    check_pieces(ColourBy::State, live, pending, &whole(colours::BLUE));
    check_pieces(ColourBy::Lifetime, live, |_| {}, &whole(colours::BLUE));
    let long = |block: &mut BlockDump| block.lifetime = LifetimeDump::LongLived;
    check_pieces(ColourBy::Lifetime, live, long, &whole(colours::PURPLE));
    check_pieces(
        ColourBy::Lifetime,
        live,
        |block| block.pins = 2,
        &whole(colours::GOLD),
    );
    let filling = colours::over(FREE, colours::GOLD, 0.55);
    check_pieces(
        ColourBy::State,
        RangeStateDump::Reserved,
        |_| {},
        &whole(filling),
    );
    for by in ColourBy::ALL {
        check_pieces(by, RangeStateDump::Retired, |_| {}, &whole(colours::RED));
    }
}

#[test]
fn retired_bytes_are_low() {
    let ranges = vec![range(0, 100, RangeStateDump::Retired, None)];
    let heap = Heap::new(dump(vec![chunk(0, ranges)], Vec::new()));
    let pieces = pieces(&heap, 0, ColourBy::Kind, GROUND);
    assert_eq!(pieces[0].tall, Tall::Low);
    assert_eq!(spans(&pieces, 1000, 100, FREE)[0].tall, Tall::Low);
}
