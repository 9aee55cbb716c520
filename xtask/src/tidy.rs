//! `cargo xtask tidy`: the rules of the house that neither rustc nor clippy knows.
//!
//! Each rule is a pure function over the packages or over a file's path and text, and has a test
//! with a planted violation. The rules over Rust text work on `RustSource`, which knows code
//! from comments, strings and tests; they are no parser, and err on the side of silence where a
//! parser would be needed.

mod files;
mod layers;
mod links;
mod manifest;
mod rust_source;
mod size;
mod text;
mod words;

use std::fmt;

use crate::process::{Failure, has_extension};
use crate::tidy::files::{File, Files};
use crate::workspace::Workspace;

/// Files that must lie in the root of a published workspace.
const ROOT_FILES: [&str; 7] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    ".ci/run",
    ".gitignore",
];

/// A place where a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    /// File below the workspace's root.
    path: String,
    /// Line, from 1; 0 where the whole file is meant.
    line: usize,
    /// What is wrong, and what would be right.
    text: String,
}

impl Violation {
    fn new(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            text: text.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(f, "{}: {}", self.path, self.text);
        }
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

/// Checks the workspace and prints what is wrong.
///
/// # Errors
/// When a rule is broken.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let files = Files::read(&workspace.root)?;
    let violations = violations(workspace, &files);
    for violation in &violations {
        eprintln!("{violation}");
    }
    match violations.len() {
        0 => Ok(()),
        1 => Err(Failure::new("tidy: 1 violation")),
        count => Err(Failure::new(format!("tidy: {count} violations"))),
    }
}

/// Everything that is wrong, in the order of the files.
fn violations(workspace: &Workspace, files: &Files) -> Vec<Violation> {
    let mut all = layers::check(&workspace.packages);
    for name in ROOT_FILES.iter().filter(|name| !files.contains(name)) {
        all.push(Violation::new(name, 0, "is missing"));
    }
    for package in &workspace.packages {
        all.extend(manifest::check(package));
        all.extend(manifest::check_roots(package, files));
        let path = format!("{}/Cargo.toml", package.folder);
        all.extend(manifest::check_lints(
            &path,
            files.text(&path).unwrap_or_default(),
        ));
    }
    let names: Vec<_> = workspace
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    for File { path, text } in files.iter() {
        all.extend(text::check(path, text));
        if has_extension(path, "md") {
            all.extend(links::check(path, text, files));
            all.extend(links::check_commands(path, text, &names));
        }
    }
    let sources = files.rust_sources();
    for source in &sources {
        all.extend(text::check_line_lengths(source));
        all.extend(size::check(source));
        all.extend(words::check(source));
    }
    all.extend(size::check_exceptions(&sources));
    all.extend(words::check_single_homes(&sources));
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        let workspace = Workspace::load().unwrap();
        let files = Files::read(&workspace.root).unwrap();
        let found = violations(&workspace, &files);
        let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert!(
            lines.is_empty(),
            "the rules of the house are broken:\n{}",
            lines.join("\n")
        );
    }

    #[test]
    fn a_missing_root_file_is_found() {
        let workspace = Workspace {
            packages: Vec::new(),
            ..Workspace::load().unwrap()
        };
        let files = Files::of(&[("LICENSE-MIT", "")]);
        let found = violations(&workspace, &files);
        assert_eq!(found.len(), ROOT_FILES.len() - 1, "{found:?}");
    }
}
