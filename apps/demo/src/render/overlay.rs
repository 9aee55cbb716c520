//! The heap view as a picture over the picture.

use geoheap::wgpu;

use crate::picture::Picture;

/// A texture with its bind group, replaced when the picture's size changes.
#[derive(Debug)]
pub struct Overlay {
    layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    shown: Option<Shown>,
}

#[derive(Debug)]
struct Shown {
    texture: wgpu::Texture,
    group: wgpu::BindGroup,
}

impl Overlay {
    /// Nothing to show yet; `layout` is the overlay pipeline's group 1.
    pub fn new(device: &wgpu::Device, layout: &wgpu::BindGroupLayout) -> Self {
        let sampler = device.create_sampler(&wgpu::SamplerDescriptor {
            label: Some("overlay"),
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            ..wgpu::SamplerDescriptor::default()
        });
        Self {
            layout: layout.clone(),
            sampler,
            shown: None,
        }
    }

    /// What to bind, if there is a picture.
    pub fn group(&self) -> Option<&wgpu::BindGroup> {
        self.shown.as_ref().map(|shown| &shown.group)
    }

    /// Takes the picture away.
    pub fn hide(&mut self) {
        self.shown = None;
    }

    /// Shows a picture from the next frame on.
    pub fn show(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, picture: &Picture) {
        let size = wgpu::Extent3d {
            width: picture.width(),
            height: picture.height(),
            depth_or_array_layers: 1,
        };
        if self
            .shown
            .as_ref()
            .is_none_or(|shown| shown.texture.size() != size)
        {
            self.shown = Some(self.make(device, size));
        }
        let Some(shown) = &self.shown else { return };
        queue.write_texture(
            shown.texture.as_image_copy(),
            picture.bytes(),
            wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(size.width * 4),
                rows_per_image: None,
            },
            size,
        );
    }

    fn make(&self, device: &wgpu::Device, size: wgpu::Extent3d) -> Shown {
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("overlay"),
            size,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8UnormSrgb,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("overlay"),
            layout: &self.layout,
            entries: &[
                wgpu::BindGroupEntry {
                    binding: 0,
                    resource: wgpu::BindingResource::TextureView(&view),
                },
                wgpu::BindGroupEntry {
                    binding: 1,
                    resource: wgpu::BindingResource::Sampler(&self.sampler),
                },
            ],
        });
        Shown { texture, group }
    }
}
