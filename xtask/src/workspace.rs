//! What `cargo metadata` says of the workspace.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process::{Failure, cargo};

/// The workspace and its packages.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder of the workspace's manifest.
    pub(crate) root: PathBuf,
    /// Where cargo builds to.
    pub(crate) target_dir: PathBuf,
    /// The workspace's own packages.
    pub(crate) packages: Vec<Package>,
}

/// A package of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    /// Name as published.
    pub(crate) name: String,
    /// Folder below the workspace's root, with forward slashes.
    pub(crate) folder: String,
    /// SPDX expression, if any.
    pub(crate) license: Option<String>,
    /// One line, if any.
    pub(crate) description: Option<String>,
    /// What it depends on, of every kind.
    pub(crate) dependencies: Vec<Dependency>,
    /// Root files of its libraries and programs, below the workspace's root.
    pub(crate) roots: Vec<String>,
}

/// An entry of a package's dependency tables.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    /// The package depended on.
    pub(crate) name: String,
    /// Whether only tests, examples and benches see it.
    pub(crate) dev: bool,
}

impl Workspace {
    /// Asks cargo.
    ///
    /// # Errors
    /// When cargo fails, or answers in a form that this program does not know.
    pub(crate) fn load() -> Result<Self, Failure> {
        let output = cargo(&manifest_dir())
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .map_err(|error| Failure::new(format!("cargo metadata: {error}")))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::new(format!("cargo metadata failed: {said}")));
        }
        let metadata = serde_json::from_slice(&output.stdout)
            .map_err(|error| Failure::new(format!("cargo metadata: {error}")))?;
        parse(&metadata).ok_or_else(|| Failure::new("cargo metadata lacks a field"))
    }
}

/// The folder of this package, wherever the checkout lies today.
fn manifest_dir() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| ".".into(), PathBuf::from)
}

/// Reads the fields that are used here; `None` where one is missing.
fn parse(metadata: &Value) -> Option<Workspace> {
    let root = PathBuf::from(metadata["workspace_root"].as_str()?);
    let target_dir = metadata["target_directory"].as_str()?.into();
    let packages = metadata["packages"]
        .as_array()?
        .iter()
        .map(|package| parse_package(&root, package))
        .collect::<Option<_>>()?;
    Some(Workspace {
        root,
        target_dir,
        packages,
    })
}

fn parse_package(root: &Path, package: &Value) -> Option<Package> {
    let below_root = |path: &Value| Some(relative(root, Path::new(path.as_str()?)));
    let manifest = below_root(&package["manifest_path"])?;
    let dependencies = package["dependencies"].as_array()?.iter().map(|entry| {
        let name = entry["name"].as_str()?.to_owned();
        Some(Dependency {
            name,
            dev: entry["kind"] == "dev",
        })
    });
    let roots = package["targets"].as_array()?.iter().filter(|target| {
        let kinds = target["kind"].as_array().map_or(&[][..], Vec::as_slice);
        kinds
            .iter()
            .any(|kind| matches!(kind.as_str(), Some("lib" | "bin" | "proc-macro")))
    });
    Some(Package {
        name: package["name"].as_str()?.to_owned(),
        folder: manifest.strip_suffix("/Cargo.toml")?.to_owned(),
        license: package["license"].as_str().map(str::to_owned),
        description: package["description"].as_str().map(str::to_owned),
        dependencies: dependencies.collect::<Option<_>>()?,
        roots: roots
            .map(|target| below_root(&target["src_path"]))
            .collect::<Option<_>>()?,
    })
}

/// `path` below `root` with forward slashes, or unchanged where it lies elsewhere.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_is_read() {
        let workspace = Workspace::load().unwrap();
        let own = workspace
            .packages
            .iter()
            .find(|package| package.name == "xtask")
            .unwrap();
        assert_eq!(own.folder, "xtask");
        assert_eq!(own.roots, ["xtask/src/main.rs"]);
        assert!(
            own.dependencies
                .iter()
                .any(|dependency| dependency.name == "clap"),
            "{own:?}"
        );
        assert!(own.description.is_some(), "{own:?}");
    }

    #[test]
    fn an_answer_without_packages_is_refused() {
        let metadata = serde_json::json!({ "workspace_root": "/w", "target_directory": "/w/t" });
        assert!(parse(&metadata).is_none(), "no packages in {metadata}");
    }
}
