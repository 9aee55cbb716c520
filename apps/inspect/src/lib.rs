//! The commands of `geoheap-inspect`.
//!
//! Each command is a module of [`commands`] with its arguments and a function that carries them
//! out; what several of them share stands beside it.
#![forbid(unsafe_code)]

pub mod block_index;
pub mod commands;
pub mod device;
pub mod generate;
pub mod heap_convert;
pub mod heap_file;
pub mod heap_plan;
pub mod outcome;
pub mod output;
pub mod pending_file;
pub mod picture;
pub mod picture_file;
pub mod progress;
pub mod replay;
pub mod summary;
