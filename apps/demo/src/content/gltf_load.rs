//! Meshes of the user's own: glTF 2.0 and GLB files.

mod accessor;
mod bake;
mod file;
mod texture;

use super::mesh::MeshData;
use std::fmt;
use std::path::{Path, PathBuf};

/// A file's triangles, all its nodes merged, in metres around the file's own origin (y up).
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The file's name without its ending.
    pub name: String,
    /// Where it came from.
    pub path: PathBuf,
    /// The mesh, with colours baked into the vertices.
    pub mesh: MeshData,
}

/// Why a model could not be loaded. Nothing of a refused file is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelError {
    /// The file or directory could not be opened or read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file or one that it names is damaged, cut short, or contradicts itself.
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file is whole but holds something that the demo does not draw.
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it holds.
        reason: String,
    },
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, reason } => {
                write!(f, "cannot read the model {}: {reason}", path.display())
            }
            Self::Broken { path, reason } => {
                write!(f, "the model {} is broken: {reason}", path.display())
            }
            Self::Unsupported { path, reason } => {
                write!(f, "the model {} cannot be used: {reason}", path.display())
            }
        }
    }
}

impl std::error::Error for ModelError {}

/// Loads every path: a `.gltf` or `.glb` file, or a directory of which all such files are taken, by
/// name and without going into further directories. All or nothing.
///
/// # Errors
/// [`ModelError`] of the first file that is refused, with its path; also for a directory without
/// any model.
pub fn load_paths(paths: &[PathBuf]) -> Result<Vec<Model>, ModelError> {
    let mut models = Vec::new();
    for path in paths {
        if path.is_dir() {
            for file in models_in(path)? {
                models.push(load_file(&file)?);
            }
        } else {
            models.push(load_file(path)?);
        }
    }
    Ok(models)
}

/// Loads one file: the triangles of its default scene (the first one, or all nodes, where it names
/// none), with node transforms applied. A vertex's colour is the product of its own, the base
/// colour factor, and the base colour texture at its coordinate. Normals that are missing are
/// computed, weighed by area. Skins, morph targets and animations are left at rest.
///
/// # Errors
/// As [`load_paths`].
pub fn load_file(path: &Path) -> Result<Model, ModelError> {
    let unreadable = |e: std::io::Error| Fault::Unreadable(path.into(), e.to_string());
    let bytes = std::fs::read(path).map_err(|e| unreadable(e).at(path))?;
    load_bytes(path, &bytes)
}

/// The same from bytes at hand. `path` is named in errors, and what the file names is looked for
/// beside it.
///
/// # Errors
/// As [`load_paths`].
pub fn load_bytes(path: &Path, bytes: &[u8]) -> Result<Model, ModelError> {
    let mesh = file::File::parse(path, bytes)
        .and_then(|file| bake::bake(&file))
        .map_err(|fault| fault.at(path))?;
    let name = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok(Model {
        name,
        path: path.into(),
        mesh,
    })
}

/// The models of a directory, by name.
fn models_in(directory: &Path) -> Result<Vec<PathBuf>, ModelError> {
    let unreadable = |e: std::io::Error| ModelError::Unreadable {
        path: directory.into(),
        reason: e.to_string(),
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_model = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("gltf") || e.eq_ignore_ascii_case("glb"));
        if is_model && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        let reason = "the directory holds no .gltf or .glb file".into();
        return Err(ModelError::Unreadable {
            path: directory.into(),
            reason,
        });
    }
    Ok(files)
}

/// A [`ModelError`] that does not know its file yet.
#[derive(Debug)]
enum Fault {
    Unreadable(PathBuf, String),
    Broken(String),
    Unsupported(String),
}

impl Fault {
    fn at(self, path: &Path) -> ModelError {
        let path = path.to_path_buf();
        match self {
            Self::Unreadable(path, reason) => ModelError::Unreadable { path, reason },
            Self::Broken(reason) => ModelError::Broken { path, reason },
            Self::Unsupported(reason) => ModelError::Unsupported { path, reason },
        }
    }
}

fn broken<T>(reason: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Broken(reason.into()))
}

fn unsupported<T>(reason: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Unsupported(reason.into()))
}

#[cfg(test)]
mod tests;
