//! Files that are written under another name first, so that what lies there stays until all is
//! well.

use std::io;
use std::path::{Path, PathBuf};

use crate::output::STANDARD;

/// A file under way. One that is dropped before [`PendingFile::keep`] is removed.
///
/// What is no regular file, such as a pipe or `/dev/null`, and the standard output (`-`) cannot be
/// put in place afterwards: they are written to as they are.
#[derive(Debug)]
pub struct PendingFile {
    target: PathBuf,
    /// Beside the target, where that will be a regular file.
    temporary: Option<PathBuf>,
}

impl PendingFile {
    /// For a file that is to be called `path`. Nothing is created.
    pub fn new(path: &Path) -> Self {
        // Behind a link lies what is to be replaced, not the link.
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let is_other = target.metadata().is_ok_and(|meta| !meta.is_file());
        let name = target.file_name();
        let name = name.filter(|_| !is_other && path.as_os_str() != STANDARD);
        let temporary = name.map(|name| {
            let mut temporary = std::ffi::OsString::from(format!(".{}.", std::process::id()));
            // The end of the name says whether the file is packed.
            temporary.push(name);
            target.with_file_name(temporary)
        });
        Self { target, temporary }
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        self.temporary.as_deref().unwrap_or(&self.target)
    }

    /// Puts the file in its place, instead of an older one.
    ///
    /// # Errors
    /// Those of the file system; the older one stays then.
    pub fn keep(mut self) -> io::Result<()> {
        let Some(temporary) = &self.temporary else {
            return Ok(());
        };
        std::fs::rename(temporary, &self.target)?;
        self.temporary = None;
        Ok(())
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // It may never have been created.
            let _ = std::fs::remove_file(temporary);
        }
    }
}
