//! Who may use whom.

use crate::tidy::Violation;
use crate::workspace::Package;

/// What a crate may use of the workspace.
#[derive(Clone, Copy, Debug)]
enum Uses {
    /// Every crate of a lower layer.
    Lower,
    /// These only.
    Only(&'static [&'static str]),
}

/// A crate's row in the table of layers.
#[derive(Clone, Copy, Debug)]
struct Row {
    name: &'static str,
    layer: u8,
    uses: Uses,
}

const fn row(name: &'static str, layer: u8, uses: Uses) -> Row {
    Row { name, layer, uses }
}

/// The layers. A crate uses crates of lower layers only; layer 1 knows of layer 0 nothing but
/// the ranges, so that each of its crates serves alone.
const LAYERS: [Row; 18] = [
    row("geoheap-suballoc", 0, Uses::Lower),
    row("geoheap-frame-sync", 0, Uses::Lower),
    row("geoheap-residency", 0, Uses::Lower),
    row("geoheap-trace", 0, Uses::Lower),
    row("geoheap-heap-dump", 0, Uses::Lower),
    // It also plans for a heap that was dumped.
    row(
        "geoheap-defrag",
        1,
        Uses::Only(&["geoheap-suballoc", "geoheap-heap-dump"]),
    ),
    row("geoheap-chunk-heap", 1, Uses::Only(&["geoheap-suballoc"])),
    row("geoheap-gpu-backend", 1, Uses::Only(&["geoheap-suballoc"])),
    row("geoheap-vram-probe", 1, Uses::Only(&[])),
    row("geoheap-gpu-bitset", 1, Uses::Only(&[])),
    row("geoheap", 2, Uses::Lower),
    row("geoheap-egui", 3, Uses::Lower),
    row("geoheap-sim", 3, Uses::Lower),
    row("geoheap-inspect", 4, Uses::Lower),
    row("geoheap-demo", 4, Uses::Lower),
    row("geoheap-benches", 4, Uses::Lower),
    // Reads what the programs read.
    row("geoheap-fuzz", 5, Uses::Lower),
    row("xtask", 4, Uses::Only(&[])),
];

/// The layer from which on crates are programs and no libraries for others.
const PROGRAMS: u8 = 4;

/// External crates that stand behind one door each, and the library crates that have its key.
/// Tests and programs may use them freely.
const DOORS: [(&str, &[&str]); 5] = [
    (
        "wgpu",
        &[
            "geoheap-gpu-backend",
            "geoheap-vram-probe",
            "geoheap-gpu-bitset",
            "geoheap",
            "geoheap-sim",
        ],
    ),
    ("ash", &["geoheap-vram-probe"]),
    ("flume", &["geoheap"]),
    ("arc-swap", &["geoheap-frame-sync"]),
    ("rand", &[]),
];

/// The layer of the crate in `crates/<folder>`, if the table has it.
pub(super) fn layer_of_folder(folder: &str) -> Option<u8> {
    let is_it = |row: &&Row| row.name.strip_prefix("geoheap-").unwrap_or(row.name) == folder;
    LAYERS.iter().find(is_it).map(|row| row.layer)
}

/// Checks every package's dependencies on the workspace's own crates and on guarded ones.
pub(super) fn check(packages: &[Package]) -> Vec<Violation> {
    let mut found = Vec::new();
    for package in packages {
        let path = format!("{}/Cargo.toml", package.folder);
        let Some(row) = row_of(&package.name) else {
            let text = format!("{} has no row in the table of layers", package.name);
            found.push(Violation::new(&path, 0, text));
            continue;
        };
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            let own = packages.iter().any(|package| package.name == name);
            let why = if own && name != row.name {
                refusal(row, name)
            } else {
                None
            };
            found.extend(why.map(|why| Violation::new(&path, 0, why)));
            if row.layer < PROGRAMS && !dependency.dev && is_behind_a_door(row.name, name) {
                let text = format!("{} must not use {name}", row.name);
                found.push(Violation::new(&path, 0, text));
            }
        }
    }
    found
}

fn row_of(name: &str) -> Option<&'static Row> {
    LAYERS.iter().find(|row| row.name == name)
}

/// Why the crate of `row` must not use `name`, a crate of the workspace.
fn refusal(row: &Row, name: &str) -> Option<String> {
    let used = row_of(name)?;
    if used.layer >= row.layer {
        return Some(format!(
            "{} (layer {}) must not use {name} (layer {}): only lower layers",
            row.name, row.layer, used.layer
        ));
    }
    match row.uses {
        Uses::Only(names) if !names.contains(&name) => Some(match names {
            [] => format!("{} must not use {name}: it stands alone", row.name),
            _ => format!(
                "{} must not use {name}: only {}",
                row.name,
                names.join(", ")
            ),
        }),
        _ => None,
    }
}

fn is_behind_a_door(user: &str, name: &str) -> bool {
    DOORS
        .iter()
        .any(|(guarded, keys)| *guarded == name && !keys.contains(&user))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, dependencies: &[(&str, bool)]) -> Package {
        let dependency = |&(name, dev): &(&str, bool)| Dependency {
            name: name.to_owned(),
            dev,
        };
        Package {
            name: name.to_owned(),
            folder: format!("crates/{name}"),
            license: None,
            description: None,
            dependencies: dependencies.iter().map(dependency).collect(),
            roots: Vec::new(),
        }
    }

    /// What is said of `user` when it depends on `used`, all crates of the table being there.
    fn check_one(user: &str, used: &str, dev: bool) -> Vec<String> {
        let mut packages: Vec<_> = LAYERS.iter().map(|row| package(row.name, &[])).collect();
        packages.retain(|package| package.name != user);
        packages.push(package(user, &[(used, dev)]));
        check(&packages)
            .into_iter()
            .map(|violation| violation.text)
            .collect()
    }

    #[test]
    fn lower_layers_may_be_used() {
        for (user, used) in [
            ("geoheap-defrag", "geoheap-suballoc"),
            ("geoheap", "geoheap-gpu-backend"),
            ("geoheap-demo", "geoheap"),
            ("geoheap-benches", "geoheap-suballoc"),
            ("geoheap-suballoc", "smallvec"),
        ] {
            assert_eq!(check_one(user, used, false), [""; 0], "{user} uses {used}");
        }
    }

    #[test]
    fn upward_and_sideways_uses_are_caught() {
        for (user, used) in [
            ("geoheap-suballoc", "geoheap-chunk-heap"),
            ("geoheap-suballoc", "geoheap-residency"),
            ("geoheap-defrag", "geoheap-chunk-heap"),
            ("geoheap", "geoheap-demo"),
            ("geoheap-demo", "xtask"),
        ] {
            for dev in [false, true] {
                let said = check_one(user, used, dev);
                assert!(
                    said.len() == 1 && said[0].contains("only lower layers"),
                    "{said:?}"
                );
            }
        }
    }

    #[test]
    fn layer_1_uses_the_ranges_only() {
        for (user, only) in [
            ("geoheap-defrag", "geoheap-suballoc, geoheap-heap-dump"),
            ("geoheap-chunk-heap", "geoheap-suballoc"),
            ("geoheap-gpu-backend", "geoheap-suballoc"),
        ] {
            let said = check_one(user, "geoheap-frame-sync", false);
            assert_eq!(
                said,
                [format!(
                    "{user} must not use geoheap-frame-sync: only {only}"
                )]
            );
        }
        let said = check_one("xtask", "geoheap", false);
        assert_eq!(said, ["xtask must not use geoheap: it stands alone"]);
    }

    #[test]
    fn guarded_crates_stay_behind_their_doors() {
        assert_eq!(
            check_one("geoheap-residency", "wgpu", false).len(),
            1,
            "wgpu in residency"
        );
        assert_eq!(
            check_one("geoheap-gpu-backend", "flume", false).len(),
            1,
            "flume below"
        );
        assert_eq!(
            check_one("geoheap", "arc-swap", false).len(),
            1,
            "a second arc-swap"
        );
        assert_eq!(
            check_one("geoheap", "rand", false).len(),
            1,
            "rand in a library"
        );
        assert_eq!(
            check_one("geoheap-residency", "rand", true).len(),
            0,
            "rand in tests"
        );
        assert_eq!(
            check_one("geoheap-demo", "wgpu", false).len(),
            0,
            "wgpu in a program"
        );
    }

    #[test]
    fn an_unknown_crate_is_caught() {
        let said = check(&[package("geoheap-new", &[])]);
        assert!(
            said.len() == 1 && said[0].text.contains("no row"),
            "{said:?}"
        );
    }

    #[test]
    fn folders_are_found_in_the_table() {
        assert_eq!(layer_of_folder("suballoc"), Some(0));
        assert_eq!(layer_of_folder("gpu-backend"), Some(1));
        assert_eq!(layer_of_folder("geoheap"), Some(2));
        assert_eq!(layer_of_folder("nothing"), None);
    }
}
