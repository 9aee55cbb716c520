//! Base colour textures, sampled once for each vertex.

use super::file::{File, regular_file, relative_path};
use super::{Fault, broken, unsupported};
use gltf::image::Format;
use gltf::texture::WrappingMode;

/// A decoded picture and how it continues beyond its edges.
pub(super) struct Texture {
    width: u32,
    height: u32,
    /// One to four bytes a pixel, as the picture has them: a small file can unpack to a great many.
    pixels: Vec<u8>,
    channels: usize,
    wrap: [WrappingMode; 2],
}

impl Texture {
    pub(super) fn read(file: &File, texture: &gltf::Texture) -> Result<Self, Fault> {
        let data = decode(file, &texture.source())?;
        let channels: usize = match data.format {
            Format::R8 => 1,
            Format::R8G8 => 2,
            Format::R8G8B8 => 3,
            Format::R8G8B8A8 => 4,
            other => return unsupported(format!("a texture of {other:?}")),
        };
        let count = (data.pixels.len() / channels) as u64;
        if count == 0 || count != u64::from(data.width) * u64::from(data.height) {
            return broken(format!(
                "a texture of {} x {} has no pixels",
                data.width, data.height
            ));
        }
        let wrap = [texture.sampler().wrap_s(), texture.sampler().wrap_t()];
        Ok(Self {
            width: data.width,
            height: data.height,
            pixels: data.pixels,
            channels,
            wrap,
        })
    }

    /// The pixel at a coordinate: linear red, green and blue, and alpha.
    pub(super) fn at(&self, coordinate: [f32; 2]) -> [f32; 4] {
        let x = wrapped(coordinate[0], self.width, self.wrap[0]);
        let y = wrapped(coordinate[1], self.height, self.wrap[1]);
        let start = (y as usize * self.width as usize + x as usize) * self.channels;
        let [r, g, b, a] = match self.pixels[start..start + self.channels] {
            [l] => [l, l, l, 255],
            [l, a] => [l, l, l, a],
            [r, g, b] => [r, g, b, 255],
            [r, g, b, a, ..] => [r, g, b, a],
            [] => [255; 4],
        };
        [linear(r), linear(g), linear(b), f32::from(a) / 255.0]
    }
}

/// The pixel of `count` at a coordinate.
#[expect(
    clippy::cast_precision_loss,
    reason = "pictures have a few thousand pixels a side"
)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped after"
)]
pub(super) fn wrapped(coordinate: f32, count: u32, mode: WrappingMode) -> u32 {
    let part = match mode {
        WrappingMode::ClampToEdge => coordinate,
        WrappingMode::Repeat => coordinate.rem_euclid(1.0),
        WrappingMode::MirroredRepeat => 1.0 - (coordinate.rem_euclid(2.0) - 1.0).abs(),
    };
    ((part * count as f32).max(0.0) as u32).min(count - 1)
}

/// Decodes an image after checking all that the crate takes for granted.
fn decode(file: &File, image: &gltf::Image) -> Result<gltf::image::Data, Fault> {
    let index = image.index();
    let json = &file.document.as_json().images[index];
    let named = match (&json.buffer_view, &json.uri) {
        (Some(_), _) if json.mime_type.is_none() => {
            return broken(format!("image {index} does not say its type"));
        }
        (None, None) => return broken(format!("image {index} has no source")),
        (None, Some(uri)) if !uri.starts_with("data:") => {
            regular_file(file.base.join(relative_path(uri)?))?;
            uri.chars().take(60).collect()
        }
        _ => format!("image {index}"),
    };
    if let gltf::image::Source::View { view, .. } = image.source() {
        file.view(&view)?;
    }
    gltf::image::Data::from_source(image.source(), Some(&file.base), &file.buffers)
        .map_err(|e| Fault::Broken(format!("{named}: {e}")))
}

/// From an sRGB byte to a linear part.
fn linear(byte: u8) -> f32 {
    let part = f32::from(byte) / 255.0;
    if part <= 0.04045 {
        part / 12.92
    } else {
        ((part + 0.055) / 1.055).powf(2.4)
    }
}

/// From a linear part to an sRGB byte.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 to 255"
)]
pub(super) fn srgb_byte(part: f32) -> u8 {
    let part = part.clamp(0.0, 1.0);
    let curved = if part <= 0.003_130_8 {
        part * 12.92
    } else {
        1.055 * part.powf(1.0 / 2.4) - 0.055
    };
    (curved * 255.0 + 0.5) as u8
}
