//! The unit map along a flight as one picture: a strip for each look, the first on top.

use geoheap_gpu_bitset::{Mirror, Shape, map};

use crate::picture::Picture;

/// Units in a row of pixels.
const ROW_UNITS: u32 = 1024;
/// A strip is at least so high, for the eye.
const STRIP_MIN_PX: u32 = 12;
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
        let rows = u32::try_from(units).unwrap_or(u32::MAX).div_ceil(ROW_UNITS);
        let row_px = STRIP_MIN_PX.checked_div(rows).unwrap_or(0).max(1);
        let strip_px = rows * row_px + GAP_PX;
        let looks = u32::try_from(self.looks.len()).unwrap_or(u32::MAX);
        let height_px = strip_px.saturating_mul(looks);
        let width_px = u32::try_from(units).unwrap_or(u32::MAX).min(ROW_UNITS);
        let mut picture = Picture::new(width_px, height_px, GAP);
        for (look, top) in self.looks.iter().zip((0..).step_by(strip_px as usize)) {
            let tops = (top..).step_by(row_px as usize);
            for (row, y) in look.chunks(ROW_UNITS as usize).zip(tops) {
                for (colour, x) in row.iter().zip(0..) {
                    picture.fill(x, y, 1, row_px, *colour);
                }
            }
        }
        picture
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_look_is_a_strip_of_its_units() {
        let colours = [[1, 2, 3, 255], [4, 5, 6, 255], [7, 8, 9, 255]];
        let mut picture = UnitsPicture::new(1);
        for first in 0..2 {
            let look = (0..2100).map(|unit| colours[(unit / 7 + first) % 3]);
            picture.looks.push(look.collect());
        }
        let drawn = picture.draw();
        // Three rows of four pixels, and the gap.
        assert_eq!((drawn.width(), drawn.height()), (1024, 2 * 14));
        for look in 0..2_u32 {
            for unit in [0, 6, 7, 1023, 1024, 2099_u32] {
                let expected = colours[(unit as usize / 7 + look as usize) % 3];
                for line in 0..4 {
                    let y = look * 14 + unit / 1024 * 4 + line;
                    assert_eq!(drawn.get(unit % 1024, y), Some(expected), "{unit}");
                }
            }
            assert_eq!(drawn.get(0, look * 14 + 12), Some(GAP), "between two");
            assert_eq!(
                drawn.get(1023, look * 14 + 11),
                Some(GAP),
                "past the last unit"
            );
        }
    }

    #[test]
    fn a_flight_without_looks_leaves_a_picture_all_the_same() {
        let drawn = UnitsPicture::new(0).draw();
        assert_eq!((drawn.width(), drawn.height()), (1, 1));
    }
}
