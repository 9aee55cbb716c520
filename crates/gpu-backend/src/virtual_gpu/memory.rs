//! Memory of the virtual device: buffers, staging, and the account of what is taken.

use core::fmt::{self, Debug};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use geoheap_suballoc::ByteLen;

use super::VirtualContents;
use super::device::lock;
use super::pieces::{Piece, Pieces, Rule, WORD};
use super::words;
use crate::lease::LeaseWriter;
use crate::{CreateError, LeaseWriteError};

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
    /// Addresses that bytes came from.
    Stamps(Pieces),
    /// Words, expanded to bytes where they are read.
    Words(Pieces),
}

impl Content {
    fn new(len: ByteLen, keeps: VirtualContents) -> Option<Self> {
        match keeps {
            VirtualContents::Bytes => Some(Self::Bytes(vec![0; usize::try_from(len.get()).ok()?])),
            VirtualContents::Stamps => Some(Self::Stamps(Pieces::new(len.get()))),
            VirtualContents::Words => {
                let words = len.get().checked_next_multiple_of(WORD)?;
                Some(Self::Words(Pieces::new(words)))
            }
        }
    }
}

/// Bytes that a copy holds at a time, few enough to stay in a cache.
const COPY_STEP_BYTES: u64 = 64 << 10;

/// What was read from one memory on its way to another.
pub(super) enum Copied {
    Bytes(Vec<u8>),
    Pieces(Vec<Piece>),
}

impl Copied {
    /// How many bytes that stands for.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Pieces(pieces) => pieces.iter().map(|piece| piece.len).sum(),
        }
    }
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
            Content::Words(words) => words::read(words, offset, len),
        }
    }

    /// Calls `look` with the bytes, without a copy where they lie in one piece; not where only
    /// stamps are kept.
    pub(super) fn look<T>(
        &self,
        offset: u64,
        len: u64,
        look: impl FnOnce(&[u8]) -> T,
    ) -> Option<T> {
        match &self.content {
            Content::Bytes(bytes) => Some(look(&bytes[Self::range(offset, len)])),
            Content::Stamps(_) => None,
            Content::Words(words) => Some(look(&words::read(words, offset, len))),
        }
    }

    /// The pieces of a range, where stamps are kept.
    pub(super) fn stamps(&self, offset: u64, len: u64) -> Option<Vec<Piece>> {
        match &self.content {
            Content::Bytes(_) | Content::Words(_) => None,
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
                    first: bytes.as_ptr().addr() as u64,
                    rule: Rule::PerByte,
                };
                stamps.write(offset, &[piece]);
            }
            Content::Words(words) => words::write(words, offset, bytes),
        }
    }

    /// What a copy takes out of this memory: `len` bytes from `offset` on, or the first of them.
    pub(super) fn copy_out(&self, offset: u64, len: u64) -> Copied {
        match &self.content {
            Content::Bytes(bytes) => {
                let len = len.min(COPY_STEP_BYTES);
                Copied::Bytes(bytes[Self::range(offset, len)].to_vec())
            }
            Content::Stamps(kept) | Content::Words(kept) => Copied::Pieces(kept.read(offset, len)),
        }
    }

    /// Puts it into this one, which keeps the same as all memory of its device.
    pub(super) fn copy_in(&mut self, offset: u64, copied: &Copied) {
        match (&mut self.content, copied) {
            (Content::Stamps(kept) | Content::Words(kept), Copied::Pieces(pieces)) => {
                kept.write(offset, pieces);
            }
            (Content::Bytes(_), Copied::Bytes(bytes)) => self.write(offset, bytes),
            _ => unreachable!("all memory of a device keeps the same"),
        }
    }

    /// Fills a range with one word, as if it were laid out from the memory's start.
    pub(super) fn fill(&mut self, offset: u64, len: u64, word: u32) {
        match &mut self.content {
            Content::Stamps(stamps) => stamps.write(offset, &[Piece::same(word.into(), len)]),
            Content::Words(words) if offset.is_multiple_of(WORD) && len.is_multiple_of(WORD) => {
                words.write(offset, &[Piece::same(word.into(), len)]);
            }
            Content::Bytes(_) | Content::Words(_) => {
                let cycle = word.to_le_bytes().into_iter().cycle();
                let skipped = Self::range(0, offset % WORD).len();
                let bytes = cycle.skip(skipped).take(Self::range(offset, len).len());
                self.write(offset, &bytes.collect::<Vec<_>>());
            }
        }
    }

    pub(super) fn clear(&mut self) {
        match &mut self.content {
            Content::Bytes(bytes) => bytes.fill(0),
            Content::Stamps(kept) => *kept = Pieces::new(self.len.get()),
            Content::Words(kept) => *kept = Pieces::new(self.len.get().next_multiple_of(WORD)),
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.len.get()
    }

    /// The bytes; zeros where only stamps are kept.
    pub(super) fn into_vec(mut self) -> Vec<u8> {
        match &mut self.content {
            Content::Bytes(bytes) => core::mem::take(bytes),
            Content::Stamps(_) | Content::Words(_) => self.read(0, self.len.get()),
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
