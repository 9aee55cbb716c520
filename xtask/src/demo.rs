//! `cargo xtask demo`: the set-up, the build and the flight.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Failure, cargo, has_extension, run as run_command};
use crate::vulkan;
use crate::workspace::Workspace;

/// Name of the demo's package and program.
pub(crate) const PROGRAM: &str = "geoheap-demo";

/// Flies the demo with `args`, headless where there is no display.
///
/// # Errors
/// When the driver is missing and cannot be installed, or the build or the flight fails.
pub(crate) fn run(
    workspace: &Workspace,
    may_install: bool,
    args: Vec<String>,
) -> Result<(), Failure> {
    vulkan::ensure_driver(may_install)?;
    let program = build(workspace, true)?;
    let flight = Flight::new(args, has_display(), &workspace.target_dir.join("demo"));
    // The caller's own folder, so that relative paths in the arguments mean what they say.
    run_command(Command::new(program).args(&flight.args))?;
    if let Some(out) = &flight.out {
        announce(out);
    }
    Ok(())
}

/// Builds the demo and returns its program.
///
/// # Errors
/// When the build fails.
pub(crate) fn build(workspace: &Workspace, release: bool) -> Result<PathBuf, Failure> {
    build_program(workspace, PROGRAM, release)
}

/// Builds a program of the workspace and returns it.
///
/// The whole workspace is selected, so that features unify as in the tests' build and the
/// dependencies are compiled once.
///
/// # Errors
/// When the build fails.
pub(crate) fn build_program(
    workspace: &Workspace,
    name: &str,
    release: bool,
) -> Result<PathBuf, Failure> {
    let mut command = cargo(&workspace.root);
    command.args(["build", "--workspace", "--bin", name]);
    if release {
        command.arg("--release");
    }
    run_command(&mut command)?;
    let profile = if release { "release" } else { "debug" };
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    Ok(workspace.target_dir.join(profile).join(file))
}

/// Whether a window can be opened; only Linux has machines where the answer is in doubt.
fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

/// The arguments of a flight, and where it leaves its pictures.
#[derive(Debug, PartialEq, Eq)]
struct Flight {
    args: Vec<String>,
    out: Option<PathBuf>,
}

impl Flight {
    /// Completes what the caller asked for: headless without a display, and pictures in
    /// `default_out` unless he names a folder.
    fn new(mut args: Vec<String>, display: bool, default_out: &Path) -> Self {
        let asks_only = args
            .iter()
            .any(|arg| matches!(arg.as_str(), "--help" | "-h" | "--version"));
        if asks_only {
            return Self { args, out: None };
        }
        let mut headless = args.iter().any(|arg| arg == "--headless");
        if !headless && !display {
            args.push("--headless".into());
            headless = true;
        }
        let mut out = value_of(&args, "--out").map(PathBuf::from);
        if headless && out.is_none() {
            args.extend(["--out".into(), default_out.to_string_lossy().into_owned()]);
            out = Some(default_out.to_owned());
        }
        Self { args, out }
    }
}

/// The value of an option, given as `--name value` or `--name=value`.
fn value_of<'a>(args: &'a [String], name: &str) -> Option<&'a str> {
    let at = args
        .iter()
        .position(|arg| arg.split('=').next() == Some(name))?;
    match args[at].split_once('=') {
        Some((_, value)) => Some(value),
        None => args.get(at + 1).map(String::as_str),
    }
}

/// Says where the pictures are.
fn announce(out: &Path) {
    let pictures = pictures(out);
    if pictures.is_empty() {
        return;
    }
    println!("Pictures and report in {}:", out.display());
    for name in pictures {
        println!("    {name}");
    }
}

/// The names of the pictures in a folder, in order.
pub(crate) fn pictures(out: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(out) else {
        return Vec::new();
    };
    let names = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut pictures: Vec<_> = names.filter(|name| has_extension(name, "png")).collect();
    pictures.sort();
    pictures
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arguments and the folder that come of `args`.
    fn check(args: &[&str], display: bool, expected: &[&str], out: Option<&str>) {
        let args = args.iter().map(ToString::to_string).collect();
        let flight = Flight::new(args, display, Path::new("target/demo"));
        assert_eq!(flight.args, expected);
        assert_eq!(flight.out.as_deref(), out.map(Path::new));
    }

    #[test]
    fn a_display_means_a_window() {
        check(&[], true, &[], None);
        check(&["--frames", "9"], true, &["--frames", "9"], None);
    }

    #[test]
    fn no_display_means_pictures() {
        let out = ["--headless", "--out", "target/demo"];
        check(&[], false, &out, Some("target/demo"));
        check(&["--headless"], true, &out, Some("target/demo"));
        check(&["--headless"], false, &out, Some("target/demo"));
    }

    #[test]
    fn a_named_folder_stays() {
        check(
            &["--out", "p"],
            false,
            &["--out", "p", "--headless"],
            Some("p"),
        );
        check(&["--out=p"], false, &["--out=p", "--headless"], Some("p"));
    }

    #[test]
    fn a_question_is_passed_on_alone() {
        check(&["--help"], false, &["--help"], None);
    }
}
