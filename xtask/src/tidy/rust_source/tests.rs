use super::*;

/// The code of a file, runs of blanks shortened to one.
fn check(text: &str, code: &str) {
    let source = RustSource::new("crates/a/src/lib.rs", text);
    assert_eq!(
        source.code.len(),
        source.code.trim_end_matches('\0').len(),
        "{text}"
    );
    let words: Vec<_> = source.code.split_whitespace().collect();
    assert_eq!(words.join(" "), code, "{text}");
    let lines = |text: &str| text.split('\n').count();
    assert_eq!(lines(&source.code), lines(text), "{text}");
    assert_eq!(source.begins_in_literal.len(), lines(text), "{text}");
    assert_eq!(source.line_is_test.len(), lines(text), "{text}");
}

#[test]
fn comments_and_literals_are_blanked() {
    check("a // b\nc /* d /* e */ f */ g", "a c g");
    check(r#"a("b { \" c", 'd', '\'', '\u{7d}') e"#, "a( , , , ) e");
    check(
        "a(r#\"b \" c\"#, br\"d\", r##\"e \"# f\"##) g",
        "a( , , ) g",
    );
    check(
        "fn a<'b>(c: &'b str) -> &'static str { c }",
        "fn a<'b>(c: &'b str) -> &'static str { c }",
    );
    check(
        "let r = 1; let hair = \"x\"; r#match",
        "let r = 1; let hair = ; r#match",
    );
    check("a /// b \" c\nd", "a d");
    check("a(\"unended", "a(");
    check("/* unended", "");
}

#[test]
fn literals_go_and_comments_stay_where_both_are_asked_for() {
    let source = RustSource::new("crates/a/src/lib.rs", "a(\"b\"); // c");
    assert_eq!(source.without_literals, "a(   ); // c");
}

#[test]
fn lines_inside_a_literal_are_known() {
    let source = RustSource::new("crates/a/src/lib.rs", "a(\"\nb\n\");\nc");
    assert_eq!(source.begins_in_literal, [false, true, true, false]);
}

#[test]
fn tests_inside_a_file_are_told_apart() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
    let source = RustSource::new("crates/a/src/lib.rs", text);
    assert_eq!(
        source.line_is_test,
        [false, true, true, true, true, false, false]
    );
    assert!(
        !source.code_without_tests.contains("fn b"),
        "{}",
        source.code_without_tests
    );
    assert!(
        source.code_without_tests.contains("fn c"),
        "{}",
        source.code_without_tests
    );
}

#[test]
fn a_declared_test_module_ends_at_its_semicolon() {
    let text = "#[cfg(test)]\nmod tests;\nfn c() {}\n";
    let source = RustSource::new("crates/a/src/heap.rs", text);
    assert_eq!(source.line_is_test, [true, true, false, false]);
    assert_eq!(test_modules(&source), ["crates/a/src/heap/tests"]);
}

#[test]
fn a_test_only_function_with_arrays_in_its_signature_ends_at_its_brace() {
    let text = "#[cfg(test)]\nfn a(b: [u8; 2]) {\n}\nfn c() {}\n";
    let source = RustSource::new("crates/a/src/heap.rs", text);
    assert_eq!(source.line_is_test, [true, true, true, false, false]);
}

#[test]
fn tests_for_other_crates_stand_behind_a_feature() {
    let text = "#[cfg(any(test, feature = \"conformance\"))]\npub mod conformance;\nfn c() {}\n";
    let source = RustSource::new("crates/a/src/lib.rs", text);
    assert_eq!(source.line_is_test, [true, true, false, false]);
    assert_eq!(test_modules(&source), ["crates/a/src/conformance"]);
    let text = "#[cfg(any(unix, feature = \"test\"))]\npub mod other;\n";
    let source = RustSource::new("crates/a/src/lib.rs", text);
    assert_eq!(source.line_is_test, [false; 3]);
    assert_eq!(test_modules(&source), [""; 0]);
}

#[test]
fn paths_of_tests_are_known() {
    for path in [
        "crates/a/tests/b.rs",
        "crates/a/src/tests.rs",
        "crates/a/src/tests/b.rs",
    ] {
        let source = RustSource::new(path, "fn a() {}\n");
        assert!(
            source.is_test && source.line_is_test.iter().all(|line| *line),
            "{path}"
        );
        assert_eq!(source.code_without_tests.trim(), "", "{path}");
    }
    assert!(
        !RustSource::new("crates/a/src/protests.rs", "").is_test,
        "another word"
    );
}
