//! The JSON dumps of AMD's Vulkan Memory Allocator and D3D12 Memory Allocator, written and read.
//!
//! Both libraries write the same format, which their tool `GpuMemDumpVis.py` draws
//! (<https://github.com/GPUOpen-LibrariesAndSDKs/VulkanMemoryAllocator>, `tools/GpuMemDumpVis`).
//!
//! | here | there |
//! |---|---|
//! | shared chunk of dynamic blocks, class 0 | block of the default pool `Type 0` |
//! | other shared chunk | block of a custom pool, named by lifetime and class |
//! | dedicated chunk | dedicated allocation of the chunk's whole capacity |
//! | live range | `BUFFER`; `Usage` from kinds, `CustomData` the handle, `Name` the label |
//! | reserved or retired range | `UNKNOWN`, named `reserved` or `retired` |
//! | free range | `FREE` |
//!
//! Blocks that are not resident, parts, and all else that the format has no word for are left out.

mod read;
mod schema;
mod write;

pub use read::{is_vma, read};
pub use write::{to_json, write};

#[cfg(test)]
mod tests;
