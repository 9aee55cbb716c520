//! What lies in the GPU's buffers, word by word: requests, frees, outcomes, handles, the header.

use bytemuck::{Pod, Zeroable};

/// Streams that an object may have.
pub const STREAMS_MAX: usize = 4;
/// Units that a bitset may have.
pub const UNITS_MAX: u32 = 1 << 22;
/// Runs that one batch may ask for: its requests, or with separate streams, their streams.
pub const REQUESTS_MAX: u32 = 1 << 16;
/// Objects that one batch may show or hide.
pub const FLIPS_MAX: u32 = 1 << 16;
/// Objects that one batch may free.
pub const FREES_MAX: u32 = 1 << 16;
/// The lowest priority; 0 is the highest.
pub const PRIORITY_MAX: u32 = 3;

/// A request for the memory of one object, as it lies in a buffer: 48 bytes.
///
/// Shaders that make requests write the same twelve words.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Request {
    /// The slot of the handle table that the object will have. It has to be free.
    pub slot: u32,
    /// From 0, placed first, to [`PRIORITY_MAX`]; more counts as that.
    pub priority: u32,
    /// [`SHOW`](Self::SHOW) if it is visible as soon as it is there.
    pub flags: u32,
    /// Zero; kept for later.
    pub reserved: u32,
    /// Bytes of each stream, multiples of four; 0 beyond the heap's streams.
    pub bytes: [u32; STREAMS_MAX],
    /// Where each stream begins in its source, in bytes, multiples of 16.
    pub source_offsets: [u32; STREAMS_MAX],
}

impl Request {
    /// Visible from the beginning.
    pub const SHOW: u32 = 1;
}

/// An object that shall be drawn from now on, or not any more: 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
pub struct Flip {
    /// The object; a stale handle changes nothing.
    pub handle: Handle,
    /// 1 for visible, 0 for not.
    pub visible: u32,
    /// Zero; kept for later.
    pub reserved: u32,
}

/// An object to free: 8 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
pub struct Handle {
    /// The slot of the handle table.
    pub slot: u32,
    /// How often the slot was freed before; another number is a stale handle.
    pub generation: u32,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It has its units.
    Ok,
    /// No free run is long enough. Nothing was written.
    NoSpace,
    /// It asked for no bytes, and has none.
    Zero,
    /// More units than a buffer has, bytes outside of its source, bytes or an offset that are no
    /// multiples of 4 and 16, or a slot that is not free, is wanted twice, or does not exist.
    Invalid,
}

/// What became of one run, as it is read back: 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
pub struct Outcome {
    /// The status in bits 0 to 3, the stream that decided in 4 to 7, the slot in 8 to 31.
    pub word: u32,
    /// The first unit, if the status is OK; else [`u32::MAX`].
    pub offset_units: u32,
    /// Units that it has, or would have had.
    pub units: u32,
    /// Generation of its slot.
    pub generation: u32,
}

impl Outcome {
    /// What became of it.
    pub fn status(&self) -> Status {
        match self.word & 0xf {
            0 => Status::Ok,
            1 => Status::NoSpace,
            2 => Status::Zero,
            _ => Status::Invalid,
        }
    }

    /// The stream that needed most units, or the stream that the run is of.
    pub fn stream(&self) -> u32 {
        (self.word >> 4) & 0xf
    }

    /// The slot of the request, its upper eight bits cut off.
    pub fn slot(&self) -> u32 {
        self.word >> 8
    }
}

/// What a batch left behind, as it is read back: 64 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Header {
    /// The batch that this is true for; the first has 1.
    pub epoch: u32,
    /// Units in use.
    pub used_units: u32,
    /// Units of the longest free run.
    pub largest_run_units: u32,
    /// Free runs.
    pub runs: u32,
    /// Runs asked for.
    pub requests: u32,
    /// Of them: placed.
    pub ok: u32,
    /// Of them: without room.
    pub no_space: u32,
    /// Of them: asked for nothing.
    pub zero: u32,
    /// Of them: refused.
    pub invalid: u32,
    /// Objects freed.
    pub freed: u32,
    /// Frees whose handle was stale.
    pub stale_frees: u32,
    /// Frees of an object that the same batch had freed.
    pub double_frees: u32,
    /// One more than the highest unit in use; 0 of an empty heap.
    pub top_units: u32,
    /// Units that the requests without room asked for, at most `u32::MAX`.
    pub missing_units: u32,
    /// Units that lie idle in the streams that did not decide, at most `u32::MAX`.
    pub wasted_units: u32,
    /// A checksum of the bitset: see [`hash`](crate::model::hash).
    pub hash: u32,
}

/// A slot of the handle table: 64 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Slot {
    /// How often the slot was freed.
    pub generation: u32,
    /// [`LIVE`](Self::LIVE) if it is taken, [`VISIBLE`](Self::VISIBLE) if it is drawn.
    pub flags: u32,
    /// The stream that needed most units.
    pub decided_by: u32,
    /// Zero; kept for later.
    pub reserved: u32,
    /// Where each stream begins.
    pub offset_units: [u32; STREAMS_MAX],
    /// Units of each stream.
    pub units: [u32; STREAMS_MAX],
    /// Bytes of each stream.
    pub bytes: [u32; STREAMS_MAX],
}

impl Slot {
    /// The slot is taken.
    pub const LIVE: u32 = 1;
    /// Drawn.
    pub const VISIBLE: u32 = 2;
}
