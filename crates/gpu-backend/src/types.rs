//! Identifiers, limits, figures and events that both forms of the backend share.

use core::fmt;

use geoheap_suballoc::{Align, ByteLen};

/// Number of a submission; ascending in the order in which the queue executes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubmissionId(pub(crate) u64);

/// Number of a read-back, unique within one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadId(pub(crate) u64);

/// Number of a release, unique within one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseId(pub(crate) u64);

macro_rules! plain_number {
    ($($id:ident),*) => {$(
        impl $id {
            /// The number itself, for logs and reports.
            pub fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )*};
}
plain_number!(SubmissionId, ReadId, ReleaseId);

/// What the device accepts, and what it adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest buffer, in bytes.
    pub buffer_bytes_max: ByteLen,
    /// Alignment of the offset of a uniform binding, in bytes.
    pub uniform_align: Align,
    /// Alignment of the offset of a storage binding, in bytes.
    pub storage_align: Align,
    /// Alignment of the offsets and the length of a copy, in bytes; 4 on wgpu.
    pub copy_align: Align,
    /// Bytes that the device adds to each buffer; 4 on wgpu, whose vertex buffers are padded.
    pub vertex_padding: ByteLen,
    /// Whether indirect draws may begin at another instance than the first.
    pub indirect_first_instance: bool,
}

/// Which device stands behind a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendInfo {
    /// The adapter's name.
    pub name: String,
    /// The interface beneath, such as `vulkan`, `noop` or `virtual`.
    pub kind: &'static str,
}

/// What a buffer is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BufferRole {
    /// Geometry: vertex, index, uniform, storage, copy source and copy destination. Not indirect:
    /// a move would make arguments stale.
    #[default]
    Chunk,
    /// Draw records: indirect, storage, copy source and copy destination.
    Records,
}

/// A buffer to create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferDesc<'a> {
    /// Name under which debuggers and allocator reports show the buffer.
    pub label: &'a str,
    /// Length in bytes, a positive multiple of the copy alignment.
    pub len: ByteLen,
    /// Decides the usages.
    pub role: BufferRole,
}

/// How much memory carries bytes between the CPU and the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StagingConfig {
    /// Length of one buffer of the ring, in bytes; rounded up to a multiple of 8.
    pub buffer_bytes: ByteLen,
    /// Most that the ring, leases and read-backs hold together, in bytes.
    pub limit_bytes: ByteLen,
    /// A ring buffer that lay unused for more than so many polls is given back to the device.
    pub idle_polls: u32,
}

impl Default for StagingConfig {
    /// Buffers of 1 MiB, 16 MiB in all, given back after 600 idle polls.
    fn default() -> Self {
        Self {
            buffer_bytes: ByteLen::new(1 << 20),
            limit_bytes: ByteLen::new(16 << 20),
            idle_polls: 600,
        }
    }
}

/// State of the staging memory, in bytes.
///
/// `capacity_bytes` is what the device holds for staging now: ring, leases and read-backs. It is
/// the number that a budget has to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StagingFigures {
    /// Held now, by the ring, by leases and by read-backs.
    pub capacity_bytes: ByteLen,
    /// What an upload could stage at this moment, growth up to the limit included.
    pub free_bytes: ByteLen,
    /// Part of the ring's capacity that belongs to submissions not yet completed; leases and
    /// read-backs are counted apart.
    pub in_flight_bytes: ByteLen,
    /// Part of the capacity that leases and read-backs hold.
    pub one_shot_bytes: ByteLen,
    /// Highest capacity so far.
    pub peak_bytes: ByteLen,
    /// The limit.
    pub limit_bytes: ByteLen,
}

/// What a backend did since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Batches handed to the queue.
    pub submits: u64,
    /// Copy commands recorded, after merging; uploads, moves and read-backs alike.
    pub copies: u64,
    /// Copies that were merged into the one before them.
    pub copies_merged: u64,
    /// Bytes staged for upload, leased ones included.
    pub upload_bytes: u64,
    /// Bytes copied between buffers.
    pub copied_bytes: u64,
    /// Bytes requested by read-backs.
    pub read_bytes: u64,
    /// Buffers created; staging is not counted.
    pub buffers_created: u64,
    /// Staging buffers created: ring, leases and read-backs.
    pub staging_created: u64,
    /// Errors that came as [`BackendEvent::Error`].
    pub errors: u64,
}

/// What a poll has to tell.
///
/// Order: `Completed` ascends; the `ReadBack` or `ReadFailed` of a submission comes before its
/// `Completed`; `DeviceLost` is the last event ever.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackendEvent {
    /// The device has executed this submission and all before it.
    Completed(SubmissionId),
    /// The bytes of a read-back.
    ReadBack {
        /// The read-back.
        id: ReadId,
        /// Its bytes, as long as was asked for.
        bytes: Vec<u8>,
    },
    /// A read-back that will never have bytes.
    ReadFailed {
        /// The read-back.
        id: ReadId,
    },
    /// The device can have the memory of a released buffer back, as many bytes as were named.
    Released(ReleaseId, ByteLen),
    /// The device is gone, with everything on it. Reported once.
    DeviceLost {
        /// The device's own words.
        reason: String,
    },
    /// The device refused something: a submit, which has returned the error too, or the mapping of
    /// a buffer, which nobody was there to return it to.
    Error {
        /// The device's own words.
        message: String,
    },
}
