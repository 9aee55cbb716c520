use super::{BlockState, Difference, HeapDump, small};

#[test]
fn figures_of_the_small_heap() {
    let figures = serde_json::to_string_pretty(&small().figures()).expect("finite");
    insta::assert_snapshot!("figures", figures);
}

#[test]
fn figures_of_an_empty_heap_are_zero() {
    let figures = HeapDump::default().figures();
    assert_eq!((figures.overhead, figures.fragmentation), (0.0, 0.0));
    assert!(figures.hole_sizes.is_empty() && figures.by_state.is_empty());
}

#[test]
fn a_heap_does_not_differ_from_itself() {
    assert_eq!(HeapDump::diff(&small(), &small()), []);
}

#[test]
fn what_differs_is_named() {
    let mut b = small();
    b.tick += 1;
    b.chunks[0].free += 16;
    b.chunks[0].ranges.remove(1);
    b.chunks[0].ranges[1].state = super::RangeStateDump::Live;
    b.chunks.pop();
    b.blocks[0].parts[1].size = 191;
    b.blocks[0].parts.remove(0);
    b.blocks[1].label = Some("stone".to_owned());
    b.blocks[2].state = BlockState::Lost;
    // The slot has another block.
    b.blocks[3].handle = "4v3".to_owned();
    let text = |found: Vec<Difference>| -> String {
        let lines: Vec<String> = found.iter().map(Difference::to_string).collect();
        lines.join("\n")
    };
    insta::assert_snapshot!("differences", text(HeapDump::diff(&small(), &b)));
    let back = HeapDump::diff(&b, &small());
    let there = HeapDump::diff(&small(), &b);
    assert_eq!(back.len(), there.len(), "both ways");
    assert!(
        back.iter()
            .zip(&there)
            .all(|(x, y)| x.path == y.path && x.a == y.b && x.b == y.a),
        "turned round"
    );
}

#[test]
fn leaks_are_told_by_label_and_age() {
    let leaks = serde_json::to_string_pretty(&small().leaks(None)).expect("finite");
    insta::assert_snapshot!("leaks", leaks);
    let labels = |older_than| -> Vec<(String, usize)> {
        let leaks = small().leaks(Some(older_than));
        leaks
            .into_iter()
            .map(|leak| (leak.label, leak.blocks))
            .collect()
    };
    let row = |label: &str, blocks| (label.to_owned(), blocks);
    // Ages: rock 0 and never, unnamed 10, tree 9 and never, fallback 0.
    assert_eq!(labels(0), [row("rock", 1), row("", 1), row("tree", 2)]);
    assert_eq!(labels(9), [row("rock", 1), row("", 1), row("tree", 1)]);
    assert_eq!(labels(10), [row("rock", 1), row("tree", 1)]);
    assert_eq!(
        labels(u64::MAX),
        [row("rock", 1), row("tree", 1)],
        "never used"
    );
}
