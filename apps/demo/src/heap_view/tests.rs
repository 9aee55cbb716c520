use super::*;

fn row(id: usize, long_lived: bool, cells: &[(u64, u64, Kind, RangeState)]) -> Row {
    let cells = cells
        .iter()
        .map(|&(offset, len, kind, state)| Cell {
            offset,
            len,
            kind: Some(kind),
            state,
        })
        .collect();
    Row {
        id,
        mark: "",
        long_lived,
        capacity: 1000,
        cells,
    }
}

fn caption() -> Caption {
    Caption {
        frame: 7,
        report: Report::default(),
    }
}

fn count(picture: &Picture, colour: [u8; 4]) -> usize {
    picture
        .bytes()
        .chunks(4)
        .filter(|pixel| *pixel == colour)
        .count()
}

/// Pixels of one colour in the rows' part of the picture.
fn count_below_header(picture: &Picture, colour: [u8; 4]) -> usize {
    let header = (HEADER_PX * WIDTH_PX * 4) as usize;
    picture.bytes()[header..]
        .chunks(4)
        .filter(|pixel| *pixel == colour)
        .count()
}

#[test]
fn kinds_and_states_have_colours_of_their_own() {
    let states = [RangeState::Live, RangeState::Reserved, RangeState::Retired];
    let mut seen = Vec::new();
    for kind in Kind::ALL {
        seen.push(colour_of(Some(kind)));
    }
    seen.extend([FREE, FREE_LONG_LIVED, RETIRED, PAPER]);
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "no two alike");
    let cells: Vec<_> = (0..)
        .step_by(300)
        .zip(states)
        .map(|(at, state)| (at, 200, Kind::Model, state))
        .collect();
    let picture = draw_rows(&[row(0, false, &cells)], &caption());
    for colour in [colour_of(Some(Kind::Model)), RETIRED, FREE] {
        assert!(
            count_below_header(&picture, colour) > 500,
            "{colour:?} is to be seen"
        );
    }
}

fn check_rows(rows: u32, height: std::ops::RangeInclusive<u32>) {
    let cells = [
        (0, 1, Kind::Ground, RangeState::Live),
        (500, 250, Kind::Grove, RangeState::Live),
    ];
    let all: Vec<Row> = (0..rows as usize)
        .map(|id| row(id, id % 2 == 1, &cells))
        .collect();
    let picture = draw_rows(&all, &caption());
    assert!(
        height.contains(&picture.height()),
        "{rows} rows: {} px",
        picture.height()
    );
    let groves = count_below_header(&picture, colour_of(Some(Kind::Grove)));
    assert!(
        groves >= 200 * rows as usize,
        "{rows} rows: a quarter of each is grove: {groves}"
    );
}

#[test]
fn one_to_hundreds_of_chunks_are_readable() {
    check_rows(1, 100..=140);
    check_rows(16, 400..=800);
    check_rows(100, 600..=800);
    check_rows(400, 1200..=1400);
}

#[test]
fn the_tiniest_block_has_a_pixel() {
    let mut tiny = row(0, false, &[(999_999, 1, Kind::Interface, RangeState::Live)]);
    tiny.capacity = 1_000_000;
    let picture = draw_rows(&[tiny], &caption());
    assert!(
        count_below_header(&picture, colour_of(Some(Kind::Interface))) > 0,
        "it shows"
    );
}

#[test]
fn an_empty_heap_is_a_picture_too() {
    let picture = draw_rows(&[], &caption());
    assert!(count(&picture, INK) > 0, "the figures are there");
}

#[test]
fn labels_name_kinds() {
    let label = |text: &str| kind_of(Some(&Arc::from(text)));
    assert_eq!(label("grove: forest on tile 0/1/2"), Some(Kind::Grove));
    assert_eq!(label("something else"), None);
    assert_eq!(kind_of(None), None);
}
