//! The unit map along a flight as one picture: a strip for each look, the first on top.

use geoheap_gpu_bitset::{Mirror, Shape, map};

use crate::picture::Picture;

/// Units in a row of pixels.
const ROW_UNITS: u32 = 1024;
/// Between two strips.
const GAP_PX: u32 = 2;
const GAP: [u8; 4] = [96, 100, 110, 255];

/// Looks that were taken.
#[derive(Debug)]
pub(super) struct UnitsPicture {
    every_frames: u32,
    frame: u32,
    /// The colours of all units, one look after the other.
    looks: Vec<Vec<[u8; 4]>>,
}

impl UnitsPicture {
    /// A look every so many frames.
    pub(super) fn new(every_frames: u32) -> Self {
        Self {
            every_frames: every_frames.max(1),
            frame: 0,
            looks: Vec::new(),
        }
    }

    /// Takes a look at the mirror if one is due; to be called once a frame.
    pub(super) fn frame(&mut self, shape: &Shape, mirror: &Mirror) {
        if self.frame.is_multiple_of(self.every_frames) {
            let units = map::colours(shape, mirror.words(), mirror.slots());
            self.looks.push(units);
        }
        self.frame += 1;
    }

    /// All looks as one picture.
    pub(super) fn draw(&self) -> Picture {
        let units = self.looks.iter().map(Vec::len).max().unwrap_or(0);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let looks = u32::try_from(self.looks.len()).unwrap_or(u32::MAX);
        let width = units.min(ROW_UNITS);
        let strip = units.div_ceil(ROW_UNITS) + GAP_PX;
        let mut picture = Picture::new(width, strip.saturating_mul(looks), GAP);
        for (look, top) in self.looks.iter().zip((0..).step_by(strip as usize)) {
            for (row, y) in look.chunks(ROW_UNITS as usize).zip(top..) {
                for (colour, x) in row.iter().zip(0..) {
                    picture.fill(x, y, 1, 1, *colour);
                }
            }
        }
        picture
    }
}
