use geoheap_heap_dump::Position;

use super::*;
use crate::verdict::objection;

fn ours() -> HeapDump {
    HeapDump::from_json(OURS).expect("it keeps all rules")
}

#[test]
fn the_dumps_that_are_edited_are_right() {
    for (first, what) in [(0, "own"), (3, "vma"), (5, "vma"), (6, "vma")] {
        assert_eq!(run(&[first]).count(what, true), 1, "{what} of {first}");
        let other = if what == "own" { "vma" } else { "own" };
        assert_eq!(run(&[first]).count(other, false), 1, "{other} of {first}");
    }
    assert_eq!(run(b"\x07{}").count("own", false), 1, "a text of the input");
}

#[test]
fn places_outside_of_the_text_are_objected_to() {
    let at = |line, column| DumpError::Text {
        at: Position { line, column },
        what: String::new(),
    };
    for place in [(1, 1), (1, 3), (2, 1)] {
        judge_refusal(b"{}\n", &at(place.0, place.1));
    }
    for place in [(0, 1), (1, 0), (1, 4), (3, 1)] {
        let said = objection(|| judge_refusal(b"{}\n", &at(place.0, place.1)));
        assert!(said.contains("not a place"), "{said}");
    }
}

#[test]
fn wrong_figures_are_objected_to() {
    let (dump, right) = (ours(), ours().figures());
    judge_figures(&dump, &right);
    let wrong: [fn(&mut Figures); 5] = [
        |figures| figures.live_bytes += 1,
        |figures| figures.free_bytes -= 1,
        |figures| figures.fragmentation = 1.5,
        |figures| figures.by_label[0].count += 1,
        |figures| _ = figures.block_sizes.pop(),
    ];
    for change in wrong {
        let mut figures = right.clone();
        change(&mut figures);
        let said = objection(|| judge_figures(&dump, &figures));
        assert!(said.contains('J'), "{said}");
    }
}

#[test]
fn other_wrong_answers_are_objected_to() {
    let dump = ours();
    let mut leaks = dump.leaks(None);
    judge_leaks(&dump, &leaks);
    leaks.reverse();
    objection(|| judge_leaks(&dump, &leaks));
    leaks.pop();
    objection(|| judge_leaks(&dump, &leaks));

    let mut broken = ours();
    broken.chunks[0].free += 1;
    let said = objection(|| judge_dump(&broken, &mut Tally::default()));
    assert!(said.contains("keeps the rules"), "{said}");

    let mut other = ours();
    judge_export(&dump, &other);
    other.chunks.pop();
    objection(|| judge_export(&dump, &other));
    other = ours();
    other.chunks[0].ranges.pop();
    objection(|| judge_export(&dump, &other));
}
