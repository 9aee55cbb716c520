//! An SVG text as pixels, without a font of the system.

use std::fmt;
use std::sync::Arc;

use resvg::{tiny_skia, usvg};

/// Why there are no pixels.
#[derive(Debug)]
#[non_exhaustive]
pub enum PngError {
    /// The text is no SVG.
    Svg(usvg::Error),
    /// The picture is too large.
    Size {
        /// Pixels from left to right.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
    },
    /// It could not be packed.
    Encoding(String),
}

impl fmt::Display for PngError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Svg(error) => write!(f, "the picture cannot be read: {error}"),
            Self::Size { width, height } => {
                write!(f, "a picture of {width} x {height} pixels is too large")
            }
            Self::Encoding(error) => write!(f, "the picture cannot be packed: {error}"),
        }
    }
}

impl std::error::Error for PngError {}

/// The pixels of an SVG text, as a PNG file.
///
/// # Errors
/// [`PngError`].
pub fn to_png(svg: &str) -> Result<Vec<u8>, PngError> {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(epaint_default_fonts::HACK_REGULAR.to_vec());
    fonts.set_monospace_family("Hack");
    let options = usvg::Options {
        font_family: "Hack".to_owned(),
        fontdb: Arc::new(fonts),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(svg, &options).map_err(PngError::Svg)?;
    let size = tree.size().to_int_size();
    let (width, height) = (size.width(), size.height());
    let mut pixels =
        tiny_skia::Pixmap::new(width, height).ok_or(PngError::Size { width, height })?;
    resvg::render(&tree, tiny_skia::Transform::default(), &mut pixels.as_mut());
    pixels
        .encode_png()
        .map_err(|error| PngError::Encoding(error.to_string()))
}
