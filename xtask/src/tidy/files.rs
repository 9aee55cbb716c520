//! The files that the rules look at.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::process::{Failure, has_extension};
use crate::tidy::rust_source::{RustSource, test_modules};
use crate::workspace::relative;

/// Endings of the files whose text is read.
const TEXT_ENDINGS: [&str; 5] = [".rs", ".md", ".toml", ".wgsl", ".ci/run"];

/// A text file.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// Path below the root, with forward slashes.
    pub(super) path: String,
    /// Content.
    pub(super) text: String,
}

/// The workspace's files.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    /// Every file's path and every folder's.
    paths: BTreeSet<String>,
    /// The text files, in the order of their paths.
    texts: Vec<File>,
}

impl Files {
    /// Reads what git carries, or would after `git add`; without git, what lies in the folders.
    ///
    /// # Errors
    /// When a text file cannot be read, or is no UTF-8.
    pub(super) fn read(root: &Path) -> Result<Self, Failure> {
        let mut files = Self::default();
        for path in listed_by_git(root).unwrap_or_else(|| walked(root, root)) {
            let full = root.join(&path);
            // Git lists what was deleted but not yet committed; and a link to a folder outside.
            if !full.is_file() {
                continue;
            }
            if TEXT_ENDINGS.iter().any(|ending| path.ends_with(ending)) {
                let text = fs::read_to_string(&full)
                    .map_err(|error| Failure::new(format!("{path}: {error}")))?;
                files.texts.push(File {
                    path: path.clone(),
                    text,
                });
            }
            files.insert(path);
        }
        Ok(files)
    }

    /// Files made up by a test.
    #[cfg(test)]
    pub(super) fn of(texts: &[(&str, &str)]) -> Self {
        let mut files = Self::default();
        for &(path, text) in texts {
            files.texts.push(File {
                path: path.to_owned(),
                text: text.to_owned(),
            });
            files.insert(path.to_owned());
        }
        files
    }

    /// Notes a file and the folders it lies in.
    fn insert(&mut self, path: String) {
        let mut folder = path.as_str();
        while let Some((above, _)) = folder.rsplit_once('/') {
            self.paths.insert(above.to_owned());
            folder = above;
        }
        self.paths.insert(path);
    }

    /// Whether there is such a file or folder.
    pub(super) fn contains(&self, path: &str) -> bool {
        path.is_empty() || self.paths.contains(path)
    }

    /// The text of a file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.iter()
            .find(|file| file.path == path)
            .map(|file| file.text.as_str())
    }

    /// The text files.
    pub(super) fn iter(&self) -> impl Iterator<Item = &File> {
        self.texts.iter()
    }

    /// The Rust files, with those marked that only tests compile.
    pub(super) fn rust_sources(&self) -> Vec<RustSource> {
        let rust = self.iter().filter(|file| has_extension(&file.path, "rs"));
        let mut sources: Vec<_> = rust
            .map(|file| RustSource::new(&file.path, &file.text))
            .collect();
        let modules: Vec<_> = sources.iter().flat_map(test_modules).collect();
        for source in &mut sources {
            let stem = source.path.trim_end_matches(".rs");
            let below = |module: &String| {
                stem.strip_prefix(module.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            if modules.iter().any(below) {
                source.mark_as_test();
            }
        }
        sources
    }
}

/// Git's list, if this is a checkout and git is there.
fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(root);
    git.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let output = git.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut paths: Vec<_> = text
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect();
    paths.sort();
    paths.dedup();
    // An archive unpacked below a checkout of something else is unknown to git.
    if paths.is_empty() { None } else { Some(paths) }
}

/// The files below a folder, but for build outputs and hidden folders other than `.ci`.
fn walked(root: &Path, folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !path.is_dir() {
            found.push(relative(root, &path));
        } else if name == ".ci" || !(name == "target" || name.starts_with('.')) {
            found.extend(walked(root, &path));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_and_the_walk_see_this_file() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let own = "xtask/src/tidy/files.rs".to_owned();
        assert!(walked(root, root).contains(&own), "{own} is not walked to");
        if let Some(listed) = listed_by_git(root) {
            assert!(listed.contains(&own), "{own} is not listed");
        }
        let files = Files::read(root).unwrap();
        assert!(
            files.contains(&own) && files.contains("xtask/src"),
            "{own} is not read"
        );
        assert!(files.text(".ci/run").is_some(), "the script is not read");
    }

    #[test]
    fn files_that_only_tests_compile_are_marked() {
        let files = Files::of(&[
            (
                "crates/a/src/lib.rs",
                "mod heap;\n#[cfg(test)]\nmod oracle;\n",
            ),
            (
                "crates/a/src/heap.rs",
                "#[cfg(test)]\nmod plain;\nmod map;\n",
            ),
            ("crates/a/src/heap/map.rs", ""),
            ("crates/a/src/heap/plain.rs", ""),
            ("crates/a/src/oracle.rs", ""),
            ("crates/a/src/oracle/deep.rs", ""),
            ("crates/a/src/oracles.rs", ""),
            ("crates/a/tests/whole.rs", ""),
        ]);
        let sources = files.rust_sources();
        let tests = sources.iter().filter(|source| source.is_test);
        let paths: Vec<_> = tests.map(|source| source.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "crates/a/src/heap/plain.rs",
                "crates/a/src/oracle.rs",
                "crates/a/src/oracle/deep.rs",
                "crates/a/tests/whole.rs",
            ]
        );
    }
}
