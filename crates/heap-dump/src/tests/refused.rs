use core::fmt::Write as _;

use super::{HeapDump, SMALL};

/// The rows of the table.
fn malformed() -> Vec<(&'static str, &'static str)> {
    let rows = include_str!("../../tests/malformed.txt").lines();
    let rows = rows.filter(|row| !row.is_empty() && !row.starts_with('#'));
    rows.map(|row| row.split_once(" => ").expect("a row has an arrow"))
        .collect()
}

/// What is said about a text; all that is said has a position within the text.
fn said(bytes: &[u8]) -> String {
    let error = HeapDump::from_bytes(bytes).expect_err("this is refused");
    let at = error.position().expect("a text's error has a position");
    let lines = bytes.split(|&byte| byte == b'\n').collect::<Vec<_>>();
    assert!(
        at.line >= 1 && at.line <= lines.len() && at.column >= 1,
        "{error}: there are {} lines",
        lines.len()
    );
    assert!(at.column <= lines[at.line - 1].len() + 1, "{error}");
    error.to_string()
}

#[test]
fn malformed_dumps_are_refused_with_a_position() {
    let mut report = String::new();
    for (from, to) in malformed() {
        assert!(SMALL.contains(from), "no longer in the small heap: {from}");
        let text = SMALL.replacen(from, to, 1);
        let _ = writeln!(report, "{to}\n  {}", said(text.as_bytes()));
    }
    insta::assert_snapshot!("malformed", report);
}

#[test]
fn a_text_that_ends_early_is_refused_wherever_it_ends() {
    for end in 0..SMALL.trim_end().len() {
        said(&SMALL.as_bytes()[..end]);
    }
}

#[test]
fn noise_and_depth_are_refused() {
    for (text, expected) in [
        (&b""[..], "line 1, column 1: EOF while parsing a value"),
        (
            b"\x1f\x8b\x08\0",
            "line 1, column 2: this is not UTF-8; expected a JSON text",
        ),
        (
            b"{\n \xff",
            "line 2, column 2: this is not UTF-8; expected a JSON text",
        ),
        (b"\0\0\0\0", "line 1, column 1: expected value"),
        (b"\xef\xbb\xbf{}", "line 1, column 1: expected value"),
        (b"geoheap-trace 1\n", "line 1, column 1: expected value"),
        (b"{}", "line 1, column 2: missing field `schema`"),
        (
            b"[]",
            "line 1, column 2: invalid length 0, expected struct HeapDump with 10 elements",
        ),
        (
            b"7",
            "line 1, column 1: invalid type: integer `7`, expected struct HeapDump",
        ),
    ] {
        assert_eq!(said(text), expected, "{text:?}");
    }
    for nested in [
        "[",
        "{\"chunks\":",
        "{\"schema\":[",
        "{\"blocks\":[{\"parts\":",
    ] {
        said(nested.repeat(100_000).as_bytes());
    }
    let mut state = 1_u64;
    for len in 1..400 {
        let mut noise = Vec::new();
        noise.resize_with(len, || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_be_bytes()[0]
        });
        said(&noise);
    }
}

#[test]
fn a_dump_behind_a_dump_is_refused() {
    let twice = format!("{SMALL}{SMALL}");
    assert_eq!(
        said(twice.as_bytes()),
        "line 33, column 1: trailing characters"
    );
}
