//! What is drawn where, before it is SVG.

use crate::picture::coloring::Paint;
use crate::picture::grid::count;
use crate::picture::palette::{Palette, Rgb};

/// Room around everything.
pub(super) const MARGIN: f64 = 24.0;
/// A letter's width, of its size: all have the same.
pub(super) const LETTER: f64 = 0.602;
/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Where a text's `x` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Text {
    pub(super) x: f64,
    /// Of its base line.
    pub(super) y: f64,
    pub(super) size: f64,
    pub(super) is_bold: bool,
    pub(super) anchor: Anchor,
    pub(super) color: Rgb,
    pub(super) content: String,
}

/// What is drawn, in this order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// Areas of one paint; the strength is of [`STRENGTHS`](crate::picture::bar::STRENGTHS).
    Areas(Paint, u8, Vec<Rect>),
    /// Edges around areas.
    Frames(Rgb, Vec<Rect>),
    /// Upright lines, each with its upper end and its height.
    Cuts(Rgb, Vec<(f64, f64, f64)>),
    /// A text.
    Text(Text),
    /// What is said about an area when it is pointed at.
    Tip(Rect, String),
}

/// A picture.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) palette: Palette,
    pub(super) items: Vec<Item>,
}

impl Scene {
    pub(super) fn new(width: f64, palette: Palette) -> Self {
        Self {
            width,
            height: 0.0,
            palette,
            items: Vec::new(),
        }
    }

    pub(super) fn text(&mut self, at: (f64, f64), size: f64, color: Rgb, content: &str) {
        self.anchored(at, size, color, content, Anchor::Start);
    }

    pub(super) fn anchored(
        &mut self,
        (x, y): (f64, f64),
        size: f64,
        color: Rgb,
        content: &str,
        anchor: Anchor,
    ) {
        self.items.push(Item::Text(Text {
            x,
            y,
            size,
            is_bold: false,
            anchor,
            color,
            content: content.to_owned(),
        }));
    }
}

/// As much of a text as fits, with two points for the rest.
pub(super) fn cut_to(text: &str, width: f64, size: f64) -> String {
    let letters = count(text.chars().count());
    if letters * size * LETTER <= width {
        return text.to_owned();
    }
    let fit = (1..=text.len()).take_while(|nth| count(nth + 2) * size * LETTER <= width);
    match fit.count() {
        0 => String::new(),
        fit => text.chars().take(fit).chain("..".chars()).collect(),
    }
}

/// `part` of `whole` in per cent.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let whole = u128::from(whole.max(1));
    format!("{} %", (u128::from(part) * 100 + whole / 2) / whole)
}
