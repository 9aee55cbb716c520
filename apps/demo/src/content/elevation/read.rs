//! From a 16-bit grey PNG to rows of heights, or a reason why not.

use super::ElevationError;
use std::path::Path;

/// The fewest samples a side may have.
pub const MIN_SIDE_SAMPLES: u32 = 33;
/// The most samples a side may have: 4097, a world of 262 km.
pub const MAX_SIDE_SAMPLES: u32 = 4097;

/// A picture's samples in the order of the file.
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) samples: Vec<u16>,
}

/// Decodes a whole PNG. Size and format are checked before any room for the samples is taken.
pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Picture, ElevationError> {
    let broken = |reason: String| ElevationError::Broken {
        path: path.into(),
        reason,
    };
    let decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    let mut reader = decoder.read_info().map_err(|e| broken(e.to_string()))?;
    let (width, height) = reader.info().size();
    let (colour, depth) = (reader.info().color_type, reader.info().bit_depth);
    if colour != png::ColorType::Grayscale || depth != png::BitDepth::Sixteen {
        return Err(ElevationError::WrongFormat {
            path: path.into(),
            bits: depth as u8,
            colour: format!("{colour:?}"),
        });
    }
    let allowed = MIN_SIDE_SAMPLES..=MAX_SIDE_SAMPLES;
    if !allowed.contains(&width) || !allowed.contains(&height) {
        return Err(ElevationError::WrongSize {
            path: path.into(),
            width,
            height,
        });
    }
    let length = reader
        .output_buffer_size()
        .ok_or_else(|| broken("too large".into()))?;
    let mut raw = vec![0; length];
    reader
        .next_frame(&mut raw)
        .map_err(|e| broken(e.to_string()))?;
    // The end of the file is checked as well: a cut-off file is refused even when all rows came.
    reader.finish().map_err(|e| broken(e.to_string()))?;
    let samples: Vec<u16> = raw
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
        .collect();
    if samples.len() != width as usize * height as usize {
        return Err(broken(format!(
            "{} samples instead of {width} x {height}",
            samples.len()
        )));
    }
    Ok(Picture {
        width,
        height,
        samples,
    })
}
