#![forbid(unsafe_code)]
//! A heap that grows and shrinks in chunks and holds blocks of mixed parts.

mod chunk;
mod config;
mod error;
mod figures;
mod heap;
mod kind;
mod layout;
mod pool;

pub use chunk::{ChunkId, ChunkInfo, ChunkState, Lifetime, Owner, RangeInfo, RangeKey, RangeState};
pub use config::{ConfigError, HeapConfig};
pub use error::{ChunkError, OpenError, PlaceError, RangeError, ReserveError};
pub use figures::{HeapFigures, PoolFigures};
pub use heap::{ChunkHeap, Request};
pub use kind::{AlignRule, KindError, KindId, KindRow, KindTable, WORD_BYTES};
pub use layout::{
    BlockLayout, Grown, Growth, LayoutError, Part, PartError, PartId, PartSpec, PartState, Resized,
};
