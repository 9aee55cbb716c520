//! Mapped memory on loan to a caller's thread.

use core::any::Any;
use core::fmt::{self, Debug};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::LeaseWriteError;

/// The writable side of a lease's memory, as a driver makes it.
pub trait LeaseWriter: Send {
    /// Writes `bytes` at `offset`. The range lies in the lease; the caller has checked it.
    ///
    /// # Errors
    /// `DeviceLost` where the memory went with the device.
    fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), LeaseWriteError>;
}

/// What keeps one-shot staging memory counted: the lease, and each batch that reads from it, hold
/// a reference; with the last one the memory goes, and then its bytes return to the account.
pub(crate) struct Charge {
    memory: Option<Box<dyn Any + Send + Sync>>,
    bytes: u64,
    returned: Arc<AtomicU64>,
}

impl Charge {
    pub(crate) fn new(
        memory: Option<Box<dyn Any + Send + Sync>>,
        bytes: u64,
        returned: &Arc<AtomicU64>,
    ) -> Arc<Self> {
        Arc::new(Self {
            memory,
            bytes,
            returned: Arc::clone(returned),
        })
    }

    /// The driver's side of the memory; `None` if another kind of driver made it.
    pub(crate) fn memory<T: 'static>(&self) -> Option<&T> {
        self.memory.as_ref()?.downcast_ref()
    }

    pub(crate) fn belongs_to(&self, account: &Arc<AtomicU64>) -> bool {
        Arc::ptr_eq(&self.returned, account)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.memory = None;
        self.returned.fetch_add(self.bytes, Ordering::AcqRel);
    }
}

impl Debug for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Charge")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// Mapped staging memory that the holder writes into on his own thread, so that the owner of the
/// backend has nothing left to copy. Its bytes are zero at first.
///
/// Dropped unused it gives its bytes back; the backend notices with its next call.
pub struct StagingLease {
    // Stands before the charge so that the view goes before the memory it looks into.
    writer: Option<Box<dyn LeaseWriter>>,
    charge: Arc<Charge>,
}

impl StagingLease {
    pub(crate) fn new(writer: Box<dyn LeaseWriter>, charge: Arc<Charge>) -> Self {
        Self {
            writer: Some(writer),
            charge,
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> ByteLen {
        ByteLen::new(self.charge.bytes)
    }

    /// Always false: a lease has at least one unit of copy alignment.
    pub fn is_empty(&self) -> bool {
        self.charge.bytes == 0
    }

    /// True once something was uploaded from it; it can then no longer be written.
    pub fn is_sealed(&self) -> bool {
        self.writer.is_none()
    }

    /// Writes `bytes` at `offset` bytes from the lease's start; any alignment.
    ///
    /// # Errors
    /// `OutOfBounds` if they do not lie in the lease, `Sealed` after an upload from it,
    /// `DeviceLost` where the memory went with the device.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), LeaseWriteError> {
        let len = bytes.len() as u64;
        if offset
            .checked_add(len)
            .is_none_or(|end| end > self.charge.bytes)
        {
            return Err(LeaseWriteError::OutOfBounds {
                offset: ByteOffset::new(offset),
                len: ByteLen::new(len),
                bounds: self.len(),
            });
        }
        let writer = self.writer.as_mut().ok_or(LeaseWriteError::Sealed)?;
        let start = usize::try_from(offset).expect("a mapped range fits the address space");
        if bytes.is_empty() {
            Ok(())
        } else {
            writer.write(start, bytes)
        }
    }

    pub(crate) fn charge(&self) -> &Arc<Charge> {
        &self.charge
    }

    pub(crate) fn seal(&mut self) {
        self.writer = None;
    }
}

impl Debug for StagingLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StagingLease")
            .field("len", &self.charge.bytes)
            .field("sealed", &self.is_sealed())
            .finish_non_exhaustive()
    }
}
