//! Text written to a file, packed where its name says so, or to the standard output.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::outcome::BadInput;

/// Writes `text` to `path`, packed with gzip if that ends in `.gz`; to the standard output without
/// a path, or where it is `-`.
///
/// # Errors
/// [`BadInput`] that names the file.
pub fn write(path: Option<&Path>, text: &str) -> Result<(), BadInput> {
    let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
        let written = io::stdout().write_all(text.as_bytes());
        return written.map_err(|error| BadInput(format!("standard output: {error}")));
    };
    let packed = path.extension().is_some_and(|extension| extension == "gz");
    let write = || -> io::Result<()> {
        let mut file = File::create(path)?;
        if packed {
            let mut packer = GzEncoder::new(file, Compression::default());
            packer.write_all(text.as_bytes())?;
            packer.finish()?.flush()
        } else {
            file.write_all(text.as_bytes())
        }
    };
    write().map_err(|error| BadInput(format!("{}: {error}", path.display())))
}
