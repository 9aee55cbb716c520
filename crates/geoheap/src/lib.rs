//! placeholder head, written with the crate.
