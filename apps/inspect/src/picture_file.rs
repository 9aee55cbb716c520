//! Pictures in files: SVG, packed or not, or PNG, as the name says.

use std::path::Path;

use crate::outcome::BadInput;
use crate::{output, picture};

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// `.svg`, `.svg.gz`, or the standard output.
    Svg,
    /// `.png`.
    Png,
}

impl PictureKind {
    /// What a name asks for.
    ///
    /// # Errors
    /// [`BadInput`] for any other name.
    pub fn of(path: &Path) -> Result<Self, BadInput> {
        let is_svg = has_extension(path, "svg")
            || (has_extension(path, "gz") && has_extension(&path.with_extension(""), "svg"));
        if has_extension(path, "png") {
            Ok(Self::Png)
        } else if is_svg || path.as_os_str() == output::STANDARD {
            Ok(Self::Svg)
        } else {
            Err(BadInput(format!(
                "{}: unknown kind of picture; expected a name that ends in .svg, .svg.gz or .png",
                path.display()
            )))
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }

    /// Writes a drawing.
    ///
    /// # Errors
    /// [`BadInput`] that names the file.
    pub fn write(self, path: &Path, svg: &str) -> Result<(), BadInput> {
        match self {
            Self::Svg => output::write(Some(path), svg),
            Self::Png => {
                let because = |error| BadInput(format!("{}: {error}", path.display()));
                let pixels = picture::to_png(svg).map_err(because)?;
                output::write_bytes(Some(path), &pixels)
            }
        }
    }
}

fn has_extension(path: &Path, expected: &str) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case(expected))
}
