//! The state of a heap at one moment, as JSON that is checked when it is read.
//!
//! The engine writes a dump of itself; tools read it, wherever it came from. The crate knows
//! neither: it has the model, its text and its rules.
//!
//! ```
//! use geoheap_heap_dump::{ChunkDump, HeapDump, LifetimeDump, SCHEMA};
//!
//! let dump = HeapDump {
//!     schema: SCHEMA.to_owned(),
//!     unit_bytes: 16,
//!     held_bytes: 4096,
//!     chunks: vec![ChunkDump::of_ranges(0, 4096, LifetimeDump::Dynamic, Vec::new())],
//!     ..HeapDump::default()
//! };
//! let text = dump.to_json();
//! assert_eq!(HeapDump::from_json(&text)?, dump);
//!
//! let wrong = text.replace("\"free\": 4096", "\"free\": 4000");
//! let refused = HeapDump::from_json(&wrong).expect_err("the figures contradict the ranges");
//! assert_eq!(
//!     refused.to_string(),
//!     "line 11, column 153: chunks[0].free: 4000, but the ranges give 4096"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Mechanism
//!
//! The text is one JSON object with a line for each chunk, range and block, always in the same
//! order, so that `diff` is of use on two of them. The keys are those of [`HeapDump`] and what it
//! is made of. Reading has two steps: the text is parsed into the model, where unknown, missing
//! and doubled keys and values of the wrong type end it, and then the model's rules are checked.
//! A value that breaks one is named by its path, which is then looked up in the text, so that both
//! steps say line and column.
//!
//! # Invariants
//!
//! What [`HeapDump::check`] lets through, and so whatever was read, keeps these rules.
//!
//! - **J1** The schema is [`SCHEMA`], the unit is at least 1, staging is part of what is held.
//! - **J2** Chunks ascend by id. In each, ranges are whole units, in order, without overlap, and
//!   end inside.
//! - **J3** A chunk's figures are those of its ranges: live + reserved + retired + free = capacity.
//!   Nothing is live in an opening one, and nothing at all is in a closing one.
//! - **J4** Blocks ascend by slot of their handle, so that no slot has two.
//! - **J5** Parts are in order, aligned, without overlap, inside their block, each index once. The
//!   alignment of each divides that of the block.
//! - **J6** A range's handle is that of a block. A live range has one, of the block that is there.
//! - **J7** A block has a place if and only if it is resident: a live range of its own, which is at
//!   least as long and whose start has the block's alignment.
//! - **J8** No sum of capacities or sizes is beyond 64 bits.
//!
//! # Trade-offs
//!
//! - Figures that the ranges give are written all the same, so that other programs need not count;
//!   reading counts again and refuses what differs.
//! - A dump is held in memory as a whole, and so is its text while it is read. A line for each
//!   block costs some 300 bytes.
//! - An unknown key is an error: it is more often a slip than a newer format, which has a newer
//!   schema.
#![forbid(unsafe_code)]

extern crate alloc;

mod check;
mod diff;
mod error;
mod figures;
mod json;
mod leaks;
mod locate;
mod model;
mod names;
pub mod vma;

#[cfg(test)]
mod tests;

pub use diff::Difference;
pub use error::{DumpError, Position};
pub use figures::{Bin, Figures, Group};
pub use leaks::Leak;
pub use model::{
    BlockDump, BlockState, ChunkDump, ChunkStateDump, HeapDump, LifetimeDump, PartDump, RangeDump,
    RangeStateDump, SCHEMA, SourceDump, fragmentation,
};
pub use names::{BadName, HandleName, PartName};
