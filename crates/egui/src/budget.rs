//! Where the budget went: what is held, for what, and what is left.

use egui::{
    Color32, Label, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};
use geoheap::Report;

use crate::colours::{self, Ground};
use crate::figures;

const HEIGHT: f32 = 18.0;
/// The side of a legend's square.
const SQUARE: f32 = 10.0;

/// A part of what is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) bytes: u64,
    /// Nothing for chunks' free room.
    pub(crate) colour: Option<Color32>,
}

/// What the held bytes are for, in the order of the bar. They add up to
/// [`Report::held_bytes`] (E4), unless its parts are more than it. What is held outside of the
/// engine is among them where there is any.
pub(crate) fn parts(report: &Report) -> Vec<Part> {
    let used = [
        report.live_bytes,
        report.reserved_bytes,
        report.retired_bytes,
    ];
    let used: u64 = used.into_iter().fold(0, u64::saturating_add);
    let known = [
        report.chunk_bytes,
        report.staging_bytes,
        report.record_bytes,
        report.outside_bytes,
    ];
    let known: u64 = known.into_iter().fold(0, u64::saturating_add);
    let part = |name, bytes, colour| Part {
        name,
        bytes,
        colour,
    };
    let mut parts = vec![
        part("live", report.live_bytes, Some(colours::BLUE)),
        part("being filled", report.reserved_bytes, Some(colours::GOLD)),
        part("retired", report.retired_bytes, Some(colours::RED)),
        part(
            "free in chunks",
            report.chunk_bytes.saturating_sub(used),
            None,
        ),
        part("staging", report.staging_bytes, Some(colours::PURPLE)),
        part("draw sets", report.record_bytes, Some(colours::LIME)),
        part(
            "to be returned",
            report.held_bytes.saturating_sub(known),
            Some(colours::GREY),
        ),
    ];
    if report.outside_bytes > 0 {
        parts.push(part("outside", report.outside_bytes, Some(colours::ORANGE)));
    }
    parts
}

/// The whole of the bar: the budget, or more where more is held.
pub(crate) fn whole(report: &Report) -> u64 {
    let held: u64 = parts(report)
        .iter()
        .fold(0, |sum, part| part.bytes.saturating_add(sum));
    report.budget_bytes.max(held).max(report.held_bytes)
}

/// What is not as it should be, in sentences.
pub(crate) fn warnings(report: &Report) -> Vec<String> {
    let mut warnings = Vec::new();
    if report.device_lost {
        warnings.push("The device is lost.".to_owned());
    }
    if let Some(degraded) = &report.degraded {
        let used = figures::bytes(degraded.working_set_bytes);
        let budget = figures::bytes(degraded.budget_bytes);
        let text = format!("Degraded: frames use {used}; dynamic blocks can have {budget}.");
        warnings.push(text);
    }
    if let Some(pressure) = &report.backpressure {
        warnings.push(format!("Backpressure: {pressure}."));
    }
    if report.budget_effective_bytes != 0 && report.budget_effective_bytes < report.budget_bytes {
        let effective = figures::bytes(report.budget_effective_bytes);
        warnings.push(format!(
            "The device gives no more than {effective} for now."
        ));
    }
    if report.frames_since_tick > 8 {
        let frames = figures::count(report.frames_since_tick);
        warnings.push(format!("The engine has not ticked for {frames} frames."));
    }
    warnings
}

/// The figures beneath the bar.
pub(crate) fn figures_of(report: &Report) -> Vec<String> {
    let bytes = figures::bytes;
    let count = figures::count;
    vec![
        format!(
            "tick {}, version {}",
            count(report.tick),
            count(report.version)
        ),
        format!("{} chunks", count(report.chunks)),
        format!(
            "{} of {} blocks resident",
            count(report.resident_blocks),
            count(report.blocks)
        ),
        format!("{} in all", bytes(report.world_bytes)),
        format!("{} tickets", count(report.tickets_open)),
        format!("{} evictions", count(report.evictions)),
        format!("{} stream-ins", count(report.stream_ins)),
        format!("{} moves", count(report.moves)),
    ]
}

/// Shows the bar, its legend, the figures and the warnings.
pub(crate) fn show(ui: &mut Ui, report: &Report) {
    let held = figures::bytes(report.held_bytes);
    let budget = figures::bytes(report.budget_bytes);
    let share = figures::percent(report.held_bytes, report.budget_bytes);
    let origin = report.budget_origin;
    let title = format!("{held} of {budget} ({origin} budget) held ({share} %)");
    bar(ui, report, &title);
    ui.horizontal_wrapped(|ui| {
        for part in parts(report) {
            let colour = part.colour.unwrap_or(Ground::of(ui.visuals()).free);
            legend_entry(
                ui,
                colour,
                &format!("{} {}", part.name, figures::bytes(part.bytes)),
            );
        }
    });
    ui.horizontal_wrapped(|ui| {
        for text in figures_of(report) {
            ui.add(Label::new(RichText::new(text).weak()).extend());
        }
    });
    // One line in any case: what comes and goes does not move what is below.
    let warnings = warnings(report).join(" ");
    let text = if warnings.is_empty() {
        RichText::new("Nothing to warn of").weak()
    } else {
        RichText::new(&warnings).color(ui.visuals().warn_fg_color)
    };
    ui.add(Label::new(text).truncate());
}

/// A coloured square and a word, which stay together where a line is full.
pub(crate) fn legend_entry(ui: &mut Ui, colour: Color32, text: &str) {
    let font = egui::TextStyle::Body.resolve(ui.style());
    let ink = ui.visuals().text_color();
    let words = ui.painter().layout_no_wrap(text.to_owned(), font, ink);
    let size = vec2(words.size().x + SQUARE + 5.0, words.size().y);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
    let corner = pos2(rect.left(), rect.center().y - SQUARE / 2.0);
    let square = Rect::from_min_size(corner, vec2(SQUARE, SQUARE));
    let outline = Stroke::new(1.0, ui.visuals().weak_text_color());
    let painter = ui.painter();
    painter.rect(square, 2.0, colour, outline, StrokeKind::Inside);
    painter.galley(pos2(square.right() + 5.0, rect.top()), words, ink);
}

fn bar(ui: &mut Ui, report: &Report, title: &str) {
    let size = vec2(ui.available_width(), HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, title));
    let ground = Ground::of(ui.visuals());
    let whole = whole(report);
    let painter = ui.painter();
    painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
    let at = |bytes: u64| rect.left() + rect.width() * figures::share(bytes, whole);
    let mut start = 0_u64;
    for part in parts(report) {
        let end = start.saturating_add(part.bytes);
        let area = Rect::from_x_y_ranges(at(start)..=at(end), rect.y_range());
        painter.rect_filled(area, 0.0, part.colour.unwrap_or(ground.free));
        start = end;
    }
    let outline = ui.visuals().widgets.noninteractive.bg_stroke;
    painter.rect_stroke(rect, 3.0, outline, StrokeKind::Inside);
    if report.budget_bytes < whole {
        let line = Stroke::new(2.0, ui.visuals().error_fg_color);
        painter.vline(at(report.budget_bytes), rect.y_range(), line);
    }
    let font = egui::TextStyle::Body.resolve(ui.style());
    let text = painter.layout_no_wrap(title.to_owned(), font, Color32::WHITE);
    let place = rect.center() - text.size() / 2.0;
    // A plate behind it: the text stands over any colour.
    let plate = Rect::from_min_size(place, text.size()).expand2(vec2(6.0, 0.0));
    painter.rect_filled(plate, 3.0, Color32::from_black_alpha(150));
    painter.galley(pos2(place.x, place.y), text, Color32::WHITE);
}

#[cfg(test)]
mod tests;
