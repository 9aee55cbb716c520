//! A GPU geometry memory manager for wgpu.
#![forbid(unsafe_code)]

mod actor;
mod client;
mod config;
mod core;
mod error;
mod handle;
mod manager;
mod payload;
mod recording;
mod report;
mod slot;
mod ticket;

pub use geoheap_chunk_heap::{
    AlignRule, ChunkId, ChunkState, KindId, KindRow, LayoutError, Lifetime, PartError, PartId,
    RangeState,
};
pub use geoheap_frame_sync::Version;
pub use geoheap_gpu_backend::{
    Backend, BackendInfo, Limits, StagingConfig, VirtualBuffer, VirtualConfig, VirtualControl,
    VirtualGpu, VirtualRead, WgpuBackend,
};
pub use geoheap_residency::Config as ResidencyConfig;
pub use geoheap_suballoc::{Align, ByteLen, ByteOffset};
pub use wgpu;

pub use crate::actor::render::{RecordError, RenderActors};
pub use crate::actor::reply::Pending;
pub use crate::client::{Batch, Client};
pub use crate::config::{CHUNK_SLACK, Config, ConfigError, DefragConfig, Threading};
pub use crate::error::{
    AddError, CreateError, FailReason, FallbackError, MailboxLimit, Refused, RequestError,
    SendError, WaitError,
};
pub use crate::handle::Handle;
pub use crate::manager::{GeometryManager, Leak, ShutdownReport};
pub use crate::payload::{
    BlockDesc, OutOfRoom, PRIORITY_DEFAULT, PartData, Payload, ReloadFn, Source, StagedWrite,
};
pub use crate::report::{ChunkMap, Degraded, HeapEvent, HeapMap, Op, RangeMap, ReadBack, Report};
pub use crate::ticket::{
    BlockView, Draw, Fallback, FrameSource, FrameTicket, InFlight, IndexFormat, Lookup, PartView,
};
