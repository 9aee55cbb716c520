//! The textures that a frame is drawn into, and reading one back as a picture.

use geoheap::wgpu;

use super::pipelines::DEPTH_FORMAT;
use crate::cli::PictureSize;
use crate::picture::Picture;

/// The form of pictures drawn without a window.
pub const COLOUR_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8UnormSrgb;

/// A colour texture of the demo's own, for frames without a window.
#[derive(Debug)]
pub struct ColourTarget {
    texture: wgpu::Texture,
    view: wgpu::TextureView,
    size: PictureSize,
}

impl ColourTarget {
    /// Makes one.
    pub fn new(device: &wgpu::Device, size: PictureSize) -> Self {
        let usage = wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC;
        let texture = texture(device, "colour", size, COLOUR_FORMAT, usage);
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        Self {
            texture,
            view,
            size,
        }
    }

    /// What render passes draw into.
    pub fn view(&self) -> &wgpu::TextureView {
        &self.view
    }

    /// Waits for the GPU and reads the picture back.
    ///
    /// # Errors
    /// A sentence when the GPU did not give it.
    pub fn read(&self, device: &wgpu::Device, queue: &wgpu::Queue) -> Result<Picture, String> {
        let row_bytes = (self.size.width * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("picture"),
            size: u64::from(row_bytes) * u64::from(self.size.height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor {
            label: Some("picture"),
        });
        encoder.copy_texture_to_buffer(
            self.texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &buffer,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(row_bytes),
                    rows_per_image: None,
                },
            },
            self.texture.size(),
        );
        let submission = queue.submit([encoder.finish()]);
        let (sender, receiver) = flume::bounded(1);
        buffer
            .slice(..)
            .map_async(wgpu::MapMode::Read, move |outcome| {
                // The receiver lives until the end of this function.
                let _ = sender.send(outcome);
            });
        let wait = wgpu::PollType::Wait {
            submission_index: Some(submission),
            timeout: Some(std::time::Duration::from_mins(1)),
        };
        device
            .poll(wait)
            .map_err(|error| format!("the GPU did not finish: {error}"))?;
        receiver
            .recv_timeout(std::time::Duration::from_mins(1))
            .map_err(|_| "the GPU did not finish the picture within 60 s".to_owned())?
            .map_err(|error| format!("the picture could not be mapped: {error}"))?;
        let view = buffer
            .slice(..)
            .get_mapped_range()
            .map_err(|error| format!("the picture could not be mapped: {error}"))?;
        Picture::from_rows(self.size.width, self.size.height, row_bytes as usize, &view)
            .ok_or_else(|| "the picture is incomplete".to_owned())
    }
}

/// Makes a depth texture's view.
pub fn depth_view(device: &wgpu::Device, size: PictureSize) -> wgpu::TextureView {
    texture(
        device,
        "depth",
        size,
        DEPTH_FORMAT,
        wgpu::TextureUsages::RENDER_ATTACHMENT,
    )
    .create_view(&wgpu::TextureViewDescriptor::default())
}

fn texture(
    device: &wgpu::Device,
    label: &str,
    size: PictureSize,
    format: wgpu::TextureFormat,
    usage: wgpu::TextureUsages,
) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some(label),
        size: wgpu::Extent3d {
            width: size.width,
            height: size.height,
            depth_or_array_layers: 1,
        },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage,
        view_formats: &[],
    })
}
