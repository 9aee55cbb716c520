//! Suites that go through schedules of threads, which are built with a cfg of their own.

use crate::process::{Failure, cargo, run as run_command};
use crate::workspace::Workspace;

/// Swaps std's synchronisation for shuttle's, and flume and arc-swap for twins on it.
const SHUTTLE: &str = "--cfg geoheap_shuttle";

/// The engine's threads under shuttle; says how many schedules were explored.
///
/// # Errors
/// When a schedule shows an error, or a planted bug stays unseen.
pub(crate) fn shuttle(workspace: &Workspace) -> Result<(), Failure> {
    // A folder of its own: with other flags, everything is built anew.
    run_command(
        cargo(&workspace.root)
            .args(["test", "-p", "geoheap", "--profile", "schedules"])
            .args(["--test", "shuttle"])
            .arg("--target-dir")
            .arg(workspace.target_dir.join("shuttle"))
            .env("RUSTFLAGS", SHUTTLE),
    )
}

/// Clippy over what only that suite compiles.
///
/// # Errors
/// When it has something to say.
pub(crate) fn shuttle_clippy(workspace: &Workspace) -> Result<(), Failure> {
    run_command(
        cargo(&workspace.root)
            .args(["clippy", "-p", "geoheap", "--lib", "--test", "shuttle"])
            .arg("--target-dir")
            .arg(workspace.target_dir.join("shuttle"))
            .args(["--", "-D", "warnings"])
            .env("RUSTFLAGS", SHUTTLE),
    )
}
