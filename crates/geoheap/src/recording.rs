//! The engine's one module, beside the constructor, that speaks wgpu: what commands have to carry
//! and how a chunk is bound.

use crate::ticket::{BlockView, Draw, InFlight, IndexFormat};

impl InFlight<wgpu::Buffer> {
    /// Lets the version travel with the commands of `encoder`: it is given up when they have
    /// completed, or were dropped unsubmitted, whoever submits them and however late.
    pub fn attach(&self, encoder: &wgpu::CommandEncoder) {
        let held = self.clone();
        encoder.on_submitted_work_done(move || drop(held));
    }
}

impl From<IndexFormat> for wgpu::IndexFormat {
    fn from(format: IndexFormat) -> Self {
        match format {
            IndexFormat::U16 => Self::Uint16,
            IndexFormat::U32 => Self::Uint32,
        }
    }
}

impl BlockView<'_, wgpu::Buffer> {
    /// Binds the block's whole chunk as vertex buffer `slot` and, for `format`, as index buffer.
    /// All blocks of the chunk with that format then draw without a further binding.
    pub fn bind_chunk(
        &self,
        pass: &mut wgpu::RenderPass<'_>,
        slot: u32,
        format: Option<IndexFormat>,
    ) {
        pass.set_vertex_buffer(slot, self.buffer().slice(..));
        if let Some(format) = format {
            pass.set_index_buffer(self.buffer().slice(..), format.into());
        }
    }
}

impl Draw {
    /// Draws `instances` of it from the chunk that is bound.
    pub fn record(&self, pass: &mut wgpu::RenderPass<'_>, instances: core::ops::Range<u32>) {
        let range = self.first..self.first + self.count;
        match self.index_format {
            Some(_) => pass.draw_indexed(range, self.base_vertex, instances),
            None => pass.draw(range, instances),
        }
    }
}
