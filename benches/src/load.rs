//! The whole engine under load, on the virtual GPU: what a block costs in time and in books, and
//! what uploads cost beside the copy they end in.

pub mod books;
pub mod uploads;
