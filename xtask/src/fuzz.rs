//! `cargo xtask fuzz`: coverage-guided fuzzing, which starts from the committed corpora.
//!
//! Everything it writes lies under `target/fuzz`: the build, a corpus for each target that grows
//! from run to run, findings, and the fuzzer's own words.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::process::{Failure, cargo, run as run_command, run_caught};
use crate::workspace::Workspace;

/// The longest input that is tried, in bytes: more operations find little more, and slower.
const INPUT_BYTES_MAX: u32 = 400;

/// Lines that are shown of what a fuzzer said that ended without a finding.
const LAST_LINES: usize = 20;

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Options {
    /// The only target to run.
    pub(crate) target: Option<String>,
    /// Seconds for each target.
    pub(crate) seconds: u32,
    /// Whether the committed corpora become what was found, minimised.
    pub(crate) minimise: bool,
}

/// Runs the targets one after the other.
///
/// # Errors
/// When an input makes a target fail, after all have run; or when one cannot be run.
pub(crate) fn run(
    workspace: &Workspace,
    may_install: bool,
    options: &Options,
) -> Result<(), Failure> {
    ensure_cargo_fuzz(workspace, may_install)?;
    let mut findings = Vec::new();
    for name in chosen(&inputs(workspace, &["list"])?, options.target.as_deref())? {
        let target = Target {
            workspace,
            folder: workspace.target_dir.join("fuzz"),
            name,
        };
        findings.extend(target.fuzz(options.seconds)?);
        if options.minimise {
            target.minimise()?;
        }
    }
    if findings.is_empty() {
        return Ok(());
    }
    Err(Failure::new(findings.join("\n")))
}

/// Installs what drives the fuzzer, where it is missing.
fn ensure_cargo_fuzz(workspace: &Workspace, may_install: bool) -> Result<(), Failure> {
    let version = cargo(&workspace.root).args(["fuzz", "--version"]).output();
    if version.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    if !may_install {
        let text = "cargo fuzz is missing; `cargo install cargo-fuzz --locked` brings it";
        return Err(Failure::new(text));
    }
    run_command(cargo(&workspace.root).args(["install", "cargo-fuzz", "--locked"]))
}

/// Calls the program that moves inputs, and returns what it said.
fn inputs(workspace: &Workspace, words: &[&str]) -> Result<String, Failure> {
    let mut command = cargo(&workspace.root);
    command.args(["run", "--quiet", "-p", "geoheap-fuzz"]);
    run_caught(command.args(["--example", "inputs", "--"]).args(words))
}

/// The targets to run, of those `listed` one a line.
fn chosen(listed: &str, wanted: Option<&str>) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = listed.lines().map(str::to_owned).collect();
    if let Some(wanted) = wanted {
        if !names.iter().any(|name| name == wanted) {
            let names = names.join(", ");
            let text = format!("there is no target {wanted}; there are {names}");
            return Err(Failure::new(text));
        }
        names.retain(|name| name == wanted);
    }
    Ok(names)
}

/// A target and where its files lie.
struct Target<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
    name: String,
}

impl Target<'_> {
    fn corpus(&self) -> PathBuf {
        self.folder.join("corpus").join(&self.name)
    }

    fn inputs(&self, word: &str) -> Result<String, Failure> {
        let corpus = self.corpus();
        let said = inputs(
            self.workspace,
            &[word, &self.name, &corpus.to_string_lossy()],
        )?;
        eprintln!("{}", said.trim());
        Ok(said)
    }

    /// `cargo fuzz` with what all its commands share. Without a sanitizer, which would need a
    /// nightly toolchain and has nothing to find in crates without unsafe code.
    fn cargo_fuzz(&self, word: &str) -> std::process::Command {
        let mut command = cargo(&self.workspace.root);
        command.args(["fuzz", word, "--fuzz-dir", "fuzz", "--sanitizer", "none"]);
        command.args(["--features", "libfuzzer", "--target-dir"]);
        command.arg(&self.folder).arg(&self.name).arg(self.corpus());
        command.arg("--");
        command.arg(format!("-max_len={INPUT_BYTES_MAX}"));
        command
    }

    /// Fuzzes, and tells the figures. Returns a sentence for each finding.
    fn fuzz(&self, seconds: u32) -> Result<Vec<String>, Failure> {
        self.inputs("unpack")?;
        let findings = self.folder.join("findings").join(&self.name);
        let known = files(&findings)?;
        let mut command = self.cargo_fuzz("run");
        command.arg(format!("-max_total_time={seconds}"));
        command.arg(format!("-artifact_prefix={}/", findings.display()));
        command.arg("-print_final_stats=1");
        let log = self.folder.join(format!("{}.log", self.name));
        let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", log.display()));
        command.stderr(File::create(&log).map_err(failed)?);
        eprintln!("fuzzing {} for {seconds} s: {}", self.name, log.display());
        let outcome = run_command(&mut command);
        let said = fs::read(&log).map_err(failed)?;
        let said = String::from_utf8_lossy(&said);
        if let Some(figures) = Figures::read(&said) {
            println!("{}: {figures}", self.name);
        }
        let fresh = files(&findings)?;
        let fresh: Vec<_> = fresh.iter().filter(|file| !known.contains(file)).collect();
        match outcome {
            Err(failure) if fresh.is_empty() => {
                let lines: Vec<&str> = said.lines().collect();
                let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n    ");
                Err(Failure::new(format!("{failure}\n    {last}")))
            }
            _ => Ok(fresh.iter().map(|file| self.finding(file)).collect()),
        }
    }

    /// What to do about a finding.
    fn finding(&self, file: &Path) -> String {
        let (name, file) = (&self.name, file.display());
        format!(
            "{name} fails on the input in {file}; see it with\n    \
             cargo run -p geoheap-fuzz --example inputs -- replay {name} {file}\n\
             and when it is mended, keep the input as a line of fuzz/corpus/{name}.hex"
        )
    }

    /// Reduces the corpus to inputs that together reach every branch that it reached, and makes
    /// these the committed ones. How often a branch is taken does not count: that would keep ten
    /// times as many.
    fn minimise(&self) -> Result<(), Failure> {
        let mut command = self.cargo_fuzz("cmin");
        run_caught(command.arg("-use_counters=0"))?;
        self.inputs("pack")?;
        Ok(())
    }
}

/// The files of a folder, which is made where it is missing.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut files = Vec::new();
    for entry in entries {
        files.push(entry.map_err(failed)?.path());
    }
    files.sort();
    Ok(files)
}

/// What a run came to, from libFuzzer's own lines.
#[derive(Debug, PartialEq, Eq)]
struct Figures {
    executions: u64,
    per_second: u64,
    edges: u64,
    features: u64,
}

impl Figures {
    /// The last figures of each sort. The final ones are not printed where an input failed.
    fn read(said: &str) -> Option<Self> {
        let after = |line: &str, word: &str| -> Option<u64> {
            let (_, behind) = line.split_once(word)?;
            behind.split_whitespace().next()?.parse().ok()
        };
        let last = |word: &str| said.lines().rev().find_map(|line| after(line, word));
        let numbered = |line: &str| {
            let (number, _) = line.strip_prefix('#')?.split_once(char::is_whitespace)?;
            number.parse().ok()
        };
        let seen = said.lines().rev().find_map(numbered);
        Some(Self {
            executions: last("stat::number_of_executed_units:").or(seen)?,
            per_second: last("stat::average_exec_per_sec:").or_else(|| last(" exec/s: "))?,
            edges: last(" cov: ")?,
            features: last(" ft: ")?,
        })
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            executions,
            per_second,
            edges,
            features,
        } = self;
        write!(
            f,
            "{executions} executions, {per_second} a second; {edges} edges, {features} features"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "INFO: seed corpus: files: 3\n\
        #4\tINITED cov: 90 ft: 91 corp: 1/1b exec/s: 0 rss: 26Mb\n\
        #1024\tpulse  cov: 300 ft: 512 corp: 9/10b lim: 4 exec/s: 700 rss: 26Mb\n";

    #[test]
    fn figures_are_the_last_that_were_told() {
        let read = Figures::read(LINES).unwrap();
        let told = "1024 executions, 700 a second; 300 edges, 512 features";
        assert_eq!(read.to_string(), told);
        let end = "stat::number_of_executed_units: 2000\nstat::average_exec_per_sec:     650\n";
        let read = Figures::read(&format!("{LINES}{end}")).unwrap();
        assert_eq!((read.executions, read.per_second), (2000, 650));
        assert_eq!(Figures::read("error: no C++ compiler"), None);
    }

    #[test]
    fn a_target_is_chosen_by_its_name() {
        assert_eq!(chosen("a\nb\n", None).unwrap(), ["a", "b"]);
        assert_eq!(chosen("a\nb\n", Some("b")).unwrap(), ["b"]);
        let refused = chosen("a\nb\n", Some("c")).unwrap_err().to_string();
        assert!(refused.contains("there are a, b"), "{refused}");
    }
}
