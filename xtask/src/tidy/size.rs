//! How long files and functions may be.

use crate::tidy::Violation;
use crate::tidy::rust_source::{RustSource, body_start, closing_brace, is_word};

/// Longest file, in lines without its tests.
const FILE_LINES_MAX: usize = 500;
/// Longest function, in lines from its name to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Files that may be longer, each with the reason.
const LONG_FILES: [(&str, &str); 0] = [];

/// Checks a file's length and its functions'.
pub(super) fn check(source: &RustSource) -> Vec<Violation> {
    let mut found = Vec::new();
    let lines = lines_without_tests(source);
    if lines > FILE_LINES_MAX && !is_exception(&source.path) {
        let text = format!("has {lines} lines without tests, more than {FILE_LINES_MAX}");
        found.push(Violation::new(&source.path, 0, text));
    }
    for Function { name, line, lines } in functions(&source.code_without_tests) {
        if lines > FUNCTION_LINES_MAX {
            let text = format!("{name} has {lines} lines, more than {FUNCTION_LINES_MAX}");
            found.push(Violation::new(&source.path, line, text));
        }
    }
    found
}

/// Checks that the list of exceptions holds no file that does not need it.
pub(super) fn check_exceptions(sources: &[RustSource]) -> Vec<Violation> {
    unneeded(sources, LONG_FILES.iter().map(|(path, _)| *path))
}

fn unneeded<'a>(
    sources: &[RustSource],
    exceptions: impl Iterator<Item = &'a str>,
) -> Vec<Violation> {
    let is_long = |path: &str| {
        let mut files = sources.iter().filter(|source| source.path == path);
        files.any(|source| lines_without_tests(source) > FILE_LINES_MAX)
    };
    let text = "is among the exceptions for long files and needs none";
    exceptions
        .filter(|path| !is_long(path))
        .map(|path| Violation::new(path, 0, text))
        .collect()
}

fn is_exception(path: &str) -> bool {
    LONG_FILES.iter().any(|(exception, _)| *exception == path)
}

fn lines_without_tests(source: &RustSource) -> usize {
    let lines = source.text.lines().zip(&source.line_is_test);
    lines.filter(|(_, is_test)| !**is_test).count()
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    /// Line of its name, from 1.
    line: usize,
    /// Lines from there to its closing brace.
    lines: usize,
}

/// The functions in a file's code.
fn functions(code: &str) -> Vec<Function> {
    let chars: Vec<char> = code.chars().collect();
    let mut found = Vec::new();
    let mut line = 1;
    for at in 0..chars.len() {
        if chars[at] == '\n' {
            line += 1;
        }
        let begins_word = at == 0 || !is_word(chars[at - 1]);
        if !begins_word || !matches!(chars[at..], ['f', 'n', ' ', ..]) {
            continue;
        }
        let name: String = chars[at + 3..]
            .iter()
            .copied()
            .take_while(|&c| is_word(c))
            .collect();
        let Some(start) = body_start(&chars, at).filter(|_| !name.is_empty()) else {
            continue;
        };
        let end = closing_brace(&chars, start);
        let lines = 1 + chars[at..end].iter().filter(|&&c| c == '\n').count();
        found.push(Function { name, line, lines });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "crates/a/src/b.rs";

    /// A function of so many lines.
    fn function(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
    }

    fn said(path: &str, text: &str) -> Vec<String> {
        let found = check(&RustSource::new(path, text));
        found
            .into_iter()
            .map(|violation| violation.to_string())
            .collect()
    }

    #[test]
    fn a_function_is_measured_from_its_name_to_its_brace() {
        let code = "impl A {\n    fn b(\n        c: [u8; 4],\n    ) {\n        {}\n    }\n\n    \
                    fn d();\n}\nconst E: fn (u8) = f;\n";
        assert_eq!(
            functions(code),
            [Function {
                name: "b".into(),
                line: 2,
                lines: 5
            }]
        );
    }

    #[test]
    fn a_long_function_is_caught_and_a_long_test_is_not() {
        assert_eq!(said(PATH, &function(70)), [""; 0]);
        assert_eq!(
            said(PATH, &function(71)),
            [format!("{PATH}:1: long has 71 lines, more than 70")]
        );
        let test = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function(71));
        assert_eq!(said(PATH, &test), [""; 0]);
        assert_eq!(said("crates/a/tests/b.rs", &function(71)), [""; 0]);
    }

    #[test]
    fn a_brace_in_a_string_or_comment_does_not_count() {
        let text = format!(
            "fn a() {{\n    b(\"{{\"); // {{\n}}\n{}",
            "const C: u8 = 0;\n".repeat(90)
        );
        assert_eq!(said(PATH, &text), [""; 0]);
    }

    #[test]
    fn a_long_file_is_caught_but_for_its_tests() {
        let lines = |count| "const A: u8 = 0;\n".repeat(count);
        assert_eq!(said(PATH, &lines(500)), [""; 0]);
        let expected = format!("{PATH}: has 501 lines without tests, more than 500");
        assert_eq!(said(PATH, &lines(501)), [expected]);
        let with_tests = format!(
            "{}#[cfg(test)]\nmod tests {{\n{}}}\n",
            lines(500),
            lines(40)
        );
        assert_eq!(said(PATH, &with_tests), [""; 0]);
    }

    #[test]
    fn an_exception_that_is_not_needed_is_caught() {
        let sources = [RustSource::new(PATH, "fn a() {}\n")];
        assert_eq!(
            unneeded(&sources, [PATH].into_iter()).len(),
            1,
            "a short file"
        );
        assert_eq!(unneeded(&[], [PATH].into_iter()).len(), 1, "no file");
        let long = [RustSource::new(PATH, &"const A: u8 = 0;\n".repeat(501))];
        assert_eq!(unneeded(&long, [PATH].into_iter()).len(), 0, "a long file");
    }
}
