//! `draw`.

use std::path::PathBuf;

use serde::Serialize;

use crate::heap_file;
use crate::outcome::{BadInput, Outcome};
use crate::output;
use crate::picture::{self, By, Options, Theme, WIDTH_MAX, WIDTH_MIN};
use crate::picture_file::PictureKind;

const EXAMPLES: &str = "\
Examples:
  geoheap-inspect draw heap.json -o heap.svg
  geoheap-inspect draw heap.json.gz -o heap.png --by age --theme dark
  geoheap-inspect draw vma.json -o - > vma.svg";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The heap: what `dump` or a running engine wrote, or a JSON dump of VMA or D3D12MA; `-` is
    /// standard input, `.gz` is unpacked
    heap: PathBuf,
    /// The picture: a name that ends in .svg, .svg.gz or .png; `-` writes SVG to standard output
    #[arg(short, long)]
    output: PathBuf,
    /// What colours say
    #[arg(long, value_enum, default_value_t)]
    by: By,
    /// The ground
    #[arg(long, value_enum, default_value_t)]
    theme: Theme,
    /// Pixels from left to right
    #[arg(long, default_value_t = 1200,
        value_parser = clap::value_parser!(u32).range(i64::from(WIDTH_MIN)..=i64::from(WIDTH_MAX)))]
    width: u32,
    /// What stands above it, if not the file's name
    #[arg(long)]
    title: Option<String>,
    /// Tell what was drawn as JSON (schema `geoheap-draw/1`); needs a file to draw into
    #[arg(long)]
    json: bool,
}

/// What `--json` tells.
#[derive(Debug, Serialize)]
struct Drawn {
    schema: &'static str,
    file: String,
    kind: &'static str,
    width: u32,
    height: u32,
    chunks: usize,
    blocks: usize,
}

impl Args {
    /// Carries it out.
    ///
    /// # Errors
    /// [`BadInput`].
    pub fn run(self) -> Result<Outcome, BadInput> {
        let kind = PictureKind::of(&self.output)?;
        if self.json && self.output.as_os_str() == output::STANDARD {
            return Err(BadInput::new(
                "--json: expected a file to draw into, `-o FILE`",
            ));
        }
        let dump = heap_file::read_heap(&self.heap)?;
        let options = Options {
            by: self.by,
            theme: self.theme,
            width: self.width,
            title: self.title.unwrap_or_else(|| heap_file::name(&self.heap)),
        };
        let drawing = picture::draw_sized(&dump, &options);
        kind.write(&self.output, &drawing.svg)?;
        if self.json {
            heap_file::say_json(&Drawn {
                schema: "geoheap-draw/1",
                file: self.output.display().to_string(),
                kind: kind.name(),
                width: drawing.width,
                height: drawing.height,
                chunks: dump.chunks.len(),
                blocks: dump.blocks.len(),
            })?;
        }
        Ok(Outcome::Fine)
    }
}
