//! The state of a heap at one moment.
#![forbid(unsafe_code)]

mod model;

pub use model::{
    BlockDump, BlockState, ChunkDump, ChunkStateDump, HeapDump, LifetimeDump, PartDump, RangeDump,
    RangeStateDump, SCHEMA, SourceDump,
};
