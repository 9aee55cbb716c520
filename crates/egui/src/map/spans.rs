//! A chunk's contents as a row of pixels: what is wide enough is a rectangle of its own, what is
//! narrower is mixed in the columns of pixels that it touches.

use egui::Color32;
use geoheap_heap_dump::{BlockDump, RangeStateDump};

use crate::colours::{self, ColourBy, Ground};
use crate::figures;
use crate::heap::{Heap, Segment};

/// From this width on a piece is a rectangle of its own.
const WIDE_PX: f64 = 2.0;
/// From this width on a block has a gap before it, so that neighbours are told apart.
const GAP_FROM_PX: usize = 5;
/// The least share of a column's colour that anything in it has: a lonely block can be seen.
const SHARE_MIN: f32 = 0.4;

/// How high a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tall {
    /// As high as the row.
    Full,
    /// The lower half: bytes that only older versions name.
    Low,
}

/// A part of a chunk in one colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Piece {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) colour: Color32,
    pub(crate) tall: Tall,
    /// Whether a block begins here.
    pub(crate) begins: bool,
}

/// A rectangle in a row, in pixels from the row's left end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start_px: usize,
    pub(crate) end_px: usize,
    pub(crate) colour: Color32,
    pub(crate) tall: Tall,
}

/// The pieces of a chunk, by offset.
pub(crate) fn pieces(heap: &Heap, nth: usize, by: ColourBy, ground: Ground) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let frame = heap.dump().frame;
    for segment in heap.segments(nth) {
        let block = heap.block_of(segment);
        let colour = colours::of_range(by, segment.state, block, frame);
        let whole = Piece {
            start: segment.start,
            end: segment.end,
            colour: match segment.state {
                RangeStateDump::Reserved => colours::over(ground.free, colour, 0.55),
                RangeStateDump::Live | RangeStateDump::Retired => colour,
            },
            tall: match segment.state {
                RangeStateDump::Retired => Tall::Low,
                RangeStateDump::Live | RangeStateDump::Reserved => Tall::Full,
            },
            begins: true,
        };
        match block {
            Some(block) if by == ColourBy::Kind && segment.state == RangeStateDump::Live => {
                push_parts(&mut pieces, whole, segment, block, ground);
            }
            _ => pieces.push(whole),
        }
    }
    pieces
}

/// A block by its parts; its spare room is a faint shade of the first.
fn push_parts(
    pieces: &mut Vec<Piece>,
    whole: Piece,
    segment: &Segment,
    block: &BlockDump,
    ground: Ground,
) {
    let spare = colours::over(ground.free, whole.colour, 0.35);
    let mut at = segment.start;
    let mut push = |start: u64, end: u64, colour: Color32| {
        if end > start {
            let begins = start == segment.start;
            pieces.push(Piece {
                start,
                end,
                colour,
                begins,
                ..whole
            });
        }
    };
    for part in &block.parts {
        let start = segment
            .start
            .saturating_add(part.offset)
            .clamp(at, segment.end);
        let end = start.saturating_add(part.size).min(segment.end);
        push(at, start, spare);
        push(start, end, colours::of_kind(&part.kind));
        at = end;
    }
    push(at, segment.end, spare);
}

/// The row of a chunk of `capacity` bytes that is `width_px` wide. At most one span for each
/// column and one for each wide piece, so no more than one and a half times the width (E2).
pub(crate) fn spans(pieces: &[Piece], capacity: u64, width_px: usize, free: Color32) -> Vec<Span> {
    if capacity == 0 || width_px == 0 {
        return Vec::new();
    }
    let scale = figures::to_f64(width_px as u64) / figures::to_f64(capacity);
    let mut columns = Columns::new(width_px);
    let mut wide = Vec::new();
    for piece in pieces {
        let start = figures::to_f64(piece.start.min(capacity)) * scale;
        let end = figures::to_f64(piece.end.min(capacity)) * scale;
        if end - start < WIDE_PX {
            columns.add(start, end, piece.colour);
            continue;
        }
        let (start_px, end_px) = (whole_px(start), whole_px(end).min(width_px));
        let gap = usize::from(piece.begins && start_px > 0 && end_px - start_px >= GAP_FROM_PX);
        wide.push(Span {
            start_px: start_px + gap,
            end_px,
            colour: piece.colour,
            tall: piece.tall,
        });
    }
    let mut spans = columns.spans(free);
    spans.extend(wide);
    spans
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positions in a row, rounded"
)]
fn whole_px(at: f64) -> usize {
    at.round() as usize
}

/// What narrow pieces give to each column of pixels.
struct Columns {
    /// Sums of red, green and blue, each weighed by how much of the column is covered, and of
    /// the weights.
    sums: Vec<[f32; 4]>,
}

impl Columns {
    fn new(width_px: usize) -> Self {
        Self {
            sums: vec![[0.0; 4]; width_px],
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "positions in a row"
    )]
    fn add(&mut self, start: f64, end: f64, colour: Color32) {
        let last = self.sums.len() - 1;
        let first = (start as usize).min(last);
        for column in first..=(end as usize).min(last) {
            let left = start.max(column as f64);
            let covered = (end.min((column + 1) as f64) - left).max(0.0) as f32;
            let sum = &mut self.sums[column];
            for (channel, part) in [colour.r(), colour.g(), colour.b()].into_iter().enumerate() {
                sum[channel] += covered * f32::from(part);
            }
            sum[3] += covered;
        }
    }

    /// The columns in which anything is, neighbours of one colour together.
    fn spans(&self, free: Color32) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for (column, [red, green, blue, covered]) in self.sums.iter().copied().enumerate() {
            if covered <= 0.0 {
                continue;
            }
            let [red, green, blue] = [red, green, blue].map(|sum| colours::to_byte(sum / covered));
            let mixed = Color32::from_rgb(red, green, blue);
            let colour = colours::over(free, mixed, covered.max(SHARE_MIN));
            match spans.last_mut() {
                Some(last) if last.end_px == column && last.colour == colour => {
                    last.end_px += 1;
                }
                _ => spans.push(Span {
                    start_px: column,
                    end_px: column + 1,
                    colour,
                    tall: Tall::Full,
                }),
            }
        }
        spans
    }
}

#[cfg(test)]
mod tests;
