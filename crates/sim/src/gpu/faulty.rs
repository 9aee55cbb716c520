//! A backend that fails where it is told to, on whatever device, and lets others act in between.

use core::fmt;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use geoheap::{Backend, BackendInfo, ByteLen, ByteOffset, Limits};
use geoheap_gpu_backend::{
    BackendEvent, BufferDesc, CopyError, Counters, CreateError, LeaseError, ReadId, ReleaseId,
    StageError, StagingFigures, StagingLease, SubmissionId, SubmitError,
};

/// Something that happens at one of the next calls.
type Strike = Box<dyn FnOnce() + Send>;

/// Called before each call of the engine into the device: what other threads do meanwhile.
type Meanwhile = Box<dyn FnMut() + Send>;

/// What is planted. Numbers count calls down; the call that takes one to zero fails.
#[derive(Default)]
struct Planted {
    create: Option<u64>,
    stage: Option<u64>,
    lease: Option<u64>,
    read: Option<u64>,
    strike: Option<(u64, Strike)>,
    meanwhile: Option<Meanwhile>,
    /// Events that the next polls may bring; `None` is all.
    events: Option<u64>,
    held: Held,
    traffic: Traffic,
}

/// Buffers that were made, and whose return the engine was not told: what it has to have in its
/// books, staging aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) buffers: u64,
    pub(crate) bytes: u64,
}

/// What was recorded since it was last asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Bytes of payloads; those of staged pieces were paid for when they were lent.
    pub(crate) upload_bytes: u64,
    /// Copies within the device, and their bytes.
    pub(crate) copies: u64,
    pub(crate) copy_bytes: u64,
}

/// Steers a [`Faulty`] backend.
#[derive(Clone, Default)]
pub(crate) struct CallFaults(Arc<Mutex<Planted>>);

impl fmt::Debug for CallFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFaults").finish_non_exhaustive()
    }
}

impl CallFaults {
    fn planted(&self) -> MutexGuard<'_, Planted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The `n`-th creation of a buffer from now fails.
    pub(crate) fn fail_creation(&self, n: u64) {
        self.planted().create = Some(n);
    }

    /// The `n`-th upload or read-back from now finds no memory.
    pub(crate) fn fail_staging(&self, n: u64) {
        self.planted().stage = Some(n);
    }

    /// The `n`-th lease from now finds no memory.
    pub(crate) fn fail_lease(&self, n: u64) {
        self.planted().lease = Some(n);
    }

    /// The bytes of the `n`-th read-back from now cannot be mapped.
    pub(crate) fn fail_mapping(&self, n: u64) {
        self.planted().read = Some(n);
    }

    /// `strike` is called before the `n`-th call from now.
    pub(crate) fn strike_at(&self, n: u64, strike: impl FnOnce() + Send + 'static) {
        self.planted().strike = Some((n, Box::new(strike)));
    }

    /// `meanwhile` is called before each call from now on.
    pub(crate) fn set_meanwhile(&self, meanwhile: impl FnMut() + Send + 'static) {
        self.planted().meanwhile = Some(Box::new(meanwhile));
    }

    /// The next polls together bring at most so many events; `None` is all there are.
    pub(crate) fn allow_events(&self, count: Option<u64>) {
        self.planted().events = count;
    }

    /// Takes all faults back.
    pub(crate) fn clear(&self) {
        let mut planted = self.planted();
        *planted = Planted {
            held: planted.held,
            traffic: planted.traffic,
            ..Planted::default()
        };
    }

    /// The buffers that the engine holds.
    pub(crate) fn held(&self) -> Held {
        self.planted().held
    }

    /// What was recorded since the last call of this.
    pub(crate) fn take_traffic(&self) -> Traffic {
        core::mem::take(&mut self.planted().traffic)
    }

    /// One call begins.
    fn begin(&self) {
        let (strike, meanwhile) = {
            let mut planted = self.planted();
            let due = match &mut planted.strike {
                Some((n, _)) => count_down(n),
                None => false,
            };
            let strike = if due { planted.strike.take() } else { None };
            (strike, planted.meanwhile.take())
        };
        // Without the lock: they may plant further faults.
        if let Some((_, strike)) = strike {
            strike();
        }
        if let Some(mut meanwhile) = meanwhile {
            meanwhile();
            self.planted().meanwhile.get_or_insert(meanwhile);
        }
    }

    fn is_due(&self, pick: impl FnOnce(&mut Planted) -> &mut Option<u64>) -> bool {
        let mut planted = self.planted();
        let slot = pick(&mut planted);
        let due = slot.as_mut().is_some_and(count_down);
        if due {
            *slot = None;
        }
        due
    }
}

fn count_down(n: &mut u64) -> bool {
    *n = n.saturating_sub(1);
    *n == 0
}

/// A backend that fails on demand.
#[derive(Debug)]
pub(crate) struct Faulty<B> {
    inner: B,
    faults: CallFaults,
    /// Events that the device has told and the engine has not heard.
    unheard: VecDeque<BackendEvent>,
}

impl<B: Backend + fmt::Debug> Faulty<B> {
    pub(crate) fn new(inner: B, faults: CallFaults) -> Self {
        Self {
            inner,
            faults,
            unheard: VecDeque::new(),
        }
    }
}

impl<B: Backend + fmt::Debug> Backend for Faulty<B> {
    type Buffer = B::Buffer;

    fn info(&self) -> BackendInfo {
        self.inner.info()
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    fn create_buffer(&mut self, desc: &BufferDesc<'_>) -> Result<B::Buffer, CreateError> {
        self.faults.begin();
        if self.faults.is_due(|planted| &mut planted.create) && !self.inner.is_lost() {
            let requested = desc.len;
            return Err(CreateError::OutOfMemory { requested });
        }
        let made = self.inner.create_buffer(desc);
        if made.is_ok() {
            let held = &mut self.faults.planted().held;
            held.buffers += 1;
            held.bytes += desc.len.get();
        }
        made
    }

    fn buffer_len(&self, buffer: &B::Buffer) -> ByteLen {
        self.inner.buffer_len(buffer)
    }

    fn release_buffer(&mut self, buffer: B::Buffer, bytes: ByteLen) -> ReleaseId {
        self.faults.begin();
        self.inner.release_buffer(buffer, bytes)
    }

    fn staging(&self) -> StagingFigures {
        self.inner.staging()
    }

    fn set_staging_limit(&mut self, limit: ByteLen) {
        self.inner.set_staging_limit(limit);
    }

    fn lease(&mut self, len: ByteLen) -> Result<StagingLease, LeaseError> {
        self.faults.begin();
        if self.faults.is_due(|planted| &mut planted.lease) && !self.inner.is_lost() {
            return Err(LeaseError::OutOfMemory { requested: len });
        }
        self.inner.lease(len)
    }

    fn upload(
        &mut self,
        dst: &B::Buffer,
        offset: ByteOffset,
        bytes: &[u8],
    ) -> Result<(), StageError> {
        self.faults.begin();
        if self.faults.is_due(|planted| &mut planted.stage) && !self.inner.is_lost() {
            let requested = ByteLen::new(bytes.len() as u64);
            return Err(StageError::OutOfMemory { requested });
        }
        self.faults.planted().traffic.upload_bytes += bytes.len() as u64;
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
        self.faults.begin();
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
        self.faults.begin();
        {
            let traffic = &mut self.faults.planted().traffic;
            traffic.copies += 1;
            traffic.copy_bytes += len.get();
        }
        self.inner.copy(src, src_offset, dst, dst_offset, len)
    }

    fn read_back(
        &mut self,
        src: &B::Buffer,
        offset: ByteOffset,
        len: ByteLen,
    ) -> Result<ReadId, StageError> {
        self.faults.begin();
        if self.faults.is_due(|planted| &mut planted.stage) && !self.inner.is_lost() {
            return Err(StageError::OutOfMemory { requested: len });
        }
        self.inner.read_back(src, offset, len)
    }

    fn submit(&mut self) -> Result<Option<SubmissionId>, SubmitError> {
        self.faults.begin();
        self.inner.submit()
    }

    fn poll(&mut self, events: &mut Vec<BackendEvent>) {
        self.faults.begin();
        let mut told = Vec::new();
        self.inner.poll(&mut told);
        self.unheard.extend(told);
        // A lost device has nothing more to tell, so nothing of it is kept back.
        let allowed = if self.inner.is_lost() {
            None
        } else {
            self.faults.planted().events
        };
        let count = allowed.map_or(self.unheard.len(), |count| {
            usize::try_from(count)
                .unwrap_or(usize::MAX)
                .min(self.unheard.len())
        });
        for mut event in self.unheard.drain(..count) {
            if let BackendEvent::ReadBack { id, .. } = event
                && self.faults.is_due(|planted| &mut planted.read)
            {
                event = BackendEvent::ReadFailed { id };
            }
            if let BackendEvent::Released(_, bytes) = &event {
                let held = &mut self.faults.planted().held;
                held.buffers -= 1;
                held.bytes -= bytes.get();
            }
            events.push(event);
        }
        if let Some(left) = &mut self.faults.planted().events {
            *left = left.saturating_sub(count as u64);
        }
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
