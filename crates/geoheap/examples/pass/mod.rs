//! A pass that an actor or a thread records draws into.

use geoheap::{BlockView, ChunkId, IndexFormat, wgpu};

use crate::picture::begin_pass;

/// A pass with the encoder that it writes to, and the chunk that is bound in it.
#[derive(Debug)]
pub(crate) struct Pass {
    // Dropped first: an encoder cannot end before its pass.
    render: wgpu::RenderPass<'static>,
    encoder: wgpu::CommandEncoder,
    bound: Option<(ChunkId, Option<IndexFormat>)>,
}

impl Pass {
    /// Begins a pass that draws over what is there.
    pub(crate) fn begin(
        device: &wgpu::Device,
        view: &wgpu::TextureView,
        pipeline: &wgpu::RenderPipeline,
    ) -> Self {
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let render = begin_pass(&mut encoder, view, wgpu::LoadOp::Load);
        let mut render = render.forget_lifetime();
        render.set_pipeline(pipeline);
        Self {
            render,
            encoder,
            bound: None,
        }
    }

    /// The encoder, for the version to travel with.
    pub(crate) fn encoder(&self) -> &wgpu::CommandEncoder {
        &self.encoder
    }

    /// Draws a block, and binds its chunk if it is another than before.
    pub(crate) fn draw(&mut self, block: &BlockView<'_, wgpu::Buffer>) {
        let Some(draw) = block.draw() else { return };
        if self.bound != Some((block.chunk(), draw.index_format)) {
            block.bind_chunk(&mut self.render, 0, draw.index_format);
            self.bound = Some((block.chunk(), draw.index_format));
        }
        draw.record(&mut self.render, 0..1);
    }

    /// The commands.
    pub(crate) fn end(self) -> wgpu::CommandBuffer {
        drop(self.render);
        self.encoder.finish()
    }
}

/// Commands that make the picture black, to be submitted before any others.
pub(crate) fn clear(device: &wgpu::Device, view: &wgpu::TextureView) -> wgpu::CommandBuffer {
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let load = wgpu::LoadOp::Clear(wgpu::Color::BLACK);
    drop(begin_pass(&mut encoder, view, load));
    encoder.finish()
}
