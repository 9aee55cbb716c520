//! Characters and lines.

use crate::process::has_extension;
use crate::tidy::Violation;
use crate::tidy::rust_source::RustSource;

/// Longest line of a source, in columns.
const COLUMNS_MAX: usize = 100;

/// Checks a file's characters: no tab, no blank at a line's end, a line break at the file's end,
/// and nothing but ASCII, in prose excepted.
pub(super) fn check(path: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let prose = has_extension(path, "md");
    for (number, line) in (1..).zip(text.lines()) {
        let mut say = |what: String| found.push(Violation::new(path, number, what));
        if line.contains('\t') {
            say("holds a tab".into());
        }
        if line.ends_with([' ', '\t', '\r']) {
            say("ends in a blank".into());
        }
        if let Some(c) = line.chars().find(|c| !c.is_ascii() && !prose) {
            say(format!("holds {}, which is not ASCII", c.escape_unicode()));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        found.push(Violation::new(
            path,
            text.lines().count(),
            "does not end in a line break",
        ));
    }
    found
}

/// Checks the length of a Rust file's lines. Addresses cannot be broken, and neither can the
/// inside of a test's snapshot.
pub(super) fn check_line_lengths(source: &RustSource) -> Vec<Violation> {
    let mut found = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let columns = line.chars().count();
        let snapshot = source.line_is_test[index] && source.begins_in_literal[index];
        if columns > COLUMNS_MAX && !snapshot && !line.contains("://") {
            let text = format!("is {columns} columns long, more than {COLUMNS_MAX}");
            found.push(Violation::new(&source.path, index + 1, text));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a text, without the place.
    fn said(path: &str, text: &str) -> Vec<String> {
        check(path, text)
            .into_iter()
            .map(|violation| violation.text)
            .collect()
    }

    #[test]
    fn each_rule_catches_its_violation() {
        assert_eq!(said("a.rs", "fn a() {}\n"), [""; 0]);
        assert_eq!(said("a.rs", "\tfn a() {}\n"), ["holds a tab"]);
        assert_eq!(said("a.rs", "fn a() {} \n"), ["ends in a blank"]);
        assert_eq!(said("a.rs", "fn a() {}"), ["does not end in a line break"]);
        assert_eq!(
            said("a.rs", "// \u{b5}s\n"),
            ["holds \\u{b5}, which is not ASCII"]
        );
        assert_eq!(said("a.md", "\u{b5}s\n"), [""; 0]);
        assert_eq!(said("a.md", "text \n"), ["ends in a blank"]);
    }

    #[test]
    fn places_are_named() {
        let found = check("a.rs", "fn a() {}\n\tb\n");
        assert_eq!(found[0].to_string(), "a.rs:2: holds a tab");
    }

    #[test]
    fn long_lines_are_caught_but_for_addresses_and_snapshots() {
        let count = |path: &str, text: &str| check_line_lengths(&RustSource::new(path, text)).len();
        let long = "x".repeat(COLUMNS_MAX + 1);
        assert_eq!(
            count("crates/a/src/b.rs", &long[1..]),
            0,
            "just short enough"
        );
        assert_eq!(count("crates/a/src/b.rs", &long), 1, "a column more");
        assert_eq!(
            count("crates/a/src/b.rs", &format!("// https://a.example/{long}")),
            0
        );
        let snapshot = format!("(\"\n{long}\n\")");
        assert_eq!(
            count("crates/a/src/b.rs", &snapshot),
            1,
            "a string of the crate"
        );
        assert_eq!(count("crates/a/src/tests.rs", &snapshot), 0, "a snapshot");
        assert_eq!(count("crates/a/src/tests.rs", &long), 1, "a test's code");
    }
}
