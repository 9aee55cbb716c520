//! What can be wrong with a heap's description and with a batch.

use std::error::Error;
use std::fmt;

/// Why a heap was not made. Nothing was allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeapError {
    /// No unit, or more than the bitset has bits.
    Units {
        /// Units asked for.
        units: u32,
        /// Units that there may be.
        units_max: u32,
    },
    /// No stream, or more than an object may have.
    Streams {
        /// Streams asked for.
        streams: usize,
        /// Streams that there may be.
        streams_max: usize,
    },
    /// A unit that is empty or no multiple of 16 bytes, or of another size than that of the other
    /// separate streams.
    UnitBytes {
        /// The stream.
        stream: usize,
        /// Bytes of its unit.
        unit_bytes: u32,
    },
    /// A stream takes more buffers than one bitset may span.
    Buffers {
        /// The stream.
        stream: usize,
        /// Buffers that it would take.
        needed: u64,
        /// Buffers that there may be.
        buffers_max: u32,
        /// The device's `max_storage_buffer_binding_size`, or its `max_buffer_size` if that is
        /// less, in bytes.
        buffer_bytes_max: u64,
    },
    /// No slot, or more than a heap may have.
    Slots {
        /// Slots asked for.
        slots: u32,
        /// Slots that there may be.
        slots_max: u32,
    },
    /// Batches of no request or no free, or of more of them than there may be.
    Requests {
        /// Requests or frees of a batch asked for.
        requests: u32,
        /// Requests or frees that a batch may have.
        requests_max: u32,
    },
    /// A workgroup that is none of 64, 128 and 256, or more than the device has.
    Workgroup {
        /// Invocations asked for.
        invocations: u32,
        /// The device's `max_compute_invocations_per_workgroup`.
        invocations_max: u32,
    },
    /// Sums by subgroups were asked for, and the device was made without them, or its subgroups
    /// are smaller than 4 or larger than the workgroup.
    Subgroups {
        /// The smallest and the largest, if there are any.
        lanes: Option<(u32, u32)>,
    },
    /// The device offers too little of something else.
    Limit {
        /// The name of the limit.
        name: &'static str,
        /// What the heap needs.
        needed: u64,
        /// What the device has.
        limit: u64,
    },
}

impl fmt::Display for HeapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Units { units, units_max } => {
                write!(f, "a heap of {units} units; it may have 1 to {units_max}")
            }
            Self::Streams {
                streams,
                streams_max,
            } => write!(f, "{streams} streams; there may be 1 to {streams_max}"),
            Self::UnitBytes { stream, unit_bytes } => write!(
                f,
                "units of {unit_bytes} bytes in stream {stream}; they have to be multiples of 16, \
                 and the same for all separate streams"
            ),
            Self::Buffers {
                stream,
                needed,
                buffers_max,
                buffer_bytes_max,
            } => write!(
                f,
                "stream {stream} takes {needed} buffers of at most {buffer_bytes_max} bytes, which \
                 is what the device can bind; there may be {buffers_max}"
            ),
            Self::Slots { slots, slots_max } => {
                write!(f, "{slots} slots; there may be 1 to {slots_max}")
            }
            Self::Requests {
                requests,
                requests_max,
            } => write!(
                f,
                "batches of {requests} requests or frees; there may be 1 to {requests_max}"
            ),
            Self::Workgroup {
                invocations,
                invocations_max,
            } => write!(
                f,
                "workgroups of {invocations}; there may be 64, 128 or 256, and the device has at \
                 most {invocations_max}"
            ),
            Self::Subgroups { lanes: None } => {
                write!(f, "the device was made without subgroups")
            }
            Self::Subgroups {
                lanes: Some((least, most)),
            } => write!(
                f,
                "the device has subgroups of {least} to {most}; there may be 4 up to a workgroup"
            ),
            Self::Limit {
                name,
                needed,
                limit,
            } => write!(f, "the device's {name} is {limit}; the heap needs {needed}"),
        }
    }
}

impl Error for HeapError {}

/// Why a batch was not recorded. Nothing was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchError {
    /// More requests than the heap was made for.
    Requests {
        /// Requests of the batch, or the most that there may be.
        requests: usize,
        /// What the heap was made for.
        requests_max: u32,
    },
    /// More frees than the heap was made for.
    Frees {
        /// Frees of the batch, or the most that there may be.
        frees: usize,
        /// What the heap was made for.
        frees_max: u32,
    },
    /// More flips than a batch may have.
    Flips {
        /// Flips of the batch, or the most that there may be.
        flips: usize,
        /// What a batch may have.
        flips_max: u32,
    },
    /// The number of a list lies at no multiple of 4, or past its buffer's end.
    CountOffset {
        /// What is counted.
        what: &'static str,
        /// Where the number should be.
        count_offset: u64,
        /// Bytes of the buffer that it should be in.
        bytes: u64,
    },
    /// A buffer is shorter than what the batch says of it, or has an odd length.
    BufferBytes {
        /// What the buffer is for.
        what: &'static str,
        /// Its bytes.
        bytes: u64,
        /// What it has to have at least.
        needed: u64,
        /// What its length has to be a multiple of.
        multiple_of: u64,
    },
    /// A buffer is longer than the device can bind.
    BufferLimit {
        /// What the buffer is for.
        what: &'static str,
        /// Its bytes.
        bytes: u64,
        /// The device's `max_storage_buffer_binding_size`.
        limit: u64,
    },
    /// A buffer is one of the heap's own, which the batch writes to.
    OwnBuffer {
        /// What the buffer is for.
        what: &'static str,
    },
    /// A buffer lacks a usage.
    BufferUsage {
        /// What the buffer is for.
        what: &'static str,
        /// What it lacks.
        missing: wgpu::BufferUsages,
    },
    /// More sources than streams.
    Sources {
        /// Sources given.
        sources: usize,
        /// Streams of the heap.
        streams: u32,
    },
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requests {
                requests,
                requests_max,
            } => write!(
                f,
                "{requests} requests in a batch; the heap takes {requests_max}"
            ),
            Self::Frees { frees, frees_max } => {
                write!(f, "{frees} frees in a batch; the heap takes {frees_max}")
            }
            Self::Flips { flips, flips_max } => {
                write!(f, "{flips} flips in a batch; it may have {flips_max}")
            }
            Self::BufferBytes {
                what,
                bytes,
                needed,
                multiple_of,
            } => write!(
                f,
                "the buffer of the {what} has {bytes} bytes; it needs {needed}, and a multiple of \
                 {multiple_of}"
            ),
            Self::CountOffset {
                what,
                count_offset,
                bytes,
            } => write!(
                f,
                "the number of the {what} is to be at {count_offset} of a buffer of {bytes} bytes; \
                 it takes 4, at a multiple of 4"
            ),
            Self::BufferLimit { what, bytes, limit } => write!(
                f,
                "the buffer of the {what} has {bytes} bytes; the device binds {limit}"
            ),
            Self::OwnBuffer { what } => {
                write!(f, "the buffer of the {what} is one of the heap's own")
            }
            Self::BufferUsage { what, missing } => {
                write!(f, "the buffer of the {what} lacks {missing:?}")
            }
            Self::Sources { sources, streams } => {
                write!(f, "{sources} sources for {streams} streams")
            }
        }
    }
}

impl Error for BatchError {}
