//! An allocator that lives on the GPU, for geometry that is made there.
//!
//! Terrain meshed by a compute shader, props scattered by another: what comes out of them has a
//! size that only the GPU knows. To bring it from the buffer it was made in to one where it stays,
//! a program reads the size back, places it on the CPU and copies it, frames later. Here the GPU
//! places it itself: a batch of frees and requests is recorded like any other work, and whatever
//! is recorded after it finds the bytes at their place.
//!
//! ```
//! use geoheap_gpu_bitset::{Batch, GpuHeap, GpuHeapDesc, List, Mirror, MirrorDesc, Request, wgpu};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let desc = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
//! # let instance = wgpu::Instance::new(desc);
//! # let options = wgpu::RequestAdapterOptions::default();
//! # let adapter = pollster::block_on(instance.request_adapter(&options))?;
//! # let desc = wgpu::DeviceDescriptor::default();
//! # let (device, queue) = pollster::block_on(adapter.request_device(&desc))?;
//! // 64 MiB in units of 4 KiB.
//! let mut heap = GpuHeap::new(&device, &GpuHeapDesc::default())?;
//! let mut mirror = Mirror::new(&heap, MirrorDesc::default());
//!
//! // Requests may come from shaders just as well, and their number too: `List::OnGpu`.
//! let request = Request { slot: 7, bytes: [100_000, 0, 0, 0], ..Request::default() };
//! let batch = Batch { requests: List::Known(&[request]), ..Batch::default() };
//! let desc = wgpu::CommandEncoderDescriptor::default();
//! let mut encoder = device.create_command_encoder(&desc);
//! heap.record(&device, &mut encoder, &batch)?;
//! mirror.record(&device, &mut encoder, &heap, &batch)?;
//! queue.submit([encoder.finish()]);
//!
//! // Some frames later the CPU knows, too.
//! device.poll(wgpu::PollType::wait_indefinitely())?;
//! let applied = mirror.apply_next().ok_or("it has arrived")?;
//! assert_eq!(applied.header.used_units, 25);
//! # Ok(())
//! # }
//! ```
//!
//! # Mechanism
//!
//! The permanent buffers are divided into units of one size, and each unit has a bit: in use or
//! free. A batch is placed in a number of dispatches that follows from how many frees and requests
//! it may have, and not from what they are; most go over all words or all requests at once:
//!
//! 1. Frees name a slot of the handle table and its generation. The first good one of each object
//!    clears its bits; the others are counted and do nothing.
//! 2. Requests are judged, and sorted by priority, then by size with the largest first, then by
//!    index.
//! 3. The free runs are listed in the order of their addresses, with the longest of each chunk of
//!    64 runs, and of each chunk of 64 such chunks.
//! 4. One workgroup goes through the classes of requests of one priority and size. A class fills
//!    the lowest runs that are long enough, each as far as it goes. Equal sizes placed one after
//!    the other at the lowest place each would come to the same, so a class takes one round, not
//!    one for each request; the chunks' maxima let it skip the runs that are too short. Where
//!    there may be many steps they are shared out over several dispatches, each of which goes on
//!    where the one before ended.
//! 5. Each request finds its place by a binary search in what was given, the bits are set, slots
//!    are entered, and the tiles to copy are counted.
//! 6. The copy is dispatched indirectly, a workgroup for each 16 KiB: it costs what the bytes cost.
//! 7. Flips change what is visible, all at once, and the bits as the batch leaves them are copied
//!    over those that it found. So commands that are recorded and dropped leave no trace.
//!
//! Workgroups hand nothing to each other within a dispatch, as WGSL promises nothing there; sums
//! over the whole heap take two dispatches. Each order comes from a sum or a sort, never from who
//! was first at an atomic, so that all devices come to the same.
//!
//! A single request with no free takes one dispatch of one workgroup, with the same outcome.
//!
//! Frees are carried out before requests, requests before flips. A slot is the caller's to choose:
//! one that is free, which no other request of the batch names. A request without room leaves it
//! free. Shaders that make requests take slots from a range of their own, or from a list that the
//! CPU fills with what the [`Mirror`] says was freed.
//!
//! It needs a device with 8 storage buffers for each stage and compute workgroups of 64 at least,
//! as WebGPU's default limits have, and wgpu with a backend, which this crate does not choose: name
//! `wgpu` with one as a dependency beside it. A stream has at most four buffers, so 512 MiB with
//! the default limits, and as much as the device binds with others.
//!
//! | room | what it does |
//! |---|---|
//! | [`model`] | the specification as a program on the CPU |
//! | [`records`] | what lies in the buffers: requests, outcomes, slots, the header |
//! | [`shape`] | units, buffers, guards, streams |
//! | [`heap`] | the buffers, and batches as commands |
//! | [`mirror`] | what the CPU knows of it, frames later |
//! | [`draws`] | draw records of what is visible |
//! | [`map`] | the units as colours, for a picture |
//!
//! # Invariants
//!
//! - **B1** After each batch bitset, outcomes, slots and header are what [`model::Model`] has, word
//!   for word, on every device, with workgroups of any size, with subgroups or without.
//! - **B2** Whoever is not granted units has nothing written: a request without room copies no
//!   byte, and a copy writes to no unit but its object's.
//! - **B3** No two objects share a unit, and no run spans two buffers: a guard lies between them.
//! - **B4** `NO_SPACE` is said only if no free run was long enough when the request's turn came.
//! - **B5** The mirror applies batches in their order, and what it says is true for the batch that
//!   it names.
//! - **B6** No list, of whatever words and with whatever number, makes a batch write outside of the
//!   heap's buffers, or a free take what is not its own.
//!
//! # Trade-offs
//!
//! - Sizes that are known on the CPU are placed there in some ten nanoseconds each
//!   (`geoheap-suballoc`). This is for sizes that are not.
//! - What it saves is the frames until sizes have come back. Where a read-back costs no wait, as on
//!   a software driver, whoever reads sizes back and places them first fit on the CPU is 5 to 8
//!   times as fast for batches of 16 to 2 048, as fast for 16 384, and a third as fast for 65 536,
//!   as each of his searches begins at the first unit; a prefix sum that never frees is faster
//!   throughout (`cargo xtask compare gpu-bitset`, on two cores).
//! - A batch of many different sizes takes a step for each in one workgroup; for batches of one
//!   size, or of a few, there is nothing better. On lavapipe, in a heap of 256 Ki units, 2 048
//!   requests of 1 to 16 units take 32 ms at 97 % full, and 117 ms where they have some hundreds of
//!   lengths up to 512 units, at 90 %. First fit on the CPU alone takes 29 ms and 19 ms for them.
//! - Largest first wastes less than the order of the requests would, and it is what makes a batch
//!   parallel. Between batches it is first fit, and nothing moves.
//! - A batch of 16 takes 13 dispatches, one of 2 048 some 15, and one of more than that 12 more to
//!   sort, and others where its placement could last long: fill them. [`GpuHeap::dispatches`]
//!   tells.
//! - Objects do not move and are not evicted. In `geoheap`, `HandOver` makes blocks of them, which
//!   do, and `HandBack` makes objects of blocks.
//! - A copy whose source and size come from the GPU is a compute shader here, as fast as a plain
//!   one that copies as many bytes. Vulkan has an extension for it
//!   (`VK_NV_copy_memory_indirect`): a command that reads addresses and lengths from a buffer. wgpu
//!   has no such command, gives no addresses of buffers, and does not turn the extension on, so
//!   that it would take a device made and commands recorded beside it, in `unsafe`. What it could
//!   gain is what lies between a shader and the device's own copy: on lavapipe 64 MiB take 26 ms
//!   and 9 ms.
#![forbid(unsafe_code)]

pub mod draws;
pub mod error;
pub mod heap;
pub mod map;
pub mod mirror;
pub mod model;
mod passes;
pub mod records;
pub mod shape;
#[cfg(test)]
mod tests;
mod text;

pub use draws::{DrawDesc, Draws, DrawsError};
pub use error::{BatchError, HeapError};
pub use heap::{
    Batch, CopyWidth, FlipIf, GpuHeap, GpuHeapDesc, List, Path, Place, Scan, StreamDesc,
};
pub use mirror::{Mirror, MirrorDesc};
pub use records::{Flip, Handle, Header, Outcome, Request, Slot, Status};
pub use shape::Shape;
pub use wgpu;
