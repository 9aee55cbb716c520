//! Recording by multi-draw, one call for each chunk. None yet.

use geoheap::wgpu::CommandBuffer;

use super::stage::Stage;

/// Records the scene's pass from draw records that lie on the GPU.
pub fn record(_: &mut Stage) -> Option<Vec<CommandBuffer>> {
    None
}
