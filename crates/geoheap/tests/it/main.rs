//! The engine through its public face, on the virtual GPU with the caller driving unless a test
//! says otherwise.

mod actors;
mod budget;
mod canvas;
mod compaction;
mod creations;
mod draw_set_memory;
mod draw_sets;
mod faults;
mod frames;
mod harness;
mod inspection;
mod leaving;
mod limits;
mod model;
mod order;
mod overfull;

mod parts;
mod path;
mod placements;
mod pressure;
mod priorities;
mod recording;
mod refusals;
mod residence;
mod restore;
mod shedding;
mod short;
mod sources;
mod spilling;
mod steady;
mod streaming;
mod successors;
mod threads;
mod waiting;
mod wgpu_device;
mod wishes;
mod without_device;
