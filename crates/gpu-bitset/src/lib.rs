//! An allocator that lives on the GPU.
#![forbid(unsafe_code)]

pub mod draws;
pub mod error;
pub mod heap;
pub mod mirror;
pub mod model;
mod passes;
pub mod records;
pub mod shape;
#[cfg(test)]
mod tests;

pub use draws::{DrawDesc, Draws};
pub use error::{BatchError, HeapError};
pub use heap::{Batch, FlipIf, GpuHeap, GpuHeapDesc, List, Path, Scan, StreamDesc};
pub use mirror::{Mirror, MirrorDesc};
pub use records::{Flip, Handle, Header, Outcome, Request, Slot, Status};
pub use shape::Shape;
pub use wgpu;
