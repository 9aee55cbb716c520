//! Why an elevation could not be read.

use std::fmt;
use std::path::PathBuf;

/// Why an elevation could not be read. Nothing of a refused picture is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ElevationError {
    /// The file could not be opened or read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file does not begin like a PNG, or its structure is damaged or cut short.
    Broken {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        reason: String,
    },
    /// A PNG, but not of 16-bit grey samples.
    WrongFormat {
        /// The file.
        path: PathBuf,
        /// Bits a sample of the file.
        bits: u8,
        /// Its colour type.
        colour: String,
    },
    /// A side is too short or too long.
    WrongSize {
        /// The file.
        path: PathBuf,
        /// Samples a row.
        width: u32,
        /// Rows.
        height: u32,
    },
}

impl fmt::Display for ElevationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, reason } => {
                write!(f, "cannot read the elevation {}: {reason}", path.display())
            }
            Self::Broken { path, reason } => write!(
                f,
                "the elevation {} is not a whole PNG file: {}; get the file again",
                path.display(),
                reason.trim_end_matches('.')
            ),
            Self::WrongFormat { path, bits, colour } => write!(
                f,
                "the elevation {} has {bits}-bit {colour} samples; save it as 16-bit grey without \
                 alpha, one metre a step",
                path.display()
            ),
            Self::WrongSize {
                path,
                width,
                height,
            } => write!(
                f,
                "the elevation {} has {width} x {height} samples; each side must have {} to {}",
                path.display(),
                super::MIN_SIDE_SAMPLES,
                super::MAX_SIDE_SAMPLES
            ),
        }
    }
}

impl std::error::Error for ElevationError {}
