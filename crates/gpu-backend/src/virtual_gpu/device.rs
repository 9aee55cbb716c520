//! Memory, queue and planted faults of the virtual device.

use core::fmt::{self, Debug};
use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use geoheap_suballoc::ByteLen;

use super::stamps::{Piece, Stamps};
use super::{VirtualContents, VirtualDriver, VirtualRead};
use crate::driver::Batch;
use crate::lease::LeaseWriter;
use crate::{CreateError, LeaseWriteError, SubmissionId};

/// A test that panicked with the lock held has failed already; the others may go on.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How much of the device's memory is taken, in bytes.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) memory: AtomicU64,
    pub(super) buffers: AtomicU64,
    pub(super) staging: AtomicU64,
    pub(super) peak: AtomicU64,
    /// The device is lost, and with it what was mapped.
    pub(super) lost: AtomicBool,
}

impl Account {
    pub(super) fn new(memory_bytes: u64) -> Self {
        Self {
            memory: AtomicU64::new(memory_bytes),
            buffers: AtomicU64::new(0),
            staging: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            lost: AtomicBool::new(false),
        }
    }

    fn taken(&self) -> u64 {
        self.buffers.load(Ordering::Acquire) + self.staging.load(Ordering::Acquire)
    }
}

/// What a memory holds.
#[derive(Debug)]
enum Content {
    Bytes(Vec<u8>),
    Stamps(Stamps),
}

impl Content {
    fn new(len: ByteLen, keeps: VirtualContents) -> Option<Self> {
        match keeps {
            VirtualContents::Bytes => Some(Self::Bytes(vec![0; usize::try_from(len.get()).ok()?])),
            VirtualContents::Stamps => Some(Self::Stamps(Stamps::new(len.get()))),
        }
    }
}

/// What was read from one memory on its way to another.
pub(super) enum Copied {
    Bytes(Vec<u8>),
    Stamps(Vec<Piece>),
}

/// Memory on the device, counted until it goes.
#[derive(Debug)]
pub(super) struct Bytes {
    content: Content,
    len: ByteLen,
    counted: u64,
    is_staging: bool,
    account: Arc<Account>,
}

impl Bytes {
    pub(super) fn buffer(
        len: ByteLen,
        padding: u64,
        keeps: VirtualContents,
        account: &Arc<Account>,
    ) -> Result<Self, CreateError> {
        Self::new(len, len.get() + padding, false, keeps, account)
    }

    pub(super) fn staging(
        len: ByteLen,
        keeps: VirtualContents,
        account: &Arc<Account>,
    ) -> Result<Self, CreateError> {
        Self::new(len, len.get(), true, keeps, account)
    }

    fn new(
        len: ByteLen,
        counted: u64,
        is_staging: bool,
        keeps: VirtualContents,
        account: &Arc<Account>,
    ) -> Result<Self, CreateError> {
        let memory_bytes = account.memory.load(Ordering::Acquire);
        if account.taken() + counted > memory_bytes {
            return Err(CreateError::OutOfMemory { requested: len });
        }
        let Some(content) = Content::new(len, keeps) else {
            return Err(CreateError::OutOfMemory { requested: len });
        };
        let counter = if is_staging {
            &account.staging
        } else {
            &account.buffers
        };
        counter.fetch_add(counted, Ordering::AcqRel);
        account.peak.fetch_max(account.taken(), Ordering::AcqRel);
        Ok(Self {
            content,
            len,
            counted,
            is_staging,
            account: Arc::clone(account),
        })
    }

    fn range(offset: u64, len: u64) -> core::ops::Range<usize> {
        let at = |number| usize::try_from(number).expect("an offset in memory fits the machine");
        at(offset)..at(offset + len)
    }

    /// The bytes; zeros where only stamps are kept.
    pub(super) fn read(&self, offset: u64, len: u64) -> Vec<u8> {
        let range = Self::range(offset, len);
        match &self.content {
            Content::Bytes(bytes) => bytes[range].to_vec(),
            Content::Stamps(_) => vec![0; range.len()],
        }
    }

    /// Calls `look` with the bytes, without a copy; not where only stamps are kept.
    pub(super) fn look<T>(
        &self,
        offset: u64,
        len: u64,
        look: impl FnOnce(&[u8]) -> T,
    ) -> Option<T> {
        match &self.content {
            Content::Bytes(bytes) => Some(look(&bytes[Self::range(offset, len)])),
            Content::Stamps(_) => None,
        }
    }

    /// The pieces of a range, where stamps are kept.
    pub(super) fn stamps(&self, offset: u64, len: u64) -> Option<Vec<Piece>> {
        match &self.content {
            Content::Bytes(_) => None,
            Content::Stamps(stamps) => Some(stamps.read(offset, len)),
        }
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        match &mut self.content {
            Content::Bytes(content) => {
                content[Self::range(offset, bytes.len() as u64)].copy_from_slice(bytes);
            }
            Content::Stamps(stamps) => {
                let piece = Piece {
                    len: bytes.len() as u64,
                    stamp: bytes.as_ptr().addr() as u64,
                };
                stamps.write(offset, &[piece]);
            }
        }
    }

    /// What a copy takes out of this memory.
    pub(super) fn copy_out(&self, offset: u64, len: u64) -> Copied {
        match &self.content {
            Content::Bytes(bytes) => Copied::Bytes(bytes[Self::range(offset, len)].to_vec()),
            Content::Stamps(stamps) => Copied::Stamps(stamps.read(offset, len)),
        }
    }

    /// Puts it into this one, which keeps the same as all memory of its device.
    pub(super) fn copy_in(&mut self, offset: u64, copied: &Copied) {
        match (&mut self.content, copied) {
            (Content::Stamps(stamps), Copied::Stamps(pieces)) => stamps.write(offset, pieces),
            (Content::Bytes(_), Copied::Bytes(bytes)) => self.write(offset, bytes),
            _ => unreachable!("a device keeps bytes or stamps, never both"),
        }
    }

    pub(super) fn clear(&mut self) {
        match &mut self.content {
            Content::Bytes(bytes) => bytes.fill(0),
            Content::Stamps(stamps) => *stamps = Stamps::new(self.len.get()),
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.len.get()
    }

    /// The bytes; zeros where only stamps are kept.
    pub(super) fn into_vec(mut self) -> Vec<u8> {
        match &mut self.content {
            Content::Bytes(bytes) => core::mem::take(bytes),
            Content::Stamps(_) => self.read(0, self.len.get()),
        }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        let account = &self.account;
        let counter = if self.is_staging {
            &account.staging
        } else {
            &account.buffers
        };
        counter.fetch_sub(self.counted, Ordering::AcqRel);
    }
}

struct BufferInner {
    id: u64,
    label: String,
    len: ByteLen,
    bytes: Mutex<Bytes>,
}

/// A buffer of the virtual GPU. Clones share it; its memory goes with the last of them, those in
/// submitted work included.
#[derive(Clone)]
pub struct VirtualBuffer(Arc<BufferInner>);

impl VirtualBuffer {
    pub(super) fn new(id: u64, label: &str, bytes: Bytes) -> Self {
        let len = ByteLen::new(bytes.len());
        let bytes = Mutex::new(bytes);
        Self(Arc::new(BufferInner {
            id,
            label: label.to_owned(),
            len,
            bytes,
        }))
    }

    /// The number of its creation, from 1.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// The label it was created with.
    pub fn label(&self) -> &str {
        &self.0.label
    }

    /// Length in bytes.
    pub fn len(&self) -> ByteLen {
        self.0.len
    }

    /// Always false: a device refuses empty buffers.
    pub fn is_empty(&self) -> bool {
        self.0.len == ByteLen::ZERO
    }

    pub(super) fn with<T>(&self, f: impl FnOnce(&mut Bytes) -> T) -> T {
        f(&mut lock(&self.0.bytes))
    }
}

impl PartialEq for VirtualBuffer {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for VirtualBuffer {}

impl Debug for VirtualBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "VirtualBuffer({} {:?}, {} bytes)",
            self.0.id, self.0.label, self.0.len
        )
    }
}

/// A staging buffer of the virtual GPU.
#[derive(Debug)]
pub struct VirtualSlot(pub(super) Bytes);

/// Read-back memory of the virtual GPU.
#[derive(Debug)]
pub struct VirtualReadBack(pub(super) Bytes);

/// Both sides of a lease.
#[derive(Clone, Debug)]
pub(super) struct LeaseBytes(pub(super) Arc<Mutex<Bytes>>);

impl LeaseWriter for LeaseBytes {
    fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), LeaseWriteError> {
        let mut memory = lock(&self.0);
        if memory.account.lost.load(Ordering::Acquire) {
            return Err(LeaseWriteError::DeviceLost);
        }
        memory.write(offset as u64, bytes);
        Ok(())
    }
}

/// Counts calls and fails the planted ones.
#[derive(Debug, Default)]
pub(super) struct Faults {
    calls: u64,
    planted: BTreeSet<u64>,
}

impl Faults {
    /// The `n`-th call from now fails, counted from 1; 0 is taken as 1.
    pub(super) fn plant(&mut self, n: u64) {
        self.planted.insert(self.calls + n.max(1));
    }

    pub(super) fn is_due(&mut self) -> bool {
        self.calls += 1;
        self.planted.remove(&self.calls)
    }
}

/// What is called with the bytes that reads saw.
pub(super) type Then = Box<dyn FnOnce(Vec<Vec<u8>>) + Send>;

/// An entry of the queue.
pub(super) enum Work {
    Batch {
        id: SubmissionId,
        batch: Batch<VirtualDriver>,
    },
    Reads {
        reads: Vec<VirtualRead>,
        then: Then,
    },
}

impl Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Batch { id, .. } => write!(f, "Batch({id})"),
            Self::Reads { reads, .. } => write!(f, "Reads({reads:?})"),
        }
    }
}

/// The queue and what was asked of it.
#[derive(Debug)]
pub(super) struct Device {
    latency_polls: u64,
    clock_polls: u64,
    pub(super) is_stalled: bool,
    pub(super) lost: Option<String>,
    queue: VecDeque<(u64, Work)>,
    pub(super) creation_faults: Faults,
    pub(super) staging_faults: Faults,
    pub(super) submit_faults: Faults,
    pub(super) next_buffer: u64,
}

impl Device {
    pub(super) fn new(latency_polls: u32) -> Self {
        Self {
            latency_polls: u64::from(latency_polls),
            clock_polls: 0,
            is_stalled: false,
            lost: None,
            queue: VecDeque::new(),
            creation_faults: Faults::default(),
            staging_faults: Faults::default(),
            submit_faults: Faults::default(),
            next_buffer: 0,
        }
    }

    pub(super) fn set_latency(&mut self, latency_polls: u32) {
        self.latency_polls = u64::from(latency_polls);
    }

    pub(super) fn enqueue(&mut self, work: Work) {
        self.queue
            .push_back((self.clock_polls + self.latency_polls, work));
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// One poll passes: the work that is due, in order.
    pub(super) fn advance(&mut self) -> Vec<Work> {
        let mut due = Vec::new();
        if !self.is_stalled {
            self.clock_polls += 1;
            while let Some((_, work)) = self.queue.pop_front_if(|(at, _)| *at <= self.clock_polls) {
                due.push(work);
            }
        }
        due
    }

    /// The device goes; so does its queue, unexecuted. The caller drops what comes back after
    /// the lock.
    pub(super) fn lose(&mut self, reason: &str) -> VecDeque<(u64, Work)> {
        if self.lost.is_none() {
            self.lost = Some(reason.to_owned());
        }
        core::mem::take(&mut self.queue)
    }
}
