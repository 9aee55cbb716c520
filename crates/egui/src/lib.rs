//! A live panel over a [`geoheap`] heap, for any egui program, with one call: where the budget
//! went, what happened, and what lies where.
//!
//! ```no_run
//! use geoheap::Client;
//! use geoheap_egui::HeapPanel;
//!
//! struct Program {
//!     client: Client,
//!     panel: HeapPanel,
//!     is_open: bool,
//! }
//!
//! impl Program {
//!     // In each frame, wherever the program builds its interface:
//!     fn interface(&mut self, ui: &mut egui::Ui) {
//!         // A window of its own,
//!         self.panel.window(ui.ctx(), &mut self.is_open, &self.client);
//!         // or a place in the program's layout.
//!         egui::Panel::right("heap").show(ui, |ui| self.panel.show(ui, &self.client));
//!     }
//! }
//! ```
//!
//! `cargo run -p geoheap-egui --example panel` is a window with a heap at work; in the demo's
//! window F1 shows the panel over the flight.
//!
//! # What it shows
//!
//! - The **budget**: a bar of what is held and for what, live, being filled, retired, free in
//!   chunks, staging, with the counters, and in words what is not as it should be: a working set
//!   that does not fit, memory that waits for old versions, a lost device.
//! - **Curves** of the last [480 samples](#invariants), ten a second: live, held and budget bytes;
//!   moves, evictions and stream-ins between two samples.
//! - The **map**: every chunk a row, to its own scale, with what lies in it coloured by the parts'
//!   kinds, by age, by state or by lifetime. Retired ranges are half as high; what is being filled
//!   is faint; a pinned block has a line over it. The pointer says all that is known of a block; a
//!   click selects it.
//! - **Labels**: blocks and bytes by label, sorted by a click on a title. Labels count up to their
//!   colon, so that `tree: oak 17` counts as `tree`.
//! - **Events**: what the program passed on with [`HeapPanel::push_event`], as
//!   [`GeometryManager::events`](geoheap::GeometryManager::events) gives each event once.
//!
//! And it acts: *Pause* freezes what is shown, *Defragment* begins a compaction pass, *Trim* gives
//! empty chunks back, *Evict* sends the selected block away until a frame wants it, *Dump* writes
//! the heap as it is shown, as JSON: into a file ([`HeapPanel::dump_into`]) or to the program
//! ([`HeapPanel::on_dump`]).
//!
//! # How it works
//!
//! Figures come from [`Client::report`](geoheap::Client::report), which copies a few numbers, each
//! frame. The heap's state comes from [`Client::heap_dump`](geoheap::Client::heap_dump), which is
//! one pass over all blocks on the geometry actor, about twice a second, and less often when the
//! answer takes long. The panel looks whether the answer has come and never waits for it. When it
//! has, ranges are sorted and matched with their blocks, those of a large heap over several
//! frames, until which the heap before is shown.
//!
//! Figures, rectangles and texts are computed by plain functions; egui places and paints them. The
//! map is one mesh. What is at least two pixels wide is a rectangle of its own; everything narrower
//! is mixed, weighed by how much of a pixel it covers, in a column for each pixel. The mesh is kept
//! until the heap, the view or the theme changes. Rows become lower the more chunks there are, then
//! stand in several columns, then scroll.
//!
//! A program that looks at a heap elsewhere, in a file or in another process, gives the panel what
//! it has with [`HeapPanel::set_report`] and [`HeapPanel::set_heap`], shows it with
//! [`HeapPanel::draw`], and does with the [`Command`] what it likes.
//!
//! # Invariants
//!
//! Cited by number in asserts and tests.
//!
//! - **E1** Segments of a chunk are sorted, do not overlap, and lie within it, whatever the dump
//!   says.
//! - **E2** What a frame draws is bounded by the pixels of the map, not by the heap: one and a half
//!   rectangles for each pixel of a row's width, for rows in view.
//! - **E3** The curves keep 480 samples, the events 200 lines.
//! - **E4** The parts of the bar add up to the held bytes.
//! - **E5** At most one question to the engine is open, and no frame waits for its answer.
//! - **E6** A frame puts at most some thousand blocks and ranges of a new heap in order, but at
//!   least one chunk, and frees as many of an old one.
//!
//! # Trade-offs
//!
//! - The map is up to half a second old, and the budget's figures are of now; the two may differ.
//! - Each row has its own scale: a dedicated chunk of 100 MiB is as wide as one of 16 MiB, and
//!   says its size when pointed at. Small chunks stay readable beside large ones.
//! - With each answer all blocks are sorted in anew, 100 000 of them over some 25 frames, rather
//!   than following single changes.
//! - *Dump* writes on the thread of the interface. A program that minds takes the dump with
//!   [`HeapPanel::on_dump`] and writes it elsewhere.
//! - Buttons go through the client's mailbox as every other request; a full one makes a click wait.
#![forbid(unsafe_code)]

mod asking;
mod budget;
mod colours;
mod curves;
mod details;
mod dumping;
mod figures;
mod heap;
mod history;
mod map;
mod panel;
mod table;

pub use crate::colours::ColourBy;
pub use crate::panel::{Command, HeapPanel};
