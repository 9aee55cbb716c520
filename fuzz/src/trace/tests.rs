use geoheap_trace::{Position, Problem};

use super::*;

#[test]
fn inputs_are_texts_with_a_first_line() {
    let reached = run(b"\0add 1 5\nuse 1\nuse 2\n");
    let counts = [("add", true), ("use", true), ("use", false)];
    for (line, ok) in counts {
        assert_eq!(reached.count(line, ok), 1, "{line}");
    }
    assert_eq!(run(b"\x01A 1 36 6\nF 1\n").count("frame", true), 1);
    assert_eq!(run(b"\x021,0,9,5\n").count("remove", true), 1);
    assert_eq!(run(b"\x03geoheap-trace 1\ntrim\n").count("trim", true), 1);
    assert_eq!(run(b""), Tally::default());
}

/// A refusal at this place of a text of two lines.
fn judged(line: u64, column: u64) -> Tally {
    let error = TraceError {
        file: FILE.to_owned(),
        position: Some(Position { line, column }),
        problem: Problem::NotUtf8,
    };
    let mut tally = Tally::default();
    judge(b"geoheap-trace 1\nuse 1", &error, &mut tally);
    tally
}

#[test]
fn places_inside_the_text_are_taken() {
    assert_eq!(judged(2, 6).count("use", false), 1);
    assert_eq!(judged(1, 1), Tally::default());
}

#[test]
#[should_panic(expected = "T2")]
fn a_column_past_the_line_is_a_lie() {
    judged(2, 7);
}

#[test]
#[should_panic(expected = "T2: the line is there")]
fn a_line_past_the_text_is_a_lie() {
    judged(3, 1);
}
