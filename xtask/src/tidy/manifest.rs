//! Each crate's manifest and the first line of its root files.

use crate::tidy::Violation;
use crate::tidy::files::Files;
use crate::tidy::rust_source::RustSource;
use crate::workspace::Package;

/// The licence of every crate.
const LICENSE: &str = "MIT OR Apache-2.0";

/// Crates that may hold unsafe code, with the reason.
const UNSAFE_CRATES: [(&str, &str); 2] = [
    ("geoheap-benches", "peers' interfaces are unsafe"),
    ("geoheap-vram-probe", "wgpu's raw handles are unsafe"),
];

/// Checks name, folder, licence and description.
pub(super) fn check(package: &Package) -> Vec<Violation> {
    let path = format!("{}/Cargo.toml", package.folder);
    let mut found = Vec::new();
    let folder = package.folder.rsplit('/').next().unwrap_or_default();
    let short = package
        .name
        .strip_prefix("geoheap-")
        .unwrap_or(&package.name);
    if folder != short {
        let text = format!("folder {folder} of {}: expected {short}", package.name);
        found.push(Violation::new(&path, 0, text));
    }
    if package.license.as_deref() != Some(LICENSE) {
        found.push(Violation::new(
            &path,
            0,
            format!("license is not \"{LICENSE}\""),
        ));
    }
    if package
        .description
        .as_deref()
        .unwrap_or_default()
        .trim()
        .is_empty()
    {
        found.push(Violation::new(&path, 0, "has no description"));
    }
    found
}

/// Checks that a manifest takes the workspace's lints.
pub(super) fn check_lints(path: &str, text: &str) -> Option<Violation> {
    let lints = text
        .split_once("\n[lints]\n")
        .map_or("", |(_, behind)| behind);
    let section = lints.split("\n[").next().unwrap_or_default();
    if section
        .lines()
        .any(|line| line.trim() == "workspace = true")
    {
        return None;
    }
    Some(Violation::new(
        path,
        0,
        "does not take the workspace's lints",
    ))
}

/// Checks that each library and program refuses unsafe code before it says anything else.
pub(super) fn check_roots(package: &Package, files: &Files) -> Vec<Violation> {
    if UNSAFE_CRATES.iter().any(|(name, _)| *name == package.name) {
        return Vec::new();
    }
    let lacks = |root: &&String| !forbids_unsafe(root, files.text(root).unwrap_or_default());
    let violation =
        |root: &String| Violation::new(root, 0, "does not begin with #![forbid(unsafe_code)]");
    package.roots.iter().filter(lacks).map(violation).collect()
}

fn forbids_unsafe(path: &str, text: &str) -> bool {
    RustSource::new(path, text)
        .code
        .trim_start()
        .starts_with("#![forbid(unsafe_code)]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Package {
        Package {
            name: "geoheap-heap".into(),
            folder: "crates/heap".into(),
            license: Some(LICENSE.into()),
            description: Some("A heap".into()),
            dependencies: Vec::new(),
            roots: vec!["crates/heap/src/lib.rs".into()],
        }
    }

    fn said(package: &Package) -> Vec<String> {
        check(package)
            .into_iter()
            .map(|violation| violation.to_string())
            .collect()
    }

    #[test]
    fn a_good_manifest_passes() {
        assert_eq!(said(&good()), [""; 0]);
    }

    #[test]
    fn each_rule_catches_its_violation() {
        let package = Package {
            folder: "crates/geoheap-heap".into(),
            ..good()
        };
        assert!(said(&package)[0].contains("expected heap"), "{package:?}");
        for license in [None, Some("MIT".to_owned())] {
            let package = Package { license, ..good() };
            assert!(said(&package)[0].contains("license"), "{package:?}");
        }
        for description in [None, Some(" ".to_owned())] {
            let package = Package {
                description,
                ..good()
            };
            assert!(said(&package)[0].contains("description"), "{package:?}");
        }
    }

    #[test]
    fn the_workspace_s_lints_are_asked_for_in_their_own_section() {
        let ask = |text: &str| check_lints("crates/heap/Cargo.toml", text).is_none();
        assert!(
            ask("[package]\n\n[lints]\nworkspace = true\n\n[dependencies]\n"),
            "asked"
        );
        assert!(!ask("[package]\n\n[dependencies]\n"), "absent");
        assert!(
            !ask("[package]\n\n[lints]\n\n[badges]\nworkspace = true\n"),
            "elsewhere"
        );
    }

    #[test]
    fn unsafe_code_is_forbidden_first() {
        let ask = |name: &str, text: &str| {
            let package = Package {
                name: name.into(),
                ..good()
            };
            check_roots(&package, &Files::of(&[("crates/heap/src/lib.rs", text)])).len()
        };
        assert_eq!(
            ask("geoheap-heap", "#![forbid(unsafe_code)]\n//! A heap.\n"),
            0
        );
        assert_eq!(
            ask("geoheap-heap", "//! A heap.\n#![forbid(unsafe_code)]\n"),
            0
        );
        assert_eq!(ask("geoheap-heap", "//! A heap.\n"), 1);
        assert_eq!(ask("geoheap-heap", "// #![forbid(unsafe_code)]\n"), 1);
        assert_eq!(ask("geoheap-benches", "//! Benches.\n"), 0);
    }
}
