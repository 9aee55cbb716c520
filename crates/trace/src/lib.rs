#![forbid(unsafe_code)]
//! What a program did with its geometry, as text: a trace that can be read, written, checked and
//! replayed.
//!
//! A trace is a text of lines, one event each: a block was added, updated, used, removed, a frame
//! ended. Any language writes one in ten lines, and `grep` reads it. `docs/trace-format.md` in the
//! repository describes the format word by word.
//!
//! ```
//! use geoheap_trace::{BlockId, Event, Reader, Writer};
//!
//! let text = "\
//! geoheap-trace 1
//! add 1 20000 kind=mesh stride=36 label=a%20rock   # vertices and indices
//! use 1
//! frame
//! update 1 24000
//! remove 1
//! ";
//! let mut reader = Reader::new(text.as_bytes(), "rock.trace")?;
//! let mut writer = Writer::new(Vec::new())?;
//! while let Some(event) = reader.next_event()? {
//!     if event != Event::Use(BlockId(1)) {
//!         writer.write(&event)?;
//!     }
//! }
//! let written = String::from_utf8(writer.into_inner()?)?;
//! assert_eq!(written, "\
//! geoheap-trace 1
//! add 1 20000 parts=vertex:18000:36,index:2000:2 label=a%20rock
//! frame
//! update 1 24000 parts=21600,2400
//! remove 1
//! ");
//!
//! // What is malformed is refused, with the place and what was expected there.
//! let mut reader = Reader::new("geoheap-trace 1\nuse 7\n".as_bytes(), "rock.trace")?;
//! let error = reader.next_event().expect_err("no block was added");
//! assert_eq!(
//!     error.to_string(),
//!     "rock.trace:2:5: expected a block that lives: 7 does not"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Mechanism
//!
//! A [`Reader`] takes a line into a buffer that it keeps, cuts it into words at spaces and tabs,
//! and makes an [`Event`] of them that borrows the buffer. What the line alone cannot tell it asks
//! [`State`]: which blocks live, with which parts, owners and pins. The state also completes an
//! update that gives one length for a block of several parts, so that whoever takes the events
//! needs no rules of its own. A [`Writer`] has one way to write each event.
//!
//! The first line says which format a text has; [`Format`] lists the ones that are read, and all
//! come out as the same events. [`open`] and [`create`] work on files and on the standard streams,
//! packed with gzip where the name ends in `.gz`.
//!
//! # Invariants
//!
//! - **T1** Every event that a reader gives may come where it does: its block lives, its parts are
//!   the block's, its lengths are whole strides.
//! - **T2** Every refusal has a line and a column, counted from 1, in bytes; only a file that
//!   cannot be opened has none. After a refusal no event follows.
//! - **T3** Events that [`State`] takes, written and read again, are the same events; text that was
//!   written, read and written again is the same text.
//! - **T4** A reader holds a line and what lives at a time, however long the trace is. Only a
//!   minimalloc problem, whose lines are not in the order of time, is held whole.
//! - **T5** The same text gives the same events in the same order, on every machine.
//!
//! # Trade-offs
//!
//! - Text costs more time and room than a binary format would: some tens of nanoseconds and bytes
//!   an event. Packed, it is a few bytes.
//! - The last line must have an end, so that a trace that was cut off inside a number is noticed.
//!   One that was cut off behind a line is a shorter trace.
//! - A block's bytes are not in a trace, only their number: a replay makes up contents of its own.

mod error;
mod event;
mod files;
mod fixed_map;
mod foreign;
mod form;
mod label;
mod limits;
mod lines;
mod names;
mod parse;
mod part;
mod reader;
mod state;
mod words;
mod writer;

pub use error::{Position, Problem, TraceError};
pub use event::{Add, BlockId, Event, Kind, LifetimeName, Part, PartNo, Settings, SourceName};
pub use files::{Input, Output, create, open, open_as};
pub use foreign::Format;
pub use label::shortened_label;
pub use limits::{
    BLOCK_BYTES_MAX, LABEL_BYTES_MAX, LAG_MAX, LINE_BYTES_MAX, LIVE_BYTES_MAX, PARTS_MAX,
    TICKS_MAX, VERSION,
};
pub use names::UnknownName;
pub use reader::Reader;
pub use state::State;
pub use writer::Writer;
