//! Bytes that the GPU alone has, in a buffer of the program's own.

use core::any::Any;
use core::fmt;
use std::sync::Arc;

use geoheap_suballoc::{ByteLen, ByteOffset};

/// A range of a buffer that the program made: contents of a part, copied on the GPU. Made by
/// [`Client::gpu_bytes`](crate::Client::gpu_bytes), given to
/// [`PartData::on_gpu`](crate::PartData::on_gpu) or
/// [`Client::update_on_gpu`](crate::Client::update_on_gpu).
///
/// The engine copies them in one of the next ticks, in a submission of its own on the same queue:
/// a long range in pieces, over several ticks. So
///
/// - what wrote them has to be submitted before they are handed over;
/// - they have to stay as they are, and the buffer alive on the device, until the answer has come
///   ([`Client::adopt`](crate::Client::adopt)): then all copies were submitted, or none will be
///   any more. What is submitted after that may write over them, since the queue keeps the order;
/// - a buffer that is destroyed, or mapped, meanwhile fails the block that wanted it, and nothing
///   else.
///
/// Clones are the same bytes. They keep the buffer from being dropped.
#[derive(Clone)]
pub struct GpuBytes(Arc<Range>);

struct Range {
    /// A buffer of the backend's kind.
    buffer: Box<dyn Any + Send + Sync>,
    offset: ByteOffset,
    len: ByteLen,
    /// The device that it belongs to, by the engine's count.
    device: u32,
}

impl GpuBytes {
    /// A range whose bounds the caller has checked.
    pub(crate) fn new<B: Send + Sync + 'static>(
        buffer: B,
        offset: ByteOffset,
        len: ByteLen,
        device: u32,
    ) -> Self {
        Self(Arc::new(Range {
            buffer: Box::new(buffer),
            offset,
            len,
            device,
        }))
    }

    /// Where they begin in the buffer.
    pub fn offset(&self) -> ByteOffset {
        self.0.offset
    }

    /// How many they are.
    pub fn len(&self) -> ByteLen {
        self.0.len
    }

    /// Never: a range of no bytes is refused.
    pub fn is_empty(&self) -> bool {
        self.0.len == ByteLen::ZERO
    }

    /// The device that they lie on, by the engine's count.
    pub(crate) fn device(&self) -> u32 {
        self.0.device
    }

    /// The buffer, for a backend with buffers of that kind.
    pub(crate) fn buffer<B: 'static>(&self) -> Option<&B> {
        self.0.buffer.downcast_ref()
    }
}

impl fmt::Debug for GpuBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GpuBytes")
            .field("offset", &self.0.offset)
            .field("len", &self.0.len)
            .finish_non_exhaustive()
    }
}

/// Why bytes on the GPU cannot be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GpuBytesError {
    /// A range of no bytes.
    ZeroSize,
    /// Offset or length is no multiple of four, as the copies of wgpu want them.
    Misaligned {
        /// Where the range begins.
        offset: ByteOffset,
        /// Its length.
        len: ByteLen,
    },
    /// The range ends beyond the buffer.
    OutOfBounds {
        /// Where the range begins.
        offset: ByteOffset,
        /// Its length.
        len: ByteLen,
        /// Length of the buffer.
        bounds: ByteLen,
    },
    /// The buffer was made without `COPY_SRC`.
    NoCopySource,
    /// The buffer is none of the kind that this heap's backend has: one of wgpu for a heap on the
    /// virtual GPU, or the other way round.
    OtherBackend,
    /// The device is gone, and not followed by another yet.
    DeviceLost,
}

impl fmt::Display for GpuBytesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroSize => f.write_str("a range of no bytes"),
            Self::Misaligned { offset, len } => write!(
                f,
                "{len} bytes at byte {offset}: both have to be multiples of four"
            ),
            Self::OutOfBounds {
                offset,
                len,
                bounds,
            } => write!(
                f,
                "{len} bytes at byte {offset} of a buffer of {bounds} bytes"
            ),
            Self::NoCopySource => f.write_str("the buffer was made without COPY_SRC"),
            Self::OtherBackend => f.write_str("the buffer is of another kind of backend"),
            Self::DeviceLost => f.write_str("the device is lost"),
        }
    }
}

impl std::error::Error for GpuBytesError {}
