//! Blocks by label: how many, how large, how many of them are resident.

use std::cmp::Ordering;
use std::collections::HashMap;

use egui::{Align, Color32, Label, Layout, Rect, RichText, ScrollArea, Sense, Ui, UiBuilder, vec2};
use geoheap_heap_dump::{BlockDump, BlockState};

use crate::figures;
use crate::heap::Heap;

/// The name of the group of blocks without a label.
const UNLABELLED: &str = "(no label)";

/// All blocks with one label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Group {
    /// The label.
    pub(crate) label: String,
    /// Blocks.
    pub(crate) blocks: u64,
    /// Their bytes, resident or not.
    pub(crate) bytes: u64,
    /// Blocks on the GPU.
    pub(crate) resident: u64,
    /// Blocks that were evicted.
    pub(crate) evicted: u64,
    /// Blocks that are pending, lost or failed.
    pub(crate) other: u64,
}

/// Counts blocks by label, in the order of the labels. Unless `whole`, a label counts up to its
/// first colon, so that `tree: oak 17` and `tree: fir 4` are one line.
pub(crate) fn groups(blocks: &[BlockDump], whole: bool) -> Vec<Group> {
    let mut by_label: HashMap<&str, Group> = HashMap::new();
    for block in blocks {
        let label = block.label.as_deref().unwrap_or(UNLABELLED);
        let label = match label.split_once(':') {
            Some((kind, _)) if !whole => kind,
            _ => label,
        };
        let group = by_label.entry(label).or_default();
        group.blocks += 1;
        group.bytes = group.bytes.saturating_add(block.size);
        match block.state {
            BlockState::Resident => group.resident += 1,
            BlockState::Evicted => group.evicted += 1,
            BlockState::Pending | BlockState::Lost | BlockState::Failed => group.other += 1,
        }
    }
    let mut groups: Vec<Group> = by_label
        .into_iter()
        .map(|(label, group)| Group {
            label: label.to_owned(),
            ..group
        })
        .collect();
    groups.sort_by(|one, other| one.label.cmp(&other.label));
    groups
}

/// What the table is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Label,
    Blocks,
    Bytes,
    Resident,
    Evicted,
    Other,
}

impl Column {
    const ALL: [Self; 6] = [
        Self::Label,
        Self::Blocks,
        Self::Bytes,
        Self::Resident,
        Self::Evicted,
        Self::Other,
    ];

    const fn title(self) -> &'static str {
        match self {
            Self::Label => "Label",
            Self::Blocks => "Blocks",
            Self::Bytes => "Bytes",
            Self::Resident => "Resident",
            Self::Evicted => "Evicted",
            Self::Other => "Other",
        }
    }

    const fn number(self, group: &Group) -> u64 {
        match self {
            Self::Label => 0,
            Self::Blocks => group.blocks,
            Self::Bytes => group.bytes,
            Self::Resident => group.resident,
            Self::Evicted => group.evicted,
            Self::Other => group.other,
        }
    }

    fn text(self, group: &Group) -> String {
        match self {
            Self::Label => group.label.clone(),
            Self::Bytes => figures::bytes(group.bytes),
            _ => figures::count(self.number(group)),
        }
    }

    fn compare(self, one: &Group, other: &Group) -> Ordering {
        match self {
            Self::Label => one.label.cmp(&other.label),
            _ => self.number(one).cmp(&self.number(other)),
        }
    }
}

/// How the table is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sort {
    column: Column,
    descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self {
            column: Column::Bytes,
            descending: true,
        }
    }
}

impl Sort {
    /// After a click on a column's title: that column, the other way round if it was it before.
    /// Numbers begin with the largest, labels with the first.
    pub(crate) fn clicked(self, column: Column) -> Self {
        Self {
            column,
            descending: if self.column == column {
                !self.descending
            } else {
                column != Column::Label
            },
        }
    }

    /// Sorts; equals stay in the order of their labels.
    pub(crate) fn order(self, groups: &mut [Group]) {
        groups.sort_by(|one, other| {
            let ordering = self.column.compare(one, other);
            let ordering = if self.descending {
                ordering.reverse()
            } else {
                ordering
            };
            ordering.then_with(|| one.label.cmp(&other.label))
        });
    }
}

/// The table, how it is sorted, and what was counted last.
#[derive(Debug, Default)]
pub(crate) struct TableView {
    sort: Sort,
    /// Whether every label has a line of its own.
    whole: bool,
    /// Of which heap, and whether by whole labels.
    counted: Option<(u64, bool)>,
    /// In the order of the table.
    groups: Vec<Group>,
}

impl TableView {
    /// What can be chosen.
    pub(crate) fn options(&mut self, ui: &mut Ui) {
        ui.checkbox(&mut self.whole, "Whole labels")
            .on_hover_text("A line for every label; otherwise labels count up to their colon");
    }

    /// Shows the table; rows out of view cost nothing.
    pub(crate) fn show(&mut self, ui: &mut Ui, heap: &Heap, heap_number: u64) {
        let widths = widths(ui.available_width() - ui.spacing().scroll.allocated_width());
        let height = ui.spacing().interact_size.y;
        let (_, header) = ui.allocate_space(vec2(widths.iter().sum(), height));
        let mut sort = self.sort;
        for (column, cell) in Column::ALL.into_iter().zip(cells(header, &widths)) {
            title(ui, column, cell, &mut sort);
        }
        if self.counted != Some((heap_number, self.whole)) {
            self.groups = groups(&heap.dump().blocks, self.whole);
            self.counted = Some((heap_number, self.whole));
            sort.order(&mut self.groups);
        } else if sort != self.sort {
            sort.order(&mut self.groups);
        }
        self.sort = sort;
        let row = ui.text_style_height(&egui::TextStyle::Body) + 4.0;
        ScrollArea::vertical()
            .id_salt("labels")
            .auto_shrink(false)
            .show_rows(ui, row, self.groups.len(), |ui, rows| {
                for nth in rows {
                    let (_, area) = ui.allocate_space(vec2(widths.iter().sum(), row));
                    if nth % 2 == 1 {
                        let colour = ui.visuals().faint_bg_color;
                        ui.painter().rect_filled(area, 0.0, colour);
                    }
                    line(ui, &self.groups[nth], &cells(area, &widths));
                }
            });
    }
}

fn line(ui: &mut Ui, group: &Group, cells: &[Rect; 6]) {
    for (column, cell) in Column::ALL.into_iter().zip(cells) {
        let label = Label::new(column.text(group));
        put(ui, *cell, column, label.truncate().selectable(false));
    }
}

fn title(ui: &mut Ui, column: Column, cell: Rect, sort: &mut Sort) {
    let is_sorted = sort.column == column;
    let mut text = RichText::new(column.title()).strong();
    if is_sorted {
        text = text.color(ui.visuals().strong_text_color());
    }
    let label = Label::new(text).sense(Sense::click()).selectable(false);
    let response =
        put(ui, cell, column, label).on_hover_text("Click to sort; again for the other way round");
    if is_sorted {
        let y = if sort.descending {
            cell.bottom() - 2.0
        } else {
            cell.top() + 1.0
        };
        let line = ui.visuals().selection.stroke;
        let colour: Color32 = line.color;
        ui.painter()
            .hline(response.rect.x_range(), y, (2.0, colour));
    }
    if response.clicked() {
        *sort = sort.clicked(column);
    }
}

fn put(ui: &mut Ui, cell: Rect, column: Column, label: Label) -> egui::Response {
    let layout = if column == Column::Label {
        Layout::left_to_right(Align::Center)
    } else {
        Layout::right_to_left(Align::Center)
    };
    let builder = UiBuilder::new()
        .max_rect(cell.shrink2(vec2(4.0, 0.0)))
        .layout(layout);
    ui.scope_builder(builder, |ui| ui.add(label)).inner
}

/// Widths of the columns: labels have what numbers leave.
fn widths(available: f32) -> [f32; 6] {
    const NUMBER: f32 = 76.0;
    let label = (available - 5.0 * NUMBER).max(100.0);
    [label, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER]
}

fn cells(row: Rect, widths: &[f32; 6]) -> [Rect; 6] {
    let mut x = row.left();
    widths.map(|width| {
        let cell = Rect::from_min_max(
            egui::pos2(x, row.top()),
            egui::pos2(x + width, row.bottom()),
        );
        x += width;
        cell
    })
}

#[cfg(test)]
mod tests;
