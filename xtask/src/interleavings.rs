//! The suites that run several threads in every order that a tool can think of.

use std::process::Command;
use std::time::Instant;

use crate::process::{Failure, cargo, run as run_command};
use crate::workspace::Workspace;

/// A test that is built with synchronisation that a tool sees into.
struct Suite {
    /// The tool, and the folder below the target folder in which everything is built anew.
    name: &'static str,
    package: &'static str,
    /// Name of the test's target.
    test: &'static str,
    /// What `--cfg` swaps the synchronisation.
    cfg: &'static str,
    /// Cargo's profile for it.
    profile: &'static str,
}

const SUITES: [Suite; 2] = [
    Suite {
        name: "loom",
        package: "geoheap-frame-sync",
        test: "loom",
        cfg: "geoheap_loom",
        profile: "release",
    },
    Suite {
        name: "shuttle",
        package: "geoheap",
        test: "shuttle",
        cfg: "geoheap_shuttle",
        // With assertions, and soon built.
        profile: "schedules",
    },
];

impl Suite {
    fn command(&self, workspace: &Workspace, task: &[&str]) -> Command {
        let mut command = cargo(&workspace.root);
        command
            .args(task)
            .args(["-p", self.package])
            .args(["--test", self.test, "--target-dir"])
            // A folder of its own: with other flags, everything is built anew.
            .arg(workspace.target_dir.join(self.name))
            .env("RUSTFLAGS", format!("--cfg {}", self.cfg));
        command
    }
}

/// Runs all suites, and prints how long they took.
///
/// # Errors
/// When a suite cannot be built, or finds an order that breaks a rule.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let start = Instant::now();
    for suite in &SUITES {
        run_command(&mut suite.command(workspace, &["test", "--profile", suite.profile]))?;
    }
    let names = SUITES.map(|suite| suite.name).join(", ");
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("== interleavings ({names}): {seconds:.1} s in all");
    Ok(())
}

/// Clippy over what only these suites compile.
///
/// # Errors
/// When it has something to say.
pub(crate) fn clippy(workspace: &Workspace) -> Result<(), Failure> {
    for suite in &SUITES {
        let mut command = suite.command(workspace, &["clippy", "--lib"]);
        run_command(command.args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_is_a_test_of_its_package() {
        let workspace = Workspace::load().unwrap();
        for suite in &SUITES {
            let folder = suite.package.trim_start_matches("geoheap-");
            let tests = workspace.root.join("crates").join(folder).join("tests");
            let file = tests.join(format!("{}.rs", suite.test));
            let module = tests.join(suite.test).join("main.rs");
            assert!(
                file.is_file() || module.is_file(),
                "{} has no test {}",
                suite.package,
                suite.test
            );
            let manifest = std::fs::read_to_string(workspace.root.join("Cargo.toml")).unwrap();
            assert!(
                manifest.contains(&format!("cfg({})", suite.cfg)),
                "{} is a cfg that the workspace's lints know",
                suite.cfg
            );
        }
    }
}
