//! A Vulkan driver for the demo and the tests.
//!
//! On Linux the loader (`libvulkan.so.1`) and at least one driver manifest whose library exists
//! are looked for where the loader itself looks; what is missing is installed from Debian's or
//! Ubuntu's packages where this program may, and otherwise the command is printed. Windows and
//! macOS bring a driver of their own.

pub(crate) mod host;
#[cfg(test)]
mod tests;

use crate::install::{self, Need};
use crate::process::Failure;
use crate::vulkan::host::Host;

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
    install::provide(host, &need(packages), may_install)
}

const fn need<'a>(packages: &'a [&'a str]) -> Need<'a> {
    Need {
        what: "a part of Vulkan",
        packages,
        by_hand: &[
            (
                "fedora",
                "sudo dnf install vulkan-loader mesa-vulkan-drivers vulkan-validation-layers",
            ),
            (
                "arch",
                "sudo pacman -S vulkan-icd-loader vulkan-swrast vulkan-validation-layers",
            ),
            (
                "alpine",
                "sudo apk add vulkan-loader mesa-vulkan-swrast vulkan-validation-layers",
            ),
        ],
        elsewhere: "the Vulkan loader and a driver, such as Mesa's software driver lavapipe",
    }
}
