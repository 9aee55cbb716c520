//! The panel: what it shows, what it does when something is clicked, and how it follows a heap.

mod layout;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use egui::{Context, Ui, vec2};
use geoheap::{Client, Handle, HeapEvent, Report};
use geoheap_heap_dump::{HandleName, HeapDump};

use crate::asking::Asking;
use crate::colours::ColourBy;
use crate::dumping::Dumping;
use crate::heap::Heap;
use crate::heap::sorting::{Bin, Sorting};
use crate::history::History;
use crate::map::MapView;
use crate::table::TableView;

/// Seconds between two samples of the curves.
const SAMPLE_EVERY_S: f64 = 0.1;
/// Blocks and ranges that a frame works on when there is a new heap: some milliseconds at most.
const UNITS_PER_FRAME: usize = 8_000;
/// Lines kept of what happened.
const EVENTS_MAX: usize = 200;

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

    /// Says what became of a click.
    fn say(&mut self, message: String) {
        self.message = message;
        self.message_since_s = None;
    }
}
