//! What a caller hands over: bytes without a copy, parts, and the description of a block.

use core::fmt;
use std::sync::Arc;

use geoheap_chunk_heap::{KindId, Lifetime, PartSpec};
use geoheap_gpu_backend::{LeaseWriteError, StagingLease};
use geoheap_suballoc::ByteLen;
use smallvec::SmallVec;

use crate::gpu_bytes::GpuBytes;
use crate::handle::Handle;

/// Bytes that are shared, never copied: the caller, the engine's retained source and the upload
/// all look at the same memory.
#[derive(Clone)]
pub struct Payload(Arc<dyn AsRef<[u8]> + Send + Sync>);

impl Payload {
    /// Takes any owner of bytes: a memory-mapped file, or typed data behind a cast.
    ///
    /// ```
    /// struct Positions(Vec<[f32; 3]>);
    ///
    /// impl AsRef<[u8]> for Positions {
    ///     fn as_ref(&self) -> &[u8] {
    ///         bytemuck::cast_slice(&self.0)
    ///     }
    /// }
    ///
    /// let payload = geoheap::Payload::owned(Positions(vec![[0.0; 3]; 4]));
    /// assert_eq!(payload.len().get(), 48);
    /// ```
    pub fn owned(owner: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self(Arc::new(owner))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        (*self.0).as_ref()
    }

    /// Their count.
    pub fn len(&self) -> ByteLen {
        ByteLen::new(self.bytes().len() as u64)
    }

    /// Whether there is nothing in it. Such a payload is refused as a part.
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self::owned(bytes)
    }
}

impl From<Arc<[u8]>> for Payload {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self::owned(bytes)
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        Self::owned(bytes.to_vec())
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.len())
    }
}

/// A piece of staging memory that the caller writes on his own thread, so that his bytes are
/// written once: straight to where the GPU copies from. Given out by
/// [`Client::stage`](crate::Client::stage).
///
/// Dropped unused, it gives its room back.
#[derive(Debug)]
pub struct StagedWrite {
    pub(crate) lease: StagingLease,
    /// What was asked for; the lease is rounded up to whole words.
    pub(crate) len: ByteLen,
    /// The device that it belongs to, by the engine's count.
    pub(crate) device: u32,
}

impl StagedWrite {
    /// Bytes of room.
    pub fn len(&self) -> ByteLen {
        self.len
    }

    /// Never: a piece of no bytes is not given out.
    pub fn is_empty(&self) -> bool {
        self.len == ByteLen::ZERO
    }

    /// Writes `bytes` at `offset` bytes from the start.
    ///
    /// # Errors
    /// [`StagedWriteError`] when they would go past the end, or the device is gone and the memory
    /// with it; nothing is written then.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StagedWriteError> {
        let end = offset.saturating_add(bytes.len() as u64);
        let out_of_room = StagedWriteError::OutOfRoom {
            end,
            room: self.len,
        };
        if end > self.len.get() {
            return Err(out_of_room);
        }
        let written = self.lease.write_at(offset, bytes);
        written.map_err(|error| match error {
            LeaseWriteError::DeviceLost => StagedWriteError::DeviceLost,
            // A piece is not sealed while its owner has it.
            _ => out_of_room,
        })
    }
}

/// Why nothing was written into staging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StagedWriteError {
    /// The write went past the end.
    OutOfRoom {
        /// One past the last byte that the write asked for.
        end: u64,
        /// What there is.
        room: ByteLen,
    },
    /// The device is gone, and the memory with it: stage anew on the next device.
    DeviceLost,
}

impl fmt::Display for StagedWriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRoom { end, room } => write!(
                f,
                "write ends at byte {end} of a staging piece of {room} bytes"
            ),
            Self::DeviceLost => f.write_str("the staging piece went with its device"),
        }
    }
}

impl std::error::Error for StagedWriteError {}

/// Where a part's bytes come from on their first way to the GPU.
#[derive(Debug)]
pub(crate) enum Content {
    /// Memory shared with the caller.
    Shared(Payload),
    /// Where the GPU has them already. In a box, so that what most blocks have is small.
    OnDevice(Box<OnDevice>),
}

/// Bytes that a device has, and that go with it.
#[derive(Debug)]
pub(crate) enum OnDevice {
    /// In staging.
    Staged(StagedWrite),
    /// In a buffer of the caller's.
    Gpu(GpuBytes),
}

/// Contents of the parts of one block; most blocks have one part.
pub(crate) type Contents = SmallVec<[Content; 1]>;

// It is moved from the caller to the copy that it ends in.
const _: () = assert!(
    size_of::<Content>() == 16,
    "contents are passed on by value"
);

impl Content {
    /// What was written into staging.
    pub(crate) fn staged(staged: StagedWrite) -> Self {
        Self::OnDevice(Box::new(OnDevice::Staged(staged)))
    }

    /// What lies in a buffer of the caller's.
    pub(crate) fn on_gpu(bytes: GpuBytes) -> Self {
        Self::OnDevice(Box::new(OnDevice::Gpu(bytes)))
    }

    /// Bytes the caller gave.
    pub(crate) fn len(&self) -> ByteLen {
        match self {
            Self::Shared(payload) => payload.len(),
            Self::OnDevice(bytes) => match &**bytes {
                OnDevice::Staged(staged) => staged.len(),
                OnDevice::Gpu(bytes) => bytes.len(),
            },
        }
    }

    /// Bytes of the caller's memory that it keeps. What is in staging already is bounded there.
    pub(crate) fn shared_bytes(&self) -> u64 {
        self.payload().map_or(0, |payload| payload.len().get())
    }

    /// The device in whose memory it lies, by the engine's count.
    pub(crate) fn device(&self) -> Option<u32> {
        match self {
            Self::Shared(_) => None,
            Self::OnDevice(bytes) => Some(match &**bytes {
                OnDevice::Staged(staged) => staged.device,
                OnDevice::Gpu(bytes) => bytes.device(),
            }),
        }
    }

    /// Whether it lies in a buffer of the caller's.
    pub(crate) fn is_on_gpu(&self) -> bool {
        matches!(self, Self::OnDevice(bytes) if matches!(**bytes, OnDevice::Gpu(_)))
    }

    /// The shared memory, if it is that.
    pub(crate) fn payload(&self) -> Option<&Payload> {
        match self {
            Self::Shared(payload) => Some(payload),
            Self::OnDevice(_) => None,
        }
    }
}

/// One typed part of a block and its bytes.
#[derive(Debug)]
pub struct PartData {
    pub(crate) spec: PartSpec,
    pub(crate) content: Content,
}

impl PartData {
    /// A part of any kind; `stride` in bytes, 0 where the kind has none.
    pub fn new(kind: KindId, stride: u32, bytes: impl Into<Payload>) -> Self {
        Self::with_content(kind, stride, Content::Shared(bytes.into()))
    }

    /// A part whose bytes were written straight into staging.
    pub fn staged(kind: KindId, stride: u32, staged: StagedWrite) -> Self {
        Self::with_content(kind, stride, Content::staged(staged))
    }

    /// A part whose bytes the GPU alone has, in a buffer of the program's own: they are copied
    /// there. See [`GpuBytes`].
    pub fn on_gpu(kind: KindId, stride: u32, bytes: GpuBytes) -> Self {
        Self::with_content(kind, stride, Content::on_gpu(bytes))
    }

    fn with_content(kind: KindId, stride: u32, content: Content) -> Self {
        let len = content.len();
        Self {
            spec: PartSpec { kind, len, stride },
            content,
        }
    }

    /// Interleaved vertices of `stride` bytes each. Pipelines of wgpu take strides that are
    /// multiples of 4.
    pub fn vertex(bytes: impl Into<Payload>, stride: u32) -> Self {
        Self::new(KindId::VERTEX, stride, bytes)
    }

    /// 16-bit indices.
    pub fn index_u16(bytes: impl Into<Payload>) -> Self {
        Self::new(KindId::INDEX, 2, bytes)
    }

    /// 32-bit indices.
    pub fn index_u32(bytes: impl Into<Payload>) -> Self {
        Self::new(KindId::INDEX, 4, bytes)
    }

    /// Shader constants for a uniform binding.
    pub fn uniform(bytes: impl Into<Payload>) -> Self {
        Self::new(KindId::UNIFORM, 0, bytes)
    }

    /// Data for a storage binding.
    pub fn storage(bytes: impl Into<Payload>) -> Self {
        Self::new(KindId::STORAGE, 0, bytes)
    }

    /// Bytes the caller gave.
    pub fn len(&self) -> ByteLen {
        self.spec.len
    }

    /// Whether there are none. Such a part is refused.
    pub fn is_empty(&self) -> bool {
        self.spec.len == ByteLen::ZERO
    }
}

/// Makes a block's bytes again: one payload a part, in the order of the parts' ids, with the
/// lengths they have. It must give the newest contents, also after updates. Called on a worker of
/// the engine's, or inside `poll()` where the caller drives.
#[derive(Clone)]
pub struct ReloadFn(Arc<dyn Fn(Handle) -> Result<Vec<Payload>, String> + Send + Sync>);

impl ReloadFn {
    pub(crate) fn new(
        make: impl Fn(Handle) -> Result<Vec<Payload>, String> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(make))
    }

    /// Calls it.
    pub(crate) fn call(&self, handle: Handle) -> Result<Vec<Payload>, String> {
        (self.0)(handle)
    }
}

impl fmt::Debug for ReloadFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReloadFn")
    }
}

/// Where the bytes of an evicted block come from.
#[derive(Clone, Default)]
pub enum Source {
    /// The engine keeps sharing the caller's memory. Comes back at once; costs system memory.
    #[default]
    Retained,
    /// The engine forgets the bytes and asks for them again.
    Reload(ReloadFn),
    /// From the GPU, which alone has them: before the block leaves, its bytes are copied back, and
    /// kept until it has returned. It stays in sight until they are here. For geometry that is
    /// staged or made on the GPU, and for what need not cost system memory while it is resident;
    /// it is lost with the device unless it is away at that time.
    ///
    /// The engine does not see what a program's own commands write into a block. Pin it for as
    /// long as they do, or the copy may miss it.
    ReadBack,
    /// Nowhere: the block is never evicted, and lost with the device.
    None,
}

impl Source {
    /// A reload callback.
    pub fn reload(
        make: impl Fn(Handle) -> Result<Vec<Payload>, String> + Send + Sync + 'static,
    ) -> Self {
        Self::Reload(ReloadFn::new(make))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Retained => "Retained",
            Self::Reload(_) => "Reload",
            Self::ReadBack => "ReadBack",
            Self::None => "None",
        })
    }
}

/// A block on its way in: parts and how they are to be kept.
///
/// What should be able to leave GPU memory alone is a block of its own; parts of one block come
/// and go together.
#[derive(Debug, Default)]
pub struct BlockDesc {
    pub(crate) parts: SmallVec<[PartData; 1]>,
    pub(crate) label: Option<Arc<str>>,
    pub(crate) lifetime: Lifetime,
    pub(crate) priority: u8,
    /// As the caller said, if he did.
    pub(crate) source: Option<Source>,
    pub(crate) spare: ByteLen,
}

/// The priority a block has unless told otherwise; higher stays longer and comes back sooner.
pub const PRIORITY_DEFAULT: u8 = 128;

impl BlockDesc {
    /// A dynamic block of no parts yet, of default priority and default
    /// [source](Self::source).
    pub fn new() -> Self {
        Self {
            priority: PRIORITY_DEFAULT,
            ..Self::default()
        }
    }

    /// Adds a part; parts lie in the order given.
    #[must_use]
    pub fn part(mut self, part: PartData) -> Self {
        self.parts.push(part);
        self
    }

    /// A name for reports, pictures and logs.
    #[must_use]
    pub fn label(mut self, label: impl Into<Arc<str>>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// `Dynamic` (default) or `LongLived`: kept in chunks of its own, never evicted.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// 0..=255, [`PRIORITY_DEFAULT`] unless set. Where frames need more than there is, those of
    /// higher priority are drawn: they take the room of lower ones, also of such as are in use.
    #[must_use]
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = priority;
        self
    }

    /// Where its bytes come from once it was evicted. [`Source::Retained`] unless set, and
    /// [`Source::ReadBack`] for a block that has a part [on the GPU](PartData::on_gpu).
    #[must_use]
    pub fn source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    /// Spare room behind the parts, so that further ones fit without a move.
    #[must_use]
    pub fn spare(mut self, spare: ByteLen) -> Self {
        self.spare = spare;
        self
    }

    /// The source that it has if the caller says nothing else.
    pub(crate) fn source_default(&self) -> Source {
        if self.parts.iter().any(|part| part.content.is_on_gpu()) {
            Source::ReadBack
        } else {
            Source::Retained
        }
    }

    /// Bytes of all parts as the caller gave them.
    pub fn bytes(&self) -> ByteLen {
        self.parts.iter().map(PartData::len).sum()
    }
}
