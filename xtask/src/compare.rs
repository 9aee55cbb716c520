//! `cargo xtask compare`: the comparison of our crates with their peers, built and run.

use std::process::Command;

use crate::install::{self, Need};
use crate::process::{Failure, cargo, run as run_command};
use crate::vulkan;
use crate::vulkan::host::Host;
use crate::workspace::Workspace;

const COMPILER: Need<'_> = Need {
    what: "a C++ compiler, which VMA needs,",
    packages: &["g++"],
    by_hand: &[
        ("fedora", "sudo dnf install gcc-c++"),
        ("arch", "sudo pacman -S gcc"),
        ("alpine", "sudo apk add g++"),
    ],
    elsewhere: "a C++ compiler",
};

/// The comparison that needs a C++ compiler: one of its peers is VMA.
const WITH_VMA: &str = "suballoc";
/// The comparisons that need a Vulkan driver: they record and draw, or place on the GPU.
const WITH_VULKAN: [&str; 2] = ["frames", "gpu-bitset"];

/// What can be compared.
pub(crate) const ALL: [&str; 6] = [
    WITH_VMA,
    WITH_VULKAN[0],
    WITH_VULKAN[1],
    "residency",
    "defrag",
    "engine",
];

/// Runs the comparison `what`; its rows go to `target/compare/WHAT.json`.
///
/// # Errors
/// When the C++ compiler or the Vulkan driver that it needs is missing and cannot be installed, or
/// the comparison fails.
pub(crate) fn run(
    workspace: &Workspace,
    may_install: bool,
    what: &str,
    args: &[String],
) -> Result<(), Failure> {
    if what == WITH_VMA && !has_compiler() {
        install::provide(&Host::this(), &COMPILER, may_install)?;
    }
    if WITH_VULKAN.contains(&what) {
        vulkan::ensure_driver(may_install)?;
    }
    let out = workspace
        .target_dir
        .join("compare")
        .join(format!("{what}.json"));
    let mut command = cargo(&workspace.root);
    command
        .args(["run", "--release", "-p", "geoheap-benches"])
        .args(features(what))
        .args(["--bin", "geoheap-compare", "--", what])
        .arg("--out")
        .arg(out)
        .args(args);
    run_command(&mut command)
}

/// Cargo's arguments for the features of the comparison.
fn features(what: &str) -> &'static [&'static str] {
    if what == WITH_VMA {
        &["--features", "vma"]
    } else {
        &[]
    }
}

/// Whether the compiler that a build script would call is there.
fn has_compiler() -> bool {
    // A wrapper such as ccache may stand before the compiler.
    let named = std::env::var("CXX").unwrap_or_default();
    let program = named.split_whitespace().next().unwrap_or("c++");
    // Elsewhere build scripts know where the platform's own compiler is.
    !cfg!(target_os = "linux") || Command::new(program).arg("--version").output().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_allocators_are_compared_with_a_peer_in_cpp() {
        let with_vma = ALL.iter().filter(|what| !features(what).is_empty());
        assert_eq!(with_vma.collect::<Vec<_>>(), [&WITH_VMA]);
    }
}
