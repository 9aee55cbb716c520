//! From pieces of a chunk to what is seen of them at a scale.
//!
//! What is shorter than a pixel is gathered into cells of at least one: a cell has the colour of
//! the row with the most bytes in it, as strong as the share of it that is not free. So a chunk
//! of a million slivers is drawn with as many areas as it has pixels, and a thin sprinkle looks
//! thin.

use crate::picture::coloring::Piece;

/// Steps of strength.
pub const STRENGTHS: u8 = 4;

/// A pixel, but for what rounding may take from it.
const PIXEL: f64 = 1.0 - 1e-6;

/// An area of a bar, in pixels from its left end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Left end.
    pub from: f64,
    /// Right end.
    pub to: f64,
    /// Row of the legend.
    pub row: usize,
    /// 1 to [`STRENGTHS`], of which the last is opaque.
    pub strength: u8,
}

/// The areas of a bar that shows the bytes `window.0 .. window.1` of `pieces`, which have no gaps.
pub fn spans(pieces: &[Piece], window: (u64, u64), scale: Scale) -> Vec<Span> {
    let mut spans = Spans::default();
    let first = pieces.partition_point(|piece| piece.to <= window.0);
    for piece in &pieces[first..] {
        if piece.from >= window.1 {
            break;
        }
        let from = scale.pixels(piece.from.max(window.0) - window.0);
        let to = scale.pixels(piece.to.min(window.1) - window.0);
        if to - from >= PIXEL {
            spans.flush();
            if let Some(row) = piece.row {
                spans.push(from, to, row, STRENGTHS);
            }
        } else {
            spans.gather(from, to, piece.row);
        }
    }
    spans.flush();
    spans.all
}

/// Pixels for bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Bytes of a full bar.
    pub bytes: u64,
    /// Its pixels.
    pub width: f64,
}

impl Scale {
    /// The length of so many bytes.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a place on a screen: 52 bits are more than it needs"
    )]
    pub fn pixels(self, bytes: u64) -> f64 {
        bytes as f64 / self.bytes.max(1) as f64 * self.width
    }
}

#[derive(Debug, Default)]
struct Spans {
    all: Vec<Span>,
    /// The cell that is being gathered: its ends, and pixels for each row in it.
    cell: Option<(f64, f64)>,
    weights: Vec<(usize, f64)>,
}

impl Spans {
    fn gather(&mut self, from: f64, to: f64, row: Option<usize>) {
        let start = self.cell.map_or(from, |(start, _)| start);
        self.cell = Some((start, to));
        if let Some(row) = row {
            match self.weights.iter_mut().find(|weight| weight.0 == row) {
                Some(weight) => weight.1 += to - from,
                None => self.weights.push((row, to - from)),
            }
        }
        if to - start >= PIXEL {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let Some((from, to)) = self.cell.take() else {
            return;
        };
        let mut most: Option<(usize, f64)> = None;
        let mut painted = 0.0;
        for weight in self.weights.drain(..) {
            painted += weight.1;
            if most.is_none_or(|most| weight.1 > most.1) {
                most = Some(weight);
            }
        }
        if let Some((row, _)) = most {
            let share = painted / (to - from).max(f64::MIN_POSITIVE) * f64::from(STRENGTHS);
            let strength = (1..STRENGTHS).find(|step| share <= f64::from(*step) + 0.1);
            self.push(from, to, row, strength.unwrap_or(STRENGTHS));
        }
    }

    fn push(&mut self, from: f64, to: f64, row: usize, strength: u8) {
        match self.all.last_mut() {
            Some(last) if last.row == row && last.strength == strength && from - last.to < 0.01 => {
                last.to = to;
            }
            _ => self.all.push(Span {
                from,
                to,
                row,
                strength,
            }),
        }
    }
}
