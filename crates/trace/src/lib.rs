//! What a program did with its geometry, as text.
#![forbid(unsafe_code)]

mod event;

pub use event::{Add, BlockId, Event, Kind, LifetimeName, Part, PartNo, Settings, SourceName};
