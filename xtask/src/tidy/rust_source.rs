//! A Rust file taken apart as far as the rules need: code, comments, strings, tests.

/// Beginnings of the attributes of what only tests compile, their own or, behind a feature, those
/// of another crate.
const TEST_ATTRIBUTES: [&str; 3] = ["#[cfg(test)", "#[cfg(all(test,", "#[cfg(any(test, feature"];

/// What a character belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    /// The inside of a string or character literal, its quotes included.
    Literal,
}

/// A Rust file.
#[derive(Clone, Debug)]
pub(super) struct RustSource {
    /// Path below the workspace's root, with forward slashes.
    pub(super) path: String,
    /// The whole text.
    pub(super) text: String,
    /// The text with comments and literals blanked, line for line.
    pub(super) code: String,
    /// `code` with what only tests compile blanked too.
    pub(super) code_without_tests: String,
    /// The text with literals blanked, comments kept.
    pub(super) without_literals: String,
    /// For each line, whether it begins inside a literal.
    pub(super) begins_in_literal: Vec<bool>,
    /// For each line, whether only tests compile it.
    pub(super) line_is_test: Vec<bool>,
    /// Whether only tests compile the file.
    pub(super) is_test: bool,
}

impl RustSource {
    /// Takes a file apart.
    pub(super) fn new(path: &str, text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let kinds = classify(&chars);
        let only = |keep: &dyn Fn(Kind) -> bool| -> String {
            let kept = |(&c, &kind): (&char, &Kind)| if keep(kind) || c == '\n' { c } else { ' ' };
            chars.iter().zip(&kinds).map(kept).collect()
        };
        let code = only(&|kind| kind == Kind::Code);
        let mut begins_in_literal = vec![false];
        let breaks = chars.iter().zip(&kinds).filter(|(c, _)| **c == '\n');
        begins_in_literal.extend(breaks.map(|(_, &kind)| kind == Kind::Literal));
        let (code_without_tests, line_is_test) = without_tests(&code);
        let mut source = Self {
            path: path.to_owned(),
            text: text.to_owned(),
            without_literals: only(&|kind| kind != Kind::Literal),
            code,
            code_without_tests,
            begins_in_literal,
            line_is_test,
            is_test: false,
        };
        if is_test_path(path) {
            source.mark_as_test();
        }
        source
    }

    /// Notes that only tests compile this file.
    pub(super) fn mark_as_test(&mut self) {
        self.is_test = true;
        self.line_is_test.fill(true);
        self.code_without_tests = self.code.chars().map(blank).collect();
    }
}

/// Whether a path says that only tests compile the file.
fn is_test_path(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.split('/').any(|folder| folder == "tests")
}

/// A character's place kept empty; line breaks stay.
fn blank(c: char) -> char {
    if c == '\n' { c } else { ' ' }
}

/// Whether a character can stand in an identifier.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Tells code, comments and literals apart.
fn classify(chars: &[char]) -> Vec<Kind> {
    let mut kinds = Vec::with_capacity(chars.len());
    while kinds.len() < chars.len() {
        let at = kinds.len();
        let (kind, len) = token(chars, at);
        let end = (at + len.max(1)).min(chars.len());
        kinds.resize(end, kind);
    }
    kinds
}

/// The kind of what begins at `at`, and its length in characters.
fn token(chars: &[char], at: usize) -> (Kind, usize) {
    let rest = &chars[at..];
    let begins_word = at == 0 || !is_word(chars[at - 1]);
    match rest {
        ['/', '/', ..] => {
            let len = rest.iter().position(|&c| c == '\n').unwrap_or(rest.len());
            (Kind::Comment, len)
        }
        ['/', '*', ..] => (Kind::Comment, block_comment_len(rest)),
        ['"', ..] => (Kind::Literal, quoted_len(rest, '"')),
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => (Kind::Literal, quoted_len(rest, '\'')),
        [c, ..] if begins_word && is_word(*c) => {
            // A word is skipped whole, unless it is the prefix of a raw string.
            let len = rest.iter().position(|&c| !is_word(c)).unwrap_or(rest.len());
            let prefix: String = rest[..len].iter().collect();
            let raw = matches!(prefix.as_str(), "r" | "br" | "cr");
            match raw_string_len(&rest[len..]) {
                Some(string) if raw => (Kind::Literal, len + string),
                _ => (Kind::Code, len),
            }
        }
        _ => (Kind::Code, 1),
    }
}

/// Length of a block comment; they nest.
fn block_comment_len(rest: &[char]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => {
                depth += 1;
                at += 2;
            }
            ['*', '/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    at
}

/// Length of a literal that ends at the next `quote` without a backslash before it.
fn quoted_len(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Length of a raw string from its first `#` or quote; `None` where there is none.
fn raw_string_len(rest: &[char]) -> Option<usize> {
    let hashes = rest.iter().take_while(|&&c| c == '#').count();
    if rest.get(hashes) != Some(&'"') {
        return None;
    }
    let is_end = |window: &[char]| window[0] == '"' && window[1..].iter().all(|&c| c == '#');
    let inside = rest[hashes + 1..].windows(hashes + 1).position(is_end);
    Some(inside.map_or(rest.len(), |inside| 2 * (hashes + 1) + inside))
}

/// `code` with the items behind test attributes blanked, and the lines that they cover.
fn without_tests(code: &str) -> (String, Vec<bool>) {
    let mut chars: Vec<char> = code.chars().collect();
    let mut line_is_test = vec![false; code.split('\n').count()];
    for attribute in TEST_ATTRIBUTES {
        let pattern: Vec<char> = attribute.chars().collect();
        let mut from = 0;
        while let Some(start) = position(&chars, &pattern, from) {
            let end = item_end(&chars, start + 1);
            let line = |at: usize| chars[..at].iter().filter(|&&c| c == '\n').count();
            line_is_test[line(start)..=line(end.saturating_sub(1))].fill(true);
            for c in &mut chars[start..end] {
                *c = blank(*c);
            }
            from = end;
        }
    }
    (chars.into_iter().collect(), line_is_test)
}

/// Where `pattern` next begins at or after `from`.
fn position(chars: &[char], pattern: &[char], from: usize) -> Option<usize> {
    let windows = chars.get(from..)?.windows(pattern.len());
    Some(from + windows.into_iter().position(|window| window == pattern)?)
}

/// One past the end of the item that begins at `from`: its `;`, or its body's closing brace.
pub(super) fn item_end(chars: &[char], from: usize) -> usize {
    match body_start(chars, from) {
        Some(start) => closing_brace(chars, start) + 1,
        None => position(chars, &[';'], from).map_or(chars.len(), |at| at + 1),
    }
}

/// The opening brace of the item that begins at `from`; `None` where a `;` comes first.
pub(super) fn body_start(chars: &[char], from: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, c) in chars.iter().enumerate().skip(from) {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth <= 0 => return Some(at),
            ';' if depth <= 0 => return None,
            _ => {}
        }
    }
    None
}

/// The brace that closes the one at `start`, or the last character.
pub(super) fn closing_brace(chars: &[char], start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, c) in chars.iter().enumerate().skip(start) {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return at,
            '}' => depth -= 1,
            _ => {}
        }
    }
    chars.len().saturating_sub(1)
}

/// The modules that a file declares behind test attributes, as paths without the ending.
pub(super) fn test_modules(source: &RustSource) -> Vec<String> {
    let folder = match source.path.rsplit_once('/') {
        Some((folder, "lib.rs" | "main.rs" | "mod.rs")) => folder,
        _ => source.path.trim_end_matches(".rs"),
    };
    let mut modules = Vec::new();
    for (at, attribute) in TEST_ATTRIBUTES
        .iter()
        .flat_map(|start| source.code.match_indices(start))
    {
        let behind = source.code[at + attribute.len()..]
            .split_once(']')
            .map(|(_, item)| item);
        let item = behind.unwrap_or_default().trim_start();
        let declared = item
            .strip_prefix("pub ")
            .unwrap_or(item)
            .strip_prefix("mod ");
        let name = declared
            .and_then(|item| item.split_once(';'))
            .map(|(name, _)| name);
        if let Some(name) = name.filter(|name| name.chars().all(is_word)) {
            modules.push(format!("{folder}/{name}"));
        }
    }
    modules
}

#[cfg(test)]
mod tests;
