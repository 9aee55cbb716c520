#![deny(unsafe_code)]
//! What the graphics driver says of its memory: for each heap of the device its size, the bytes
//! that this program may use of it, and those that it does.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (device, _queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor::default());
//! match geoheap_vram_probe::probe(&device) {
//!     // Four fifths of what is free, in whole mebibytes: a budget for geometry.
//!     Ok(memory) => println!("{memory}; take {}", memory.budget_bytes(80, 0)),
//!     // Why not; the caller keeps to a number of his own.
//!     Err(why) => println!("{why}"),
//! }
//! # Ok(()) }
//! ```
//!
//! # Mechanism
//!
//! wgpu has no call for it. On Vulkan there is the extension `VK_EXT_memory_budget`, and wgpu
//! switches it on wherever it is offered; so a device's raw handles, which wgpu hands out by
//! `as_hal`, suffice to ask for the numbers. Nothing is kept and nothing is changed: each call asks
//! anew, which takes microseconds, and the answer is of that moment, since other programs come and
//! go.
//!
//! Heaps that are not local to the device are left out: on a card of its own those are system
//! memory, which is not what a budget is for. On integrated GPUs the one heap there is counts as
//! local, and is shared with everything else.
//!
//! # Invariants
//!
//! - **P1** An answer has at least one heap, and every heap of it is local to the device.
//! - **P2** [`VideoMemory::budget_bytes`] is no more than what the driver grants in one heap, and
//!   what the caller holds already.
//!
//! # Trade-offs
//!
//! - It needs `unsafe`, as raw handles do, in one module of few lines; that is why it is a crate of
//!   its own, which nobody has to use.
//! - Only Vulkan is asked. For Direct3D 12 and Metal the error says so; both have such a figure.
//! - The driver's budget is advice: more can be had, at the price of paging, and less may be there
//!   a moment later. An engine that is told of a buffer that could not be made needs no probe to
//!   survive it.

mod error;
mod heaps;
#[cfg(any(windows, target_os = "linux", target_os = "android"))]
#[expect(
    unsafe_code,
    reason = "raw handles of wgpu and calls of Vulkan are unsafe; there is no other way to ask"
)]
mod vulkan;

#[cfg(test)]
mod tests;

pub use error::ProbeError;
pub use heaps::{MemoryHeap, VideoMemory};

/// Asks the driver of `device` for its memory.
///
/// # Errors
/// [`ProbeError`] says what is missing: the backend, the extension, or a heap.
pub fn probe(device: &wgpu::Device) -> Result<VideoMemory, ProbeError> {
    #[cfg(any(windows, target_os = "linux", target_os = "android"))]
    if let Some(answer) = vulkan::heaps(device) {
        return VideoMemory::of(&answer?);
    }
    let backend = device.adapter_info().backend;
    Err(ProbeError::Backend { backend })
}
