//! Meshes of the user's own: glTF 2.0 and GLB files.

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
/// name. All or nothing.
///
/// # Errors
/// [`ModelError`] of the first file that is refused, with its path; also for a directory without
/// any model.
pub fn load_paths(paths: &[PathBuf]) -> Result<Vec<Model>, ModelError> {
    let _ = paths;
    Ok(Vec::new())
}

/// Loads one file.
///
/// # Errors
/// As [`load_paths`].
pub fn load_file(path: &Path) -> Result<Model, ModelError> {
    let _ = path;
    Err(ModelError::Unsupported {
        path: path.into(),
        reason: "not there yet".into(),
    })
}
