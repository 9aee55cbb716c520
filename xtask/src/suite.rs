//! `cargo xtask test`: the set-up and every test of the workspace.

use crate::process::{Failure, cargo, run as run_command};
use crate::workspace::Workspace;
use crate::{interleavings, vulkan};

/// Cases of a property in a fast run, where its test does not fix their number.
const FAST_CASES: &str = "32";

/// Runs the tests; `fast` leaves doctests, benches and the orders of threads out.
///
/// # Errors
/// When the driver is missing and cannot be installed, or a test fails.
pub(crate) fn run(workspace: &Workspace, may_install: bool, fast: bool) -> Result<(), Failure> {
    vulkan::ensure_driver(may_install)?;
    vulkan::offer_layers(may_install);
    let mut command = cargo(&workspace.root);
    command.args(["test", "--workspace"]);
    if fast {
        command.args(["--lib", "--bins", "--tests"]);
        if std::env::var_os("PROPTEST_CASES").is_none() {
            command.env("PROPTEST_CASES", FAST_CASES);
        }
        return run_command(&mut command);
    }
    // `--all-targets` runs each bench once as a test; it leaves out the doctests.
    run_command(command.arg("--all-targets"))?;
    run_command(cargo(&workspace.root).args(["test", "--workspace", "--doc"]))?;
    interleavings::run(workspace)
}
