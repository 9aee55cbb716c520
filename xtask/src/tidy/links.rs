//! Links and commands in the Markdown files.

use clap::CommandFactory;

use crate::cli::Cli;
use crate::process::has_extension;
use crate::tidy::Violation;
use crate::tidy::files::Files;

/// Checks that each relative link leads to a file or folder that git carries, and its fragment
/// to a heading there.
pub(super) fn check(path: &str, text: &str, files: &Files) -> Vec<Violation> {
    let mut found = Vec::new();
    for (line, target) in targets(text) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
        let resolved = if file.is_empty() {
            Some(path.to_owned())
        } else {
            resolve(path, file)
        };
        let Some(resolved) = resolved.filter(|resolved| files.contains(resolved)) else {
            found.push(Violation::new(
                path,
                line,
                format!("links to {target}, which is not there"),
            ));
            continue;
        };
        if fragment.is_empty() || !has_extension(&resolved, "md") {
            continue;
        }
        if !anchors(files.text(&resolved).unwrap_or_default())
            .iter()
            .any(|at| at == fragment)
        {
            let text = format!("links to #{fragment}, which is no heading of {resolved}");
            found.push(Violation::new(path, line, text));
        }
    }
    found
}

/// Checks that each `cargo xtask` command and each `-p` package that a file names exists.
pub(super) fn check_commands(path: &str, text: &str, packages: &[&str]) -> Vec<Violation> {
    let cli = Cli::command();
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let mut say = |what: String| found.push(Violation::new(path, number, what));
        for name in words_behind(line, "cargo xtask ") {
            let known = cli
                .get_subcommands()
                .any(|command| command.get_name() == name);
            // `help` and the options come with the command line.
            if !known && name != "help" && !name.starts_with('-') && !name.is_empty() {
                say(format!("names `cargo xtask {name}`, which does not exist"));
            }
        }
        if !line.contains("cargo ") {
            continue;
        }
        let named = [" -p ", " --package "]
            .into_iter()
            .flat_map(|option| words_behind(line, option));
        for name in named.filter(|name| !packages.contains(name)) {
            say(format!("names the package {name}, which does not exist"));
        }
    }
    found
}

/// The word behind each `start` in a line.
fn words_behind<'a>(line: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    line.split(start).skip(1).map(move |rest| {
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        &rest[..end]
    })
}

/// The targets of a file's links and pictures with their lines, code left out.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second piece between backticks is code.
        for prose in line.split('`').step_by(2) {
            let pieces = prose.split("](").skip(1);
            found.extend(pieces.filter_map(|piece| {
                let target = piece.split(')').next()?.split_whitespace().next()?;
                Some((number, target.trim_matches(['<', '>'])))
            }));
        }
        // A link whose text is code is cut above: `](` then begins a later piece.
        let defined = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]: "));
        found.extend(defined.and_then(|(_, target)| {
            Some((
                number,
                target.split_whitespace().next()?.trim_matches(['<', '>']),
            ))
        }));
    }
    found
}

/// `link` from the folder of `path`; `None` where it leaves the workspace.
fn resolve(path: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The anchors of a file's headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        }
        let heading = line.trim_start_matches('#');
        if fenced || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = heading
            .trim()
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let anchor: String = kept.flat_map(char::to_lowercase).collect();
        let anchor = anchor.replace(' ', "-");
        let same = anchors.iter().filter(|other| **other == anchor).count();
        anchors.push(if same == 0 {
            anchor
        } else {
            format!("{anchor}-{same}")
        });
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of the links in `docs/a.md`.
    fn said(text: &str) -> Vec<String> {
        let files = Files::of(&[
            ("docs/a.md", text),
            (
                "docs/b.md",
                "# One `two`: 3\n## One\n## One\n```\n# none\n```\n",
            ),
            ("README.md", ""),
            ("crates/a/src/lib.rs", ""),
        ]);
        check("docs/a.md", text, &files)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        for link in [
            "b.md",
            "./b.md",
            "../README.md",
            "../crates/a",
            "../crates/a/",
            "../",
            "b.md#one-two-3",
            "b.md#one-1",
            "https://a.example/none.md",
            "mailto:a@example.org",
        ] {
            assert_eq!(
                said(&format!("[text]({link}) and ![picture]({link} \"title\")")),
                [""; 0]
            );
            assert_eq!(said(&format!("[`code`]({link})")), [""; 0]);
            assert_eq!(said(&format!("[text]: {link}")), [""; 0]);
        }
        assert_eq!(said("# Here\n[up](#here)"), [""; 0]);
    }

    #[test]
    fn links_that_lead_nowhere_are_caught() {
        for link in [
            "c.md",
            "../b.md",
            "../../README.md",
            "b.md#none",
            "#nowhere",
        ] {
            assert_eq!(said(&format!("[text]({link})")).len(), 1, "{link}");
            assert_eq!(
                said(&format!("[`code`]({link})")).len(),
                1,
                "{link} behind code"
            );
            assert_eq!(said(&format!("[text]: {link}")).len(), 1, "{link} defined");
        }
        assert_eq!(
            said("one\n[a](c.md) [b](b.md) ![d](e.png)"),
            [
                "docs/a.md:2: links to c.md, which is not there",
                "docs/a.md:2: links to e.png, which is not there",
            ]
        );
    }

    #[test]
    fn code_holds_no_links() {
        assert_eq!(said("```\n[a](c.md)\n```\nand `[a](c.md)`\n"), [""; 0]);
    }

    #[test]
    fn commands_that_do_not_exist_are_caught() {
        let said = |text: &str| check_commands("README.md", text, &["geoheap"]).len();
        assert_eq!(
            said("`cargo xtask demo -- --frames 9` and `cargo xtask test`\n"),
            0
        );
        assert_eq!(
            said("Every `cargo xtask` command; `cargo xtask --help`\n"),
            0
        );
        assert_eq!(said("cargo xtask fly\n"), 1);
        assert_eq!(said("cargo test -p geoheap\nmkdir -p anything\n"), 0);
        assert_eq!(
            said("cargo test -p geoheap-none\ncargo doc --package none\n"),
            2
        );
    }
}
