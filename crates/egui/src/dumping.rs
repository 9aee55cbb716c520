//! Where a dump goes.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use geoheap_heap_dump::HeapDump;

/// Takes a dump, and answers with what to say: where it went, or why it did not.
pub(crate) type Hook = Box<dyn FnMut(&HeapDump) -> Result<String, String> + Send>;

/// What the button does.
pub(crate) enum Dumping {
    /// A file in this folder, named after the frame.
    Folder(PathBuf),
    /// What the program does with it.
    Hook(Hook),
}

impl Default for Dumping {
    fn default() -> Self {
        Self::Folder(PathBuf::from("."))
    }
}

impl fmt::Debug for Dumping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => f.debug_tuple("Folder").field(folder).finish(),
            Self::Hook(_) => f.debug_tuple("Hook").finish_non_exhaustive(),
        }
    }
}

impl Dumping {
    /// Gives the dump away; the sentence says what became of it.
    pub(crate) fn dump(&mut self, dump: &HeapDump) -> String {
        let said = match self {
            Self::Folder(folder) => write(folder, dump)
                .map(|path| format!("Wrote {}", path.display()))
                .map_err(|error| format!("into {}: {error}", folder.display())),
            Self::Hook(hook) => hook(dump),
        };
        said.unwrap_or_else(|why| format!("No dump {why}"))
    }
}

/// Writes `geoheap-heap-<frame>.json` into a folder.
fn write(folder: &Path, dump: &HeapDump) -> io::Result<PathBuf> {
    let path = folder.join(format!("geoheap-heap-{}.json", dump.frame));
    let mut file = BufWriter::new(File::create(&path)?);
    dump.to_writer(&mut file)?;
    file.flush()?;
    Ok(path)
}
