//! Running other programs, and the error that every command of this program ends in.

use std::fmt;
use std::path::Path;
use std::process::Command;

/// Lines that are shown of what a failed command printed.
const LAST_LINES: usize = 20;

/// Why a command stopped, as a sentence for the person who typed it.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    /// A failure that says `reason`.
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// The cargo that started this program, to run in `root`.
pub(crate) fn cargo(root: &Path) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root);
    command
}

/// Whether a path has the extension `ending`, in any case.
pub(crate) fn has_extension(path: &str, ending: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|other| other.eq_ignore_ascii_case(ending))
}

/// Prints a command, runs it with this program's own input and output, and waits for it.
///
/// # Errors
/// When it cannot be started, or ends with another status than 0.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let line = shown(command);
    eprintln!("$ {line}");
    let status = command
        .status()
        .map_err(|error| Failure::new(format!("`{line}` could not be started: {error}")))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("`{line}` ended with {status}")))
}

/// As [`run`], but catches what the command prints, on both its outputs, and returns it.
///
/// # Errors
/// As for [`run`]; the text ends with the last lines that the command printed.
pub(crate) fn run_caught(command: &mut Command) -> Result<String, Failure> {
    let line = shown(command);
    eprintln!("$ {line}");
    let output = command
        .output()
        .map_err(|error| Failure::new(format!("`{line}` could not be started: {error}")))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        return Ok(text);
    }
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n    ");
    let status = output.status;
    Err(Failure::new(format!(
        "`{line}` ended with {status}:\n    {last}"
    )))
}

/// A command as it would be typed, its program without the folder.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_stem().unwrap_or(program.as_os_str());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_other_than_zero_is_a_failure_that_names_the_command() {
        let mut command = cargo(Path::new("."));
        command.args(["no-such-command", "--quiet"]);
        let failure = run(&mut command).unwrap_err().to_string();
        assert!(
            failure.contains("`cargo no-such-command --quiet`"),
            "{failure}"
        );
    }

    #[test]
    fn what_is_caught_is_told_with_the_failure() {
        let mut command = cargo(Path::new("."));
        let text = run_caught(command.arg("--version")).unwrap();
        assert!(text.starts_with("cargo "), "{text}");
        let mut command = cargo(Path::new("."));
        let failure = run_caught(command.arg("no-such-command")).unwrap_err();
        assert!(failure.to_string().contains("no such command"), "{failure}");
    }

    #[test]
    fn a_missing_program_is_a_failure() {
        let failure = run(&mut Command::new("geoheap-no-such-program"))
            .unwrap_err()
            .to_string();
        assert!(failure.contains("could not be started"), "{failure}");
    }
}
