use super::*;
use crate::heap::tests::block;

fn labelled(label: Option<&str>, size: u64, state: BlockState) -> BlockDump {
    let mut block = block("1v1", 0, 0);
    block.label = label.map(str::to_owned);
    block.size = size;
    block.state = state;
    block
}

fn blocks() -> Vec<BlockDump> {
    vec![
        labelled(Some("tree: oak"), 10, BlockState::Resident),
        labelled(Some("tree: fir"), 20, BlockState::Evicted),
        labelled(None, 500, BlockState::Failed),
        labelled(Some("house"), 40, BlockState::Resident),
        labelled(Some("tree: oak"), 30, BlockState::Pending),
    ]
}

#[test]
fn blocks_are_counted_by_label() {
    let group = |label: &str, blocks, bytes, resident, evicted, other| Group {
        label: label.to_owned(),
        blocks,
        bytes,
        resident,
        evicted,
        other,
    };
    let (house, none) = (
        group("house", 1, 40, 1, 0, 0),
        group(UNLABELLED, 1, 500, 0, 0, 1),
    );
    let by_kind = [none.clone(), house.clone(), group("tree", 3, 60, 1, 1, 1)];
    assert_eq!(groups(&blocks(), false), by_kind);
    let (fir, oak) = (
        group("tree: fir", 1, 20, 0, 1, 0),
        group("tree: oak", 2, 40, 1, 0, 1),
    );
    assert_eq!(groups(&blocks(), true), [none, house, fir, oak]);
}

/// The labels after clicks on titles, one after the other.
fn check(clicks: &[Column], expected: &[&str]) {
    let mut sort = Sort::default();
    for &column in clicks {
        sort = sort.clicked(column);
    }
    let mut groups = groups(&blocks(), true);
    sort.order(&mut groups);
    let labels: Vec<_> = groups.iter().map(|group| group.label.as_str()).collect();
    assert_eq!(labels, expected, "after {clicks:?}");
}

#[test]
fn titles_sort() {
    let (none, house, fir, oak) = (UNLABELLED, "house", "tree: fir", "tree: oak");
    check(&[], &[none, house, oak, fir]);
    check(&[Column::Bytes], &[fir, house, oak, none]);
    check(&[Column::Label], &[none, house, fir, oak]);
    check(&[Column::Label, Column::Label], &[oak, fir, house, none]);
    check(&[Column::Evicted], &[fir, none, house, oak]);
    check(&[Column::Evicted, Column::Blocks], &[oak, none, house, fir]);
    check(&[Column::Resident], &[house, oak, none, fir]);
    check(&[Column::Other, Column::Other], &[house, fir, none, oak]);
}

#[test]
fn columns_stand_side_by_side() {
    let row = Rect::from_min_size(egui::pos2(5.0, 3.0), vec2(600.0, 20.0));
    let cells = cells(row, &widths(600.0));
    for pair in cells.windows(2) {
        assert!((pair[0].right() - pair[1].left()).abs() < 0.01, "{pair:?}");
    }
    assert!(
        (cells[5].right() - row.right()).abs() < 0.01,
        "they fill the row"
    );
    assert!(
        widths(10.0)[0] >= 100.0,
        "labels are never squeezed to nothing"
    );
}
