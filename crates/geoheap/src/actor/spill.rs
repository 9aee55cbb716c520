//! A file for retained copies that system memory has no budget for.
//!
//! Copies lie in it one behind the other, and the room of one that nobody needs any more is taken
//! by later ones. The file has a name of its own in the caller's folder, and is removed with the
//! last copy in it and the engine.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::core::event::Event;
use crate::core::spill::{SpillError, Spilled, Spilling};
use crate::payload::{Payload, ReloadFn};
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// Names that are tried before the folder is called full of other files.
const NAMES_MAX: u32 = 10_000;

/// Where bytes are put that do not stay in memory: a file, or what a simulation plays.
pub trait SpillDisk: Send {
    /// Writes all of `bytes` from `at` on.
    ///
    /// # Errors
    /// Not all of them were written.
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Reads as many bytes as `bytes` has room for, from `at` on.
    ///
    /// # Errors
    /// Not all of them were read.
    fn read_at(&mut self, at: u64, bytes: &mut [u8]) -> io::Result<()>;
}

impl SpillDisk for File {
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(at))?;
        self.write_all(bytes)
    }

    fn read_at(&mut self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(at))?;
        self.read_exact(bytes)
    }
}

/// The file, as often as somebody has it.
#[derive(Clone)]
pub(crate) struct SpillFile(Arc<Shelf>);

struct Shelf {
    /// Apart from the disk, as the geometry actor gives room back and must not wait for a disk.
    rooms: Mutex<Rooms>,
    disk: Mutex<Box<dyn SpillDisk>>,
    /// What is removed at the end.
    path: Option<PathBuf>,
}

#[derive(Default)]
struct Rooms {
    /// Length by start of what lies before the end and has no copy.
    free: BTreeMap<u64, u64>,
    end: u64,
}

/// A copy in the file.
struct Kept {
    shelf: Arc<Shelf>,
    at: u64,
    lens: Vec<usize>,
}

/// Copies that are to be put into the file.
pub(crate) struct SpillJob {
    pub(crate) file: SpillFile,
    pub(crate) spilling: Spilling,
}

impl SpillJob {
    /// Writes them.
    pub(crate) fn run(self) -> Event {
        let result = self.write();
        let Spilling {
            handle, seq, bytes, ..
        } = self.spilling;
        Event::Spilled {
            handle,
            seq,
            bytes,
            result,
        }
    }

    fn write(&self) -> Result<Spilled, SpillError> {
        let whole = self.spilling.whole().map_err(SpillError::Read)?;
        let payloads: Vec<&Payload> = whole.iter().map(|(_, payload)| payload).collect();
        let make = self.file.keep(&payloads);
        let make = make.map_err(|error| SpillError::Write(error.to_string()))?;
        let parts = whole.iter().map(|(id, part)| (*id, part.len())).collect();
        Ok(Spilled { parts, make })
    }
}

impl SpillFile {
    /// Makes a file in `folder`.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn create(folder: &Path) -> io::Result<Self> {
        let process = std::process::id();
        for nth in 0..NAMES_MAX {
            let path = folder.join(format!("geoheap-{process}-{nth}.spill"));
            let mut options = OpenOptions::new();
            match options.read(true).write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Self::on(Box::new(file), Some(path))),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        let kind = io::ErrorKind::AlreadyExists;
        Err(io::Error::new(
            kind,
            "the folder is full of files of such names",
        ))
    }

    /// On `disk`, whose file at `path`, if any, is removed at the end.
    pub(crate) fn on(disk: Box<dyn SpillDisk>, path: Option<PathBuf>) -> Self {
        let (rooms, disk) = (Mutex::new(Rooms::default()), Mutex::new(disk));
        Self(Arc::new(Shelf { rooms, disk, path }))
    }

    /// Puts payloads into the file, and returns what gives them back. Their room is free again when
    /// that is dropped.
    fn keep(&self, payloads: &[&Payload]) -> io::Result<ReloadFn> {
        let lens: Vec<usize> = payloads
            .iter()
            .map(|payload| payload.bytes().len())
            .collect();
        let sum = lens.iter().map(|len| *len as u64).sum();
        let at = self.0.rooms().take(sum);
        // From here on its drop gives the room back.
        let kept = Kept {
            shelf: Arc::clone(&self.0),
            at,
            lens,
        };
        let mut at = at;
        for payload in payloads {
            let bytes = payload.bytes();
            self.0.disk().write_at(at, bytes)?;
            at += bytes.len() as u64;
        }
        Ok(ReloadFn::new(move |_| {
            kept.read().map_err(|error| error.to_string())
        }))
    }
}

impl Shelf {
    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn disk(&self) -> MutexGuard<'_, Box<dyn SpillDisk>> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && let Err(error) = std::fs::remove_file(path)
        {
            let path = path.display();
            tracing::warn!(%path, %error, "the spill file is left behind");
        }
    }
}

impl Rooms {
    /// Room for `len` bytes: the first that is free, else at the end.
    fn take(&mut self, len: u64) -> u64 {
        let found = self.free.iter().find(|(_, free)| **free >= len);
        let Some((at, free)) = found.map(|(at, free)| (*at, *free)) else {
            let at = self.end;
            self.end += len;
            return at;
        };
        self.free.remove(&at);
        if free > len {
            self.free.insert(at + len, free - len);
        }
        at
    }

    fn give_back(&mut self, at: u64, len: u64) {
        let (mut at, mut len) = (at, len);
        if let Some((before, free)) = self.free.range(..at).next_back()
            && before + free == at
        {
            (at, len) = (*before, free + len);
            self.free.remove(&at);
        }
        if let Some(behind) = self.free.remove(&(at + len)) {
            len += behind;
        }
        if at + len == self.end {
            self.end = at;
        } else if len > 0 {
            self.free.insert(at, len);
        }
    }
}

impl Kept {
    fn read(&self) -> io::Result<Vec<Payload>> {
        let mut at = self.at;
        let read = self.lens.iter().map(|len| {
            let mut bytes = vec![0; *len];
            self.shelf.disk().read_at(at, &mut bytes)?;
            if !is_planted!(SpilledAskew) {
                at += *len as u64;
            }
            Ok(Payload::from(bytes))
        });
        read.collect()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let len = self.lens.iter().map(|len| *len as u64).sum();
        self.shelf.rooms().give_back(self.at, len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handle::Handle;

    /// Memory that has so many bytes and no more.
    struct Small(Vec<u8>);

    impl SpillDisk for Small {
        fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
            let at = usize::try_from(at).expect("small");
            let room = self.0.get_mut(at..at + bytes.len());
            let room = room.ok_or(io::ErrorKind::StorageFull)?;
            room.copy_from_slice(bytes);
            Ok(())
        }

        fn read_at(&mut self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
            let at = usize::try_from(at).expect("small");
            let (_, rest) = self.0.split_at(at);
            bytes.copy_from_slice(&rest[..bytes.len()]);
            Ok(())
        }
    }

    fn handle() -> Handle {
        Handle::from_bits(1 << 32 | 1)
    }

    #[track_caller]
    fn check(kept: &ReloadFn, expected: &[&[u8]]) {
        let read = kept.call(handle()).expect("it is in the file");
        let read: Vec<&[u8]> = read.iter().map(Payload::bytes).collect();
        assert_eq!(read, expected, "what was put there");
    }

    #[test]
    fn room_is_used_again_and_what_does_not_fit_is_told() {
        let file = SpillFile::on(Box::new(Small(vec![0; 12])), None);
        let [a, b, c] = [[1; 4], [2; 4], [3; 4]].map(|bytes| Payload::from(&bytes[..]));
        let first = file.keep(&[&a]).expect("it fits");
        let second = file.keep(&[&b, &c]).expect("it fits");
        check(&first, &[&[1; 4]]);
        check(&second, &[&[2; 4], &[3; 4]]);
        assert!(file.keep(&[&a]).is_err(), "it is full");
        drop(second);
        let long = Payload::from(&[4; 9][..]);
        assert!(file.keep(&[&long]).is_err(), "it is longer than the rest");
        let third = file.keep(&[&c, &a]).expect("the room came back");
        drop(first);
        let fourth = file.keep(&[&b]).expect("the first one's room");
        check(&third, &[&[3; 4], &[1; 4]]);
        check(&fourth, &[&[2; 4]]);
        drop((third, fourth));
        let rooms = file.0.rooms();
        assert_eq!((rooms.end, rooms.free.len()), (0, 0), "nothing is left");
    }

    #[test]
    fn the_file_goes_with_the_last_copy_in_it() {
        let folder = std::env::temp_dir();
        let file = SpillFile::create(&folder).expect("a folder for files");
        let other = SpillFile::create(&folder).expect("another name");
        let path = file.0.path.clone().expect("it has one");
        assert_ne!(Some(&path), other.0.path.as_ref(), "one file each");
        let bytes = Payload::from(&[7; 1000][..]);
        let kept = file.keep(&[&bytes]).expect("there is room");
        drop(file);
        check(&kept, &[&[7; 1000]]);
        assert!(path.exists(), "a copy is in it");
        drop(kept);
        assert!(!path.exists(), "removed");
        let nowhere = folder.join("geoheap-no-such-folder");
        assert!(SpillFile::create(&nowhere).is_err(), "it is not made");
    }
}
