//! The panel: what it shows, what it does when something is clicked, and how it follows a heap.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use egui::{CollapsingHeader, Context, ScrollArea, Ui, UiBuilder, vec2};
use geoheap::{Client, Handle, HeapEvent, Report};
use geoheap_heap_dump::{BlockDump, BlockState, HandleName, HeapDump, LifetimeDump, SourceDump};

use crate::asking::Asking;
use crate::colours::{self, ColourBy, Ground};
use crate::dumping::Dumping;
use crate::heap::Heap;
use crate::heap::sorting::{Bin, Sorting};
use crate::history::History;
use crate::map::{Clicked, MapView, Shown};
use crate::table::TableView;
use crate::{budget, curves, details};

/// Seconds between two samples of the curves.
const SAMPLE_EVERY_S: f64 = 0.1;
/// Blocks and ranges that a frame works on when there is a new heap: some milliseconds at most.
const UNITS_PER_FRAME: usize = 8_000;
/// Seconds that a message is shown.
const MESSAGE_S: f64 = 8.0;
/// Lines kept of what happened.
const EVENTS_MAX: usize = 200;
/// Lines below the map for the selected block.
const SELECTION_LINES: f32 = 3.0;
/// The map is never lower than this.
const MAP_HEIGHT_MIN: f32 = 96.0;
/// The map's height where the program's layout sets no limit.
const MAP_HEIGHT: f32 = 400.0;

/// What a click asks of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Begin a compaction pass now.
    Defragment,
    /// Give empty chunks back.
    Trim,
    /// Evict this block.
    Evict {
        /// The block's handle as dumps name it.
        handle: String,
    },
}

/// What fills the lower part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tab {
    #[default]
    Map,
    Labels,
    Events,
}

/// A live panel over one heap. See the [crate's front page](crate).
#[derive(Debug, Default)]
pub struct HeapPanel {
    report: Report,
    heap: Heap,
    /// The next heap while it is put in order, and the one after that.
    sorting: Option<Sorting>,
    waiting: Option<HeapDump>,
    bin: Bin,
    /// Counts the heaps that were shown; 0 before the first.
    heap_number: u64,
    history: History,
    next_sample_s: f64,
    events: VecDeque<String>,
    asking: Asking,
    dumping: Dumping,
    map: MapView,
    table: TableView,
    tab: Tab,
    is_paused: bool,
    /// The selected block's handle, and its place in the dump while it is in there.
    selected: Option<(String, Option<usize>)>,
    /// What became of the last click, and since when it is shown.
    message: String,
    message_since_s: Option<f64>,
}

impl HeapPanel {
    /// A panel that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Dumps go into this folder, as `geoheap-heap-<frame>.json`; without it into the current one.
    #[must_use]
    pub fn dump_into(mut self, folder: impl Into<PathBuf>) -> Self {
        self.dumping = Dumping::Folder(folder.into());
        self
    }

    /// Dumps go to the program, which answers with a sentence for the panel: where the dump went,
    /// or why it went nowhere.
    #[must_use]
    pub fn on_dump(
        mut self,
        hook: impl FnMut(&HeapDump) -> Result<String, String> + Send + 'static,
    ) -> Self {
        self.dumping = Dumping::Hook(Box::new(hook));
        self
    }

    /// Shows the panel in a window of its own. While it is not open, nothing is asked of the
    /// engine.
    pub fn window(&mut self, ctx: &Context, open: &mut bool, client: &Client) {
        if !*open {
            self.asking.forget();
            return;
        }
        egui::Window::new("geoheap")
            .open(open)
            .default_size(vec2(680.0, 640.0))
            .min_size(vec2(440.0, 420.0))
            .show(ctx, |ui| self.show(ui, client));
    }

    /// Follows the heap and shows it in the room that `ui` has. What is clicked is asked of the
    /// engine; nothing waits for its answers.
    pub fn show(&mut self, ui: &mut Ui, client: &Client) {
        self.follow(ui.input(|input| input.time), client);
        if let Some(command) = self.draw(ui) {
            self.carry_out(&command, client);
        }
        if !self.is_paused {
            let next = Duration::from_secs_f64(SAMPLE_EVERY_S);
            ui.ctx().request_repaint_after(next);
        }
    }

    /// Takes new figures, for a program that has them from elsewhere. Ignored while paused.
    pub fn set_report(&mut self, report: Report, now_s: f64) {
        if self.is_paused {
            return;
        }
        // A clock that was set back does not stop the curves.
        let is_due = now_s >= self.next_sample_s || now_s + 60.0 < self.next_sample_s;
        if is_due {
            self.history.push(&report);
            self.next_sample_s = now_s + SAMPLE_EVERY_S;
        }
        self.report = report;
    }

    /// Takes a heap's state, for a program that has it from elsewhere. It is shown with the next
    /// frame, a large one some frames later. Ignored while paused.
    pub fn set_heap(&mut self, dump: HeapDump) {
        if self.is_paused {
            return;
        }
        if self.sorting.is_none() {
            self.sorting = Some(Sorting::new(dump));
        } else if let Some(older) = self.waiting.replace(dump) {
            self.bin.put(older);
        }
    }

    /// A frame's share of the work on new heaps and on old ones (E6).
    fn advance(&mut self) {
        self.bin.empty(UNITS_PER_FRAME);
        if self.is_paused {
            return;
        }
        let Some(sorting) = &mut self.sorting else {
            return;
        };
        if sorting.advance(UNITS_PER_FRAME)
            && let Some(sorting) = self.sorting.take()
        {
            let older = std::mem::replace(&mut self.heap, sorting.into_heap());
            self.bin.put(older.into_dump());
            self.heap_number += 1;
            if let Some((handle, nth)) = &mut self.selected {
                *nth = self.heap.position(handle);
            }
            self.sorting = self.waiting.take().map(Sorting::new);
        }
    }

    /// Adds a line to what happened, also while paused.
    pub fn push_event(&mut self, event: &HeapEvent) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        let tick = self.report.tick;
        self.events.push_back(format!("tick {tick}: {event}"));
    }

    /// Whether what is shown stands still.
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// What the map's colours tell.
    pub fn colour_by(&self) -> ColourBy {
        self.map.by
    }

    /// Sets what the map's colours tell.
    pub fn set_colour_by(&mut self, by: ColourBy) {
        self.map.by = by;
    }

    /// The handle of the selected block, as dumps name it.
    pub fn selected(&self) -> Option<&str> {
        self.selected.as_ref().map(|(handle, _)| handle.as_str())
    }

    /// Selects the block with this handle, or none.
    pub fn select(&mut self, handle: Option<&str>) {
        self.selected = handle.map(|handle| (handle.to_owned(), self.heap.position(handle)));
    }

    fn follow(&mut self, now_s: f64, client: &Client) {
        if self.is_paused {
            self.asking.forget();
            return;
        }
        self.set_report(client.report(), now_s);
        if self.sorting.is_some() {
            return;
        }
        match self.asking.take(now_s, client) {
            Some(Ok(dump)) => self.set_heap(dump),
            Some(Err(error)) => self.say(error.to_string()),
            None => {}
        }
    }

    /// Asks the engine for what was clicked.
    fn carry_out(&mut self, command: &Command, client: &Client) {
        let sent = match command {
            Command::Defragment => client.compact_now().map(drop),
            Command::Trim => client.trim().map(drop),
            Command::Evict { handle } => match handle.parse::<HandleName>() {
                Ok(name) => client.evict(Handle::from_bits(name.to_bits())),
                Err(error) => {
                    self.say(error.to_string());
                    return;
                }
            },
        };
        self.say(match (sent, command) {
            (Err(error), _) => error.to_string(),
            (Ok(()), Command::Defragment) => "Compacting".to_owned(),
            (Ok(()), Command::Trim) => "Giving empty chunks back".to_owned(),
            (Ok(()), Command::Evict { handle }) => format!("Evicting {handle}"),
        });
    }

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

    /// Says what became of a click.
    fn say(&mut self, message: String) {
        self.message = message;
        self.message_since_s = None;
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
