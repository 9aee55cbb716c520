//! What is written to a file, packed where its name says so, or to the standard output.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::outcome::BadInput;

/// The name that stands for the standard input and the standard output.
pub const STANDARD: &str = "-";

/// Writes `text` to `path`, packed with gzip if that ends in `.gz`; to the standard output without
/// a path, or where it is `-`.
///
/// # Errors
/// [`BadInput`] that names the file.
pub fn write(path: Option<&Path>, text: &str) -> Result<(), BadInput> {
    write_bytes(path, text.as_bytes())
}

/// [`write()`] for what is no text.
///
/// # Errors
/// [`BadInput`] that names the file.
pub fn write_bytes(path: Option<&Path>, bytes: &[u8]) -> Result<(), BadInput> {
    let Some(path) = path.filter(|path| path.as_os_str() != STANDARD) else {
        let mut out = io::stdout().lock();
        let written = out.write_all(bytes).and_then(|()| out.flush());
        return match written {
            // A reader who has seen enough is no error.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(BadInput(format!("standard output: {error}")))
            }
            _ => Ok(()),
        };
    };
    let write = || -> io::Result<()> {
        let mut file = File::create(path)?;
        if is_gzip(path) {
            let mut packer = GzEncoder::new(file, Compression::default());
            packer.write_all(bytes)?;
            packer.finish()?.flush()
        } else {
            file.write_all(bytes)
        }
    };
    write().map_err(|error| BadInput(format!("{}: {error}", path.display())))
}

/// Whether a file is packed, by its name.
pub fn is_gzip(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz")
}
