//! Buffers, uploads, copies and read-back on wgpu and on a virtual GPU.
#![forbid(unsafe_code)]

mod backend;
mod check;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod driver;
mod error;
mod lease;
mod ring;
mod transfers;
mod types;
mod virtual_gpu;
mod wgpu_backend;

pub use backend::Backend;
pub use error::{CopyError, CreateError, LeaseError, LeaseWriteError, StageError, SubmitError};
pub use lease::{LeaseWriter, StagingLease};
pub use transfers::Transfers;
pub use types::{
    BackendEvent, BackendInfo, BufferDesc, Counters, Limits, ReadId, ReleaseId, StagingConfig,
    StagingFigures, SubmissionId,
};
pub use virtual_gpu::{
    VirtualBuffer, VirtualConfig, VirtualControl, VirtualDriver, VirtualGpu, VirtualRead,
    VirtualReadBack, VirtualSlot,
};
pub use wgpu;
pub use wgpu_backend::{DeviceLoss, WgpuBackend, WgpuDriver, WgpuReadBack, WgpuSlot};

#[cfg(test)]
mod tests;
