//! A Vulkan driver for the demo and the tests.
//!
//! On Linux the loader (`libvulkan.so.1`) and at least one driver manifest whose library exists
//! are looked for where the loader itself looks; what is missing is installed from Debian's or
//! Ubuntu's packages where this program may, and otherwise the command is printed. Windows and
//! macOS bring a driver of their own.

mod host;
mod install;
#[cfg(test)]
mod tests;

use crate::process::{Failure, run};
use crate::vulkan::host::Host;
use crate::vulkan::install::{Plan, Rights, plan};

/// Packages of Debian and Ubuntu.
const LOADER_PACKAGE: &str = "libvulkan1";
const DRIVER_PACKAGE: &str = "mesa-vulkan-drivers";
const LAYERS_PACKAGE: &str = "vulkan-validationlayers";

/// Makes sure that there is a Vulkan driver.
///
/// # Errors
/// When there is none and it cannot be installed from here; the text holds the exact command.
pub(crate) fn ensure_driver(may_install: bool) -> Result<(), Failure> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let host = Host::this();
    host.check_override()?;
    provide(&host, &missing_driver(&host), may_install)?;
    let missing = missing_driver(&host);
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(" and ");
    Err(Failure::new(format!(
        "{missing} was installed, but still no Vulkan driver is found"
    )))
}

/// Installs the validation layers where that is possible; without them the tests run as well,
/// only with fewer eyes on them, so a refusal is a remark and no failure.
pub(crate) fn offer_layers(may_install: bool) {
    if let Err(refusal) = ensure_layers(may_install) {
        eprintln!("xtask: going on without Vulkan's validation layers: {refusal}");
    }
}

/// Makes sure that there is a validation layer where this program can tell.
///
/// # Errors
/// When there is none and it cannot be installed from here; the text holds the exact command.
pub(crate) fn ensure_layers(may_install: bool) -> Result<(), Failure> {
    let host = Host::this();
    if !cfg!(target_os = "linux") || host.has_validation_layer() {
        return Ok(());
    }
    provide(&host, &[LAYERS_PACKAGE], may_install)
}

/// The packages without which nothing can be drawn here.
fn missing_driver(host: &Host) -> Vec<&'static str> {
    let mut missing = Vec::new();
    if !host.has_loader() {
        missing.push(LOADER_PACKAGE);
    }
    if !host.has_driver() {
        missing.push(DRIVER_PACKAGE);
    }
    missing
}

/// Installs `packages`, or fails with the command that would.
fn provide(host: &Host, packages: &[&str], may_install: bool) -> Result<(), Failure> {
    if packages.is_empty() {
        return Ok(());
    }
    let rights = if may_install {
        Rights::of_this_process()
    } else {
        Rights::None
    };
    match plan(packages, host.distribution().as_ref(), rights) {
        Plan::Tell(text) => Err(Failure::new(text)),
        Plan::Run { update, install } => {
            eprintln!("xtask: installing {}", packages.join(", "));
            // A stale or unreachable list is no reason to stop: the packages may be in the
            // lists at hand, and if not, the installation says so.
            if let Err(failure) = run(&mut update.command()) {
                eprintln!("xtask: {failure}; trying with the package lists at hand");
            }
            run(&mut install.command())
        }
    }
}
