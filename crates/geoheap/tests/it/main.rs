//! The engine through its public face, on the virtual GPU with the caller driving unless a test
//! says otherwise.

mod actors;
mod compaction;
mod faults;
mod harness;
mod limits;
mod model;
mod order;
mod parts;
mod path;
mod pressure;
mod refusals;
mod streaming;
mod threads;
mod waiting;
mod wgpu_device;
