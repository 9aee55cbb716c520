//! Pictures in memory and as PNG files.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use crate::report::WriteError;

/// A picture of 8-bit red, green, blue and alpha (sRGB), row by row from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    pixels: Vec<[u8; 4]>,
}

impl Picture {
    /// A picture of one colour; a side of 0 pixels is made 1.
    pub fn new(width: u32, height: u32, colour: [u8; 4]) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        Self {
            width,
            height,
            pixels: vec![colour; width as usize * height as usize],
        }
    }

    /// A picture from rows of `row_bytes` bytes each, of which the first `4 * width` count.
    /// `None` where there are too few bytes.
    pub fn from_rows(width: u32, height: u32, row_bytes: usize, bytes: &[u8]) -> Option<Self> {
        let used = width as usize * 4;
        if used == 0 || used > row_bytes {
            return None;
        }
        let mut pixels = Vec::with_capacity(width as usize * height as usize);
        for row in bytes.chunks(row_bytes).take(height as usize) {
            pixels.extend_from_slice(row.get(..used)?.as_chunks::<4>().0);
        }
        (pixels.len() == width as usize * height as usize).then_some(Self {
            width,
            height,
            pixels,
        })
    }

    /// Pixels from left to right.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels from top to bottom.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// All pixels as bytes, `4 * width * height` of them.
    pub fn bytes(&self) -> &[u8] {
        self.pixels.as_flattened()
    }

    /// The pixel at a place, if it lies in the picture.
    pub fn get(&self, x: u32, y: u32) -> Option<[u8; 4]> {
        if x >= self.width {
            return None;
        }
        self.pixels
            .get(y as usize * self.width as usize + x as usize)
            .copied()
    }

    /// Fills the part of a rectangle that lies in the picture.
    pub fn fill(&mut self, x: u32, y: u32, width: u32, height: u32, colour: [u8; 4]) {
        let right = x.saturating_add(width).min(self.width) as usize;
        let bottom = y.saturating_add(height).min(self.height);
        let left = (x as usize).min(right);
        for row in y.min(bottom)..bottom {
            let start = row as usize * self.width as usize;
            self.pixels[start + left..start + right].fill(colour);
        }
    }

    /// Writes the picture as a PNG file.
    ///
    /// # Errors
    /// [`WriteError`] with the path.
    pub fn write_png(&self, path: &Path) -> Result<(), WriteError> {
        let failed = |error: png::EncodingError| {
            WriteError::new(path, std::io::Error::other(error.to_string()))
        };
        let file = File::create(path).map_err(|error| WriteError::new(path, error))?;
        let mut file = BufWriter::new(file);
        let mut encoder = png::Encoder::new(&mut file, self.width, self.height);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(self.bytes()).map_err(failed)?;
        writer.finish().map_err(failed)?;
        file.flush().map_err(|error| WriteError::new(path, error))
    }
}

#[cfg(test)]
mod tests;
