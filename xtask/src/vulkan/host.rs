//! What a Linux machine has of Vulkan, below any root folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process::Failure;

const LOADER: &str = "libvulkan.so.1";
const VALIDATION_LAYER: &str = "VkLayer_khronos_validation.json";
/// Searched together with their direct subfolders, where Debian keeps its libraries.
const LIBRARY_FOLDERS: [&str; 6] = [
    "/usr/lib",
    "/lib",
    "/usr/lib64",
    "/lib64",
    "/usr/local/lib",
    "/usr/local/lib64",
];

/// The variables that are read.
const VARIABLES: [&str; 9] = [
    "VK_DRIVER_FILES",
    "VK_ICD_FILENAMES",
    "VK_ADD_DRIVER_FILES",
    "LD_LIBRARY_PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "XDG_CONFIG_DIRS",
    "XDG_DATA_HOME",
    "XDG_DATA_DIRS",
];

/// A machine: its file system's root and its environment.
#[derive(Debug)]
pub(crate) struct Host {
    root: PathBuf,
    variables: BTreeMap<String, String>,
}

/// A distribution, after `/etc/os-release`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Distribution {
    /// Debian, Ubuntu, or one that says it is like them.
    Debian,
    /// Another one, by its id.
    Other(String),
}

impl Host {
    /// The machine this runs on.
    pub(crate) fn this() -> Self {
        let value = |name: &str| Some((name.to_owned(), std::env::var(name).ok()?));
        let variables = VARIABLES.into_iter().filter_map(value).collect();
        Self {
            root: "/".into(),
            variables,
        }
    }

    /// A machine made up by a test.
    #[cfg(test)]
    pub(crate) fn fake(root: &Path, variables: &[(&str, &str)]) -> Self {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            root: root.to_owned(),
            variables: variables.iter().map(owned).collect(),
        }
    }

    /// Whether the loader can be opened.
    pub(crate) fn has_loader(&self) -> bool {
        self.has_library(LOADER)
    }

    /// Whether any manifest names a driver that exists.
    pub(crate) fn has_driver(&self) -> bool {
        self.manifests()
            .iter()
            .any(|manifest| self.is_usable(manifest))
    }

    /// Whether the validation layer's manifest is there.
    pub(crate) fn has_validation_layer(&self) -> bool {
        let folders = self.search_folders("vulkan/explicit_layer.d");
        folders
            .iter()
            .any(|folder| folder.join(VALIDATION_LAYER).is_file())
    }

    /// Refuses a variable that hides every driver, which no package could mend.
    pub(crate) fn check_override(&self) -> Result<(), Failure> {
        match self.override_list() {
            Some((name, list)) if !self.has_driver() => Err(Failure::new(format!(
                "{name}={list} hides every other Vulkan driver and names none that exists; \
                 unset it, or name a driver's manifest in it"
            ))),
            _ => Ok(()),
        }
    }

    /// The machine's distribution, where it says so.
    pub(crate) fn distribution(&self) -> Option<Distribution> {
        let text = fs::read_to_string(self.at("/etc/os-release")).ok()?;
        let field = |name: &str| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
            Some(line.trim_matches('"').to_owned())
        };
        let id = field("ID")?;
        let like = field("ID_LIKE").unwrap_or_default();
        let mut family = std::iter::once(id.as_str()).chain(like.split_whitespace());
        if family.any(|name| name == "debian" || name == "ubuntu") {
            return Some(Distribution::Debian);
        }
        Some(Distribution::Other(id))
    }

    /// The variable that replaces the loader's own search, if one is set.
    fn override_list(&self) -> Option<(&'static str, &str)> {
        let names = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"];
        let set = |name: &'static str| Some((name, self.variable(name)));
        names
            .into_iter()
            .filter_map(set)
            .find(|(_, list)| !list.is_empty())
    }

    /// The manifests that the loader would read.
    fn manifests(&self) -> Vec<PathBuf> {
        if let Some((_, list)) = self.override_list() {
            return self.manifests_listed(list);
        }
        let mut manifests = self.manifests_listed(self.variable("VK_ADD_DRIVER_FILES"));
        let folders = self.search_folders("vulkan/icd.d");
        manifests.extend(folders.iter().flat_map(|folder| json_files(folder)));
        manifests
    }

    /// The manifests in a list of files and folders.
    fn manifests_listed(&self, list: &str) -> Vec<PathBuf> {
        let mut manifests = Vec::new();
        for path in list.split(':').filter(|path| !path.is_empty()) {
            let path = self.at(path);
            if path.is_dir() {
                manifests.extend(json_files(&path));
            } else {
                manifests.push(path);
            }
        }
        manifests
    }

    /// The folders in which the loader looks for `name`, after its documentation ("Driver
    /// Discovery on Linux" in the Vulkan-Loader's `LoaderDriverInterface`).
    fn search_folders(&self, name: &str) -> Vec<PathBuf> {
        let home = self.variable("HOME");
        let or = |variable: &str, other: String| match self.variable(variable) {
            "" => other,
            set => set.to_owned(),
        };
        let lists = [
            or("XDG_CONFIG_HOME", format!("{home}/.config")),
            or("XDG_CONFIG_DIRS", "/etc/xdg".into()),
            "/usr/local/etc:/etc".into(),
            or("XDG_DATA_HOME", format!("{home}/.local/share")),
            or("XDG_DATA_DIRS", "/usr/local/share:/usr/share".into()),
            // Searched last whatever the variable says: drivers of the system lie here.
            "/usr/local/share:/usr/share".into(),
        ];
        let folders = lists.iter().flat_map(|list| list.split(':'));
        folders.map(|folder| self.at(folder).join(name)).collect()
    }

    /// Whether a manifest can be read and names a library that exists.
    fn is_usable(&self, manifest: &Path) -> bool {
        let Ok(text) = fs::read_to_string(manifest) else {
            return false;
        };
        let Ok(json) = serde_json::from_str::<Value>(&text) else {
            return false;
        };
        match json["ICD"]["library_path"].as_str() {
            None => false,
            Some(path) if path.starts_with('/') => self.at(path).is_file(),
            Some(path) if path.contains('/') => manifest
                .parent()
                .is_some_and(|folder| folder.join(path).is_file()),
            Some(name) => self.has_library(name),
        }
    }

    /// Whether the dynamic linker would find a library, to the extent that folders tell.
    fn has_library(&self, name: &str) -> bool {
        let named = self
            .variable("LD_LIBRARY_PATH")
            .split(':')
            .filter(|path| !path.is_empty());
        let standard = LIBRARY_FOLDERS.iter().flat_map(|folder| {
            let folder = self.at(folder);
            let mut folders = subfolders(&folder);
            folders.push(folder);
            folders
        });
        named
            .map(|path| self.at(path))
            .chain(standard)
            .any(|folder| folder.join(name).is_file())
    }

    /// A variable's value, empty where it is not set.
    fn variable(&self, name: &str) -> &str {
        self.variables.get(name).map_or("", String::as_str)
    }

    /// An absolute path of the machine, below the root.
    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}

/// The manifests of a folder; none where it cannot be read.
fn json_files(folder: &Path) -> Vec<PathBuf> {
    let is_json = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
    entries(folder).into_iter().filter(is_json).collect()
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    entries(folder)
        .into_iter()
        .filter(|path| path.is_dir())
        .collect()
}

/// The paths in a folder, in the order of their names; none where it cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
