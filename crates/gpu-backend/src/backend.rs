//! The trait that an engine is written against.

use core::fmt::Debug;

use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::{
    BackendEvent, BackendInfo, BufferDesc, CopyError, Counters, CreateError, LeaseError, Limits,
    ReadId, ReleaseId, StageError, StagingFigures, StagingLease, SubmissionId, SubmitError,
};

/// Buffers on a device, bytes in and out of them, and the news of what has been executed.
///
/// One thread owns a backend. Uploads, copies and read-backs collect in an open batch, in the
/// order of the calls; [`submit`](Self::submit) hands the batch to the queue, which executes
/// batches in order. Nothing but [`wait_idle`](Self::wait_idle) ever waits for the device.
///
/// A call that returns an error has recorded nothing.
pub trait Backend: Send + 'static {
    /// A buffer's handle; clones share the buffer.
    type Buffer: Clone + Send + Sync + Debug + 'static;

    /// Which device this is.
    fn info(&self) -> BackendInfo;

    /// What the device accepts.
    fn limits(&self) -> Limits;

    /// Creates a buffer whose bytes are all zero.
    ///
    /// # Errors
    /// [`CreateError`]; after `OutOfMemory` the device is as usable as before.
    fn create_buffer(&mut self, desc: &BufferDesc<'_>) -> Result<Self::Buffer, CreateError>;

    /// Length of a buffer, in bytes, as it was asked for.
    fn buffer_len(&self, buffer: &Self::Buffer) -> ByteLen;

    /// Gives up a buffer. [`BackendEvent::Released`] with the same `bytes` follows when all that
    /// was submitted up to now, and the batch that is open now, has been executed; if the caller
    /// has dropped all other handles by then, the device has the memory back.
    fn release_buffer(&mut self, buffer: Self::Buffer, bytes: ByteLen) -> ReleaseId;

    /// State of the staging memory.
    fn staging(&self) -> StagingFigures;

    /// Changes the staging limit, in bytes. What is in use above a lower limit goes as it comes
    /// back.
    fn set_staging_limit(&mut self, limit: ByteLen);

    /// Leases `len` bytes of mapped memory (a positive multiple of the copy alignment) that any
    /// thread can write into. They count as staging until the lease is dropped and every
    /// submission that read from it has completed.
    ///
    /// # Errors
    /// [`LeaseError`].
    fn lease(&mut self, len: ByteLen) -> Result<StagingLease, LeaseError>;

    /// Stages `bytes` and records their copy to `dst` at `offset`. Pieces that continue the one
    /// before become one copy; a piece may be split over staging buffers. No bytes, no copy.
    ///
    /// # Errors
    /// [`StageError`].
    fn upload(
        &mut self,
        dst: &Self::Buffer,
        offset: ByteOffset,
        bytes: &[u8],
    ) -> Result<(), StageError>;

    /// Seals the lease and records the copy of its bytes `from .. from + len` to `dst` at
    /// `offset`. May be called several times for different parts of one lease; dropping the
    /// lease afterwards is right at any time.
    ///
    /// # Errors
    /// [`StageError`]; the lease is still the caller's, and unsealed.
    fn upload_leased(
        &mut self,
        dst: &Self::Buffer,
        offset: ByteOffset,
        lease: &mut StagingLease,
        from: u64,
        len: ByteLen,
    ) -> Result<(), StageError>;

    /// Records a copy from one buffer to another. One that continues the copy before it at both
    /// ends is merged into that. A length of zero records nothing.
    ///
    /// # Errors
    /// [`CopyError`].
    fn copy(
        &mut self,
        src: &Self::Buffer,
        src_offset: ByteOffset,
        dst: &Self::Buffer,
        dst_offset: ByteOffset,
        len: ByteLen,
    ) -> Result<(), CopyError>;

    /// Records a read-back of `len` bytes; they arrive as [`BackendEvent::ReadBack`]. Counts as
    /// staging until then.
    ///
    /// # Errors
    /// [`StageError`].
    fn read_back(
        &mut self,
        src: &Self::Buffer,
        offset: ByteOffset,
        len: ByteLen,
    ) -> Result<ReadId, StageError>;

    /// Hands the open batch to the queue; `None` if there was nothing in it. When this returns
    /// an id, whatever is submitted later on the same queue sees the batch's writes.
    ///
    /// # Errors
    /// [`SubmitError`]; the batch is dropped whole, and its read-backs fail.
    fn submit(&mut self) -> Result<Option<SubmissionId>, SubmitError>;

    /// Appends what has happened to `events`. Never waits.
    fn poll(&mut self, events: &mut Vec<BackendEvent>);

    /// Waits until all that was submitted has been executed, at most `polls_max` polls (each of
    /// them at most a few milliseconds long); true if it has, or the device is lost. Events wait
    /// for the next [`poll`](Self::poll). For shutdown and tests only: on wgpu, waiting on one
    /// thread can stall the presenting one.
    fn wait_idle(&mut self, polls_max: u32) -> bool;

    /// True once the device is lost, even before the event is polled.
    fn is_lost(&self) -> bool;

    /// What was done so far.
    fn counters(&self) -> Counters;
}
