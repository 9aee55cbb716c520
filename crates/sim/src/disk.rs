//! A disk for retained copies, in memory, that fails where it is told to.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use geoheap::SpillDisk;

/// How a read fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadFault {
    /// Nothing is read.
    Refused,
    /// The file ends in the middle of what is asked for.
    Short,
}

/// What is planted. Numbers count calls down; the call that takes one to zero fails.
#[derive(Debug, Default)]
struct Planted {
    write: Option<u64>,
    read: Option<(u64, ReadFault)>,
    /// Calls that failed, and that nobody was told of yet.
    untold: Untold,
}

#[derive(Clone, Copy, Debug, Default)]
struct Untold {
    writes: u64,
    reads: u64,
}

/// Steers a [`Disk`].
#[derive(Clone, Debug, Default)]
pub(crate) struct DiskFaults(Arc<Mutex<Planted>>);

impl DiskFaults {
    fn planted(&self) -> MutexGuard<'_, Planted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The `n`-th write from now ends half way: the disk is full.
    pub(crate) fn fail_write(&self, n: u64) {
        self.planted().write = Some(n);
    }

    /// The `n`-th read from now fails.
    pub(crate) fn fail_read(&self, n: u64, fault: ReadFault) {
        self.planted().read = Some((n, fault));
    }

    /// Nothing fails any more.
    pub(crate) fn clear(&self) {
        let mut planted = self.planted();
        (planted.write, planted.read) = (None, None);
    }

    /// The engine tells of a write that failed. Whether there was one.
    pub(crate) fn write_is_told(&self) -> bool {
        count_told(&mut self.planted().untold.writes)
    }

    /// The engine tells of a block whose copy could not be read. Whether a read failed.
    pub(crate) fn read_is_told(&self) -> bool {
        count_told(&mut self.planted().untold.reads)
    }

    fn is_write_due(&self) -> bool {
        let mut planted = self.planted();
        let due = planted.write.as_mut().is_some_and(is_last);
        planted.untold.writes += u64::from(due);
        planted.write.take_if(|_| due).is_some()
    }

    fn due_read(&self) -> Option<ReadFault> {
        let mut planted = self.planted();
        let due = planted.read.as_mut().is_some_and(|(n, _)| is_last(n));
        planted.untold.reads += u64::from(due);
        planted.read.take_if(|_| due).map(|(_, fault)| fault)
    }
}

fn count_told(untold: &mut u64) -> bool {
    let was_there = *untold > 0;
    *untold = untold.saturating_sub(1);
    was_there
}

/// Counts a call.
fn is_last(n: &mut u64) -> bool {
    *n = n.saturating_sub(1);
    *n == 0
}

/// Bytes in memory that are as good as a file.
#[derive(Debug)]
pub(crate) struct Disk {
    bytes: Vec<u8>,
    faults: DiskFaults,
}

impl Disk {
    pub(crate) fn new(faults: DiskFaults) -> Self {
        Self {
            bytes: Vec::new(),
            faults,
        }
    }
}

/// A place in memory.
fn place(at: u64) -> usize {
    usize::try_from(at).expect("a run's copies fit in memory")
}

impl SpillDisk for Disk {
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let is_full = self.faults.is_write_due();
        let written = if is_full {
            &bytes[..bytes.len() / 2]
        } else {
            bytes
        };
        let (start, end) = (place(at), place(at) + written.len());
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(written);
        if is_full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn read_at(&mut self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let len = match self.faults.due_read() {
            Some(ReadFault::Refused) => return Err(io::Error::other("the disk is gone")),
            Some(ReadFault::Short) => bytes.len() / 2,
            None => bytes.len(),
        };
        let there = self.bytes.get(place(at)..).unwrap_or_default();
        let read = len.min(there.len());
        bytes[..read].copy_from_slice(&there[..read]);
        if read < bytes.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_was_written_and_fails_where_it_is_told_to() {
        let faults = DiskFaults::default();
        let mut disk = Disk::new(faults.clone());
        let mut read = [0; 4];
        disk.write_at(2, &[1, 2, 3, 4]).expect("there is room");
        disk.read_at(2, &mut read).expect("it is there");
        assert_eq!(read, [1, 2, 3, 4]);
        assert!(disk.read_at(4, &mut read).is_err(), "beyond the end");
        assert!(disk.read_at(40, &mut read).is_err(), "far beyond the end");
        faults.fail_write(2);
        disk.write_at(0, &[7, 7]).expect("the one before");
        assert!(disk.write_at(0, &[8, 8]).is_err(), "the second one");
        disk.read_at(0, &mut read).expect("it is there");
        assert_eq!(read, [8, 7, 1, 2], "half of it was written");
        let told = [(); 2].map(|()| faults.write_is_told());
        assert_eq!(told, [true, false], "one failed");
        for fault in [ReadFault::Refused, ReadFault::Short] {
            faults.fail_read(1, fault);
            assert!(disk.read_at(0, &mut read).is_err(), "{fault:?}");
            assert!(faults.read_is_told() && !faults.read_is_told(), "one");
            disk.read_at(0, &mut read).expect("once");
        }
        faults.fail_read(1, ReadFault::Short);
        faults.clear();
        disk.read_at(0, &mut read).expect("no more faults");
    }
}
