//! The panel's parts from top to bottom: buttons, budget, curves, and the map, the table or the
//! events below.

use egui::{CollapsingHeader, ScrollArea, Ui, UiBuilder, vec2};
use geoheap_heap_dump::{BlockDump, BlockState, LifetimeDump, SourceDump};

use super::{Command, HeapPanel, Tab};
use crate::colours::{self, ColourBy, Ground};
use crate::map::{Clicked, Shown};
use crate::{budget, curves, details};

/// Seconds that a message is shown.
const MESSAGE_S: f64 = 8.0;
/// Lines below the map for the selected block.
const SELECTION_LINES: f32 = 3.0;
/// The map is never lower than this.
const MAP_HEIGHT_MIN: f32 = 96.0;
/// The map's height where the program's layout sets no limit.
const MAP_HEIGHT: f32 = 400.0;

impl HeapPanel {
    /// Shows what was taken last, and says what was clicked: for a program whose heap is
    /// elsewhere. [`HeapPanel::show`] does this and the rest.
    pub fn draw(&mut self, ui: &mut Ui) -> Option<Command> {
        self.advance();
        if self.sorting.is_some() && !self.is_paused {
            ui.ctx().request_repaint();
        }
        let command = ui.horizontal_wrapped(|ui| self.buttons(ui)).inner;
        budget::show(ui, &self.report);
        CollapsingHeader::new("Curves")
            .default_open(true)
            .show(ui, |ui| curves::show(ui, self.history.samples()));
        ui.separator();
        ui.horizontal_wrapped(|ui| self.tabs(ui));
        // Exactly what is there: a window that has to hold more than it offers grows each frame.
        let height = match ui.available_height() {
            height if height.is_finite() => height.max(MAP_HEIGHT_MIN),
            _ => MAP_HEIGHT,
        };
        let (_, room) = ui.allocate_space(vec2(ui.available_width(), height));
        let mut lower = ui.new_child(UiBuilder::new().max_rect(room));
        lower.set_clip_rect(room.intersect(ui.clip_rect()));
        match self.tab {
            Tab::Map => self.map(&mut lower),
            Tab::Labels => self.table.show(&mut lower, &self.heap, self.heap_number),
            Tab::Events => self.events(&mut lower),
        }
        command
    }

    fn buttons(&mut self, ui: &mut Ui) -> Option<Command> {
        let pause = if self.is_paused { "Resume" } else { "Pause" };
        let clicked = ui
            .add(egui::Button::new(pause).selected(self.is_paused))
            .on_hover_text("Freezes what is shown; the heap goes on");
        if clicked.clicked() {
            self.is_paused = !self.is_paused;
        }
        ui.separator();
        let mut command = None;
        let defragment = ui.button("Defragment");
        if defragment
            .on_hover_text("Begins a compaction pass now, with raised caps")
            .clicked()
        {
            command = Some(Command::Defragment);
        }
        let trim = ui.button("Trim");
        if trim.on_hover_text("Gives all empty chunks back").clicked() {
            command = Some(Command::Trim);
        }
        if let Some(handle) = self.evict_button(ui) {
            command = Some(Command::Evict { handle });
        }
        let dump = ui.add_enabled(self.heap_number > 0, egui::Button::new("Dump"));
        if dump
            .on_hover_text("Writes the heap as it is shown, as JSON")
            .clicked()
        {
            let said = self.dumping.dump(self.heap.dump());
            self.say(said);
        }
        self.message(ui);
        command
    }

    /// Shows the last message for a while.
    fn message(&mut self, ui: &mut Ui) {
        if self.message.is_empty() {
            self.message_since_s = None;
            return;
        }
        let now_s = ui.input(|input| input.time);
        let since_s = *self.message_since_s.get_or_insert(now_s);
        if (since_s..since_s + MESSAGE_S).contains(&now_s) {
            ui.label(&self.message);
        } else {
            self.message.clear();
        }
    }

    fn evict_button(&self, ui: &mut Ui) -> Option<String> {
        let why_not = match self.selected_block() {
            None => Some("Select a block in the map first"),
            Some(block) => why_not_evicted(block),
        };
        let button = ui.add_enabled(why_not.is_none(), egui::Button::new("Evict"));
        let clicked = button
            .on_hover_text("Evicts the selected block; it comes back when a frame wants it")
            .on_disabled_hover_text(why_not.unwrap_or_default())
            .clicked();
        clicked.then(|| self.selected().unwrap_or_default().to_owned())
    }

    fn tabs(&mut self, ui: &mut Ui) {
        for (tab, name) in [
            (Tab::Map, "Map".to_owned()),
            (Tab::Labels, "Labels".to_owned()),
            (Tab::Events, format!("Events ({})", self.events.len())),
        ] {
            ui.selectable_value(&mut self.tab, tab, name);
        }
        if self.tab == Tab::Map {
            ui.separator();
            ui.weak("Colour by");
            for by in ColourBy::ALL {
                ui.selectable_value(&mut self.map.by, by, by.name());
            }
            ui.separator();
            ui.checkbox(&mut self.map.large, "Large rows");
        }
        if self.tab == Tab::Labels {
            ui.separator();
            self.table.options(ui);
        }
    }

    fn map(&mut self, ui: &mut Ui) {
        if self.heap_number == 0 {
            ui.weak("Waiting for the engine's answer.");
            return;
        }
        ui.horizontal_wrapped(|ui| {
            for (colour, name) in colours::legend(self.map.by) {
                budget::legend_entry(ui, colour, name);
            }
            budget::legend_entry(ui, Ground::of(ui.visuals()).mark, "line above: pinned");
        });
        // Always the same room below, so that a click does not move what was clicked on.
        let below = SELECTION_LINES * ui.text_style_height(&egui::TextStyle::Body)
            + SELECTION_LINES * ui.spacing().item_spacing.y;
        let room = ui.available_rect_before_wrap();
        let split = (room.bottom() - below).max(room.top() + MAP_HEIGHT_MIN);
        let (upper, lower) = room.split_top_bottom_at_y(split);
        let selected = self.selected_block();
        let shown = Shown {
            heap: &self.heap,
            heap_number: self.heap_number,
            selected: selected.and_then(|block| self.heap.place_of(block)),
        };
        let mut upper = ui.new_child(UiBuilder::new().max_rect(upper));
        let clicked = self.map.show(&mut upper, shown);
        match clicked {
            Some(Clicked::Block(nth)) => {
                let block = self.heap.dump().blocks.get(nth);
                self.selected = block.map(|block| (block.handle.clone(), Some(nth)));
            }
            Some(Clicked::Ground) => self.selected = None,
            None => {}
        }
        let mut lower = ui.new_child(UiBuilder::new().max_rect(lower));
        ScrollArea::vertical()
            .id_salt("selection")
            .auto_shrink(false)
            .show(&mut lower, |ui| self.selection(ui));
    }

    fn selection(&self, ui: &mut Ui) {
        let Some((handle, _)) = &self.selected else {
            ui.weak("A click on a block selects it.");
            return;
        };
        ui.horizontal_wrapped(|ui| {
            let Some(block) = self.selected_block() else {
                ui.weak(format!("{handle} is gone"));
                return;
            };
            let details = details::of_block(block, self.heap.dump().frame);
            ui.strong(format!("Selected: {}", details.title));
            for (name, value) in details.lines {
                ui.weak(name);
                ui.label(value);
            }
        });
    }

    fn selected_block(&self) -> Option<&BlockDump> {
        let (_, nth) = self.selected.as_ref()?;
        self.heap.dump().blocks.get((*nth)?)
    }

    fn events(&self, ui: &mut Ui) {
        if self.events.is_empty() {
            ui.weak("Nothing went wrong, and nothing changed.");
        }
        let row = ui.text_style_height(&egui::TextStyle::Body);
        ScrollArea::both()
            .id_salt("events")
            .auto_shrink(false)
            .stick_to_bottom(true)
            .show_rows(ui, row, self.events.len(), |ui, rows| {
                for event in self.events.range(rows) {
                    ui.add(egui::Label::new(event).extend());
                }
            });
    }
}

/// Why the engine would refuse to evict a block.
fn why_not_evicted(block: &BlockDump) -> Option<&'static str> {
    if block.source == SourceDump::None {
        return Some("The block has no source to come back from");
    }
    match (block.state, block.lifetime, block.pins) {
        (BlockState::Resident, LifetimeDump::Dynamic, 0) => None,
        (BlockState::Resident, LifetimeDump::LongLived, _) => Some("Long-lived blocks stay"),
        (BlockState::Resident, ..) => Some("Pinned blocks stay"),
        _ => Some("The block is not resident"),
    }
}
