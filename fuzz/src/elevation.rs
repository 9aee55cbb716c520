//! The target `elevation`: pictures that may be heights for the demo.
//!
//! The bytes choose the header, say how the rows are filtered and what is in them, and then edit
//! the file. Its checksums are made right unless an edit spoils them. What is refused names the
//! file; what is read has the samples that were written.

#[cfg(test)]
mod tests;

use std::io::Write as _;
use std::path::Path;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use geoheap_demo::content::elevation::{
    Elevation, ElevationError, MAX_SIDE_SAMPLES, MIN_SIDE_SAMPLES,
};

use crate::bytes::Bytes;
use crate::edits;
use crate::tally::Tally;

/// What the file is called.
const FILE: &str = "heights.png";

/// The most rows that are written; a header may tell of more.
const ROWS_MAX: u32 = 40;

/// A picture as it is written.
#[derive(Clone, Copy, Debug)]
struct Picture {
    width: u32,
    height: u32,
    depth: u8,
    colour: u8,
    interlace: u8,
    filter: u8,
    /// Rows that are missing.
    missing: u32,
    seed: u8,
}

/// Runs one input. Returns what it reached.
///
/// # Panics
/// When other heights are read than were written.
pub fn run(input: &[u8]) -> Tally {
    let mut bytes = Bytes::new(input);
    let picture = Picture {
        width: side(&mut bytes),
        height: side(&mut bytes),
        depth: bytes.pick(&[16, 16, 16, 8, 1, 0, 255]),
        colour: bytes.pick(&[0, 0, 0, 0, 2, 3, 4, 6, 77]),
        interlace: bytes.pick(&[0, 0, 0, 1, 9]),
        filter: bytes.pick(&[0, 1, 2, 3, 4, 5]),
        missing: u32::from(bytes.byte() / 200 * 3),
        seed: bytes.byte(),
    };
    let right = picture.file();
    let mut file = right.clone();
    edits::apply(&mut file, &mut bytes);
    let is_same = file == right;
    let mut tally = Tally::default();
    let read = Elevation::from_png(Path::new(FILE), &file, 1);
    judge(&picture, is_same, &tally.note("elevation", read));
    tally
}

/// A side: mostly one that is allowed.
fn side(bytes: &mut Bytes<'_>) -> u32 {
    let (least, most) = (MIN_SIDE_SAMPLES, MAX_SIDE_SAMPLES);
    let few = [least, least, least + 1, 40, 64];
    let odd = [0, 1, least - 1, most, most + 1, 65_535, 1 << 31, u32::MAX];
    match bytes.byte() {
        byte @ ..200 => few[usize::from(byte) % few.len()],
        byte => odd[usize::from(byte) % odd.len()],
    }
}

impl Picture {
    /// Whether it is one that must be read.
    fn is_right(&self) -> bool {
        let allowed = MIN_SIDE_SAMPLES..=ROWS_MAX;
        (self.depth, self.colour, self.interlace, self.missing) == (16, 0, 0, 0)
            && self.filter == 0
            && allowed.contains(&self.width)
            && allowed.contains(&self.height)
    }

    /// The sample of a place of the file.
    fn sample(&self, column: u32, row: u32) -> u16 {
        let mixed = column * 31 + row * 57 + u32::from(self.seed) * 101;
        u16::try_from(mixed % 7_000).unwrap_or(0)
    }

    fn file(&self) -> Vec<u8> {
        let mut header = Vec::new();
        header.extend(self.width.to_be_bytes());
        header.extend(self.height.to_be_bytes());
        header.extend([self.depth, self.colour, 0, 0, self.interlace]);
        let mut rows = Vec::new();
        for row in 0..self.height.min(ROWS_MAX).saturating_sub(self.missing) {
            rows.push(self.filter);
            for column in 0..self.width.min(64) {
                rows.extend(self.sample(column, row).to_be_bytes());
            }
        }
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&rows).expect("a vector takes all");
        let packed = packed.finish().expect("a vector takes all");
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        chunk(&mut file, *b"IHDR", &header);
        chunk(&mut file, *b"IDAT", &packed);
        chunk(&mut file, *b"IEND", &[]);
        file
    }
}

/// Appends a piece of a PNG: length, name, contents, checksum.
fn chunk(file: &mut Vec<u8>, name: [u8; 4], contents: &[u8]) {
    let len = u32::try_from(contents.len()).unwrap_or(u32::MAX);
    file.extend(len.to_be_bytes());
    let mut sum = Crc::new();
    sum.update(&name);
    sum.update(contents);
    file.extend(name);
    file.extend(contents);
    file.extend(sum.sum().to_be_bytes());
}

fn judge(picture: &Picture, is_same: bool, read: &Result<Elevation, ElevationError>) {
    match read {
        Ok(elevation) => {
            let sides = [elevation.width(), elevation.height()];
            for side in sides {
                let allowed = MIN_SIDE_SAMPLES as usize..=MAX_SIDE_SAMPLES as usize;
                assert!(allowed.contains(&side), "a side of {side}");
            }
            let ground = elevation.ground_m(100.0, 100.0);
            assert!(ground.is_finite(), "the ground is at {ground}");
            if is_same && picture.is_right() {
                judge_samples(picture, elevation);
            }
        }
        Err(error) => {
            let is_due = !is_same || !picture.is_right();
            assert!(is_due, "nothing is wrong with {picture:?}: {error}");
            let told = error.to_string();
            assert!(told.contains(FILE), "the file is named: {told}");
        }
    }
}

/// Judges heights against those of the file, whose first row is the southern edge.
fn judge_samples(picture: &Picture, elevation: &Elevation) {
    for row in 0..picture.height {
        for column in 0..picture.width {
            let from_north = picture.height - 1 - row;
            let at = |place: u32| isize::try_from(place).expect("a short side");
            let read = elevation.sample_m(at(column), at(from_north));
            let written = f32::from(picture.sample(column, row));
            assert!(
                (read - written).abs() < 0.5,
                "{read} at column {column}, row {row}, where {written} was written"
            );
        }
    }
}
