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
    use crate::workspace::{Dependency, Package};

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

    /// A workspace of one crate without a fault, as packages and files.
    fn tidy_crate() -> (Workspace, Vec<(&'static str, String)>) {
        let package = Package {
            name: "geoheap-residency".into(),
            folder: "crates/residency".into(),
            license: Some("MIT OR Apache-2.0".into()),
            description: Some("Who stays".into()),
            dependencies: Vec::new(),
            roots: vec!["crates/residency/src/lib.rs".into()],
        };
        let workspace = Workspace {
            root: "/nowhere".into(),
            target_dir: "/nowhere/target".into(),
            packages: vec![package],
        };
        let mut texts: Vec<_> = ROOT_FILES.map(|name| (name, "Text.\n".to_owned())).into();
        let manifest = "[package]\n\n[lints]\nworkspace = true\n";
        texts.push(("crates/residency/Cargo.toml", manifest.to_owned()));
        let root = "#![forbid(unsafe_code)]\n//! Who stays.\n";
        texts.push(("crates/residency/src/lib.rs", root.to_owned()));
        (workspace, texts)
    }

    /// What is said of the tidy crate with `text` appended to the file `path`.
    fn said_with(path: &str, text: &str) -> Vec<String> {
        let (workspace, mut texts) = tidy_crate();
        let file = texts.iter_mut().find(|(other, _)| *other == path).unwrap();
        file.1.push_str(text);
        let texts: Vec<_> = texts
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect();
        let found = violations(&workspace, &Files::of(&texts));
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_rule_over_files_is_asked() {
        const LIB: &str = "crates/residency/src/lib.rs";
        assert_eq!(said_with(LIB, ""), [""; 0]);
        for (path, text, expected) in [
            ("README.md", "[a](none.md)\n", "which is not there"),
            ("README.md", "cargo xtask none\n", "does not exist"),
            (".ci/run", "\tcargo\n", "holds a tab"),
            (LIB, &format!("// {}\n", "x".repeat(99)), "columns long"),
            (
                LIB,
                &format!("fn a() {{\n{}}}\n", "    b();\n".repeat(70)),
                "a has 72 lines",
            ),
            (LIB, &"// c\n".repeat(500), "lines without tests"),
            (LIB, "use std::time::Instant;\n", "does without"),
        ] {
            let said = said_with(path, text);
            assert!(
                said.len() == 1 && said[0].contains(expected),
                "{expected}: {said:?}"
            );
        }
    }

    #[test]
    fn every_rule_over_packages_is_asked() {
        let (good, texts) = tidy_crate();
        let texts: Vec<_> = texts
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect();
        let said = |change: &dyn Fn(&mut Package)| {
            let mut package = good.packages[0].clone();
            change(&mut package);
            let workspace = Workspace {
                root: good.root.clone(),
                target_dir: good.target_dir.clone(),
                packages: vec![package],
            };
            violations(&workspace, &Files::of(&texts)).len()
        };
        assert_eq!(said(&|_| ()), 0);
        assert_eq!(said(&|package| package.license = None), 1);
        assert_eq!(said(&|package| package.roots.push("README.md".into())), 1);
        // Without a manifest there it takes no lints either.
        assert_eq!(said(&|package| package.folder = "crates/heap".into()), 2);
        let flume = || Dependency {
            name: "flume".into(),
            dev: false,
        };
        assert_eq!(said(&|package| package.dependencies.push(flume())), 1);
    }
}
