//! The heap's map: every chunk a row, what lies in it in colours.

mod hit;
mod rows;
mod spans;

use std::ops::Range;
use std::sync::Arc;

use egui::emath::GuiRounding;
use egui::{
    Align2, Color32, FontId, Mesh, PopupAnchor, Pos2, Rect, Response, Role, ScrollArea, Sense,
    Shape, Stroke, StrokeKind, Tooltip, Ui, WidgetInfo, pos2, vec2,
};
use geoheap_heap_dump::{ChunkDump, ChunkStateDump, LifetimeDump};

use self::hit::{Hit, hit};
use self::rows::Rows;
use self::spans::{Tall, pieces, spans};
use crate::colours::{ColourBy, Ground};
use crate::details;
use crate::figures;
use crate::heap::{Heap, Segment};

/// The least width and height of what must be seen, in points.
const SEEN_MIN: f32 = 2.0;

/// How the map is shown, and what was drawn last.
#[derive(Debug, Default)]
pub(crate) struct MapView {
    /// What the colours tell.
    pub(crate) by: ColourBy,
    /// Whether every row is as high as can be.
    pub(crate) large: bool,
    drawn: Option<(Key, Arc<Mesh>)>,
}

/// Everything that the rectangles follow from.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    heap_number: u64,
    by: ColourBy,
    rows: Rows,
    seen: Range<usize>,
    corner: Pos2,
    pixels_per_point: f32,
    ground: Ground,
}

/// What to show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    /// The heap.
    pub(crate) heap: &'a Heap,
    /// Another number for each heap that is shown.
    pub(crate) heap_number: u64,
    /// Where the selected block lies.
    pub(crate) selected: Option<(usize, Segment)>,
}

/// What was clicked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clicked {
    /// A block: its place in [`HeapDump::blocks`](geoheap_heap_dump::HeapDump::blocks).
    Block(usize),
    /// Nothing that can be selected.
    Ground,
}

impl MapView {
    /// Shows the map in the room that there is, and says what was clicked on.
    pub(crate) fn show(&mut self, ui: &mut Ui, shown: Shown<'_>) -> Option<Clicked> {
        let chunks = shown.heap.chunks().len();
        ScrollArea::vertical()
            .id_salt("heap map")
            .auto_shrink(false)
            .show_viewport(ui, |ui, viewport| {
                let area = vec2(ui.available_width(), viewport.height());
                let rows = Rows::new(chunks, area, self.large);
                let size = vec2(area.x, rows.height().max(1.0));
                let (rect, response) = ui.allocate_exact_size(size, Sense::click());
                let name = format!("Heap map of {chunks} chunks");
                response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, name.as_str()));
                let seen = rows.between(viewport.top(), viewport.bottom());
                let place = Place {
                    corner: rect.min.round_to_pixels(ui.pixels_per_point()),
                    pixels_per_point: ui.pixels_per_point(),
                    rows,
                };
                self.paint(ui, shown, &place, seen.clone());
                if let Some((nth, segment)) = shown.selected
                    && seen.contains(&nth)
                {
                    let around = place.of(shown.heap, nth, &segment).expand(1.0);
                    let stroke = Stroke::new(2.0, Ground::of(ui.visuals()).mark);
                    ui.painter()
                        .rect_stroke(around, 1.0, stroke, StrokeKind::Outside);
                }
                pointed(ui, &response, shown.heap, &place)
            })
            .inner
    }

    fn paint(&mut self, ui: &Ui, shown: Shown<'_>, place: &Place, seen: Range<usize>) {
        let ground = Ground::of(ui.visuals());
        let key = Key {
            heap_number: shown.heap_number,
            by: self.by,
            rows: place.rows,
            seen: seen.clone(),
            corner: place.corner,
            pixels_per_point: place.pixels_per_point,
            ground,
        };
        let mesh = match &self.drawn {
            Some((drawn, mesh)) if *drawn == key => Arc::clone(mesh),
            _ => {
                let mesh = Arc::new(mesh(shown.heap, place, self.by, ground, seen.clone()));
                self.drawn = Some((key, Arc::clone(&mesh)));
                mesh
            }
        };
        ui.painter().add(Shape::Mesh(mesh));
        if place.rows.has_names() {
            for nth in seen {
                name(ui, &shown.heap.chunks()[nth], place.bar(nth));
            }
        }
    }

    /// How many rectangles were drawn last.
    #[cfg(test)]
    pub(crate) fn rectangles(&self) -> usize {
        self.drawn
            .as_ref()
            .map_or(0, |(_, mesh)| mesh.vertices.len() / 4)
    }

    /// The colours that were drawn last.
    #[cfg(test)]
    pub(crate) fn colours(&self) -> std::collections::BTreeSet<[u8; 4]> {
        let vertices = self.drawn.iter().flat_map(|(_, mesh)| &mesh.vertices);
        vertices.map(|vertex| vertex.color.to_array()).collect()
    }
}

/// Where the rows are on the screen.
#[derive(Clone, Copy, Debug)]
struct Place {
    corner: Pos2,
    pixels_per_point: f32,
    rows: Rows,
}

impl Place {
    /// The bar of a chunk, at whole pixels.
    fn bar(&self, nth: usize) -> Rect {
        let bar = self.rows.bar(nth).translate(self.corner.to_vec2());
        bar.round_to_pixels(self.pixels_per_point)
    }

    /// A segment's part of it.
    fn of(&self, heap: &Heap, nth: usize, segment: &Segment) -> Rect {
        let bar = self.bar(nth);
        let capacity = heap.chunks()[nth].capacity;
        let at = |byte: u64| bar.left() + bar.width() * figures::share(byte, capacity);
        let left = at(segment.start);
        let right = at(segment.end).max(left + SEEN_MIN);
        Rect::from_x_y_ranges(left..=right, bar.y_range())
    }
}

/// The rectangles of the rows that are in view (E2).
fn mesh(heap: &Heap, place: &Place, by: ColourBy, ground: Ground, seen: Range<usize>) -> Mesh {
    let mut mesh = Mesh::default();
    for nth in seen {
        let chunk = &heap.chunks()[nth];
        let bar = place.bar(nth);
        let free = match chunk.lifetime {
            LifetimeDump::Dynamic => ground.free,
            LifetimeDump::LongLived => ground.free_long_lived,
        };
        mesh.add_colored_rect(bar, free);
        let width_px = figures::to_pixels((bar.width() * place.pixels_per_point).round());
        let of_chunk = Ground { free, ..ground };
        let pieces = pieces(heap, nth, by, of_chunk);
        for span in spans(&pieces, chunk.capacity, width_px, free) {
            let at = |px: usize| bar.left() + figures::to_f32(px) / place.pixels_per_point;
            let top = match span.tall {
                Tall::Full => bar.top(),
                Tall::Low => bar.center().y,
            };
            let corners = [
                pos2(at(span.start_px), top),
                pos2(at(span.end_px), bar.bottom()),
            ];
            mesh.add_colored_rect(Rect::from_min_max(corners[0], corners[1]), span.colour);
        }
        pins(&mut mesh, heap, place, nth, ground.mark);
    }
    mesh
}

/// A mark over each pinned block; where several would overlap, one.
fn pins(mesh: &mut Mesh, heap: &Heap, place: &Place, nth: usize, mark: Color32) {
    let mut beyond = f32::MIN;
    for segment in heap.segments(nth) {
        if heap.block_of(segment).is_none_or(|block| block.pins == 0) {
            continue;
        }
        let area = place.of(heap, nth, segment);
        if area.right() <= beyond + SEEN_MIN {
            continue;
        }
        let left = area.left().max(beyond);
        beyond = area.right();
        let bottom = area.top() + (area.height() * 0.25).clamp(1.0, SEEN_MIN + 1.0);
        let bar = Rect::from_min_max(pos2(left, area.top()), pos2(beyond, bottom));
        mesh.add_colored_rect(bar, mark);
    }
}

/// The chunk's name and how much of it is live, before its bar.
fn name(ui: &Ui, chunk: &ChunkDump, bar: Rect) {
    let font = FontId::proportional((bar.height() - 1.0).clamp(9.0, 12.0));
    let (ink, faint) = (ui.visuals().text_color(), ui.visuals().weak_text_color());
    let middle = bar.center().y;
    let painter = ui.painter();
    let at = |left: f32| pos2(bar.left() - left, middle);
    let name = format!("{} {}", chunk.id, mark_of(chunk));
    painter.text(at(74.0), Align2::LEFT_CENTER, name, font.clone(), ink);
    let live = format!("{} %", figures::percent(chunk.live, chunk.capacity));
    painter.text(at(6.0), Align2::RIGHT_CENTER, live, font, faint);
}

/// A word on what is special about a chunk.
const fn mark_of(chunk: &ChunkDump) -> &'static str {
    match (chunk.state, chunk.dedicated, chunk.lifetime) {
        (ChunkStateDump::Opening, ..) => "opens",
        (ChunkStateDump::Draining, ..) => "drains",
        (ChunkStateDump::Closing, ..) => "closes",
        (ChunkStateDump::Open, true, _) => "one",
        (ChunkStateDump::Open, false, LifetimeDump::LongLived) => "long",
        (ChunkStateDump::Open, ..) => "",
    }
}

/// Shows what is under the pointer, and says what was clicked on.
fn pointed(ui: &Ui, response: &Response, heap: &Heap, place: &Place) -> Option<Clicked> {
    let pointer = response.hover_pos()?;
    let found = under(heap, place, pointer);
    if let Some((nth, hit)) = found {
        if let Some(segment) = hit.segment {
            let stroke = Stroke::new(1.0, Ground::of(ui.visuals()).mark);
            let around = place.of(heap, nth, &segment);
            ui.painter()
                .rect_stroke(around, 0.0, stroke, StrokeKind::Outside);
        }
        let tooltip = Tooltip::always_open(
            ui.ctx().clone(),
            response.layer_id,
            response.id,
            PopupAnchor::Pointer,
        );
        tooltip.gap(14.0).width(360.0).show(|ui| {
            let chunk = &heap.chunks()[nth];
            details::show(
                ui,
                &details::of_segment(heap, chunk, hit.segment, hit.offset),
            );
            if hit.count > 1 {
                ui.weak(format!("and {} more in this pixel", hit.count - 1));
            }
        });
    }
    response.clicked().then(|| {
        let block = found.and_then(|(_, hit)| hit.segment?.block);
        block.map_or(Clicked::Ground, Clicked::Block)
    })
}

fn under(heap: &Heap, place: &Place, pointer: Pos2) -> Option<(usize, Hit)> {
    let nth = place.rows.at(pointer - place.corner.to_vec2())?;
    let bar = place.bar(nth);
    let pixel = 1.0 / (bar.width() * place.pixels_per_point);
    let share = ((pointer.x - bar.left()) / bar.width() - pixel / 2.0).clamp(0.0, 1.0 - pixel);
    let chunk = &heap.chunks()[nth];
    Some((nth, hit(heap.segments(nth), chunk.capacity, share, pixel)))
}

#[cfg(test)]
mod tests;
