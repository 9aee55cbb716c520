//! A backend whose device has no memory for one of the buffers.

use geoheap::{Backend, BackendInfo, ByteLen, ByteOffset, Limits};
use geoheap_gpu_backend::{
    BackendEvent, BufferDesc, CopyError, Counters, CreateError, LeaseError, ReadId, ReleaseId,
    StageError, StagingFigures, StagingLease, SubmissionId, SubmitError,
};

/// Passes everything on, but for one creation.
#[derive(Debug)]
pub(crate) struct Short<B> {
    inner: B,
    /// Creations until one fails.
    left: u64,
}

impl<B> Short<B> {
    /// The `n`-th creation fails, 1 being the first.
    pub(crate) fn new(inner: B, n: u64) -> Self {
        Self { inner, left: n }
    }
}

impl<B: Backend> Backend for Short<B> {
    type Buffer = B::Buffer;

    fn info(&self) -> BackendInfo {
        self.inner.info()
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    fn create_buffer(&mut self, desc: &BufferDesc<'_>) -> Result<B::Buffer, CreateError> {
        let is_due = self.left == 1;
        self.left = self.left.saturating_sub(1);
        if is_due {
            return Err(CreateError::OutOfMemory {
                requested: desc.len,
            });
        }
        self.inner.create_buffer(desc)
    }

    fn buffer_len(&self, buffer: &B::Buffer) -> ByteLen {
        self.inner.buffer_len(buffer)
    }

    fn release_buffer(&mut self, buffer: B::Buffer, bytes: ByteLen) -> ReleaseId {
        self.inner.release_buffer(buffer, bytes)
    }

    fn staging(&self) -> StagingFigures {
        self.inner.staging()
    }

    fn set_staging_limit(&mut self, limit: ByteLen) {
        self.inner.set_staging_limit(limit);
    }

    fn lease(&mut self, len: ByteLen) -> Result<StagingLease, LeaseError> {
        self.inner.lease(len)
    }

    fn upload(
        &mut self,
        dst: &B::Buffer,
        offset: ByteOffset,
        bytes: &[u8],
    ) -> Result<(), StageError> {
        self.inner.upload(dst, offset, bytes)
    }

    fn upload_leased(
        &mut self,
        dst: &B::Buffer,
        offset: ByteOffset,
        lease: &mut StagingLease,
        from: u64,
        len: ByteLen,
    ) -> Result<(), StageError> {
        self.inner.upload_leased(dst, offset, lease, from, len)
    }

    fn copy(
        &mut self,
        src: &B::Buffer,
        src_offset: ByteOffset,
        dst: &B::Buffer,
        dst_offset: ByteOffset,
        len: ByteLen,
    ) -> Result<(), CopyError> {
        self.inner.copy(src, src_offset, dst, dst_offset, len)
    }

    fn read_back(
        &mut self,
        src: &B::Buffer,
        offset: ByteOffset,
        len: ByteLen,
    ) -> Result<ReadId, StageError> {
        self.inner.read_back(src, offset, len)
    }

    fn submit(&mut self) -> Result<Option<SubmissionId>, SubmitError> {
        self.inner.submit()
    }

    fn poll(&mut self, events: &mut Vec<BackendEvent>) {
        self.inner.poll(events);
    }

    fn wait_idle(&mut self, polls_max: u32) -> bool {
        self.inner.wait_idle(polls_max)
    }

    fn is_lost(&self) -> bool {
        self.inner.is_lost()
    }

    fn counters(&self) -> Counters {
        self.inner.counters()
    }
}
