//! Where the rows of the map stand: one column of rows while they fit, more when there are many.

use std::ops::Range;

use egui::{Pos2, Rect, Vec2, pos2, vec2};

use crate::figures;

/// The height of a row with its gap, in points.
const PITCH_MAX: f32 = 26.0;
const PITCH_MIN: f32 = 4.0;
/// From this height on a row has its chunk's name beside it.
pub(crate) const PITCH_NAMED: f32 = 13.0;
/// The width of the names.
const NAME_WIDTH: f32 = 74.0;
/// The least width of a column of rows, with its gap.
const COLUMN_MIN: f32 = 132.0;
const COLUMN_GAP: f32 = 6.0;

/// Places for all rows, in points from the map's upper left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rows {
    count: usize,
    columns: usize,
    column_width: f32,
    /// The height of a row with its gap.
    pub(crate) pitch: f32,
}

impl Rows {
    /// Places for `count` rows in an area of this size. If all can be seen at once by making them
    /// lower, they are; if not even then, they stand in several columns; if not even then, the map
    /// is higher than the area. With `large` every row is as high as can be.
    pub(crate) fn new(count: usize, area: Vec2, large: bool) -> Self {
        let fitting = |columns: usize| {
            let lines = count.div_ceil(columns).max(1);
            let pitch = (area.y / figures::to_f32(lines)).floor();
            pitch.clamp(PITCH_MIN, PITCH_MAX)
        };
        let most = figures::to_pixels(area.x / COLUMN_MIN).max(1);
        let is_seen = |columns: usize| {
            let lines = figures::to_f32(count.div_ceil(columns));
            lines * PITCH_MIN <= area.y
        };
        let (columns, pitch) = if large {
            (1, PITCH_MAX)
        } else {
            let columns = (1..=most).find(|&columns| is_seen(columns)).unwrap_or(most);
            (columns, fitting(columns))
        };
        Self {
            count,
            columns,
            column_width: (area.x / figures::to_f32(columns)).floor(),
            pitch,
        }
    }

    /// How high the map is.
    pub(crate) fn height(&self) -> f32 {
        figures::to_f32(self.count.div_ceil(self.columns)) * self.pitch
    }

    /// Whether there is room for the chunks' names.
    pub(crate) fn has_names(&self) -> bool {
        self.pitch >= PITCH_NAMED
    }

    /// Width of the names.
    fn name_width(&self) -> f32 {
        if self.has_names() { NAME_WIDTH } else { 0.0 }
    }

    /// Where the bar of the row at `nth` is.
    pub(crate) fn bar(&self, nth: usize) -> Rect {
        let gap = if self.pitch >= 10.0 { 2.0 } else { 1.0 };
        let (line, column) = (nth / self.columns, nth % self.columns);
        let name = self.name_width();
        let corner = pos2(
            figures::to_f32(column) * self.column_width + name,
            figures::to_f32(line) * self.pitch,
        );
        let last = column + 1 == self.columns;
        let beside = if last { 0.0 } else { COLUMN_GAP };
        let width = (self.column_width - name - beside).max(1.0);
        Rect::from_min_size(corner, vec2(width, self.pitch - gap))
    }

    /// The rows of which anything lies between two heights (E2).
    pub(crate) fn between(&self, top: f32, bottom: f32) -> Range<usize> {
        let first = figures::to_pixels(top / self.pitch) * self.columns;
        let last = (figures::to_pixels(bottom / self.pitch) + 1) * self.columns;
        first.min(self.count)..last.min(self.count)
    }

    /// The row whose bar is at this place.
    pub(crate) fn at(&self, place: Pos2) -> Option<usize> {
        if place.x < 0.0 || place.y < 0.0 {
            return None;
        }
        let column = figures::to_pixels(place.x / self.column_width).min(self.columns - 1);
        let nth = figures::to_pixels(place.y / self.pitch) * self.columns + column;
        (nth < self.count && self.bar(nth).contains(place)).then_some(nth)
    }
}

#[cfg(test)]
mod tests;
