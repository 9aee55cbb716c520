//! The last figures as curves: bytes above, what happened below.

use std::collections::VecDeque;

use egui::{
    Align2, Color32, FontId, PopupAnchor, Pos2, Rect, Role, Sense, Shape, Stroke, Tooltip, Ui,
    WidgetInfo, pos2, vec2,
};

use crate::budget::legend_entry;
use crate::colours;
use crate::figures;
use crate::history::{SAMPLES_MAX, Sample};

const BYTES_HEIGHT: f32 = 72.0;
const EVENTS_HEIGHT: f32 = 30.0;

/// A curve of bytes.
#[derive(Clone, Copy, Debug)]
struct Curve {
    name: &'static str,
    colour: Color32,
    of: fn(&Sample) -> u64,
}

const CURVES: [Curve; 3] = [
    Curve {
        name: "budget",
        colour: colours::RED,
        of: |sample| sample.budget_bytes,
    },
    Curve {
        name: "held",
        colour: colours::ORANGE,
        of: |sample| sample.held_bytes,
    },
    Curve {
        name: "live",
        colour: colours::BLUE,
        of: |sample| sample.live_bytes,
    },
];

/// Counts of what happened between samples; drawn one on top of the other.
const COUNTS: [Curve; 3] = [
    Curve {
        name: "moves",
        colour: colours::LIME,
        of: |sample| sample.moves,
    },
    Curve {
        name: "evictions",
        colour: colours::PURPLE,
        of: |sample| sample.evictions,
    },
    Curve {
        name: "stream-ins",
        colour: colours::GREEN,
        of: |sample| sample.stream_ins,
    },
];

/// Where the sample at `nth` of `len` stands: the newest at the right end.
fn x_of(area: Rect, nth: usize, len: usize) -> f32 {
    let back = figures::to_f32(len - 1 - nth) / figures::to_f32(SAMPLES_MAX - 1);
    area.right() - area.width() * back
}

/// The sample that stands nearest to `x`.
fn nearest(area: Rect, x: f32, len: usize) -> Option<usize> {
    let back = (area.right() - x) / area.width() * figures::to_f32(SAMPLES_MAX - 1);
    let back = figures::to_pixels(back.round());
    (back < len).then(|| len - 1 - back)
}

/// The points of a curve, with `top` at the upper end of the area.
fn points(samples: &VecDeque<Sample>, area: Rect, top: u64, of: fn(&Sample) -> u64) -> Vec<Pos2> {
    let place = |(nth, sample)| {
        let y = area.bottom() - area.height() * figures::share(of(sample), top);
        pos2(x_of(area, nth, samples.len()), y)
    };
    samples.iter().enumerate().map(place).collect()
}

/// The bars of the counts: for each sample those that are not zero, from the bottom up.
fn bars(samples: &VecDeque<Sample>, area: Rect, top: u64) -> Vec<(Rect, Color32)> {
    let width = (area.width() / figures::to_f32(SAMPLES_MAX)).max(1.0);
    let mut bars = Vec::new();
    for (nth, sample) in samples.iter().enumerate() {
        let x = x_of(area, nth, samples.len());
        let mut bottom = area.bottom();
        for count in COUNTS {
            let height = area.height() * figures::share((count.of)(sample), top);
            if height > 0.0 {
                // Also one of a thousand is seen.
                let upper = bottom - height.max(1.5);
                let corners = (pos2(x - width, upper), pos2(x, bottom));
                bars.push((Rect::from_min_max(corners.0, corners.1), count.colour));
                bottom = upper;
            }
        }
    }
    bars
}

/// The upper end of the bytes.
fn top_bytes(samples: &VecDeque<Sample>) -> u64 {
    let most = |sample: &Sample| {
        sample
            .budget_bytes
            .max(sample.held_bytes)
            .max(sample.live_bytes)
    };
    let top = samples.iter().map(most).max().unwrap_or(0);
    // A little more, so that the budget's line is seen.
    top.saturating_add(top / 16).max(1)
}

/// The upper end of the counts.
fn top_counts(samples: &VecDeque<Sample>) -> u64 {
    let sum = |sample: &Sample| COUNTS.iter().map(|count| (count.of)(sample)).sum();
    samples.iter().map(sum).max().unwrap_or(0).max(1)
}

/// Shows the curves, and the figures under the pointer.
pub(crate) fn show(ui: &mut Ui, samples: &VecDeque<Sample>) {
    ui.horizontal_wrapped(|ui| {
        for curve in CURVES.iter().rev().chain(&COUNTS) {
            legend_entry(ui, curve.colour, curve.name);
        }
    });
    let size = vec2(ui.available_width(), BYTES_HEIGHT + EVENTS_HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, "Curves of the last samples"));
    let (upper, lower) = rect.split_top_bottom_at_y(rect.top() + BYTES_HEIGHT);
    let lower = lower.with_min_y(lower.top() + 3.0);
    for area in [upper, lower] {
        ui.painter()
            .rect_filled(area, 2.0, ui.visuals().extreme_bg_color);
    }
    let top = top_bytes(samples);
    for curve in CURVES {
        let points = points(samples, upper.shrink(1.0), top, curve.of);
        let stroke = Stroke::new(1.5, curve.colour);
        ui.painter().add(Shape::line(points, stroke));
    }
    let counts_top = top_counts(samples);
    for (bar, colour) in bars(samples, lower.shrink(1.0), counts_top) {
        ui.painter().rect_filled(bar, 0.0, colour);
    }
    let font = FontId::proportional(10.0);
    for (area, text) in [
        (upper, figures::bytes(top)),
        (lower, format!("{} per sample", figures::count(counts_top))),
    ] {
        let ink = ui.visuals().weak_text_color();
        let place = area.left_top() + vec2(4.0, 2.0);
        ui.painter()
            .text(place, Align2::LEFT_TOP, text, font.clone(), ink);
    }
    let Some(pointer) = response.hover_pos() else {
        return;
    };
    let Some(nth) = nearest(upper.shrink(1.0), pointer.x, samples.len()) else {
        return;
    };
    let x = x_of(upper.shrink(1.0), nth, samples.len());
    let line = Stroke::new(1.0, ui.visuals().weak_text_color());
    ui.painter().vline(x, rect.y_range(), line);
    let (layer, id) = (response.layer_id, response.id);
    let anchor = PopupAnchor::Pointer;
    Tooltip::always_open(ui.ctx().clone(), layer, id, anchor)
        .gap(14.0)
        .show(|ui| said(ui, &samples[nth]));
}

/// A sample in words.
fn said(ui: &mut Ui, sample: &Sample) {
    ui.strong(format!("tick {}", figures::count(sample.tick)));
    for curve in CURVES.iter().rev() {
        let text = format!("{} {}", curve.name, figures::bytes((curve.of)(sample)));
        legend_entry(ui, curve.colour, &text);
    }
    for count in COUNTS {
        let text = format!("{} {}", figures::count((count.of)(sample)), count.name);
        legend_entry(ui, count.colour, &text);
    }
}

#[cfg(test)]
mod tests;
