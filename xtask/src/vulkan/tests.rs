use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::host::{Distribution, Host};
use super::need;
use super::*;
use crate::install::{Plan, Rights, plan};

/// A made-up file system, gone at the end of its test.
struct Root(PathBuf);

impl Root {
    /// Holds the named files; a manifest names the driver `libvulkan_lvp.so` unless it says else.
    fn with(files: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("geoheap-xtask-{}-{number}", std::process::id());
        let root = Self(std::env::temp_dir().join(name));
        for (path, text) in files {
            let path = root.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // A test that has no files made no folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

const LOADER_FILE: (&str, &str) = ("usr/lib/x86_64-linux-gnu/libvulkan.so.1", "");
const DRIVER_FILE: (&str, &str) = ("usr/lib/x86_64-linux-gnu/libvulkan_lvp.so", "");
const MANIFEST: &str =
    r#"{ "ICD": { "library_path": "/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so" } }"#;
const BARE_MANIFEST: &str = r#"{ "ICD": { "library_path": "libvulkan_lvp.so" } }"#;
const SYSTEM: &str = "usr/share/vulkan/icd.d/lvp_icd.x86_64.json";

/// Which packages are missing on a machine with these files and variables.
fn check(files: &[(&str, &str)], variables: &[(&str, &str)], missing: &[&str]) {
    let root = Root::with(files);
    let host = Host::fake(&root.0, variables);
    assert_eq!(
        missing_driver(&host),
        missing,
        "files {files:?}, variables {variables:?}"
    );
}

#[test]
fn a_machine_without_anything_lacks_loader_and_driver() {
    check(&[], &[], &[LOADER_PACKAGE, DRIVER_PACKAGE]);
}

#[test]
fn a_complete_machine_lacks_nothing() {
    for folder in [
        "usr/share",
        "usr/local/share",
        "etc",
        "etc/xdg",
        "usr/local/etc",
    ] {
        let path = format!("{folder}/vulkan/icd.d/lvp.json");
        check(&[LOADER_FILE, DRIVER_FILE, (&path, MANIFEST)], &[], &[]);
        check(
            &[LOADER_FILE, DRIVER_FILE, (&path, BARE_MANIFEST)],
            &[],
            &[],
        );
    }
}

#[test]
fn a_user_may_have_a_driver_of_his_own() {
    let files = [
        LOADER_FILE,
        DRIVER_FILE,
        ("u/.local/share/vulkan/icd.d/l.json", MANIFEST),
    ];
    check(&files, &[], &[DRIVER_PACKAGE]);
    check(&files, &[("HOME", "/u")], &[]);
    check(&files, &[("XDG_DATA_HOME", "/u/.local/share")], &[]);
}

#[test]
fn the_loader_alone_is_not_enough_nor_the_driver() {
    check(&[LOADER_FILE], &[], &[DRIVER_PACKAGE]);
    check(&[DRIVER_FILE, (SYSTEM, MANIFEST)], &[], &[LOADER_PACKAGE]);
}

#[test]
fn a_manifest_that_leads_nowhere_is_no_driver() {
    check(&[LOADER_FILE, (SYSTEM, MANIFEST)], &[], &[DRIVER_PACKAGE]);
    check(
        &[LOADER_FILE, (SYSTEM, BARE_MANIFEST)],
        &[],
        &[DRIVER_PACKAGE],
    );
    check(
        &[LOADER_FILE, DRIVER_FILE, (SYSTEM, "{}")],
        &[],
        &[DRIVER_PACKAGE],
    );
    check(
        &[LOADER_FILE, DRIVER_FILE, (SYSTEM, "torn {")],
        &[],
        &[DRIVER_PACKAGE],
    );
    let text = "usr/share/vulkan/icd.d/readme.txt";
    check(
        &[LOADER_FILE, DRIVER_FILE, (text, MANIFEST)],
        &[],
        &[DRIVER_PACKAGE],
    );
}

#[test]
fn a_relative_library_lies_beside_its_manifest() {
    let manifest = r#"{ "ICD": { "library_path": "./driver.so" } }"#;
    let beside = ("usr/share/vulkan/icd.d/driver.so", "");
    check(&[LOADER_FILE, beside, (SYSTEM, manifest)], &[], &[]);
    check(&[LOADER_FILE, (SYSTEM, manifest)], &[], &[DRIVER_PACKAGE]);
}

#[test]
fn variables_replace_or_extend_the_search() {
    let files = [LOADER_FILE, DRIVER_FILE, ("opt/lvp.json", MANIFEST)];
    check(&files, &[], &[DRIVER_PACKAGE]);
    check(
        &files,
        &[("VK_DRIVER_FILES", "/none.json:/opt/lvp.json")],
        &[],
    );
    check(&files, &[("VK_DRIVER_FILES", "/opt")], &[]);
    check(&files, &[("VK_ICD_FILENAMES", "/opt/lvp.json")], &[]);
    check(&files, &[("VK_ADD_DRIVER_FILES", "/opt/lvp.json")], &[]);
    let elsewhere = [
        ("opt/lib/libvulkan.so.1", ""),
        DRIVER_FILE,
        (SYSTEM, MANIFEST),
    ];
    check(&elsewhere, &[("LD_LIBRARY_PATH", "/opt/lib")], &[]);
}

#[test]
fn a_variable_that_hides_every_driver_is_named() {
    let root = Root::with(&[LOADER_FILE, DRIVER_FILE, (SYSTEM, MANIFEST)]);
    let hidden = Host::fake(&root.0, &[("VK_DRIVER_FILES", "/none.json")]);
    let failure = hidden.check_override().unwrap_err().to_string();
    assert!(failure.contains("VK_DRIVER_FILES=/none.json"), "{failure}");
    let empty = Host::fake(&root.0, &[("VK_DRIVER_FILES", "")]);
    empty.check_override().unwrap();
}

#[test]
fn the_validation_layer_is_found_by_its_manifest() {
    let path = "usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json";
    let root = Root::with(&[(path, "{}")]);
    assert!(Host::fake(&root.0, &[]).has_validation_layer(), "{path}");
    let root = Root::with(&[]);
    assert!(
        !Host::fake(&root.0, &[]).has_validation_layer(),
        "an empty machine"
    );
}

#[test]
fn distributions_are_told_by_id_and_by_likeness() {
    for (text, expected) in [
        (
            "NAME=\"Debian GNU/Linux\"\nID=debian\n",
            Distribution::Debian,
        ),
        ("ID=ubuntu\nID_LIKE=debian\n", Distribution::Debian),
        (
            "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n",
            Distribution::Debian,
        ),
        (
            "VERSION_ID=41\nID=fedora\n",
            Distribution::Other("fedora".into()),
        ),
    ] {
        let root = Root::with(&[("etc/os-release", text)]);
        assert_eq!(
            Host::fake(&root.0, &[]).distribution(),
            Some(expected),
            "{text}"
        );
    }
    let root = Root::with(&[]);
    assert_eq!(
        Host::fake(&root.0, &[]).distribution(),
        None,
        "no os-release"
    );
}

/// The calls of a plan, as one would type them.
fn typed(plan: &Plan) -> Vec<String> {
    let Plan::Run { update, install } = plan else {
        panic!("nothing to run in {plan:?}")
    };
    let line = |command: std::process::Command| {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words
            .map(|word| word.to_str().unwrap())
            .collect::<Vec<_>>()
            .join(" ")
    };
    vec![line(update.command()), line(install.command())]
}

#[test]
fn debian_is_served_without_a_question() {
    let packages = [LOADER_PACKAGE, DRIVER_PACKAGE];
    let root = plan(&need(&packages), Some(&Distribution::Debian), Rights::Root);
    let env = "env DEBIAN_FRONTEND=noninteractive apt-get";
    let install = "-o DPkg::Lock::Timeout=300 install --yes --no-install-recommends \
                   libvulkan1 mesa-vulkan-drivers";
    assert_eq!(
        typed(&root),
        [format!("{env} update"), format!("{env} {install}")]
    );
    let sudo = plan(&need(&packages), Some(&Distribution::Debian), Rights::Sudo);
    assert_eq!(
        typed(&sudo),
        [
            format!("sudo -n {env} update"),
            format!("sudo -n {env} {install}")
        ]
    );
}

#[test]
fn without_rights_the_exact_command_is_told() {
    let packages = [LOADER_PACKAGE, DRIVER_PACKAGE];
    let tell =
        |found: Option<Distribution>| match plan(&need(&packages), found.as_ref(), Rights::None) {
            Plan::Tell(text) => text,
            run @ Plan::Run { .. } => panic!("{run:?} without rights"),
        };
    let debian = tell(Some(Distribution::Debian));
    let command = "sudo apt-get update && sudo apt-get install --yes \
                   libvulkan1 mesa-vulkan-drivers";
    assert!(debian.ends_with(command), "{debian}");
    assert!(
        tell(Some(Distribution::Other("fedora".into()))).contains("dnf install"),
        "fedora"
    );
    assert!(
        tell(Some(Distribution::Other("gentoo".into()))).contains("(gentoo)"),
        "gentoo"
    );
    assert!(tell(None).contains("mesa-vulkan-drivers"), "unknown");
}

#[test]
fn elsewhere_root_rights_do_not_start_a_foreign_package_manager() {
    let plan = plan(
        &need(&[DRIVER_PACKAGE]),
        Some(&Distribution::Other("arch".into())),
        Rights::Root,
    );
    assert!(matches!(plan, Plan::Tell(_)), "{plan:?}");
}
