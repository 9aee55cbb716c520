//! x
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
