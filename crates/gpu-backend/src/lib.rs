//! Buffers, uploads, copies and read-back on wgpu and on a virtual GPU.
//!
//! An engine that keeps many small things in few large buffers needs little of a device: make a
//! buffer, bring bytes in, move bytes from buffer to buffer, bring bytes out, and learn what has
//! been executed. That is the trait [`Backend`]. It has two forms: [`WgpuBackend`], and
//! [`VirtualGpu`], a device in memory that executes late and fails on demand, for tests.
//!
//! ```
//! use geoheap_gpu_backend::{
//!     Backend, BackendEvent, BufferDesc, BufferRole, VirtualConfig, VirtualGpu,
//! };
//! use geoheap_suballoc::{ByteLen, ByteOffset};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // `WgpuBackend::new(device, queue, &staging)` gives the same on a real device.
//! let (mut gpu, control) = VirtualGpu::new(&VirtualConfig::default());
//! let desc = BufferDesc { label: "chunk 0", len: ByteLen::from_kib(64), role: BufferRole::Chunk };
//! let chunk = gpu.create_buffer(&desc)?;
//!
//! gpu.upload(&chunk, ByteOffset::new(256), b"16 bytes of mesh")?;
//! let submission = gpu.submit()?.expect("the batch was not empty");
//! assert_eq!(control.read(&chunk, 256..272), [0; 16], "submitted, not yet executed");
//!
//! let mut events = Vec::new();
//! while !events.contains(&BackendEvent::Completed(submission)) {
//!     gpu.poll(&mut events);
//! }
//! assert_eq!(control.read(&chunk, 256..272), b"16 bytes of mesh");
//! # Ok(())
//! # }
//! ```
//!
//! # Mechanism
//!
//! Both forms are one type, [`Transfers`], over a [`Driver`](driver::Driver). `Transfers` makes
//! every check that wgpu would make at the end of recording, at the call instead, with the
//! numbers; a driver only makes memory, executes batches and says what is done. So what holds on
//! the virtual GPU holds on wgpu: the same code decides.
//!
//! Calls collect in an open batch, in their order. A copy that continues the one before it, at
//! both ends, is merged into that, because each copy into a buffer that the batch has written
//! before costs a barrier over the whole buffer on Vulkan. [`Backend::submit`] puts the batch into
//! an encoder and a submission of its own.
//!
//! Bytes go through a ring of mapped buffers, made as they are needed and never above a limit.
//! A batch takes the buffers it wrote to with it; they are mapped again when it has been executed,
//! and given back to the device when they lie idle for long. A [`StagingLease`] is a buffer of its
//! own that a caller's thread writes into, so that the thread that owns the backend copies
//! nothing. Leases and read-backs count as staging from their creation until the last batch that
//! uses them has been executed.
//!
//! A new buffer is cleared in the first batch after its creation. wgpu would otherwise track which
//! of its bytes were never written, and clear them hole by hole before the first draw.
//!
//! The form on wgpu never calls `Queue::write_buffer` (unbounded staging, executed before what
//! other threads recorded), `Buffer::destroy` (an exclusive lock on the device, and it breaks
//! commands that are recorded) or a waiting poll outside of [`Backend::wait_idle`]. What may raise
//! an error in wgpu stands within error scopes, which turn it into a result instead of a panic.
//!
//! # Invariants
//!
//! - **G1** A call that fails has recorded and counted nothing. A batch that the device refuses is
//!   dropped whole: each of its read-backs is answered, its staging comes back.
//! - **G2** `Completed` ascends, and comes after the answers to the submission's read-backs.
//! - **G3** `Released` comes after all that was submitted before the release, and the batch that
//!   was open then, has been executed.
//! - **G4** Staging never holds more than its limit, except while a lowered limit waits for what
//!   is in use; and what it holds is what its figures say.
//! - **G5** `DeviceLost` is told once and last; each open read-back and release is answered
//!   before it.
//! - **G6** A batch carries all that its copies read from, until they are executed.
//!
//! # Trade-offs
//!
//! - A partly filled staging buffer travels with its batch. Many small submissions thus take one
//!   buffer each; batch per tick, and choose `buffer_bytes` near a tick's bytes.
//! - Only the copy before is looked at for merging, since the order of the calls is the meaning of
//!   the batch. A caller who sorts by buffer and offset gets few copies.
//! - wgpu has one queue and executes submissions one after the other, so a submission of one's own
//!   costs a point of order. It buys that nobody else's submit decides when uploads go.
//! - wgpu unmaps a lost device's memory under the views that threads write through. The
//!   device-lost callback therefore waits for the write that is going on (one memcpy), and later
//!   writes are refused. That callback comes too late for `Device::destroy`, which frees the memory
//!   first: a program that destroys the device itself calls [`DeviceLoss::report`] before.
//! - The virtual GPU executes a submission when it completes, never earlier: the order in which
//!   reuse that comes too early shows most. At manual pace (`VirtualControl::set_manual`) a
//!   program executes command by command and lets completions out when it likes.
#![forbid(unsafe_code)]

mod backend;
mod check;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod driver;
mod error;
mod lease;
mod ring;
mod source_buffer;
mod transfers;
mod types;
mod virtual_gpu;
mod wgpu_backend;

pub use backend::Backend;
pub use error::{CopyError, CreateError, LeaseError, LeaseWriteError, StageError, SubmitError};
pub use lease::{LeaseWriter, StagingLease};
pub use source_buffer::SourceBuffer;
pub use transfers::Transfers;
pub use types::{
    BackendEvent, BackendInfo, BufferDesc, BufferRole, Counters, Limits, ReadId, ReleaseId,
    StagingConfig, StagingFigures, SubmissionId,
};
pub use virtual_gpu::{
    VirtualBuffer, VirtualConfig, VirtualContents, VirtualControl, VirtualDriver, VirtualGpu,
    VirtualRead, VirtualReadBack, VirtualSlot,
};
pub use wgpu;
pub use wgpu_backend::{DeviceLoss, WgpuBackend, WgpuDriver, WgpuReadBack, WgpuSlot};

#[cfg(test)]
mod tests;
