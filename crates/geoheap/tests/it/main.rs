//! The engine through its public face, on the virtual GPU with the caller driving unless a test
//! says otherwise.

mod compaction;
mod harness;
mod model;
mod parts;
mod path;
mod refusals;
mod streaming;
mod threads;
mod wgpu_device;
