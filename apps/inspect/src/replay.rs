//! Traces played to the real engine.
//!
//! The engine runs with the caller driving it: each `frame` of a trace ends a frame and is one
//! tick, so that the same traces give the same counts. On the virtual GPU without checks contents
//! are kept as stamps, so that a trace of any length needs the memory of what lives in it and no
//! copies.

mod blocks;
mod check;
mod contents;
mod kinds;
mod player;
pub mod plot;
mod report;
mod series;
pub mod session;
mod settings;
mod stage;

pub use player::{Overrides, Played, Player, Tally};
pub use report::ReplayReport;
pub use series::{Sample, Series, write_row};
pub use settings::Options;
pub use stage::Stage;
