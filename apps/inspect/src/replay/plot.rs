//! Curves over the frames of a replay, as SVG.

use plotters::prelude::*;
use plotters::style::full_palette::{GREY_600, ORANGE_800, TEAL_700};

use super::series::{Sample, Series};

/// Points of a curve at most: more than a picture has columns.
const POINTS_MAX: usize = 1200;
const SIZE: (u32, u32) = (1100, 680);
const FONT: &str = "Hack, monospace";

/// Live, held, retired and budget bytes above, moves, evictions and returns below.
pub fn svg(series: &Series) -> String {
    let samples = thinned(series.samples());
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        let (above, below) = root.split_vertically(SIZE.1 * 2 / 3);
        // Drawing into a string cannot fail.
        let _ = root.fill(&WHITE);
        let _ = bytes(&above, &samples);
        let _ = events(&below, &samples);
        let _ = root.present();
    }
    text
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn last_frame(samples: &[Sample]) -> u64 {
    samples.last().map_or(1, |sample| sample.frame.max(2))
}

#[expect(clippy::cast_precision_loss, reason = "a picture")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn bytes(area: &Area<'_>, samples: &[Sample]) -> Drawn {
    let held = samples
        .iter()
        .map(|sample| sample.held.max(sample.live))
        .max();
    let held = held.unwrap_or(1);
    // A budget far above what is held would flatten the rest.
    let budgets = samples.iter().map(|sample| sample.budget);
    let shown = budgets
        .filter(|budget| *budget <= held.saturating_mul(2))
        .max();
    let top = mib(shown.unwrap_or(0).max(held)) * 1.3;
    let mut chart = ChartBuilder::on(area)
        .caption("GPU memory over frames", (FONT, 20))
        .margin(12)
        .x_label_area_size(34)
        .y_label_area_size(70)
        .build_cartesian_2d(1..last_frame(samples), 0.0..top.max(0.001))?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.1))
        .axis_style(GREY_600)
        .label_style((FONT, 13))
        .y_desc("MiB")
        .x_desc("frame")
        .draw()?;
    let at = |of: fn(&Sample) -> u64| {
        let points = samples.iter();
        points.map(move |sample| (sample.frame, mib(of(sample))))
    };
    let area_of = AreaSeries::new(at(|sample| sample.live), 0.0, TEAL_700.mix(0.25));
    chart
        .draw_series(area_of.border_style(TEAL_700.stroke_width(2)))?
        .label("live")
        .legend(|(x, y)| Rectangle::new([(x, y - 5), (x + 16, y + 5)], TEAL_700.mix(0.5).filled()));
    let mut line = |name: &str, colour: RGBColor, of: fn(&Sample) -> u64| -> Drawn {
        chart
            .draw_series(LineSeries::new(at(of), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(3)));
        Ok(())
    };
    line("held", BLACK, |sample| sample.held)?;
    line("retired", ORANGE_800, |sample| sample.retired)?;
    if shown.is_some() {
        line("budget", RED, |sample| sample.budget)?;
    }
    legend(&mut chart)
}

fn events(area: &Area<'_>, samples: &[Sample]) -> Drawn {
    let most = |sample: &Sample| sample.moves.max(sample.evictions).max(sample.stream_ins);
    let top = samples.iter().map(most).max().unwrap_or(0).max(4);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(34)
        .y_label_area_size(70)
        .build_cartesian_2d(1..last_frame(samples), 0..top + top / 2 + 1)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.1))
        .axis_style(GREY_600)
        .label_style((FONT, 13))
        .y_desc("blocks")
        .x_desc("frame")
        .draw()?;
    let mut line = |name: &str, colour: RGBColor, of: fn(&Sample) -> u64| -> Drawn {
        let points = samples.iter().map(move |sample| (sample.frame, of(sample)));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(1)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(3)));
        Ok(())
    };
    line("evictions", RED, |sample| sample.evictions)?;
    line("stream-ins", BLUE, |sample| sample.stream_ins)?;
    line("moves", GREY_600, |sample| sample.moves)?;
    legend(&mut chart)
}

fn legend<'a, X, Y>(chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>) -> Drawn
where
    X: Ranged + 'a,
    Y: Ranged + 'a,
{
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(GREY_600)
        .label_font((FONT, 13))
        .draw()?;
    Ok(())
}

/// As many samples as a curve has points: of bytes the one with the most held, of events the sum.
fn thinned(samples: &[Sample]) -> Vec<Sample> {
    let group = samples.len().div_ceil(POINTS_MAX).max(1);
    let one = |group: &[Sample]| {
        let fullest = group.iter().max_by_key(|sample| sample.held);
        let mut point = fullest.copied().unwrap_or_default();
        point.moves = group.iter().map(|sample| sample.moves).sum();
        point.evictions = group.iter().map(|sample| sample.evictions).sum();
        point.stream_ins = group.iter().map(|sample| sample.stream_ins).sum();
        point
    };
    samples.chunks(group).map(one).collect()
}
