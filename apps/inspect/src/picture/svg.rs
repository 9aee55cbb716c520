//! A scene as SVG text that stands alone.

use std::fmt::Write as _;

use crate::picture::bar::STRENGTHS;
use crate::picture::coloring::Paint;
use crate::picture::palette::Rgb;
use crate::picture::scene::{Anchor, Item, Rect, Scene, Text};

/// Letters of one width, so that lengths of texts are known.
const FONTS: &str = "Hack, 'DejaVu Sans Mono', Menlo, Consolas, monospace";

/// The text.
pub(super) fn to_svg(scene: &Scene) -> String {
    let mut svg = String::new();
    // Writing to a string cannot fail, so that there is no error to hand on.
    let _ = write(&mut svg, scene);
    svg
}

fn write(svg: &mut String, scene: &Scene) -> std::fmt::Result {
    let (width, height) = (Number(scene.width), Number(scene.height));
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"{FONTS}\">"
    )?;
    patterns(svg, scene)?;
    let ground = scene.palette.ground;
    writeln!(
        svg,
        "<rect width=\"{width}\" height=\"{height}\" fill=\"{ground}\"/>"
    )?;
    for item in &scene.items {
        match item {
            Item::Areas(paint, strength, rects) => areas(svg, *paint, *strength, rects)?,
            Item::Frames(color, rects) if !rects.is_empty() => {
                write!(
                    svg,
                    "<path fill=\"none\" stroke=\"{color}\" stroke-width=\"0.75\" d=\""
                )?;
                outline(svg, rects)?;
                writeln!(svg, "\"/>")?;
            }
            Item::Cuts(color, cuts) if !cuts.is_empty() => {
                write!(svg, "<path stroke=\"{color}\" stroke-width=\"0.75\" d=\"")?;
                for (x, y, height) in cuts {
                    write!(svg, "M{} {}v{}", Number(*x), Number(*y), Number(*height))?;
                }
                writeln!(svg, "\"/>")?;
            }
            Item::Frames(..) | Item::Cuts(..) => {}
            Item::Text(text) => line(svg, text)?,
            Item::Tip(rect, tip) => {
                let Rect {
                    x,
                    y,
                    width,
                    height,
                } = *rect;
                writeln!(
                    svg,
                    "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill-opacity=\"0\">\
                     <title>{}</title></rect>",
                    Number(x),
                    Number(y),
                    Number(width),
                    Number(height),
                    Escaped(tip)
                )?;
            }
        }
    }
    writeln!(svg, "</svg>")
}

/// Hatches, each once.
fn patterns(svg: &mut String, scene: &Scene) -> std::fmt::Result {
    let mut found: Vec<(Rgb, bool)> = Vec::new();
    for item in &scene.items {
        if let Item::Areas(Paint::Hatch { lines, falls }, ..) = item
            && !found.contains(&(*lines, *falls))
        {
            found.push((*lines, *falls));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    writeln!(svg, "<defs>")?;
    for (lines, falls) in found {
        let turn = if falls { -45 } else { 45 };
        writeln!(
            svg,
            "<pattern id=\"{}\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate({turn})\"><rect width=\"1.8\" height=\"4\" \
             fill=\"{lines}\"/></pattern>",
            hatch_name(lines, falls)
        )?;
    }
    writeln!(svg, "</defs>")
}

fn hatch_name(lines: Rgb, falls: bool) -> String {
    let Rgb(r, g, b) = lines;
    let way = if falls { "falls" } else { "rises" };
    format!("{way}-{r:02x}{g:02x}{b:02x}")
}

fn areas(svg: &mut String, paint: Paint, strength: u8, rects: &[Rect]) -> std::fmt::Result {
    if rects.is_empty() {
        return Ok(());
    }
    write!(svg, "<path fill=\"")?;
    match paint {
        Paint::Solid(color) => write!(svg, "{color}")?,
        Paint::Hatch { lines, falls } => write!(svg, "url(#{})", hatch_name(lines, falls))?,
    }
    write!(svg, "\"")?;
    if strength < STRENGTHS {
        let opacity = f64::from(strength) / f64::from(STRENGTHS);
        write!(svg, " fill-opacity=\"{opacity}\"")?;
    }
    write!(svg, " d=\"")?;
    outline(svg, rects)?;
    writeln!(svg, "\"/>")
}

fn outline(svg: &mut String, rects: &[Rect]) -> std::fmt::Result {
    for rect in rects {
        let (x, y, width) = (Number(rect.x), Number(rect.y), Number(rect.width));
        write!(svg, "M{x} {y}h{width}v{}h-{width}z", Number(rect.height))?;
    }
    Ok(())
}

fn line(svg: &mut String, text: &Text) -> std::fmt::Result {
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let weight = if text.is_bold {
        " font-weight=\"bold\""
    } else {
        ""
    };
    writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" font-size=\"{}\"{weight}{anchor} fill=\"{}\">{}</text>",
        Number(text.x),
        Number(text.y),
        Number(text.size),
        text.color,
        Escaped(&text.content)
    )
}

/// A number with up to two decimals.
struct Number(f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{:.2}", self.0);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// A text without what XML gives a meaning or does not take.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\n' | '\t' => f.write_char(c)?,
                '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                c if c.is_control() => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
