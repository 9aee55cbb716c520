//! The seam between what both forms share and the device beneath.
//!
//! [`Transfers`](crate::Transfers) does the checking, staging, batching and accounting; a driver
//! only makes memory, executes batches and says what is done. A further device interface needs a
//! driver, nothing else.

use core::any::Any;
use core::fmt::Debug;

use geoheap_suballoc::ByteLen;

use crate::lease::{Charge, LeaseWriter};
use crate::{BackendInfo, BufferDesc, CreateError, Limits, ReadId, SubmissionId, SubmitError};
use std::sync::Arc;

/// Number of a staging buffer of the ring; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(pub(crate) u32);

/// The two sides of a lease's memory: the one that is written, and the one that is copied from.
pub struct LeaseMemory {
    /// Goes to the caller's thread; dropped before the first batch that reads is executed.
    pub writer: Box<dyn LeaseWriter>,
    /// Comes back to the driver as [`CopySource::Lease`].
    pub source: Box<dyn Any + Send + Sync>,
}

impl Debug for LeaseMemory {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("LeaseMemory").finish_non_exhaustive()
    }
}

/// Where the bytes of a copy come from.
#[derive(Debug)]
pub enum CopySource<D: Driver> {
    /// A staging buffer of the ring, which travels with the batch.
    Slot(SlotId),
    /// A lease.
    Lease(LeaseRef),
    /// A buffer.
    Buffer(D::Buffer),
}

/// Where the bytes of a copy go.
#[derive(Debug)]
pub enum CopyTarget<D: Driver> {
    /// A buffer.
    Buffer(D::Buffer),
    /// A read-back, by its index in [`Batch::reads`].
    Read(usize),
}

/// A batch's hold on a lease's memory.
#[derive(Clone, Debug)]
pub struct LeaseRef(pub(crate) Arc<Charge>);

impl LeaseRef {
    /// The source that the driver made; `None` if another kind of driver did.
    pub fn source<T: 'static>(&self) -> Option<&T> {
        self.0.memory()
    }

    pub(crate) fn is(&self, other: &Arc<Charge>) -> bool {
        Arc::ptr_eq(&self.0, other)
    }
}

/// One copy, in bytes; aligned and within bounds.
#[derive(Debug)]
pub struct CopyCommand<D: Driver> {
    /// Source.
    pub src: CopySource<D>,
    /// Offset in the source.
    pub src_offset: u64,
    /// Target.
    pub dst: CopyTarget<D>,
    /// Offset in the target.
    pub dst_offset: u64,
    /// Length, above zero.
    pub len: u64,
}

/// A read-back of a batch.
#[derive(Debug)]
pub struct Read<D: Driver> {
    /// Its number.
    pub id: ReadId,
    /// The memory that the copy fills.
    pub memory: D::ReadBack,
}

/// What is handed to the queue at once, in this order: clears, then copies.
#[derive(Debug)]
pub struct Batch<D: Driver> {
    /// New buffers to be zeroed as a whole.
    pub clears: Vec<D::Buffer>,
    /// Copies, in the order in which they are to be executed.
    pub copies: Vec<CopyCommand<D>>,
    /// The staging buffers that the copies read from; a driver returns each of them with
    /// [`Signal::SlotBack`] or [`Signal::SlotGone`].
    pub slots: Vec<(SlotId, D::Slot)>,
    /// The read-backs that the copies fill; a driver answers each with [`Signal::Read`].
    pub reads: Vec<Read<D>>,
}

/// What a driver tells when it is polled.
#[derive(Debug)]
pub enum Signal<D: Driver> {
    /// This submission has been executed.
    Done(SubmissionId),
    /// This staging buffer can be written again.
    SlotBack(SlotId, D::Slot),
    /// This staging buffer will not come back.
    SlotGone(SlotId),
    /// A read-back's bytes; `None` if it failed.
    Read(ReadId, Option<Vec<u8>>),
    /// The device reported something outside of a call.
    Error(String),
}

/// A device interface. Lengths and offsets that reach it are checked.
pub trait Driver: Debug + Send + Sized + 'static {
    /// A buffer's handle; clones share the buffer.
    type Buffer: Clone + Send + Sync + Debug + 'static;
    /// A staging buffer that can be written.
    type Slot: Debug + Send;
    /// Memory that a read-back is copied into.
    type ReadBack: Debug + Send;

    /// Which device this is.
    fn info(&self) -> BackendInfo;
    /// What the device accepts.
    fn limits(&self) -> Limits;
    /// Creates a buffer whose bytes are zero.
    ///
    /// # Errors
    /// `OutOfMemory`, `DeviceLost` or `Refused`.
    fn create_buffer(&mut self, desc: &BufferDesc<'_>) -> Result<Self::Buffer, CreateError>;
    /// Length of a buffer as it was asked for.
    fn buffer_len(&self, buffer: &Self::Buffer) -> ByteLen;
    /// True if two handles share one buffer.
    fn same_buffer(&self, a: &Self::Buffer, b: &Self::Buffer) -> bool;
    /// Creates a staging buffer that can be written at once.
    ///
    /// # Errors
    /// `OutOfMemory`, `DeviceLost` or `Refused`.
    fn create_slot(&mut self, id: SlotId, len: ByteLen) -> Result<Self::Slot, CreateError>;
    /// Writes into a staging buffer.
    fn write_slot(&mut self, slot: &mut Self::Slot, offset: u64, bytes: &[u8]);
    /// Creates the memory of a lease, which can be written at once.
    ///
    /// # Errors
    /// `OutOfMemory`, `DeviceLost` or `Refused`.
    fn create_lease(&mut self, len: ByteLen) -> Result<LeaseMemory, CreateError>;
    /// Creates the memory of a read-back.
    ///
    /// # Errors
    /// `OutOfMemory`, `DeviceLost` or `Refused`.
    fn create_read_back(&mut self, len: ByteLen) -> Result<Self::ReadBack, CreateError>;
    /// Hands a batch to the queue.
    ///
    /// # Errors
    /// [`SubmitError`]; then no signal about this batch counts: its number is not used again.
    fn execute(&mut self, id: SubmissionId, batch: Batch<Self>) -> Result<(), SubmitError>;
    /// Appends what has happened. With `wait` it may wait for the device, a few milliseconds at
    /// most; without, never.
    fn poll(&mut self, wait: bool, signals: &mut Vec<Signal<Self>>);
    /// The reason, once the device is lost.
    fn lost(&self) -> Option<String>;
}
