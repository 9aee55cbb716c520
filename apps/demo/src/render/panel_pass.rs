//! Draws the panel over a finished picture.

use egui_wgpu::{RendererOptions, ScreenDescriptor};
use geoheap::wgpu;

use super::device::Gpu;
use crate::cli::PictureSize;
use crate::panel::Painting;

/// Pipelines and textures of the panel.
pub struct PanelPass {
    format: wgpu::TextureFormat,
    renderer: egui_wgpu::Renderer,
    /// Textures that the last picture was the last to show.
    ended: Vec<egui::TextureId>,
}

impl std::fmt::Debug for PanelPass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PanelPass").finish_non_exhaustive()
    }
}

impl PanelPass {
    /// For pictures of `format`.
    pub fn new(gpu: &Gpu, format: wgpu::TextureFormat) -> Self {
        let renderer = egui_wgpu::Renderer::new(&gpu.device, format, RendererOptions::default());
        Self {
            format,
            renderer,
            ended: Vec::new(),
        }
    }

    /// The format of the views that it draws into.
    pub fn format(&self) -> wgpu::TextureFormat {
        self.format
    }

    /// Commands that draw the panel over what `view` has then. They are submitted before this is
    /// called again.
    pub fn record(
        &mut self,
        gpu: &Gpu,
        view: &wgpu::TextureView,
        size: PictureSize,
        painting: &Painting,
    ) -> Vec<wgpu::CommandBuffer> {
        let screen = ScreenDescriptor {
            size_in_pixels: [size.width, size.height],
            pixels_per_point: painting.pixels_per_point,
        };
        for id in self.ended.drain(..) {
            self.renderer.free_texture(&id);
        }
        self.write_textures(gpu, painting);
        let descriptor = wgpu::CommandEncoderDescriptor {
            label: Some("panel"),
        };
        let mut encoder = gpu.device.create_command_encoder(&descriptor);
        let mut commands = self.renderer.update_buffers(
            &gpu.device,
            &gpu.queue,
            &mut encoder,
            &painting.primitives,
            &screen,
        );
        let pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("panel"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view,
                resolve_target: None,
                depth_slice: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Load,
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..wgpu::RenderPassDescriptor::default()
        });
        self.renderer
            .render(&mut pass.forget_lifetime(), &painting.primitives, &screen);
        commands.push(encoder.finish());
        self.ended.extend(&painting.textures.free);
        commands
    }

    fn write_textures(&mut self, gpu: &Gpu, painting: &Painting) {
        for (id, deltas) in &painting.textures.set {
            for delta in deltas {
                self.renderer
                    .update_texture(&gpu.device, &gpu.queue, *id, delta);
            }
        }
    }
}
